"""Tree search over students whose every step is written down here, and over a tiny one."""

import hashlib
import random
from dataclasses import replace
from math import exp
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from mdexp.decoding.cached_text import CachedText, CachedTokens
from mdexp.decoding.decode_stats import DecodeStats
from mdexp.decoding.prefix_scores import PrefixScores
from mdexp.decoding.request import Answered, DecodingLimits
from mdexp.decoding.search import TreeSearch
from mdexp.decoding.search_steps import Sought
from mdexp.decoding.session import Session
from mdexp.decoding.step_values import HeadScores, TokenLikelihood
from mdexp.decoding.student_writer import StudentWriter
from mdexp.decoding.tree_growth import Growth
from mdexp.grading.score import grade, votes
from mdexp.grading.vote_rules.scorer import ScorerVote
from mdexp.records import LinearHead, Problem, ProgramResult, by_id
from mdexp.students.prefix_states import Prefix
from mdexp.students.prompts import Renderer
from mdexp.students.tiny import byte_tokenizer
from mdexp.transcripts.driver import first_write
from tests.contract.conftest import plugin
from tests.tiny_run import writer_of_lines

EOS = 2
POT = plugin("thought", "pot")
RENDERER = Renderer(byte_tokenizer(), "causal", "plain")
GOLD = 42


class Interpreter:
    """Says of programs that multiply and add numbers what Python would."""

    def solve(self, systems):
        raise AssertionError("there are no equations here")

    def run(self, programs):
        return [self._result(program) for program in programs]

    def _result(self, program):
        if "/ 0" in program:
            return ProgramResult(status="runtime_error", error="ZeroDivisionError")
        if "ans" not in program:
            return ProgramResult(status="no_answer")
        return ProgramResult(status="ok", answer=GOLD if "* 7" in program else len(program))


class Scripted:
    """A session that writes what `script` says may follow a text, the likeliest first. It counts
    what it reads and writes; with `keeps` it reads only the last token of what it has read."""

    def __init__(self, script, keeps=True):
        self.script, self.keeps = script, keeps
        self.renderer, self.tokens, self.batches = RENDERER, 0, []

    def write(self, requests, texts, limits):
        self.batches.append([request.stream for request in requests])
        read = {}  # draws behind one text read it once
        found = []
        for request, text in zip(requests, texts, strict=True):
            kept = text.continued_as(request.prompt_ids)
            read[tuple(request.prompt_ids)] = len(request.prompt_ids) - kept.num_read
            answered = self._answered(request, limits.max_new_tokens)
            self.tokens += answered.num_tokens
            ids = (*request.prompt_ids, *answered.token_ids)
            nothing = torch.zeros(1, 1, len(ids) - 1, 1)
            held = (CachedTokens(nothing, nothing),) if self.keeps else ()
            found.append((answered, CachedText(ids, held)))
        self.tokens += sum(read.values())
        return found

    def _answered(self, request, room):
        said, ids, logprobs = "", [], []
        while len(ids) < room and (not ids or request.stop(said) is None) and EOS not in ids:
            so_far = RENDERER.text([*request.prompt_ids, *ids]).partition("Q:")[2]
            text, logprob = self._drawn(so_far, request)
            new = [EOS] if text == "$" else RENDERER.prompt_ids(text)
            ids, logprobs = [*ids, *new], [*logprobs, *[logprob] * len(new)]
            said = RENDERER.text(ids)
        return Answered(
            token_ids=ids[:room],
            logprobs=logprobs[:room],
            num_tokens=len(ids[:room]),
            finished=len(ids) <= room,
        )

    def _drawn(self, so_far, request):
        options = self.script(so_far)
        if request.sample == 0:
            return options[0]
        digest = hashlib.sha256(f"{request.stream}{so_far}".encode()).digest()
        return options[digest[0] % len(options)]


# The greedy program adds where it has to multiply.
PLANTED = {
    "": [("a = 6\n", -0.1), ("b = 1 / 0\n", -0.9), ("a = 5\n", -1.2)],
    "a = 6\n": [("ans = a + 9\n", -0.1), ("ans = a * 7\n", -1.5), ("ans = a / 0\n", -1.0)],
    "a = 5\n": [("ans = a + 9\n", -0.3)],
}


