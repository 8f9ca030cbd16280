"""Thoughts of several texts, asked of a teacher step by step: each text once, and none mixed up."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from mdexp.grading.verify import verify_paths
from mdexp.lessons.paths import PathLessons
from mdexp.ports import Done, Run, Seen, Thought, Write
from mdexp.records import Problem, ProgramResult, Segment, Transcript, VerifiedPath
from mdexp.teacher import batch_collection, batch_connection, batch_server
from mdexp.teacher.ledger import Ledger
from mdexp.teacher.prices import Price
from mdexp.teacher.run_cost import paid
from mdexp.teacher.step_forecast import later_texts
from mdexp.thoughts.tir import ToolIntegrated
from tests.buyer import COT, NO_PROGRAMS, buy, problems, start, teacher
from tests.contract.conftest import plugin
from tests.loopback import LoopbackServer
from tests.talking import Talking, solving

KPDD = {"kpdd": plugin("thought", "kpdd", teacher="writes")}
PRICE = {"input": 1.0, "output": 1.0}
ONE_CALL = 7 + 3  # millionths of a dollar, by the tokens that the server counts


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(batch_collection, "POLL_S", 0.01)
    monkeypatch.setattr(batch_connection, "pause_s", lambda error, number: 0.01)
    monkeypatch.setattr(batch_server, "LISTED_WITHIN_S", 0.01)
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def talking(server):
    return Talking(server)


def texts(path):
    return [segment.text for segment in path.segments if segment.author == "writer"]


def ask(server, folder, number=2, **changes):
    return buy(server.url, folder, problems(number), thoughts=KPDD, **changes)


def test_each_text_is_asked_for_behind_those_before_it(server, talking, tmp_path):
    [path] = ask(server, tmp_path, 1)
    kpdd = KPDD["kpdd"]
    cues = [f"Question 0?\n{kpdd.cue}", kpdd.hints_cue, kpdd.inner.cue]
    last = talking.bodies[-1]["messages"]
    assert [m["role"] for m in last] == ["system", *["user", "assistant"] * 2, "user"]
    assert [m["content"] for m in last if m["role"] == "user"] == cues
    assert [m["content"] for m in last if m["role"] == "assistant"] == ["Core 0.", "Hint 0."]
    assert talking.bought == [1, 1, 1]
    assert texts(path) == ["Core 0.", "Hint 0.", "ans = 0"]
    assert path.text == f"Core 0.\n\n{cues[1]}\n\nHint 0.\n\n{cues[2]}\n\nans = 0"
    assert (path.sample, path.model, path.finish_reason) == (0, "large-1", "stop")


def test_requests_of_one_text_are_what_they_were():
    asking = teacher("http://127.0.0.1:1/v1", num_shots=2, identity="http://127.0.0.1/v1").asking()
    [[request]] = asking.requests(problems(1), {"cot": COT}).values()
    assert request.identity == ("7061daa1bb078ed1de3035cd7a1d45295e5f93d8714fa9e50c8074872fedd894")


def test_samples_that_came_to_the_same_words_go_on_to_texts_of_their_own(server, tmp_path):
    def answer(question, part, number):
        return ["Core.", "Hint.", f"ans = {number}"][part]

    talking = Talking(server, answer)
    two = ask(server, tmp_path, 1, num_paths=2)
    assert [texts(path)[-1] for path in two] == ["ans = 0", "ans = 1"]
    assert talking.bought == [2, 2, 2]
    five = ask(server, tmp_path, 1, num_paths=5)
    assert five[:2] == two
    assert [path.sample for path in five] == list(range(5))
    assert len({texts(path)[-1] for path in five}) == 5
    assert talking.bought == [5, 5, 5], "what was there is not bought again"


def test_a_sample_keeps_its_texts_when_one_before_it_comes_late(server, tmp_path):
    """The first text of sample 0 arrives in the second run."""
    talking = Talking(server, lambda question, part, number: ["Core.", "Hint.", "ans = 1"][part])
    sampled = ask(server, tmp_path, 1, num_paths=2)
    with Ledger(tmp_path) as ledger:
        ledger.db.execute("DELETE FROM samples WHERE sample = 0")
    again = ask(server, tmp_path, 1, num_paths=2)
    assert again == sampled
    assert talking.bought == [3, 3, 3]


@pytest.mark.parametrize(
    ("finish_reason", "text", "reason"),
    [("length", "Hint 0.", "truncated"), ("content_filter", "", "refused")],
)
def test_a_text_that_was_cut_or_refused_ends_its_transcript(
    server, tmp_path, finish_reason, text, reason
):
    def answer(question, part, number):
        cut = part == 1 and "Question 0" in question
        return text if cut else ["Core.", "Hint.", "ans = 1"][part]

    talking = Talking(server, answer)
    talking.finish_reasons[text] = finish_reason
    paths = ask(server, tmp_path, 2)
    assert [len(texts(path)) for path in paths] == [2, 3]
    assert paths[0].finish_reason == finish_reason
    assert ask(server, tmp_path, 2) == paths
    assert talking.bought == [2, 2, 1], "nothing is asked behind it, and it is not asked again"
    asked = {problem.id: problem for problem in problems(2)}
    kept, [rejected] = verify_paths(paths, asked, KPDD, Giving(1), "gold")
    assert [path.problem_id for path in kept] == ["p1"]
    assert (rejected.problem_id, rejected.reason) == ("p0", reason)


def test_a_transcript_whose_next_text_the_budget_does_not_hold_is_missing(
    server, talking, tmp_path
):
    options = {"price": PRICE, "concurrency": 1, "max_tokens": 8}
    asking = teacher(server.url, **options).asking()
    [[first]] = asking.requests(problems(1), KPDD).values()
    worst = Price(**PRICE).worst_micro_usd(first, 1)
    spent = 2 * ONE_CALL  # when the third first text is asked for
    assert ask(server, tmp_path, 3, budget_usd=(worst + spent) / 1e6, **options) == []
    assert talking.bought == [3]
    paths = ask(server, tmp_path, 3, **options)
    assert [texts(path) for path in paths] == [["Core 0.", "Hint 0.", "ans = 0"]] * 3
    assert talking.bought == [3, 3, 3]


def test_thinking_is_not_sent_back_and_is_kept_apart(server, tmp_path):
    talking = Talking(
        server, lambda question, part, n: f"<think>\nHm {part}.\n</think>\n\nText {part}"
    )
    [path] = ask(server, tmp_path, 1)
    sent = json.dumps(talking.bodies[-1]["messages"])
    assert "Hm" not in sent
    assert '"Text 0"' in sent and '"Text 1"' in sent
    asked = {"p0": problems(1)[0]}
    for use, thinking in (("drop", [""] * 3), ("keep", ["Hm 0.", "Hm 1.", "Hm 2."])):
        [kept], _ = verify_paths([path], asked, KPDD, Giving(0), "runs", use)
        assert kept.thinking == "", "each text has its own"
        assert [s.thinking for s in kept.segments if s.author == "writer"] == thinking
        assert texts(kept) == ["Text 0", "Text 1", "Text 2"]
        [lesson] = PathLessons().make(asked["p0"], [kept], KPDD, Giving(0))
        assert [s.thinking for s in lesson.segments if s.author == "writer"] == thinking


def test_a_lesson_of_fewer_texts_ends_with_the_thinking_of_the_last():
    """A solution that was written three times is taught as its last form."""
    thought = KPDD["kpdd"].model_copy(
        update={"inner": plugin("thought", "repair", trigger="exception")}
    )
    words = ["Core?", "Hint.", "ans = x", "ans = y", "ans = 3"]
    said = [
        Segment(author="writer", text=text, turn="assistant", thinking=f"Hm {n}.")
        for n, text in enumerate(words)
    ]
    kept = VerifiedPath(
        problem_id="p0",
        thought="kpdd",
        sample=0,
        text=words[-1],
        answer=3,
        model="m",
        segments=tuple(said),
    )
    [lesson] = PathLessons().make(problems(1)[0], [kept], {"kpdd": thought}, Giving(3))
    written = [s for s in lesson.segments if s.author == "writer"]
    assert [s.text for s in written] == ["Core?", "Hint.", "ans = 3"]
    assert [s.thinking for s in written] == ["Hm 0.", "Hm 1.", "Hm 4."]


def test_thinking_within_a_turn_stands_where_the_turn_begins():
    thought = plugin("thought", "tir")
    written = [
        Segment(author="writer", text="Compute.\n```python\nans = 3\n```", turn="assistant"),
        Segment(author="writer", text="The answer is 3."),
    ]
    ran = Segment(author="executor", text="", result=ProgramResult(status="ok", answer=3))
    kept = VerifiedPath(
        problem_id="p0",
        thought="pot",
        sample=0,
        text="ans = 3",
        answer=3,
        model="m",
        segments=(*(replace(s, thinking=f"Hm {n}.") for n, s in enumerate(written)), ran),
    )
    [lesson] = PathLessons().make(problems(1)[0], [kept], {"tir": thought}, Giving(3))
    texts_of = [s for s in lesson.segments if s.author == "writer"]
    assert [s.thinking for s in texts_of] == ["Hm 0.\nHm 1.", ""]


class Giving:
    """An executor whose programs give `answer`, whatever they are."""

    def __init__(self, answer: int) -> None:
        self.answer = answer

    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        return [ProgramResult(status="ok", answer=self.answer) for _ in programs]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        return self.run(systems)


class Checked:
    """Writes a program; the next text is asked for with what it gave."""

    instruction, cue, max_writes, unit = "Program.", "Begin.", 2, "line"
    votes, is_oracle = True, False
    reads: tuple[str, ...] = ()
    made_from: ClassVar[Mapping[str, Thought]] = {}

    def next(self, transcript: Transcript, seen: Seen):
        if transcript.last.author == "question":
            return Write(cue=self.cue, stop=lambda text: None)
        if transcript.last.result is not None:
            return Write(cue=f"It gives {transcript.last.result.answer}.", stop=lambda text: None)
        if len(transcript.by("writer")) == 1:
            return Run(program=transcript.last.text)
        return Done(text=transcript.last.text, answer=1, status="ok")

    def exemplar(self, row):
        return ()

    def lesson(self, transcript, done):
        return ()


def test_what_a_program_gave_is_told_before_the_next_text(server, tmp_path):
    talking = Talking(server)
    options = {"thoughts": {"checked": Checked()}, "executor": Giving(42)}
    [path] = buy(server.url, tmp_path, problems(1), **options)
    assert talking.bodies[-1]["messages"][-1]["content"] == "It gives 42."
    authors = [segment.author for segment in path.segments]
    assert authors == ["cue", "writer", "executor", "cue", "writer"]
    assert path.segments[2].result == ProgramResult(status="ok", answer=42)


class Direct(ToolIntegrated):
    made_from: ClassVar[Mapping[str, Thought]] = {}


def test_a_text_that_goes_on_is_refused_before_anything_is_bought(server, tmp_path):
    tir = plugin("thought", "tir")
    direct = {"direct": Direct.model_construct(**dict(tir))}
    with pytest.raises(ValueError, match="thought=direct goes on within a text, and a chat teach"):
        buy(server.url, tmp_path, problems(1), thoughts=direct)
    assert server.num_calls == 0


def test_what_cannot_be_asked_in_steps_is_refused(server, tmp_path):
    with pytest.raises(ValueError, match=r"teacher\.style: got completion.*thought=kpdd"):
        ask(server, tmp_path, style="completion")
    reading = Checked()
    reading.reads = ("cot",)
    with pytest.raises(ValueError, match="thought=checked reads cot"):
        buy(server.url, tmp_path, problems(1), thoughts={"checked": reading})
    assert server.num_calls == 0


def test_sets_of_exemplars_each_have_their_own_transcripts(server, tmp_path):
    seen = []

    def answer(question, part, number):
        seen.append(question)
        return f"ans = {len(seen)}"

    Talking(server, answer)
    options = {"num_shots": 1, "exemplar_sets": 2}
    paths = ask(server, tmp_path, 1, num_paths=3, **options)
    assert [path.sample for path in paths] == [0, 1, 2]
    assert len(seen) == 9
    assert ask(server, tmp_path, 1, num_paths=2, **options) == paths[:2]
    assert len(seen) == 9


def test_a_kind_with_fewer_sets_of_exemplars_shows_those_it_has(server, tmp_path):
    Talking(server, lambda question, part, number: f"ans = {number}")
    asked = [replace(problem, answer="yes") for problem in problems(1)]
    options = {"num_shots": 1, "exemplar_sets": 2, "num_paths": 2}
    paths = buy(server.url, tmp_path, asked, thoughts=KPDD, **options)
    assert [path.sample for path in paths] == [0, 1]


def test_batch_is_one_batch_a_step(server, talking, tmp_path):
    paths = ask(server, tmp_path, 3, mode="batch", num_paths=2)
    assert [b["request_counts"]["total"] for b in server.batches.batches.values()] == [3, 6, 6]
    assert len({tuple(texts(path)) for path in paths if path.problem_id == "p0"}) == 2
    assert server.num_calls == 0
    assert ask(server, tmp_path, 3, num_paths=2) == paths, "online owns them, too"
    assert server.num_calls == 0


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.002)


def test_killed_in_the_middle_it_goes_on_to_the_same_transcripts(server, talking, tmp_path):
    number, concurrency = 12, 2
    process = start(server.url, tmp_path / "a", number, thoughts=KPDD, concurrency=concurrency)
    wait_for(lambda: talking.bought[1:] and talking.bought[1] >= 4)
    process.kill()
    process.join()
    assert len(talking.bought) == 2, "it was killed before the third step"
    paths = ask(server, tmp_path / "a", number)
    first, second, third = talking.bought
    assert (first, third) == (number, number), "nothing that was there is bought twice"
    assert number <= second <= number + concurrency, "but for calls that were under way"
    assert [len(texts(path)) for path in paths] == [3] * number
    bought = sum(talking.bought)
    assert ask(server, tmp_path / "a", number) == paths
    assert sum(talking.bought) == bought


def test_killed_while_a_batch_is_under_way_it_is_bought_once(server, tmp_path):
    def answer(question, part, number):
        server.batches.frozen = True  # the next batch does not end
        return solving(question, part, number)

    talking = Talking(server, answer)
    process = start(server.url, tmp_path, 4, thoughts=KPDD, mode="batch")
    wait_for(lambda: len(server.batches.batches) == 2)
    process.kill()
    process.join()
    talking.answer, server.batches.frozen = solving, False
    paths = ask(server, tmp_path, 4, mode="batch")
    assert [texts(path) for path in paths] == [["Core 0.", "Hint 0.", "ans = 0"]] * 4
    assert talking.bought == [4, 4, 4]
    assert len(server.batches.batches) == 3


def forecast(server, folder, number, **changes):
    asked = teacher(server.url, **changes)
    args = (asked.asking(), problems(number), KPDD, asked.num_paths)
    with Ledger(folder) as book:
        found = later_texts(*args, book, NO_PROGRAMS)
        missing = [t for t in found if t.num_unwritten or book.missing(t.request, [t.sample])]
    return sorted(text.num_unwritten for text in found), len(missing)


def test_a_plan_counts_the_steps_to_come_by_the_steps_before(server, talking, tmp_path):
    assert forecast(server, tmp_path, 2) == ([1, 1, 2, 2], 4)
    ask(server, tmp_path, 1)
    assert forecast(server, tmp_path, 2) == ([0, 0, 1, 2], 2)
    ask(server, tmp_path, 2)
    assert forecast(server, tmp_path, 2) == ([0, 0, 0, 0], 0)
    with Ledger(tmp_path) as ledger:
        ledger.db.execute(
            "DELETE FROM samples WHERE request IN (SELECT request FROM askers WHERE part = 1)"
        )
    assert forecast(server, tmp_path, 1) == ([0, 1], 2)


def test_all_steps_are_paid(server, talking, tmp_path):
    ask(server, tmp_path, 2, price=PRICE)
    asked: list[Problem] = problems(2)
    found = paid(teacher(server.url, price=PRICE), asked, KPDD, tmp_path, NO_PROGRAMS)
    assert found == {"micro_usd": 6 * ONE_CALL, "at_most": 0, "unpriced": 0}
