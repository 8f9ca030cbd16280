"""Step-wise beams over a student whose every step is written down here."""

from dataclasses import replace
from math import exp, log1p
from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError

from mdexp.config.blocks import BeamSettings
from mdexp.decoding import continuous_batch
from mdexp.decoding.beam_state import Asked
from mdexp.decoding.beams import StepwiseBeams
from mdexp.decoding.cached_text import CachedText
from mdexp.decoding.continuous_batch import ContinuousBatch
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.generate import generate_answers
from mdexp.decoding.relevance import relevance
from mdexp.decoding.request import Answered, DecodingLimits
from mdexp.decoding.stepwise import search
from mdexp.decoding.student_writer import StudentWriter
from mdexp.records import Problem, ProgramResult
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from mdexp.thoughts.pot import ProgramOfThought
from mdexp.transcripts.driver import first_write
from tests.tiny_run import writer_of_lines

EOS = 2
POT = ProgramOfThought(instruction="", cue="code")
RENDERER = Renderer(byte_tokenizer(), "causal", "plain")
LIKELIHOOD_ONLY, RUN, USE = (0.0, 0.0, 0.0), (4.0, 0.0, 0.0), (0.0, 0.0, 1.0)
# What may follow a text, with the log-probability of each of its tokens; `$` ends the sequence.
SCRIPT = {
    "": [("a = 6\n", -1.0), ("b = c\n", -0.1), ("if True:\n", -0.2)],
    "a = 6\n": [("ans = a * 7\n", -1.0), ("ans = a / 0\n", -0.1), ("ans = a + 9\n", -2.0)],
    "if True:\n": [("    ans = 1\n", -0.2)] * 3,
    "a = 6\nans = a * 7\n": [("$", -1.0)] * 3,
    "a = 6\nans = a + 9\n": [("$", -1.0)] * 3,
    "if True:\n    ans = 1\n": [("$", -0.2)] * 3,
}


class Interpreter:
    """Says of these programs what Python would."""

    def solve(self, systems):
        raise AssertionError("there are no equations here")

    def run(self, programs):
        return [self._result(program) for program in programs]

    def _result(self, program):
        if program.rstrip().endswith(":"):
            return ProgramResult(status="syntax_error", error="expected a block")
        if "= c" in program or "/ 0" in program:
            return ProgramResult(status="runtime_error", error="raised")
        return ProgramResult(status="ok", answer=42 if "* 7" in program else 15)


class Alone:
    """Answers what each search asks by itself: `write` takes requests and the room for each."""

    def __init__(self, write, renderer=RENDERER):
        self.write, self.renderer, self.asked = write, renderer, {}

    def ask(self, name, requests, texts, max_new_tokens):
        self.asked[name] = [(a, CachedText()) for a in self.write(requests, max_new_tokens)]

    def answered(self):
        while self.asked:
            ready, self.asked = self.asked, {}
            yield ready


@pytest.fixture
def scripted(monkeypatch):
    """Each request is answered from the script, with some tokens behind the end of its step."""
    streams = []

    def write(requests, max_new_tokens):
        streams.extend(request.stream for request in requests)
        return list(map(answered, requests))

    monkeypatch.setattr(continuous_batch, "ContinuousBatch", lambda *_: Alone(write))
    return streams


def answered(request):
    so_far = RENDERER.text(request.prompt_ids).removeprefix("Q:")
    text, logprob = SCRIPT[so_far][request.sample]
    ids = [EOS] if text == "$" else [*RENDERER.prompt_ids(text), 10, 11]
    return Answered(token_ids=ids, logprobs=[logprob] * len(ids), finished=True)


def problem(id, split, answer):
    return Problem(id=id, dataset="toy", split=split, question="6 of 7", answer=answer)


def asked(weights, question="6 boxes of 7"):
    return Asked(
        question=question,
        problem="p",
        thought=POT,
        stop=first_write(POT, problem("p", "test", 42)).stop,
        prompt_ids=RENDERER.prompt_ids("Q:"),
        stream="0/p/pot",
        weights=weights,
    )


def not_weighed(pairs):
    raise AssertionError("no search weighs relevance here")