def planted(so_far):
    return PLANTED.get(so_far, [("$", -0.1)])


def random_script(seed):
    """Lines of any length, some of which raise; a text ends after any of them."""

    def script(so_far):
        dice = random.Random(f"{seed}{so_far}")
        lines = [
            f"x = {'1 + ' * dice.randrange(12)}{dice.choice(['1', 'y', '2 * 7', '1 / 0'])}\n"
            for _ in range(3)
        ]
        return [(dice.choice([line, f"ans = {line}", "$"]), -dice.random()) for line in lines]

    return script


class ByText(BaseModel):
    """A scorer that is told by the text what a path is worth."""

    model_config = ConfigDict(frozen=True)

    worth: dict[str, float]
    otherwise: float

    def fit(self, paths):
        def score(path):
            return next((v for said, v in self.worth.items() if said in path.text), self.otherwise)

        return lambda scored: [score(path) for path in scored]


CONSTANT = ByText(worth={}, otherwise=-0.7)
PERFECT = ByText(worth={"* 7": 0.0}, otherwise=-3.0)


def problem(id="p", split="test"):
    return Problem(id=id, dataset="toy", split=split, question="Q:", answer=GOLD)


BOTH = (problem("v", "validation"), problem("p"))


def sought(id="p"):
    return Sought(
        problem=problem(id),
        name="pot",
        thought=POT,
        stop=first_write(POT, problem(id)).stop,
        prompt_ids=RENDERER.prompt_ids("Q:"),
        stream=f"0/{id}/pot/search",
    )


def growth(session, values=None, **options):
    defaults = {"budget": 600, "branches": 3, "step_tokens": 40, "exploration": 1.0}
    return Growth(
        session=session,
        executor=Interpreter(),
        values=values or TokenLikelihood(),
        limits=DecodingLimits(max_new_tokens=80, temperature=0.7, batch_size=8),
        **defaults | options,
    )


def decoder(scorer=None, num_paths=40, num_validation=4, **options):
    defaults = plugin("decoding", "default").model_dump() | {"num_validation": num_validation}
    search = {"budget": 600, "branches": 3, "step_tokens": 40, "exploration": 1.0} | options
    fields = {"num_paths": num_paths, "max_new_tokens": 80, "validation_paths": 2}
    return TreeSearch(**defaults | fields | {"search": {**search, "scorer": scorer}})


@pytest.fixture
def solved(monkeypatch):
    """Outputs and counts of a search over a script."""

    def solve(decoder, script=planted, problems=BOTH):
        session = Scripted(script)
        monkeypatch.setattr(Session, "write", lambda _, *asked: session.write(*asked))
        monkeypatch.setattr(RENDERER, "prompt", lambda question, thought, shown=(): "Q:")
        monkeypatch.setattr(
            "mdexp.decoding.writing.generate_answers",
            lambda model, renderer, requests, limits, work: enumerate(
                answered
                for answered, _ in session.write(requests, [CachedText()] * len(requests), limits)
            ),
        )
        writer = StudentWriter(model=torch.nn.Module(), renderer=RENDERER, phase="after", seed=0)
        return decoder.solve(list(problems), {"pot": POT}, writer, Interpreter(), {})

    return solve


def graded(outputs):
    return grade(outputs, by_id(BOTH), {"pot": POT}, Interpreter())


def test_what_greedy_decoding_misses_is_found(solved):
    outputs, counts = solved(decoder(PERFECT))
    greedy = growth(Scripted(planted), budget=90, branches=1).grow([sought()])[0]
    assert greedy.best().text == "a = 6\nans = a + 9\n", "greedy decoding is wrong"
    best = {g.problem_id: g for g in graded(outputs) if g.sample == 0}
    assert best["p"].correct and best["p"].text == "a = 6\nans = a * 7\n"
    assert counts["pot"]["steps that failed"] > 0 and counts["pot"]["whole texts"] > 2


