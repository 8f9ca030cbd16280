"""A stand-in for the program vllm: `python -m tests.vllm_stub GOLDS serve MODEL --port PORT`.

A folder of weights is served by student_server.py; for any other model the answers in GOLDS are
given, a JSON object by question.
"""

import argparse
import json
import threading
from pathlib import Path

from tests import student_server
from tests.e2e.pages_world import solution
from tests.loopback import LoopbackServer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("golds", type=Path)
    parser.add_argument("serve", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tensor-parallel-size", type=int)
    asked = parser.parse_args()
    if Path(asked.model).is_dir():
        student_server.main(asked.model, str(asked.port))
    golds = json.loads(asked.golds.read_text())
    with LoopbackServer(answer=lambda said, _: solution(golds, said), port=asked.port) as server:
        server.models = [asked.model]
        threading.Event().wait()


if __name__ == "__main__":
    main()
