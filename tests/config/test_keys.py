"""Which settings each stage's output depends on: a change gives a new key there, and not before.

The whole experiment is gone through, but no stage is run: each leaves files that stand for its key.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp import experiment
from mdexp.commands.run import config_folder
from mdexp.config.hints import key_paths
from mdexp.config.judging import judge
from mdexp.ports import RunIdentity
from mdexp.stages.verify import VERIFY
from mdexp.store.files import read_json
from mdexp.store.keys import stage_key
from mdexp.store.stage_store import StageResult, Store
from tests.tiny_run import SEED, tiny

STAGES = ["prepare", "extract", "verify", "examples", "train", "before", "after", "score"]
TRAINING = [stage for stage in STAGES if stage != "before"]
STUDENT = STAGES[3:]
FILES = {
    "prepare": ["problems.jsonl"],
    "extract": ["paths.jsonl"],
    "verify": ["verified.jsonl", "rejected.jsonl"],
    "examples": ["lessons.jsonl", "examples.jsonl", "unused.jsonl"],
    "train": ["history.jsonl"],
    "before": ["outputs.jsonl"],
    "harvest": ["scorer_outputs.jsonl"],
    "scorer": ["scorer.json", "scorer_adapter.safetensors"],
    "after": ["outputs.jsonl"],
    "weigh": ["path_scores.jsonl"],
    "score": ["generations.jsonl", "votes.jsonl", "metrics.json", "analysis.json"],
}
BASE = ["student=tiny_causal", "logger.mode=disabled", "trainer=cpu", "trainer.precision=32-true"]
# What is changed, and the stages that it reaches. What depends on those changes with them.
REACHES = {
    "dataset.limit_train=300": STAGES,
    "dataset.limit_test=100": STAGES,
    "dataset.templates=all": STAGES,
    "dataset.draw=2": STAGES,
    "dataset.overlap=exact": STAGES,
    "dataset.near_duplicates=drop": STAGES,
    "seed=1": STAGES,
    "num_paths=2": TRAINING[1:],
    "teacher.num_paths=3": TRAINING[1:],
    "thoughts.cot.cue=Reason": STAGES[1:],
    "thoughts.pot.instruction=Program": STAGES[1:],
    "verify.mode=runs": TRAINING[2:],
    "sandbox.timeout_s=2": STAGES[2:],
    "sandbox.memory_mib=32": STAGES[2:],
    "sandbox.output_kib=32": STAGES[2:],
    "sandbox=monty": STAGES[2:],
    "sandbox=unsafe": STAGES[2:],
    "sandbox.cpython='off'": STAGES[2:],
    "student.kind=seq2seq": STUDENT,
    "student.prompt=chat": STUDENT,
    "student.tuning=lora": STUDENT,
    "student.base_dtype=float32": STUDENT,
    "thought=[sci_cot] objective=union lambda=null student.tuning=lora student.roles=separate": (
        STAGES[1:]
    ),
    "student.hidden_size=64": STUDENT,
    "student.layers=1": STUDENT,
    "student.heads=1": STUDENT,
    "student.lora_rank=2": STUDENT,
    "student.lora_alpha=4": STUDENT,
    "student.lora_dropout=0.1": STUDENT,
    "student.lora_targets=[q_proj]": STUDENT,
    "trainer.max_tokens=256": TRAINING[3:],
    "lessons.paths.thoughts=[cot,pot]": TRAINING[3:],
    "trainer.on_overlong=error": TRAINING[3:],
    "lambda=0.3": TRAINING[4:],
    "objective.lambda_thought=pot lambda=0.3": TRAINING[4:],
    "objective.normalize=example": TRAINING[4:],
    "objective.pairing=any": TRAINING[4:],
    "objective=weighted lambda=null": TRAINING[4:],
    "objective=weighted lambda=null objective.weights={cot:0.2,pot:0.8}": TRAINING[4:],
    "objective=union lambda=null": TRAINING[4:],
    "objective=auxiliary lambda=null objective.auxiliary={pot:0.2}": TRAINING[4:],
    "trainer.learning_rate=1e-3": TRAINING[4:],
    "trainer.weight_decay=0": TRAINING[4:],
    "trainer.step_problems=4": TRAINING[4:],
    "trainer.epochs=2": TRAINING[4:],
    "trainer.max_steps=5": TRAINING[4:],
    "trainer.warmup=0": TRAINING[4:],
    "trainer.schedule=cosine": TRAINING[4:],
    "trainer.clip_norm=2": TRAINING[4:],
    "trainer.micro_batch_tokens=512": TRAINING[4:],
    "trainer.checkpoint_steps=7": TRAINING[4:],
    "trainer.layout=separate": TRAINING[4:],
    "trainer.validate_every=10": TRAINING[4:],
    "trainer.validate_problems=8": TRAINING[4:],
    "trainer.activation_checkpointing=true": TRAINING[4:],
    "trainer.devices=2": TRAINING[4:],
    "trainer.strategy=ddp": TRAINING[4:],
    "trainer.accelerator=auto": TRAINING[4:],
    "trainer.precision=bf16-mixed": STAGES[4:],
    "answer_with=[cot]": STAGES[5:],
    "decoding.num_paths=4": STAGES[5:],
    "decoding.temperature=0.2": STAGES[5:],
    "decoding.top_p=0.9": STAGES[5:],
    "decoding=openai decoding.base_url=http://127.0.0.1:1/v1 decoding.served=own": STAGES[5:],
    "decoding=served decoding.command='serve:{model}:{port}'": STAGES[5:],
    "decoding=stepwise": STAGES[6:],
    "decoding=search": STAGES[5:],
    "decoding.max_new_tokens=8": STAGES[5:],
    "decoding.batch_size=4": STAGES[5:],
    "decoding.num_shots=1": STAGES[5:],
    "decoding.num_validation=5": STAGES[5:],
    "decoding.validation_paths=2": STAGES[5:],
    "decoding.on_other_model=mark": STAGES[6:],
    "vote=cascade": STAGES[7:],
    "vote=likelihood": STAGES[7:],
    "vote=accuracy": STAGES[7:],
    "vote=agreement": STAGES[7:],
    "vote=scorer": STAGES[7:],
    "scorer=energy": STAGES[7:],  # what the student writes is not written again
    "grader=pad": STAGES[7:],
    "vote.order=[pot,cot]": STAGES[7:],
}
NO_STAGE = ["sandbox.workers=2", "logger.project=other", "logger.entity=us", "logger.mode=auto"]
NO_STAGE += ["student.licence=other", "trainer.num_nodes=2"]
# Where a run is and what it does; keys with a single value; what another dataset has to bring.
# Several rounds are several runs, each with keys of its own.
NOT_CHANGED = {"store", "run", "stages", "decoding.engine", "rounds", "round"}
NOT_CHANGED |= {"dataset.source", "dataset.licence"}  # what the report says of the problems
NOT_CHANGED |= {"dataset.path", "dataset.split", "dataset.ood"}


class Keys:
    """Stands for the store: computes keys as it does, and leaves files that stand for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stage(
        self,
        function: Any,
        *,
        name: str,
        version: int,
        reads: Any,
        settings: Any,
        key_only: Any,
        tools: Any,
    ) -> StageResult:
        key = stage_key(name, version, reads, {**settings, **key_only})
        folder = self.folder / name / key
        folder.mkdir(parents=True, exist_ok=True)
        for file in FILES[name]:
            text = "{}" if file == "metrics.json" else ""
            (folder / file).write_text(text or f'{{"step": 0, "key": "{key}"}}\n')
        return StageResult(name=name, key=key, folder=folder, counts={}, seconds=0.0, skipped=False)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("keys")
    store = Keys(folder)
    machine = SimpleNamespace(tiers=("monty", "cpython"), lacks="")

    def found(*overrides: str) -> dict[str, str]:
        config = composed(*overrides)
        run = RunIdentity(folder=folder / "run", config=config, group=None)
        experiment.run_experiment(judge(config), run)
        stages = read_json(folder / "run" / "run.json")["stages"]
        return {stage["name"]: stage["key"] for stage in stages}

    with (
        pytest.MonkeyPatch.context() as patch,
        initialize_config_dir(str(config_folder()), version_base="1.3"),
    ):
        patch.setattr(Store, "stage", lambda self, *args, **named: store.stage(*args, **named))
        patch.setattr(experiment, "Sandbox", lambda **limits: nullcontext(machine))
        patch.setattr(experiment, "environment", dict)
        patch.setattr(experiment, "write_report", lambda *args: None)
        patch.setattr(experiment.Experiment, "judge_student", lambda run: None)  # it reads problems
        patch.setattr(experiment, "judge_student_server", lambda server: None)
        patch.setenv("WANDB_MODE", "disabled")
        yield found


