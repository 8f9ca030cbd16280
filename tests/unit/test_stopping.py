"""Sampling stops where the vote is settled, and not before."""

from math import comb
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mdexp.decoding.stopping import AgreementStopping
from mdexp.decoding.student_writer import StudentWriter
from mdexp.grading.stopping import chance_to_lead, is_settled
from mdexp.grading.vote import elect
from mdexp.records import Generation, Output, Problem
from mdexp.sandbox.executor import Sandbox
from mdexp.students.prompts import Renderer
from tests.contract.conftest import plugin
from tests.tiny_run import SEED, tiny

NAMES = ("cot", "label")
THOUGHTS = {name: plugin("thought", name) for name in NAMES}
MOST = 5


def decoder(**options):
    defaults = plugin("decoding", "default").model_dump()
    return AgreementStopping(**defaults | {"num_paths": MOST, "confidence": 1.0} | options)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(timeout_s=2, memory_mib=64, output_kib=64, workers=1) as executor:
        yield executor


def path(answer, thought="cot", sample=1):
    return Generation(
        problem_id="p",
        dataset="toy",
        split="test",
        phase="after",
        thought=thought,
        sample=sample,
        num_shots=0,
        text="",
        answer=answer,
        status="ok" if answer is not None else "no_answer",
        correct=False,
    )


@given(st.lists(st.sampled_from([None, 1, 2, 3]), max_size=12), st.integers(0, 12))
def test_what_is_settled_for_certain_no_further_path_changes(answers, left):
    paths = [path(answer, sample=n) for n, answer in enumerate(answers)]
    if not is_settled(paths, left, 1.0):
        return
    now = elect(paths, ["cot"]).answer if paths else None
    for other in {1, 2, 3, None} - {now}:
        further = [path(other, sample=len(paths) + n) for n in range(left)]
        assert elect([*paths, *further], ["cot"]).answer == now


@given(st.integers(0, 20), st.integers(0, 20))
def test_the_chance_to_lead_is_the_binomial_tail(first, second):
    """Of first + second + 1 fair coins at most `first` show heads: the incomplete beta function."""
    coins = first + second + 1
    tail = sum(comb(coins, heads) for heads in range(first + 1)) / 2**coins
    assert chance_to_lead(first, second) == pytest.approx(tail)


def test_four_alike_settle_a_vote_at_95_percent_and_three_do_not():
    assert is_settled([path(7)] * 4, 100, 0.95)
    assert not is_settled([path(7)] * 3, 100, 0.95)
    assert not is_settled([path(None)] * 9, 100, 0.95), "nobody has said anything"


def said(told):
    """Stands for `answer`: each path states what `told` has for its problem, thought and sample."""

    def answer(writer, problems, thoughts, *, decoding, executor, found=(), samples=None):
        return [
            Output(
                problem_id=p.id,
                dataset="toy",
                split=p.split,
                phase="after",
                thought=name,
                sample=sample,
                num_shots=0,
                num_tokens=1,
                text=f"The answer is {told[p.id][name][sample]}.",
                finished=True,
            )
            for p in problems
            for name in thoughts
            for sample in samples or range(1 + decoding.num_samples(p.split))
        ]

    return patch("mdexp.decoding.answering.answer", answer)


def problem(name, split="test"):
    return Problem(id=name, dataset="toy", split=split, question="?", answer=1)


ANSWERS = st.lists(st.integers(1, 3), min_size=MOST + 1, max_size=MOST + 1)
TOLD = st.fixed_dictionaries(dict.fromkeys(NAMES, ANSWERS))


@given(st.lists(TOLD, min_size=1, max_size=3))
def test_with_certainty_the_votes_are_those_of_all_paths(sandbox, answers):
    told = {str(n): each for n, each in enumerate(answers)}
    problems = [problem(name) for name in told]
    with said(told):
        outputs, counts = decoder().solve(
            problems, THOUGHTS, SimpleNamespace(readings={}), sandbox, {}
        )
    for name, texts in told.items():
        everything = [path(a, t, s) for t in NAMES for s, a in enumerate(texts[t]) if s]
        written = [o for o in outputs if o.problem_id == name]
        heard = [path(texts[o.thought][o.sample], o.thought, o.sample) for o in written if o.sample]
        assert elect(heard, list(NAMES)).answer == elect(everything, list(NAMES)).answer
        assert {o.sample for o in written} == set(range(1 + len(heard) // 2)), "none is left out"
    assert [o.problem_id for o in outputs] == sorted(o.problem_id for o in outputs)
    for thought in NAMES:
        sampled = sum(o.thought == thought and o.sample > 0 for o in outputs)
        assert counts[thought] == {
            "sampled paths": sampled,
            "sampled paths at most": MOST * len(told),
        }


def test_an_agreed_problem_is_left_and_a_disputed_one_is_not(sandbox):
    told = {"agreed": dict.fromkeys(NAMES, [1] * 6), "open": {"cot": [1] * 6, "label": [2] * 6}}
    told["chosen by"] = told["agreed"]
    problems = [problem("agreed"), problem("open"), problem("chosen by", "validation")]
    with said(told):
        outputs, _ = decoder(validation_paths=3, confidence=0.95).solve(
            problems, THOUGHTS, SimpleNamespace(readings={}), sandbox, {}
        )
    samples = {p.id: sum(o.problem_id == p.id and o.sample > 0 for o in outputs) for p in problems}
    assert samples == {"agreed": 4, "open": 2 * MOST, "chosen by": 6}


def test_its_paths_are_those_of_straight_decoding(sandbox):
    model, tokenizer = tiny("causal").load(SEED)
    renderer = Renderer(tokenizer, "causal", "plain")
    writer = StudentWriter(model=model.eval(), renderer=renderer, phase="after", seed=0)
    own = decoder(max_new_tokens=6, batch_size=4)
    problems = [problem("a"), problem("b")]
    found, _ = own.solve(problems, THOUGHTS, writer, sandbox, {})
    straight, _ = own.straight().solve(problems, THOUGHTS, writer, sandbox, {})
    assert set(map(repr, found)) <= set(map(repr, straight))


def test_one_path_leaves_nothing_to_save():
    with pytest.raises(ValidationError, match="num_paths=1: stopping saves paths from the second"):
        decoder(num_paths=1)


def test_a_server_is_not_asked():
    with pytest.raises(ValidationError, match="stopping needs engine=local"):
        decoder(engine="openai", base_url="http://127.0.0.1:1/v1", served="own")


def test_a_thought_that_reads_others_cannot_stop():
    reader = plugin("thought", "repair", trigger="disagree")
    assert "thought=mended reads others" in (decoder().why_not({"mended": reader}, "causal") or "")
    assert decoder().why_not(THOUGHTS, "causal") is None
