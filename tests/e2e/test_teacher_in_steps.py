"""A thought of three texts from a teacher behind a server to the report; and a run that was cut."""

import re
from collections import Counter

import pytest

from mdexp.commands.plan import main as plan
from mdexp.records import Generation, Lesson, VerifiedPath
from mdexp.records import Path as TeacherPath
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.conftest import SMALL
from tests.loopback import LoopbackServer, Reply
from tests.talking import Talking

NUM_TRAINED = 12


def solving(question: str, part: int, number: int) -> str:
    a, b = re.findall(r"\d+", question)
    return [f"Sum {number}?", f"{a} and {b}.", f"```python\nans = {a} + {b}\n```"][part]


@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running


def words(server: LoopbackServer) -> list[str]:
    return [
        "thought=[kpdd]",
        "thoughts.kpdd.teacher=writes",
        "objective=union",
        "teacher=openai",
        "teacher.model=large",
        f"teacher.base_url={server.url}",
        "teacher.num_shots=0",
        "teacher.max_retries=0",
        "teacher.concurrency=2",
        "num_paths=2",
        "trainer.max_tokens=2048",
        "decoding.max_new_tokens=9",
    ]


def test_three_texts_are_bought_verified_trained_on_and_reported(
    command, server, problems, tmp_path, capsys
):
    talking = Talking(server, solving)
    assert plan([*SMALL, f"dataset.path={problems}", *words(server)]) == 0
    foreseen = capsys.readouterr().out
    assert "72 wanted, 0 owned, 72 to buy" in foreseen
    assert "48 of them follow texts that are not written yet" in foreseen
    assert command(*words(server), "hydra.run.dir=run") == 0
    assert talking.bought == [2 * NUM_TRAINED] * 3
    run = tmp_path / "run"
    paths = read_jsonl(run / "paths.jsonl", TeacherPath)
    assert Counter(path.sample for path in paths) == {0: NUM_TRAINED, 1: NUM_TRAINED}
    verified = read_jsonl(run / "verified.jsonl", VerifiedPath)
    assert len(verified) == 2 * NUM_TRAINED
    lessons = read_jsonl(run / "lessons.jsonl", Lesson)
    scored = [[s.text for s in lesson.segments if s.scored] for lesson in lessons]
    assert {len(texts) for texts in scored} == {3}
    assert scored[0][0] == "Sum 0?" and scored[0][2].startswith("ans = ")
    generations = read_jsonl(run / "generations.jsonl", Generation)
    assert {g.thought for g in generations} == {"kpdd"}
    assert (run / "report.html").is_file()
    [extract] = [s for s in read_json(run / "run.json")["stages"] if s["name"] == "extract"]
    assert (extract["counts"]["asked"], extract["counts"]["missing"]) == (24, 0)
    capsys.readouterr()
    assert plan([*SMALL, f"dataset.path={problems}", *words(server)]) == 0
    assert "72 wanted, 72 owned, 0 to buy" in capsys.readouterr().out


def test_a_run_whose_teacher_fails_in_the_middle_goes_on_to_the_same_transcripts(
    command, server, tmp_path
):
    talking = Talking(server, solving)
    answer = server.script
    only = "stages=[prepare,extract,verify]"

    def failing(body):
        third = sum(m["role"] == "assistant" for m in body["messages"]) == 2
        broken = third and talking.bought[2:] == [4]
        return Reply(401, "{}") if broken else answer(body)

    server.script = failing
    assert command(*words(server), only, "hydra.run.dir=cut") == 1
    assert talking.bought[:2] == [24, 24] and talking.bought[2] < 24
    server.script = answer
    assert command(*words(server), only, "hydra.run.dir=cut") == 0
    assert talking.bought == [24, 24, 24]
    talking.given.clear()  # as a server that was never asked
    assert command(*words(server), only, "hydra.run.dir=whole", "store=other") == 0
    cut, whole = ((tmp_path / name / "paths.jsonl").read_text() for name in ("cut", "whole"))
    assert cut == whole and cut.count("\n") == 24