def found(
    weights, width=2, questions=("6 boxes of 7",), max_steps=6, near=not_weighed, scores=None
):
    beam = BeamSettings(width=width, branches=3, max_steps=max_steps, weights=[weights])
    limits = DecodingLimits(max_new_tokens=200, temperature=0.7, batch_size=4)
    batch = continuous_batch.ContinuousBatch(None, RENDERER, DecodeStats(), limits)
    questions = [asked(weights, q) for q in questions]
    return search(batch, questions, beam, limits, Interpreter(), near, scores)


def test_a_step_that_raises_ends_its_beam(scripted):
    [search] = found(LIKELIHOOD_ONLY)
    texts = {beam.text for beam in search.beams}
    assert texts == {"if True:\n    ans = 1\n", "a = 6\nans = a * 7\n"}
    assert {beam.text for beam in search.failed} == {"b = c\n", "a = 6\nans = a / 0\n"}
    assert all(beam.finished for beam in search.beams)


def test_likelihood_alone_prefers_the_likely_and_running_steps_outweigh_it(scripted):
    likely, runs = found(LIKELIHOOD_ONLY)[0].result()[0], found(RUN)[0].result()[0]
    assert likely.text == "if True:\n    ans = 1\n"
    assert runs.text == "a = 6\nans = a * 7\n"
    assert [step["status"] for step in runs.trace] == ["ran", "ran", "ran"]
    assert [step["text"] for step in runs.trace] == ["a = 6\n", "ans = a * 7\n", ""]
    assert [step["new"] for step in runs.trace] == [True, True, False]


def test_a_score_is_the_sum_that_it_is_said_to_be(scripted):
    [search] = found((0.5, 0.25, 0.125))
    beam = next(beam for beam in search.beams if "* 7" in beam.text)
    mean = -1.0  # of every token
    assert beam.score((0.5, 0.25, 0.125)) == pytest.approx(mean + 0.5 * 1 + 0.25 * 2 / 3 + 0.125)
    parts = {"logprob": round(mean, 4), "ran": 1.0, "new": 0.6667, "used": 1.0}
    assert beam.trace[-1]["parts"] == pytest.approx(parts, abs=1e-4)
    assert beam.trace[-1]["score"] == pytest.approx(beam.score((0.5, 0.25, 0.125)), abs=1e-4)


def test_numbers_of_the_question_that_are_used_count(scripted):
    assert found(USE)[0].result()[0].used == 1.0
    other = found(USE, questions=["11 of 12"])[0].result()[0]
    assert (other.text, other.used) == ("if True:\n    ans = 1\n", 0.0)


def test_a_fourth_weight_prefers_steps_that_are_near_the_question(scripted):
    """Here a sum is near the question, a product and a block are far from it."""
    asked_of = []

    def near(pairs):
        asked_of.extend(pairs)
        return [-3.0 if "*" in step or "if" in step else -0.25 for _, step in pairs]

    best = found((0.0, 0.0, 0.0, 2.0), near=near)[0].result()[0]
    assert best.text == "a = 6\nans = a + 9\n"
    assert [step.get("relevance") for step in best.trace] == [-0.25, -0.25, None]
    assert best.trace[-1]["parts"]["relevance"] == -0.25
    means = {"logprob": best.parts()["logprob"], "relevance": -0.25}
    assert best.score((0.0, 0.0, 0.0, 2.0)) == pytest.approx(means["logprob"] - 0.5)
    assert all(question == "6 boxes of 7" and step.strip() for question, step in asked_of)
    unweighed = found((0.0, 0.0, 0.0, 0.0))[0].result()[0]
    plain = found(LIKELIHOOD_ONLY)[0].result()[0]
    assert (unweighed.text, unweighed.trace) == (plain.text, plain.trace)


def test_relevance_is_that_of_the_closest_sentence_by_the_students_own_states(student):
    model, renderer = student
    model.double()
    question = "She has 3 boxes. Each holds 7 pens."
    steps = [" Each holds 7 pens.", "She has 3 boxes.", "zzz = 9999\n"]
    same, other, far = relevance(model, renderer, [(question, step) for step in steps])
    assert (same, other) == pytest.approx((0.0, 0.0), abs=1e-6) and far < -0.01
    [alone] = relevance(model, renderer, [(question, steps[2])])
    assert alone == pytest.approx(far), "padding of a batch is not read"


