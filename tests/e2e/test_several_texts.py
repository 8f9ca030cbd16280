"""Students that answer in several texts, from the teacher to the report, to solve, inspect, export:
what a scripted student writes is run, shown to it, voted over, and told as a conversation."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mdexp.commands import export as exporting
from mdexp.commands import inspect, solve
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.request import Answered, DecodingLimits, DecodingRequest
from mdexp.decoding.session import Session, Written
from mdexp.records import Generation, Vote
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl
from tests.e2e.conftest import SMALL
from tests.e2e.test_after_alone import AFTER

QUESTION = "Ann has 21 pens and finds 22 pens. How many pens has Ann?"
NUMBERS = re.compile(r"Ann has (\d+) \w+ and finds (\d+)")
# What the student writes, text by text, about a question with the numbers a and b.
SCRIPTS = {
    "kpdd": ["How many has Ann?\n\n", "She has {a} and finds {b}.\n\n", "ans = {a} + {b}\n"],
    "pad": ["ans = {a} + lost\n", "ans = {a} + {b}\n"],
    "tir": ["We add.\n```python\nx = {a} + {b}\nprint(x)\n```", "The answer is {sum}."],
}
THOUGHT = {"kpdd": "kpdd", "pad": "repair", "tir": "tir"}
# What has to be read of the conversation, besides the texts.
TOLD = {
    "kpdd": ["asked"],
    "pad": ["asked", "sandbox, ran what was written: runtime_error"],
    "tir": ["read by the student", "sandbox, ran what was written: ok"],
}


def scripted(name: str) -> Callable[..., list[Written]]:
    def write(
        session: Session,
        requests: Sequence[DecodingRequest],
        texts: Sequence[CachedText],
        limits: DecodingLimits,
    ) -> list[Written]:
        return [(_answered(session, request, name), CachedText()) for request in requests]

    return write


def _answered(session: Session, request: DecodingRequest, name: str) -> Answered:
    a, b = map(int, NUMBERS.findall(session.renderer.text(request.prompt_ids))[-1])
    part = int(request.stream.partition("/part ")[2] or 0)
    text = SCRIPTS[name][part].format(a=a, b=b, sum=a + b)
    whole = request.stop(text)
    return Answered(
        token_ids=[7] * 5,
        logprobs=[-0.5] * 5,
        num_tokens=5,
        text=text if whole is None else whole,
        finished=True,
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_method_of_several_texts_is_whole(
    name: str,
    command: Callable[..., int],
    problems: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Session, "write", scripted(name))
    thought, number = THOUGHT[name], len(SCRIPTS[name])
    words = [f"experiment={name}", f"answer_with=[{thought}]", "trainer.max_tokens=2048"]
    sampled = ["decoding.num_paths=2", "decoding.max_new_tokens=400", "trainer.max_steps=2"]
    assert command(*words, *sampled, AFTER, "hydra.run.dir=run") == 0

    generations = read_jsonl(tmp_path / "run" / "generations.jsonl", Generation)
    assert generations and all(g.correct and g.status == "ok" for g in generations)
    for generation in generations:
        writers = [s for s in generation.segments if s.author == "writer"]
        assert [s.num_tokens for s in writers] == [5] * number
    votes = read_jsonl(tmp_path / "run" / "votes.jsonl", Vote)
    assert votes and all(vote.correct for vote in votes)
    metrics = read_json(tmp_path / "run" / "metrics.json")["jsonl"]["after"]
    assert {row: metrics[row]["accuracy"] for row in metrics} == dict.fromkeys(metrics, 1.0)
    page = (tmp_path / "run" / "report.html").read_text()
    shown = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page)[1])  # type: ignore[index]
    [turns, tokens] = [shown["fields"].index(field) for field in ("turns", "tokens")]
    for row in shown["generations"]:
        assert row[tokens] == 5 * number
        speakers = [who for who, _ in row[turns]]
        assert set(TOLD[name]) <= set(speakers)
        assert sum("5 tokens" in who for who in speakers) == number

    capsys.readouterr()
    assert solve.main(["run", QUESTION]) == 0
    told = capsys.readouterr().out
    assert f"--- {thought}, greedy, {5 * number} tokens (does not vote) ---" in told
    assert all(f"[{who}]" in told for who in TOLD[name]) and "\nanswer: 43\n" in told
    assert inspect.main([*SMALL, f"dataset.path={problems}", *words]) == 0
    assert "every invariant holds" in capsys.readouterr().out
    assert exporting.main(["run", "out"]) == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert all(f"{thought}, prompt {part}:" in card for part in range(2, number + 1))
    assert f"| {thought} | greedy | 4 |" in card