def test_a_program_that_raises_is_worth_nothing_and_is_not_gone_on_with():
    [tree] = growth(Scripted(planted)).grow([sought()])
    failed = [node for node in tree.nodes if "/ 0" in node.text]
    assert failed and all(
        (n.value, n.status, n.children, n.is_closed) == (0, "failed", [], True) for n in failed
    )
    assert all("/ 0" not in leaf.text for leaf in tree.leaves())
    assert all(0 < n.value <= 1 for n in tree.nodes[1:] if n.status != "failed")


class Readers(TokenLikelihood):
    """Reads texts to value them, and counts what it reads."""

    def cost(self, question, num_tokens):
        return len(question.prompt_ids) + sum(num_tokens) if num_tokens else 0

    def __call__(self, asked):
        behind = {question.problem.id: len(question.prompt_ids) for question, _ in asked}
        self.tokens.append(sum(behind.values()) + sum(len(node.token_ids) for _, node in asked))
        return super().__call__(asked)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    budget=st.integers(60, 900),
    branches=st.integers(1, 5),
    step_tokens=st.integers(1, 60),
    exploration=st.floats(0, 5),
    keeps=st.booleans(),
    reads=st.booleans(),
)
def test_no_search_spends_more_than_its_budget(
    seed, budget, branches, step_tokens, exploration, keeps, reads
):
    session = Scripted(random_script(seed), keeps)
    values = Readers() if reads else TokenLikelihood()
    Readers.tokens = []
    options = {"budget": budget, "branches": branches, "step_tokens": step_tokens}
    grown = growth(session, values, exploration=exploration, **options)
    [tree] = grown.grow([sought()])
    assert tree.spent.total == session.tokens + sum(Readers.tokens) <= budget
    assert bool(tree.root.children) == (budget >= 82), "prompt and text take up to 82 tokens"


def test_questions_that_are_searched_together_do_not_matter_to_each_other():
    script = random_script(1)
    together = growth(Scripted(script)).grow([sought(id) for id in "abc"])
    alone = [growth(Scripted(script)).grow([sought(id)])[0] for id in "abc"]
    assert [t.rows() for t in together] == [t.rows() for t in alone]
    assert together[0].rows() != together[1].rows(), "each has random numbers of its own"
    session = Scripted(script)
    growth(session).grow([sought(id) for id in "abc"])
    assert len(session.batches) == 1 + max(tree.expansions for tree in together)


@pytest.mark.parametrize("seed", [0, 2, 11, 15])
def test_a_perfect_scorer_reaches_what_any_path_reaches(solved, seed):
    outputs, _ = solved(decoder(PERFECT, exploration=3.0), random_script(seed))
    best, *paths = [g for g in graded(outputs) if g.problem_id == "p"]
    assert best.correct == any(path.correct for path in paths) == (seed != 0)
    assert not all(path.correct for path in paths)


@pytest.mark.parametrize("seed", range(4))
def test_a_constant_scorer_elects_what_the_majority_elects(solved, seed):
    outputs, _ = solved(decoder(CONSTANT), random_script(seed))
    paths = graded(outputs)
    rule = ScorerVote(scorer=CONSTANT, temperatures=[1.0])
    by_scorer, by_majority = (
        {v.problem_id: v.answer for v in votes(paths, ["pot"], *given) if v.row == "vote"}
        for given in ([rule], [])
    )
    assert by_scorer == by_majority


def test_whole_texts_are_paths_the_best_first_and_each_as_often_as_it_was_drawn(solved):
    outputs, _ = solved(decoder(PERFECT))
    best, *paths = [o for o in outputs if o.problem_id == "p"]
    assert [o.sample for o in (best, *paths)] == list(range(1 + len(paths)))
    values = [o.trace["value"] for o in paths]
    assert values == sorted(values, reverse=True) and best.text == paths[0].text
    tree = best.trace["tree"]
    for path in paths:
        row = tree[path.trace["node"]]
        assert row["status"] == "whole"
        assert sum(o.trace["node"] == path.trace["node"] for o in paths) == row["draws"]
    few, _ = solved(decoder(PERFECT, num_paths=2))
    assert [o.text for o in few if o.problem_id == "p"] == [o.text for o in (best, *paths[:2])]