def test_the_runs_scorer_ranks_texts_where_it_has_a_weight(scripted):
    """Whole log-odds of a planted scorer, which knows that 15 is right."""
    asked_of = []

    def scores(prefixes):
        asked_of.extend(prefixes)
        return [3.0 if "+ 9" in RENDERER.text(p.token_ids) else -3.0 for p in prefixes]

    best = found((0.0, 0.0, 0.0, 0.0, 2.0), scores=scores)[0].result()[0]
    assert best.text == "a = 6\nans = a + 9\n"
    low, high = (round(-log1p(exp(-odds)), 4) for odds in (-3.0, 3.0))
    assert [step["chance"] for step in best.trace] == [low, high, high]
    assert best.parts()["chance"] == high, "that of the text so far, no mean over steps"
    parts = best.parts()
    assert best.score((0.0, 0.0, 0.0, 0.0, 2.0)) == pytest.approx(parts["logprob"] + 2 * high)
    assert {p.prompt_ids for p in asked_of} == {tuple(asked(RUN, "6 boxes of 7").prompt_ids)}
    unweighed = found((0.0, 0.0, 0.0, 0.0, 0.0))[0].result()[0]
    assert unweighed.trace == found(LIKELIHOOD_ONLY)[0].result()[0].trace


def test_weights_have_three_to_five_numbers():
    for weights in ((1.0, 2.0), (1.0,) * 6):
        with pytest.raises(ValidationError, match="weights"):
            BeamSettings(width=2, branches=3, max_steps=6, weights=[weights])


def test_counters_say_what_was_tried(scripted):
    [search] = found(LIKELIHOOD_ONLY)
    assert search.counts == {"rounds": 3, "candidates": 15, "ran": 12, "failed": 2}


def test_what_is_open_at_the_last_step_is_not_whole(scripted):
    [search] = found(RUN, max_steps=1)
    assert not any(beam.finished for beam in search.result())


def test_where_every_beam_fails_one_of_them_is_the_answer(scripted, monkeypatch):
    monkeypatch.setitem(SCRIPT, "", [("b = c\n", -0.1)] * 3)
    [search] = found(RUN)
    assert [beam.text for beam in search.result()] == ["b = c\n"]


def test_other_questions_change_no_random_number(scripted):
    found(RUN)
    alone = list(scripted)
    scripted.clear()
    found(RUN, questions=["6 boxes of 7", "other"])
    assert sorted(scripted) == sorted(2 * alone)


def decoding():
    return StepwiseBeams(
        engine="local",
        base_url=None,
        served=None,
        num_paths=1,
        temperature=0.7,
        top_p=1.0,
        max_new_tokens=200,
        batch_size=4,
        num_shots=0,
        num_validation=5,
        beam=BeamSettings(width=2, branches=3, max_steps=6, weights=[LIKELIHOOD_ONLY, RUN]),
    )


@pytest.mark.parametrize(("gold", "chosen"), [(42, RUN), (15, LIKELIHOOD_ONLY)])
def test_weights_are_those_that_solve_most_validation_problems(scripted, monkeypatch, gold, chosen):
    monkeypatch.setattr(RENDERER, "prompt", lambda question, thought: "Q:")
    problems = [problem("v", "validation", gold), problem("t", "test", 42)]
    writer = StudentWriter(model=None, renderer=RENDERER, phase="after", seed=0)
    outputs, counts = decoding().solve(problems, {"pot": POT}, writer, Interpreter(), {})
    assert counts["pot"]["weights"] == list(chosen)
    assert [(o.problem_id, o.sample) for o in outputs] == [("v", 0), ("t", 0), ("t", 1)]
    assert outputs[1].text == (
        "a = 6\nans = a * 7\n" if chosen == RUN else "if True:\n    ans = 1\n"
    )
    assert outputs[1].trace["counts"]["rounds"] == 3
    assert len(outputs[1].trace["steps"]) == 3


def test_what_a_run_chose_is_used_again():
    assert decoding().with_choice({"weights": [1.0, 2.0, 3.0]}).beam.weights == ((1.0, 2.0, 3.0),)
    assert decoding().with_choice({}).beam.weights == (LIKELIHOOD_ONLY, RUN)


