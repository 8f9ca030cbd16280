"""A wrong command line exits 2, names key, value and what is allowed, and starts nothing."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from mdexp.commands.run import _main, config_folder, main
from mdexp.config.earlier_parts import OBJECTIVES
from mdexp.config.judging import judge
from mdexp.config.settings import SettingsError
from tests.config.conftest import Experiments

COMMANDS = [
    ("lamda=0.3", "lamda: unknown key; did you mean lambda?"),
    ("+lamda=0.3", "lamda: unknown key; did you mean lambda?"),
    ("trainer.step_problem=4", "did you mean trainer.step_problems or trainer.validate_problems?"),
    ("learning_rate=1e-4", "did you mean trainer.learning_rate?"),
    (
        "teacher.model=gpt-4o",
        "teacher.model: unknown key of the chosen option; teacher=openai would",
    ),
    ("decoding.beam.width=3", "unknown key of the chosen option; decoding=stepwise would have it"),
    (
        "dataset.fields.question=q",
        "the chosen option; dataset=csv, dataset=hf, dataset=jsonl, dataset=parquet would have it",
    ),
    (
        "dataset=csv dataset.fields.question=q",
        "dataset.fields is null; give all of it, as in 'dataset.fields={question: ...}'",
    ),
    (
        "dataset=mine/test.csv",
        "that is a file; did you mean dataset=csv dataset.path=mine/test.csv",
    ),
    ("dataset=json", "dataset=json: no such option of dataset"),
    ("dataset=tsv", "dataset=tsv: no such option of dataset"),
    ("student.alpha=16", "did you mean student.lora_alpha or lambda?"),
    ("trainer.max_steps.foo=1", "trainer.max_steps.foo: unknown key"),
    ("dataset.ood=[{coin_flip:{puzzle:null}}]", "dataset.ood: coin_flip.puzzle"),
    ("dataset.ood=[{csv:{fields:{type:3}}}]", "list of columns, or null; got 3"),
    ("dataset=rows.json", "did you mean dataset=jsonl dataset.path=rows.json?"),
    ("dataset=csv dataset.fields={type:3}", "expected a column, a list of columns, or null; got 3"),
    ("dataset.ood=[{csv:{nme:y}}]", "dataset.ood: csv.nme: unknown key"),
    ("dataset.ood=[{cvs:{}}]", "dataset.ood: no dataset 'cvs'; available: aqua, "),
    ("dataset.ood=[{csv:{},jsonl:{}}]", "expected one name with its options, got csv, jsonl"),
    ("target_modules=[q_proj]", "did you mean student.lora_targets?"),
    ("trainer.fp16=true", "did you mean trainer.precision?"),
    ("teacher.learning_rate=1e-4", "did you mean trainer.learning_rate?"),
    ("trainer.lr=1e-4", "trainer.lr: unknown key; did you mean trainer.learning_rate?"),
    ("batch_size=4", "did you mean trainer.step_problems or decoding.batch_size?"),
    ("epochs=2", "epochs: unknown key; did you mean trainer.epochs?"),
    ("num_train_epochs=2", "did you mean trainer.epochs?"),
    ("model=gpt2", "model: unknown key; did you mean student or student.repo?"),
    (
        "teacher=openai teacher.model=m model_name=x",
        "did you mean student or student.repo or teacher.model?",
    ),
    ("output_dir=here", "output_dir: unknown key; did you mean hydra.run.dir?"),
    (
        "student=qwen student.repo=me/mine",
        "student.revision: 7ae557604adf is of Qwen/Qwen2.5-0.5B-Instruct, not of me/mine: give",
    ),
    ("studnt=codellama", "studnt: unknown key; did you mean student?"),
    ("student=codelama", "did you mean student=codellama?"),
    ("student=svamp", "student=svamp: no such option of student"),
    ("student=svamp", "did you mean dataset=svamp?"),
    ("thought=[cot,pott]", "did you mean thought=pot?"),
    ("codellama", "an argument is written key=value; did you mean student=codellama?"),
    ("--lambda=0.3", "a key is written without dashes"),
    ("lambda=1.5", "lambda: input should be less than or equal to 1, got 1.5"),
    ("lambda=nan", "lambda: input should be a finite number, got nan"),
    ("lambda=abc", "lambda: input should be a valid number, got 'abc'"),
    ("lambda=0,5", "several values are a sweep, which needs -m"),
    ("sweep=lambda", "sweep=lambda needs -m"),
    ("thought=[]", "choose at least one, as in thought=[cot]"),
    ("objective=union lambda=0.3", "lambda=0.3 would be ignored: objective=union"),
    ("objective=weighted objective.weights={cot:0.6,pot:0.5}", "must sum to 1, got 1.1"),
    ("thought=[cot,pot,eot]", "weighs exactly two thoughts, got cot, pot, eot; choose objective="),
    (
        "thought=[cot,pot,eot] objective=weighted objective.weights={cot:0.6,pot:0.4}",
        "objective.weights lacks eot: it names all of cot, pot, eot (0 leaves one out), or none",
    ),
    ("student.tuning=qlora trainer.strategy=fsdp", "weights of 4 bits are not sharded; use"),
    ("trainer.precision=16-mixed trainer.strategy=fsdp", "gradients in shards are not scaled"),
    (
        "trainer.precision=16-mixed scorer=energy student=smollm2 "
        "scorer.adapter={rank:8,epochs:1,learning_rate:1e-4}",
        "scorer.adapter does not scale its gradients",
    ),
    ("vote=cascad", "did you mean vote=cascade?"),
    ("vote.order=[eot,cot]", "each of the thoughts that vote (cot, pot) once, got eot, cot"),
    ("vote.order=[cot,cot]", "each of the thoughts that vote (cot, pot) once, got cot, cot"),
    (
        "grader=lax",
        "grader=lax: no such option of grader (dss, lenient, math_verify, pad, strict, xot)",
    ),
    ("vote=accuracy decoding.num_validation=0", "decoding.num_validation=0 answers none"),
    ("vote=likelihood vote.order=[pot]", "since each may be in a tie of vote=likelihood"),
    ("vote.order=[pot]", "vote.order must name all of cot, pot, since each may be in a tie"),
    (
        "decoding=stepwise thought=[cot,tir]",
        "decoding.beam grows one text by itself; thought=tir has up to 5; leave it out or choose",
    ),
    ("decoding=stepwise thought=[cot,kpdd]", "one text by itself; thought=kpdd has up to 3"),
    ("decoding=stepwise thought=[cot,sci_cot]", "one text by itself; thought=sci_cot has up to 2"),
    ("decoding=stepwise thought=[cot,repair]", "thought=repair has up to 3"),
    (
        "decoding=search decoding.search.scorer=run",
        "decoding.beam.weights), and this run has none; add scorer=energy",
    ),
    ("decoding=search thought=[cot,kpdd]", "one text by itself; thought=kpdd has up to 3"),
    (
        "decoding=search decoding.search.budget=200",
        "decoding: search.budget=200 has to hold a prompt",
    ),
    ("teacher=openai", "teacher.model: needs a value"),
    ("run=nowhere", "run: nowhere has no run.json"),
    ("run=nowhere lambda=0.3", "stages, store, logger, vote, grader can be given, not lambda"),
    ("-m lambda=0,2", "lambda: input should be less than or equal to 1, got 2"),
    ("-m hydra/launcher=slurm", "hydra/launcher=slurm: no such launcher is installed; joblib,"),
    ("-m lambda=interval(0,1)", "lambda=interval(0,1): give values, a range, a choice or a glob"),
    ("-m sweep=lambda objective=union", "would be ignored: objective=union"),
    ("--cfg=job lamda=0.3", "did you mean lambda?"),
]


def test_a_yaml_with_a_bare_colon_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dataset" / "mine.yaml"
    file.parent.mkdir()
    file.write_text("defaults: [jsonl]\nsource: mine: all of it\n")
    assert main(["--config-dir", str(tmp_path), "dataset=mine"]) == 2
    said = capsys.readouterr().err
    assert f"{file}:2: not YAML at column 13" in said and "needs quotes" in said
    assert main(["--config-dir", str(tmp_path), "dataset.ood=[mine]"]) == 2
    assert "not YAML" in capsys.readouterr().err


SETTINGS = [
    ({"lambda": True}, "lambda: input should be a valid number, got True"),
    ({"lambda": None}, "lambda: objective=dual needs a number in [0, 1], got null"),
    ({"lambda": float("inf")}, "lambda: input should be a finite number, got inf"),
    ({"seed": -1}, "seed: input should be greater than or equal to 0, got -1"),
    ({"num_paths": 0}, "num_paths: input should be greater than or equal to 1, got 0"),
    ({"num_paths": 1.5}, "num_paths: input should be a valid integer, got 1.5"),
    ({"stages": ["score", "prepare"]}, "must be in order and named once"),
    ({"stages": []}, "must be in order and named once"),
    ({"stages": ["scor"]}, "got 'scor'"),
    ({"stages": ["train", "generate", "after"]}, "or after in place of generate"),
    ({"stages": ["prepare", "after"]}, "after asks the student that the stage train"),
    ({"thoughts": {}}, "choose at least one, as in thought=[cot]"),
    ({"thoughts": ["cot"]}, "thoughts: is filled by a group, as in thought="),
    ({"objective.lambda_thought": "label"}, "must be one of cot, pot, got label"),
    ({"objective.lambda_thought": None}, "objective.lambda_thought: input should be a valid str"),
    ({"objective.weights": {"cot": 1.0}}, "objective.weights: unknown key"),
    ({"objective._target_": "mdexp.ports.Objective"}, "objective: _target_=mdexp.ports.Objective"),
    ({"objective._target_": "mdexp.thoughts.cot.ChainOfThought"}, "objective.normalize: unkn"),
    ({"teacher": None}, "teacher: needs a mapping with _target_, got None"),
    ({"teacher._target_": "os.system"}, "_target_ must start with 'mdexp.', got 'os.system'"),
    ({"teacher._target_": "mdexp.teacher.none.X"}, "no module named mdexp.teacher.none"),
    ({"teacher._target_": "mdexp.records.None_"}, "mdexp.records has no None_"),
    ({"teacher._target_": "mdexp.records.Problem"}, "is no pydantic model"),
    ({"vote._target_": "mdexp.vote.X"}, "vote: _target_=mdexp.vote.X: no module named mdexp.vote"),
    ({"vote.order": "pot"}, "vote.order: input should be a valid tuple, got 'pot'"),
    ({"grader": "strict"}, "grader: needs a mapping with _target_, got 'strict'"),
    (
        {"grader._target_": "mdexp.grading.vote_rules.cascade.Cascade"},
        "grader: mdexp.grading.vote_rules.cascade.Cascade is no Grader; mdexp/ports/ says",
    ),
    (
        {"student.tuning": "lroa"},
        "student.tuning: input should be 'full', 'lora', 'dora' or 'qlora', got 'lroa'",
    ),
    ({"student.base_dtype": "bfloat16"}, "and student.tuning=full freezes none: choose"),
    ({"student.roles": "separate"}, "and student.tuning=full has none: choose student.tuning=lora"),
    (
        {"student.roles": "separate", "student.tuning": "lora"},
        "all texts of thought=[cot,pot] have one role; choose a thought of several",
    ),
    ({"student.lora_rank": 0}, "student.lora_rank: input should be greater than or equal to 1"),
    ({"student.tunning": "lora"}, "student.tunning: unknown key; did you mean student.tuning"),
    ({"trainer.accelerator": "cpu", "trainer.precision": "16-mixed"}, "needs a GPU"),
    ({"trainer.precision": "16-mixed", "student.kind": "seq2seq"}, "overflows in T5 and its kin"),
    ({"trainer.on_overlong": "cut"}, "trainer.on_overlong: input should be 'drop' or 'error'"),
    ({"trainer.learning_rate": float("nan")}, "trainer.learning_rate: input should be a finite"),
]


@pytest.mark.parametrize(
    ("line", "message"), COMMANDS, ids=[f"{line} | {text[:24]}" for line, text in COMMANDS]
)
def test_command(
    line: str,
    message: str,
    experiments: Experiments,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(line.split()) == 2
    assert message in capsys.readouterr().err
    assert not experiments.seen
    assert not list(tmp_path.iterdir()), "a refused command leaves no folder"


def test_no_sweep_is_run_by_processes_that_train_together(
    experiments: Experiments, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = {"STEP_NUM_TASKS": "2", "STEP_NUM_NODES": "1", "NTASKS": "2", "PROCID": "0"}
    for name, value in task.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert _main(["-m", "lambda=0,1"]) == 2
    assert "-m: srun started 2 processes, which train one run together" in capsys.readouterr().err
    assert not experiments.seen


@pytest.fixture(scope="module")
def default() -> dict[str, Any]:
    with initialize_config_dir(str(config_folder()), version_base="1.3"):
        config = OmegaConf.to_container(compose("config"), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def changed(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    copy = deepcopy(dict(config))
    for path, value in changes.items():
        *parents, name = path.split(".")
        place = copy
        for parent in parents:
            place = place[parent]
        place[name] = value
    return copy


@pytest.mark.parametrize(("changes", "message"), SETTINGS, ids=[str(c) for c, _ in SETTINGS])
def test_settings(changes: dict[str, Any], message: str, default: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as error:
        judge(changed(default, changes))
    assert message in str(error.value)


def weighted(default: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, Any]:
    kept = {key: default["objective"][key] for key in ("normalize", "pairing")}
    objective = {"_target_": OBJECTIVES["weighted"], "weights": dict(weights), **kept}
    return changed(default, {"lambda": None, "objective": objective})


def test_weights_are_shares(default: dict[str, Any]) -> None:
    assert judge(weighted(default, {"pot": 0.9, "cot": 0.1})).shares() == {"cot": 0.1, "pot": 0.9}
    assert judge(weighted(default, {"pot": 1.0, "cot": 0.0})).shares() == {"cot": 0.0, "pot": 1.0}


def test_without_weights_the_shares_are_equal(default: dict[str, Any]) -> None:
    assert judge(weighted(default, {})).shares() == {"cot": 0.5, "pot": 0.5}
    config = weighted(default, {})
    config["thoughts"] = config["thoughts"] | {"eot": config["thoughts"]["cot"]}
    assert judge(config).shares() == pytest.approx(dict.fromkeys(("cot", "pot", "eot"), 1 / 3))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"cot": 1.0}, "lacks pot: it names all of cot, pot (0 leaves one out), or none"),
        (
            {"cot": 0.5, "pot": 0.25, "eot": 0.25},
            "names eot, which is none of the chosen thoughts cot, pot",
        ),
        ({"cot": 0.5, "pot": 0.500001}, "must sum to 1, got 1"),
        (
            {"cot": -0.5, "pot": 1.0},
            "objective.weights.cot: input should be greater than or equal to 0",
        ),
    ],
)
def test_weights_that_are_none(
    weights: dict[str, float], message: str, default: dict[str, Any]
) -> None:
    with pytest.raises(SettingsError) as error:
        judge(weighted(default, weights))
    assert message in str(error.value)


def test_all_faults_are_told_at_once(default: dict[str, Any]) -> None:
    faults = {"seed": -1, "student.lora_rank": 0, "trainer.epochs": 0, "thoughts.cot.cue": 1}
    with pytest.raises(SettingsError) as error:
        judge(changed(default, faults))
    assert set(error.value.faults) == set(faults)