def test_a_scorer_learns_from_the_other_half_of_validation(solved):
    taught = {}

    class Notes(ByText):
        def fit(self, paths):
            taught[len(taught)] = {path.problem_id for path in paths}
            return super().fit(paths)

    validation = [problem(f"v{n}", "validation") for n in range(4)]
    solved(decoder(Notes(worth={}, otherwise=-0.1)), problems=[*validation, problem("p")])
    everyone, first, second = taught.values()
    assert everyone == {p.id for p in validation} == first | second
    assert not first & second


def test_a_budget_that_does_not_hold_the_prompt_and_a_text_writes_nothing(solved, caplog):
    outputs, counts = solved(decoder(budget=81), problems=[problem("p")])
    assert [(o.text, o.finished, o.num_tokens) for o in outputs] == [("", False, 0)]
    assert counts["pot"]["problems beyond the budget"] == 1
    assert "search.budget=81" in caplog.text


def test_settings_that_cannot_be_searched_are_refused():
    with pytest.raises(ValidationError, match=r"search\.budget=80 has to hold a prompt"):
        decoder(budget=80)
    with pytest.raises(ValidationError, match="num_validation=0 answers none"):
        decoder(CONSTANT, num_validation=0)
    server = {"engine": "openai", "base_url": "http://127.0.0.1:1/v1", "served": "own"}
    with pytest.raises(ValidationError, match="search needs engine=local"):
        TreeSearch(**decoder().model_dump() | server)
    assert "seq2seq student cannot" in decoder().why_not({"pot": POT}, "seq2seq")
    for other in ("energy", 3):
        with pytest.raises(ValidationError, match=f"or a scorer named by _target_, got '?{other}"):
            decoder(other)
    several = SimpleNamespace(max_writes=2, reads=())
    assert "thought=two has up to 2" in decoder().why_not({"two": several}, "causal")
    assert decoder().why_not({"pot": POT}, "causal") is None


def test_a_scorer_without_problems_to_learn_from_is_an_error(solved):
    with pytest.raises(ValueError, match="none are answered here"):
        solved(decoder(CONSTANT), problems=[problem("p")])


@pytest.fixture(scope="module")
def student():
    model, renderer = writer_of_lines()
    return model.double(), renderer


def test_a_real_student_is_searched_alike_in_every_batch_and_again(student):
    model, renderer = student

    def trees(ids, batch_size):
        session, limits = Session(model, renderer, DecodeStats()), growth(None).limits
        return replace(
            growth(session, step_tokens=12, budget=250),
            limits=replace(limits, batch_size=batch_size, max_new_tokens=40),
        ).grow([sought(id) for id in ids])

    together = [tree.rows() for tree in trees("abc", 16)]
    assert together == [tree.rows() for tree in trees("abc", 2)]
    assert together == [trees(id, 16)[0].rows() for id in "abc"]
    assert max(len(rows) for rows in together) > 12


@pytest.mark.parametrize("keeps", [True, False])
def test_the_run_s_scorer_values_a_text_as_if_it_read_it_anew(student, keeps, monkeypatch):
    """With the cache of the session it reads one token of it."""
    model, renderer = student
    dice = torch.Generator().manual_seed(1)
    weights = tuple(torch.randn(model.config.hidden_size, generator=dice).tolist())
    head = LinearHead(depth=1.0, weights=weights, bias=0.1)
    if not keeps:
        monkeypatch.setattr("mdexp.decoding.step_values.why_not_shared", lambda *_: "planted")
    values = HeadScores(model, head, EOS, batch_size=3)
    grown = growth(Session(model, renderer, DecodeStats()), values, step_tokens=12, budget=900)
    trees = replace(grown, limits=replace(grown.limits, max_new_tokens=24)).grow(
        [sought("a"), sought("b")]
    )
    nodes = [node for tree in trees for node in tree.nodes[1:] if node.status != "failed"]
    prompt = tuple(sought().prompt_ids)
    anew = PrefixScores(model, head, EOS)([Prefix(prompt, node.token_ids) for node in nodes])
    assert [n.value for n in nodes] == pytest.approx([1 / (1 + exp(-odds)) for odds in anew])
    assert len({round(n.value, 6) for n in nodes}) > 5
    read = sum(tree.spent.scored for tree in trees)
    assert read == len(nodes) if keeps else read > sum(len(n.token_ids) for n in nodes)