def test_a_student_or_thought_that_cannot_be_grown_by_steps_is_refused():
    assert "seq2seq student cannot" in decoding().why_not({"pot": POT}, "seq2seq")
    several = SimpleNamespace(max_writes=2, reads=())
    fault = decoding().why_not({"pot": POT, "two": several}, "causal")
    assert "thought=two has up to 2" in fault
    reader = SimpleNamespace(max_writes=1, reads=("cot",))
    assert "thought=one reads cot" in decoding().why_not({"one": reader}, "causal")
    assert decoding().why_not({"pot": POT}, "causal") is None


@pytest.fixture(scope="module")
def student():
    return writer_of_lines()


class ReadsAgain(Alone):
    """Every step reads the texts so far once more."""

    def __init__(self, model, renderer, work, limits):
        def write(requests, max_new_tokens):
            room = replace(limits, max_new_tokens=max_new_tokens)
            found = dict(generate_answers(model, renderer, requests, room, work))
            return [found[i] for i in range(len(requests))]

        super().__init__(write, renderer)


def searched(
    student,
    kind=ContinuousBatch,
    batch_size=16,
    dtype=torch.float64,
    options=(RUN,),
    questions=range(3),
    **others,
):
    model, renderer = student
    work = DecodeStats()
    beam = BeamSettings(width=2, branches=2, max_steps=5, weights=[RUN])
    limits = DecodingLimits(
        temperature=0.7, batch_size=batch_size, **{"max_new_tokens": 40} | others
    )
    batch = kind(model.to(dtype), renderer, work, limits)
    questions = [
        replace(asked(w), problem=f"p{n}", stream=f"{n}", prompt_ids=list(range(10, 20 + 3 * n)))
        for w in options
        for n in questions
    ]
    found = search(batch, questions, beam, limits, Interpreter(), not_weighed)
    return [[(b.text, b.trace) for b in s.result()] for s in found], work


def test_a_real_student_is_searched_alike_in_every_batch(student):
    one, several = (searched(student, batch_size=n)[0] for n in (1, 16))
    assert one == several


@pytest.mark.parametrize("max_new_tokens", [12, 24, 60])
def test_what_is_found_depends_on_no_question_that_is_searched_beside(student, max_new_tokens):
    together, _ = searched(student, max_new_tokens=max_new_tokens, questions=range(6))
    alone = [
        searched(student, max_new_tokens=max_new_tokens, questions=[n])[0][0] for n in range(6)
    ]
    assert together == alone
    assert max(len(trace) for beams in alone for _, trace in beams) > 1, "texts went on"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch_size", [3, 16])
@pytest.mark.parametrize("options", [(LIKELIHOOD_ONLY,), (LIKELIHOOD_ONLY, RUN, USE)])
def test_a_search_writes_what_a_student_writes_that_reads_all_again(
    student, dtype, batch_size, options
):
    again, _ = searched(student, ReadsAgain, batch_size, dtype, options)
    kept, work = searched(student, ContinuousBatch, batch_size, dtype, options)
    texts = [[text for text, _ in beams] for beams in kept]
    assert texts == [[text for text, _ in beams] for beams in again]
    assert max(len(trace) for beams in kept for _, trace in beams) > 1, "texts went on"
    assert work.read_again == 0


def test_what_two_choices_of_weights_have_in_common_is_written_once(student):
    once, twice = (searched(student, options=[RUN] * n) for n in (1, 2))
    assert twice[1].row_steps == once[1].row_steps
    assert twice[0] == 2 * once[0]


def test_a_beam_without_room_ends_as_it_is(scripted, monkeypatch):
    """Behind the student's last position nothing is written."""

    def write(requests, max_new_tokens):
        return [Answered() if "/step 1" in one.stream else answered(one) for one in requests]

    monkeypatch.setattr(continuous_batch, "ContinuousBatch", lambda *_: Alone(write))
    [one] = found(LIKELIHOOD_ONLY, width=1)
    [beam] = one.result()
    assert beam.text == "if True:\n" and beam.ended and not beam.finished
