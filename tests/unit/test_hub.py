"""Datasets and students from the hub, which stands on 127.0.0.1 here.

Its client reads HF_ENDPOINT once, so each look at it is a process of its own.
"""

import json
from pathlib import Path

import pytest

from tests.hub_server import COMMIT, HubServer, look
from tests.tiny_run import SEED, tiny

ROWS = [
    {"qid": f"q{n}", "question": f"Is {n} even?", "answer": n % 2 == 0, "facts": f"{n} is {n}."}
    for n in range(40)
]
DATASET = "datasets/ChilleD/StrategyQA"
FILES = {f"{DATASET}/{part}.json": json.dumps(ROWS).encode() for part in ("train", "test")}
ON_A_TERMINAL = {"TQDM_POSITION": "-1"}  # else bars of downloads are for terminals alone
DATASET_PROBE = f"""
from tests.named_dataset import dataset
files = {{"train": "train.json", "test": "test.json"}}
hub = {{"repo": "ChilleD/StrategyQA", "revision": {COMMIT!r}, "files": files}}
problems = dataset("strategyqa", hub=hub, sizes={{}}).problems()
print(len(problems), problems[0].id, problems[0].answer, problems[1].answer, problems[0].question)
"""
STUDENT_PROBE = f"""
from tests.contract.conftest import plugin
model, tokenizer = plugin("student", "qwen", repo="me/tiny", revision={COMMIT!r}).load(0)
print(type(model).__name__, len(tokenizer) > 0)
"""


def test_a_dataset_is_downloaded_once_at_its_revision(tmp_path: Path) -> None:
    with HubServer(dict(FILES)) as hub:
        first = look(DATASET_PROBE, hub.url, tmp_path)
        assert first.stdout == "80 strategyqa/q0 yes no Is 0 even?\n", first.stderr
        of_data = [path for _, path, _ in hub.asked if path.startswith("/datasets/")]
        assert of_data and all(f"/resolve/{COMMIT}/" in path for path in of_data)
        hub.asked.clear()
        assert look(DATASET_PROBE, hub.url, tmp_path).stdout == first.stdout
        assert "/datasets/" not in str(hub.asked), "what is cached is not asked for"
    assert look(DATASET_PROBE, hub.url, tmp_path).stdout == first.stdout, "nor is the hub needed"


def test_a_download_that_breaks_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    train = FILES[f"{DATASET}/train.json"] + b" " * 24 * 2**20  # its client writes 10 MiB at a time
    with HubServer({**FILES, f"{DATASET}/train.json": train}) as hub:
        hub.cuts = 1
        done = look(DATASET_PROBE, hub.url, tmp_path, **ON_A_TERMINAL)
        assert done.stdout.startswith("80 "), done.stderr
        assert "train.json: 100%" in done.stderr, "progress is shown"
        ranges = [ranged for _, _, ranged in hub.asked if ranged]
    assert [int(ranged[6:-1]) >= 10 * 2**20 for ranged in ranges] == [True]


@pytest.mark.parametrize(
    ("probe", "files", "option"),
    [
        (DATASET_PROBE, FILES, "dataset.path="),
        (STUDENT_PROBE, {"me/tiny/config.json": b"{}"}, "student.path="),
    ],
    ids=["dataset", "student"],
)
def test_a_gated_repository_says_what_to_accept_and_where(
    probe: str, files: dict[str, bytes], option: str, tmp_path: Path
) -> None:
    with HubServer(dict(files)) as hub:
        hub.gated = True
        told = look(probe, hub.url, tmp_path).stderr
    assert f"is gated: accept its terms at {hub.url}/" in told
    assert "`hf auth login` or set HF_TOKEN" in told
    assert option in told


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({f"{DATASET}/else.json": b""}, "has no train.json on the hub; give a folder"),
        ({}, "ChilleD/StrategyQA is not on the hub, or is private and HF_TOKEN is not set; give"),
    ],
)
def test_what_the_hub_does_not_have(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    with HubServer(files) as hub:
        assert message in look(DATASET_PROBE, hub.url, tmp_path).stderr


@pytest.mark.parametrize(
    ("probe", "option"), [(DATASET_PROBE, "dataset.path="), (STUDENT_PROBE, "student=smollm2")]
)
def test_without_a_hub_the_error_names_what_avoids_it(
    probe: str, option: str, tmp_path: Path
) -> None:
    for more in ({}, {"HF_HUB_OFFLINE": "1"}):
        told = look(probe, "http://127.0.0.1:9", tmp_path, **more).stderr  # the discard port
        assert "the hub (http://127.0.0.1:9) cannot be asked for" in told
        assert option in told.splitlines()[-1]


def test_a_student_is_downloaded_once(tmp_path: Path) -> None:
    for part in tiny("causal").load(SEED):
        part.save_pretrained(tmp_path / "weights")
    weights = (tmp_path / "weights").iterdir()
    files = {f"me/tiny/{file.name}": file.read_bytes() for file in weights}
    with HubServer(files) as hub:
        first = look(STUDENT_PROBE, hub.url, tmp_path / "cache", **ON_A_TERMINAL)
        assert first.stdout == "LlamaForCausalLM True\n", first.stderr
        assert "model.safetensors: 100%" in first.stderr
        hub.asked.clear()
        again = look(STUDENT_PROBE, hub.url, tmp_path / "cache")
        assert (again.stdout, again.stderr) == (first.stdout, "")
        assert "/me/tiny/" not in str(hub.asked), "what is cached is not asked for"
