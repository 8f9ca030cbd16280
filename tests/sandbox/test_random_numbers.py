"""Random numbers are the same in every run of a program, whoever ran before it."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdexp.sandbox.cpython import CPythonTier, confinement
from mdexp.sandbox.executor import Sandbox
from mdexp.sandbox.settings import SandboxSettings

ROOT = Path(__file__).parents[2]
SETTINGS = SandboxSettings(
    timeout_s=5.0, memory_mib=128, output_kib=16, workers=1, cpython="confined"
)
FIRST = str(random.Random(0).random())
SOURCES = {
    "random": "import random\nans = str(random.random())",
    "numpy": "import numpy\nans = str(numpy.random.random())",
    "numpy's generator": "import numpy\nans = str(numpy.random.default_rng().random())",
    "sympy": "from sympy.core.random import rng\nans = str(rng.random())",
    "the system": "import os\nans = str(os.urandom(8))",
    "secrets": "import secrets\nans = secrets.token_hex()",
    "uuid": "import uuid\nans = str(uuid.uuid4())",
}


@pytest.fixture(scope="module")
def cpython() -> Iterator[CPythonTier]:
    tier = CPythonTier(SETTINGS, workers=1, confined=not confinement())
    yield tier
    tier.close()


@pytest.mark.parametrize("program", SOURCES.values(), ids=SOURCES)
def test_a_forked_program_has_the_numbers_of_all_others(cpython: CPythonTier, program: str) -> None:
    drawing = program.replace("ans = ", "for _ in range(9): x = ")
    answers = []
    for _ in range(2):
        answers.append(cpython.run(program, 5.0, kind="full").answer)
        assert cpython.run(f"{drawing}\nans = 1", 5.0, kind="full").answer == 1
    assert answers[0] == answers[1] is not None


def test_they_begin_as_with_seed_0_in_every_tier(cpython: CPythonTier) -> None:
    program = SOURCES["random"]
    assert cpython.run(program, 5.0, kind="slim").answer == FIRST
    for tier in ("confined", "unprotected"):
        with Sandbox(timeout_s=5, memory_mib=64, output_kib=4, workers=1, cpython=tier) as sandbox:
            assert [result.answer for result in sandbox.run([program, f"{program} "])] == [
                FIRST
            ] * 2
