"""Each transcript of several texts has its own token budget, independent of its batch."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch

from mdexp.decoding import writing
from mdexp.decoding.answering import answer
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.request import DecodingRequest
from mdexp.decoding.server import _answered
from mdexp.decoding.student_writer import StudentWriter
from mdexp.decoding.writing import Writing
from mdexp.records import Output, Problem, ProgramResult
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from mdexp.thoughts import kpdd
from tests.contract.conftest import plugin
from tests.tiny_run import straight
from tests.unit.test_rows import GROUPED, STUDENTS

RENDERER = Renderer(byte_tokenizer(), "causal", "plain")
PROBLEMS = [
    Problem(id=f"p{n}", dataset="toy", split="test", question="How many?", answer=1)
    for n in range(8)
]
BUDGET = 26


class Interpreter:
    def run(self, programs: Sequence[str]) -> list[ProgramResult]:
        return [ProgramResult(status="ok", answer=3, stdout="3\n") for _ in programs]

    def solve(self, systems: Sequence[str]) -> list[ProgramResult]:
        raise AssertionError("there are no equations here")


def student() -> Any:
    torch.manual_seed(0)
    sizes = GROUPED | {"vocab_size": len(RENDERER.tokenizer), "max_position_embeddings": 2048}
    kind = type(STUDENTS["llama"]())
    model = kind(kind.config_class(**sizes)).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return model


def written(name: str, **options: Any) -> list[Output]:
    writer = StudentWriter(
        model=student(), renderer=RENDERER, phase="after", seed=0, work=DecodeStats()
    )
    decoding = straight(**{"num_paths": 3, "max_new_tokens": BUDGET} | options)
    thoughts = {name: plugin("thought", name)}
    return answer(writer, PROBLEMS, thoughts, decoding=decoding, executor=Interpreter())


def texts(output: Output) -> list[tuple[str, int, bool]]:
    return [(s.text, s.num_tokens, s.finished) for s in output.segments if s.author == "writer"]


def test_who_is_written_beside_changes_no_text_and_no_budget(monkeypatch):
    # Texts of 8 or 16 tokens, so that transcripts of a window have different budgets left.
    ended = lambda text: text if len(text) >= 8 * (1 + ord(text[0]) % 2) else None  # noqa: E731
    monkeypatch.setattr(kpdd, "_one_paragraph", lambda text: ended(text) if text else None)
    alone, together = (written("kpdd", batch_size=size) for size in (1, 16))
    assert [texts(output) for output in together] == [texts(output) for output in alone]
    used = {sum(tokens for _, tokens, _ in texts(output)) for output in together}
    assert max(used) == BUDGET, "none has more, and the last token counts"
    budgets = {texts(output)[0][1] for output in together}
    assert len(budgets) > 1, "else all texts would have as much left as each other"


def test_a_text_for_which_nothing_is_left_is_empty_and_changes_no_likelihood(monkeypatch):
    monkeypatch.setattr(kpdd, "_one_paragraph", lambda text: text if len(text) >= 24 else None)
    outputs = written("kpdd", batch_size=16, max_new_tokens=24)
    spent = [o for o in outputs if [tokens for _, tokens, _ in texts(o)] == [24, 0]]
    assert spent and {texts(output)[-1] for output in spent} == {("", 0, False)}
    for output in spent:
        first = next(s for s in output.segments if s.author == "writer")
        assert first.finished and output.logprob == round(first.logprob, 6)


def test_caches_are_freed_with_their_window(monkeypatch):
    held: list[int] = []
    write = Writing.write

    def noted(self: Writing, pending: Any) -> Any:
        found = write(self, pending)
        held.append(len(self.texts))
        return found

    monkeypatch.setattr(Writing, "write", noted)
    written("repair", batch_size=8, max_new_tokens=8)
    assert max(held) == 8, "of one window, though 32 transcripts were written"


FIRST = "First.\n```python\na = 3\nprint(a)\n```"
BEHIND = "\n```output\n9\n```\nThe answer is 9."
LAST = "The answer is 3."


def completion(text: str, wanted: str, *, names_tokens: bool) -> Any:
    """As a server answers whose tokens are two characters each."""
    tokens = [text[n : n + 2] for n in range(0, len(text), 2)]
    logprobs = SimpleNamespace(
        token_logprobs=[-0.5 if n < len(wanted) else -9.0 for n in range(0, len(text), 2)]
    )
    if names_tokens:
        logprobs.tokens = tokens
    return SimpleNamespace(text=text, finish_reason="stop", logprobs=logprobs), SimpleNamespace(
        completion_tokens=len(tokens)
    )


def asked(stop: Any) -> DecodingRequest:
    return DecodingRequest(prompt_ids=[1], problem="p", stop=stop, sample=0, stream="s")


def test_what_a_server_writes_behind_a_text_is_not_part_of_it():
    request = asked(lambda text: FIRST if FIRST in text else None)
    found = _answered(*completion(FIRST + BEHIND, FIRST, names_tokens=True), RENDERER, request)
    assert (found.text, found.finished) == (FIRST, True)
    assert found.num_tokens == (len(FIRST) + 1) // 2 and found.logprob == -0.5
    assert found.num_behind == (len(FIRST + BEHIND) + 1) // 2 - found.num_tokens
    longer = completion(FIRST + 2 * BEHIND, FIRST, names_tokens=False)
    assert _answered(*longer, RENDERER, request).num_tokens == len(FIRST), "bytes are our tokens"
    whole = _answered(*completion(FIRST, FIRST, names_tokens=True), RENDERER, request)
    assert whole.num_behind == 0 and whole.num_tokens == (len(FIRST) + 1) // 2


def test_a_served_transcript_pays_for_its_texts_and_not_for_what_was_cut(monkeypatch):
    wanted: list[int] = []

    def ask(urls: Any, model: Any, renderer: Any, requests: Any, limits: Any, work: Any) -> Any:
        for place, request in enumerate(requests):
            wanted.append(request.most_new_tokens(limits))
            further = "/part " in request.stream
            text = (LAST if further else FIRST + BEHIND)[: 2 * wanted[-1]]
            said = LAST if further else FIRST
            yield place, _answered(*completion(text, said, names_tokens=True), renderer, request)

    monkeypatch.setattr(writing, "ask_server", ask)
    served = {"engine": "openai", "base_url": ("http://x",), "served": "m", "num_paths": 0}
    for output in written("tir", max_new_tokens=40, **served):
        first, last = texts(output)
        assert (first[0][-len(FIRST) :], last[0]) == (FIRST, LAST) and last[2]
        assert output.logprob == -0.5
    assert set(wanted) == {40, 40 - (len(FIRST) + 1) // 2}
