"""A decoder of one's own is one file and one yaml outside of the tree; `generate` names none."""

import sys

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.commands.run import config_folder
from mdexp.config.earlier_parts import BEAMS, STRAIGHT
from mdexp.config.judging import judge
from mdexp.config.settings import SettingsError
from mdexp.ports.parts import PARTS, build_part, described
from mdexp.records import Output, Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.stages.generate import generate
from mdexp.store.json_lines import read_jsonl, write_jsonl
from mdexp.students.weights import Weights
from tests.contract.conftest import plugin
from tests.tiny_run import SEED, tiny

OWN = '''
"""Decodes by saying nothing but the problem's id."""

from mdexp.decoding.straight import StraightDecoding
from mdexp.records import Output


class Parrot(StraightDecoding):
    word: str

    def solve(self, problems, thoughts, writer, executor, found):
        outputs = [
            Output(
                problem_id=problem.id,
                dataset=problem.dataset,
                split=problem.split,
                phase=writer.phase,
                thought=name,
                sample=0,
                num_shots=len(writer.exemplars),
                text=f"{self.word} {problem.id}",
                num_tokens=1,
                finished=True,
            )
            for problem in problems
            for name in thoughts
        ]
        return outputs, {"said": len(outputs)}
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_decoders").mkdir()
    (tmp_path / "own_decoders" / "__init__.py").touch()
    (tmp_path / "own_decoders" / "parrot.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(PARTS, "own_decoders")
    yield plugin("decoding", "default").model_dump() | {
        "_target_": "own_decoders.parrot.Parrot",
        "word": "polly",
    }
    for name in ("own_decoders.parrot", "own_decoders"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_decoder_from_outside_writes_the_outputs(own, phase, tmp_path):
    problems = [
        Problem(id=id, dataset="toy", split=split, question="?", answer=1)
        for id, split in [("v", "validation"), ("t", "test")]
    ]
    write_jsonl(tmp_path / "problems.jsonl", problems)
    thoughts = {"cot": plugin("thought", "cot")}
    student = tiny("causal")
    with Sandbox(timeout_s=2, memory_mib=64, output_kib=64, workers=1) as executor:
        counts = generate(
            tmp_path,
            {"problems.jsonl": tmp_path / "problems.jsonl"},
            student=student,
            thoughts=thoughts,
            decoding=build_part(own),
            phase=phase,
            seed=0,
            numerics={"device": "cpu", "dtype": "float32"},
            executor=executor,
            weights=Weights(student=student, seed=SEED),
        )
    outputs = read_jsonl(tmp_path / "outputs.jsonl", Output)
    assert [(o.problem_id, o.text) for o in outputs] == [("v", "polly v"), ("t", "polly t")]
    assert counts["outputs"] == 2
    assert counts.get("said") == (2 if phase == "after" else None)


def composed(*overrides):
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        return OmegaConf.to_container(compose("config", [*overrides]), resolve=True)


@pytest.mark.parametrize(("option", "target"), [("default", STRAIGHT), ("stepwise", BEAMS)])
def test_a_run_from_before_decoders_were_parts_keeps_its_decoder(option, target):
    config = composed(f"decoding={option}")
    assert config["decoding"]["_target_"] == target
    earlier = {"beam": None} | config["decoding"]
    del earlier["_target_"]
    for options in (earlier, earlier | {"_target_": STRAIGHT}):  # alone, and with today's defaults
        judged = judge(config | {"decoding": options})
        assert described(judged.decoding)["_target_"] == target


SERVED = "decoding=openai decoding.served=own decoding.base_url=http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ("decoding=stepwise", "decoding.beam continues a text, which a seq2seq"),
        (SERVED, "decoding.engine=openai continues token ids, which a seq2seq"),
    ],
)
def test_what_a_decoder_cannot_do_is_said_before_anything_is_trained(overrides, fault):
    with pytest.raises(SettingsError, match=fault):
        judge(composed("student=tiny_seq2seq", *overrides.split()))