@pytest.fixture(scope="module")
def base(keys: Any) -> dict[str, str]:
    return keys()


def composed(*overrides: str) -> dict[str, Any]:
    config = OmegaConf.to_container(compose("config", [*BASE, *overrides]), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


@pytest.mark.parametrize("changed", REACHES)
def test_a_setting_changes_the_keys_of_the_stages_that_it_reaches(
    changed: str, keys: Any, base: dict[str, str]
) -> None:
    assert list(base) == STAGES
    after = keys(*changed.split())
    assert [stage for stage in STAGES if base[stage] != after[stage]] == REACHES[changed]


@pytest.mark.parametrize("changed", NO_STAGE)
def test_what_changes_no_result_changes_no_key(
    changed: str, keys: Any, base: dict[str, str]
) -> None:
    assert keys(changed) == base


@pytest.mark.usefixtures("keys")
def test_every_setting_is_in_a_table() -> None:
    config = composed()
    tried = {word.split("=")[0] for line in [*REACHES, *NO_STAGE] for word in line.split()}
    inner = {path.rpartition(".")[0] for path in key_paths(config)}
    leaves = {path for path in key_paths(config) if path not in inner and "_target_" not in path}
    thoughts = {
        f"thoughts.{name}.{key}" for name in ("cot", "pot") for key in ("cue", "instruction")
    }
    assert leaves - tried - NOT_CHANGED - thoughts == set()
    assert leaves >= NOT_CHANGED


# What is changed of a run with a scorer, and which of the scorer's stages that reaches.
OF_SCORER = {
    "scorer.num_paths=4": ["harvest", "scorer", "weigh", "score"],
    "scorer.num_problems=9": ["harvest", "scorer", "weigh", "score"],
    "scorer.by_step=false": ["scorer", "weigh", "score"],
    "scorer.contrast=binary": ["scorer", "weigh", "score"],
    "scorer.depths=[1.0]": ["scorer", "weigh", "score"],
    "scorer.priors=[1.0]": ["scorer", "weigh", "score"],
    "scorer.adapter={rank: 2, epochs: 1, learning_rate: 1e-3}": ["scorer", "weigh", "score"],
    "decoding.num_paths=4": ["before", "harvest", "scorer", "after", "weigh", "score"],
    "vote=cascade": ["score"],
}


@pytest.mark.parametrize("changed", OF_SCORER)
def test_a_setting_changes_the_keys_of_the_scorers_stages(changed: str, keys: Any) -> None:
    with_scorer = keys("scorer=energy")
    assert list(with_scorer) == [*STAGES[:6], "harvest", "scorer", "after", "weigh", "score"]
    after = keys("scorer=energy", changed)
    assert [stage for stage in after if with_scorer[stage] != after[stage]] == OF_SCORER[changed]


def test_a_machine_with_fewer_tiers_shares_no_results(
    keys: Any, base: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    poorer = SimpleNamespace(tiers=("monty",), lacks="numpy and more")
    monkeypatch.setattr(experiment, "Sandbox", lambda **limits: nullcontext(poorer))
    after = keys()
    assert [stage for stage in STAGES if base[stage] != after[stage]] == STAGES[2:]


def test_the_content_of_a_students_folder_is_part_of_its_keys(keys: Any, tmp_path: Path) -> None:
    for part in tiny("causal").load(SEED):
        part.save_pretrained(tmp_path / "weights")
    student = ["student=qwen", f"student.path={tmp_path / 'weights'}"]
    first = keys(*student)
    (tmp_path / "weights" / "note.txt").write_text("other weights")
    second = keys(*student)
    assert [stage for stage in STAGES if first[stage] != second[stage]] == STUDENT


@pytest.mark.usefixtures("keys")
def test_only_runs_whose_lessons_show_results_keep_them() -> None:
    """Others keep the key that verify had before there was such a setting."""
    assert "results_of" not in VERIFY.settings(judge(composed()))
    shows = judge(composed("thought=[pot,tir]", "objective=union", "lambda=null"))
    assert VERIFY.settings(shows)["results_of"] == ("pot",)


def test_an_out_of_distribution_set_changes_every_key(keys: Any, tmp_path: Path) -> None:
    rows = '{"id": "1", "question": "How many?", "answer": 3}\n'
    (tmp_path / "asdiv").mkdir()
    (tmp_path / "asdiv" / "test.jsonl").write_text(rows)
    ood = [f"dataset.path={tmp_path}", "dataset.ood=[asdiv]"]
    first = keys(*ood)
    assert all(first[stage] != keys(f"dataset.path={tmp_path}")[stage] for stage in STAGES)
    (tmp_path / "asdiv" / "test.jsonl").write_text(rows * 2)
    assert all(first[stage] != keys(*ood)[stage] for stage in STAGES)
