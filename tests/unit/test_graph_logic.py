"""Puzzles over graphs: gold agrees with a solver that reads the questions, and no test sequence of
relations is trained on."""

import re
from collections import defaultdict
from itertools import pairwise, product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.answers import correct
from mdexp.datasets import (
    generated,
    graph_logic_family,
    graph_logic_kinship,
    graph_logic_order,
    graph_logic_spatial,
)
from mdexp.datasets.graph_logic_puzzle import NAMES
from mdexp.records import Problem
from mdexp.sandbox.executor import Sandbox
from tests.contract.conftest import plugin
from tests.named_dataset import dataset
from tests.read_texts import read_texts

TASKS = ("spatial", "kinship", "order")
WORDINGS = {
    "spatial": graph_logic_spatial.WORDINGS,
    "kinship": graph_logic_kinship.WORDINGS,
    "order": graph_logic_order.WORDINGS,
}
DISTRACTORS = ["supporting", "irrelevant", "disconnected"]
draws = st.integers(0, 10**6)


def problems(task: str, **options: object) -> list[Problem]:
    """Options are those of the puzzle, but for the sizes and the draw."""
    sizes = {"limit_train": 30, "limit_test": 30} | {
        key: options.pop(key) for key in ("limit_train", "limit_test", "draw") if key in options
    }
    return dataset("graph_logic", puzzle={"tasks": [task]} | options, **sizes).problems()


def facts_in(text: str, task: str) -> list[tuple[str, str, str]]:
    """(subject, relation, object) of each sentence of a text that states a fact, in order."""
    found = []
    for sentence in re.findall(r"[^.?]+\.", text):
        for wording in WORDINGS[task]:
            pattern = re.escape(wording)
            for group, value in (
                ("subject", r"[A-Z]\w+"),
                ("object", r"[A-Z]\w+"),
                ("relation", r"\w+ than" if task == "order" else r"[a-z-]+"),
            ):
                pattern = pattern.replace(rf"\{{{group}\}}", f"(?P<{group}>{value})", 1)
            if match := re.fullmatch(pattern, sentence.strip()):
                found.append((match["subject"], match["relation"], match["object"]))
                break
    return found


def chain_of(problem: Problem, task: str) -> list[tuple[str, str, str]]:
    [text] = problem.solutions["extract_then_answer"]
    return facts_in(text.split("\n")[0].removeprefix("Facts: "), task)


def spatial_gold(problem: Problem) -> int:
    """By spreading coordinates over all facts of the question, in both directions."""
    vectors = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
    asked = re.search(r"How many steps (\w+) of (\w+) is (\w+)\?", problem.question)
    assert asked
    place = {asked[2]: (0, 0)}
    while asked[3] not in place:
        for subject, relation, other in facts_in(problem.question, "spatial"):
            parts = [vectors[word] for word in relation.split("-")]
            east, north = sum(p[0] for p in parts), sum(p[1] for p in parts)
            if other in place:
                x, y = place[other]
                place.setdefault(subject, (x + east, y + north))
            elif subject in place:
                x, y = place[subject]
                place.setdefault(other, (x - east, y - north))
    unit = vectors[asked[1]]
    return sum(a * b for a, b in zip(unit, place[asked[3]], strict=True))


def order_gold(problem: Problem) -> str:
    """By the transitive closure of all facts of the question."""
    less_than = {less: more for more, less in graph_logic_order.COMPARISONS}
    above = set()
    for subject, relation, other in facts_in(problem.question, "order"):
        pair = (other, subject) if relation in less_than else (subject, other)
        above.add((*pair, less_than.get(relation, relation)))
    for _ in range(8):
        above |= {(a, d, r) for (a, b, r), (c, d, s) in product(above, above) if (b, r) == (c, s)}
    asked = re.search(r"Is (\w+) (\w+ than) (\w+)\?", problem.question)
    assert asked
    first, relation, second = asked.groups()
    if relation in less_than:
        first, second, relation = second, first, less_than[relation]
    assert ((first, second, relation) in above) != ((second, first, relation) in above)
    return "yes" if (first, second, relation) in above else "no"


@settings(max_examples=5, deadline=None)
@given(draw=draws, distractors=st.lists(st.sampled_from(DISTRACTORS), unique=True))
@pytest.mark.parametrize(("task", "gold"), [("spatial", spatial_gold), ("order", order_gold)])
def test_gold_is_what_a_reader_of_the_question_finds(task, gold, draw, distractors):
    for problem in problems(task, draw=draw, distractors=distractors):
        hops = int(problem.type.removeprefix("k="))
        assert len(facts_in(problem.question, task)) == hops + len(distractors)
        assert correct(gold(problem), problem.answer), problem


@settings(max_examples=20, deadline=None)
@given(draw=draws)
def test_relations_are_what_they_mean(draw):
    """Each word holds for the pairs that its definition by parents and spouses names, no other."""
    family = graph_logic_family.draw_family(Random(draw))

    def parents(person):
        return set(person.parents)

    def children(person):
        return {other for other in family if person in other.parents}

    def siblings(person):
        return set().union(*map(children, parents(person))) - {person}

    def of(people, relation):
        return set().union(*map(relation, people))

    def spouse(person):
        return {person.spouse} - {None}

    meant = {
        "spouse": spouse,
        "parent": parents,
        "child": children,
        "sibling": siblings,
        "grandparent": lambda p: of(parents(p), parents),
        "grandchild": lambda p: of(children(p), children),
        "parent's sibling": lambda p: of(parents(p), siblings),
        "sibling's child": lambda p: of(siblings(p), children),
        "cousin": lambda p: of(of(parents(p), siblings), children),
        "spouse's parent": lambda p: of(spouse(p), parents),
        "child's spouse": lambda p: of(children(p), spouse),
        "sibling-in-law": lambda p: of(spouse(p), siblings) | of(siblings(p), spouse),
    }
    for person, other in product(family, family):
        kinds = [kind for kind, people in meant.items() if other in people(person)]
        assert len(kinds) <= 1, "no two words for one pair"
        words = [graph_logic_family.WORDS[kind][other.is_male] for kind in kinds]
        found = graph_logic_family.relation_of(person, other)
        assert [found] == (words or [None])


def test_facts_leave_one_answer_to_what_somebody_is():
    """Whatever the family, the same relations lead to the same kinship: so facts tell the gold."""
    led_to = defaultdict(set)
    chance = Random(0)
    for _ in range(3000):
        family = graph_logic_family.draw_family(chance)
        if walk := graph_logic_kinship.draw_walk(chance, family, chance.choice([2, 3, 4, 5, 6])):
            steps = tuple(graph_logic_family.relation_of(a, b) for a, b in pairwise(walk))
            for n in range(2, len(steps) + 1):
                kin = graph_logic_family.relation_of(walk[0], walk[n])
                led_to[steps[:n]].add(kin)
                before = graph_logic_family.relation_of(walk[0], walk[n - 1])
                led_to[f"{before}, then {steps[n - 1]}"].add(kin)
    assert len(led_to) > 500
    assert {steps: kin for steps, kin in led_to.items() if len(kin) > 1} == {}


@settings(max_examples=5, deadline=None)
@given(draw=draws)
@pytest.mark.parametrize("task", TASKS)
def test_training_and_test_share_nothing_to_remember(task, draw):
    found = problems(task, draw=draw, hops_test=[2, 3], distractors=DISTRACTORS)
    told = {"train": set(), "test": set()}
    for problem in found:
        chain = chain_of(problem, task)
        assert len(chain) == int(problem.type.removeprefix("k="))
        told[problem.split].add(tuple(relation for _, relation, _ in chain))
        own = {name for names in NAMES[problem.split].values() for name in names}
        facts = facts_in(problem.question, task)
        assert {name for fact in facts for name in (fact[0], fact[2])} <= own
    assert len(told["train"]) > 1 and len(told["test"]) > 1
    assert not told["train"] & told["test"]


def test_hops_and_tasks_take_turns():
    found = problems("spatial", tasks=TASKS, limit_test=60)
    test = [(p.id.split("/")[1], p.type) for p in found if p.split == "test"]
    assert {kind: test.count(kind) for kind in test} == {
        (task, f"k={hops}"): 4 for task in TASKS for hops in (2, 3, 4, 5, 6)
    }


@pytest.mark.parametrize("options", [{}, {"kinship": "options"}], ids=["yes_no", "options"])
def test_every_solution_leads_to_gold(options):
    found = problems("spatial", tasks=TASKS, distractors=DISTRACTORS, **options)
    cases = [
        (problem, name, text)
        for problem in found
        for name, texts in problem.solutions.items()
        for text in texts
    ]
    thoughts = {name: plugin("thought", name) for name in {name for _, name, _ in cases}}
    assert set(thoughts) == {"cot", "pot", "eot", "extract_then_answer"}
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as sandbox:
        reads = read_texts([(thoughts[n], text, p.expected) for p, n, text in cases], sandbox)
    for (problem, name, text), read in zip(cases, reads, strict=True):
        assert correct(read.answer, problem.answer), (name, text, read)


def test_a_wrong_kinship_is_as_likely_by_its_word_as_a_right_one():
    """Else the word that is asked for would give the answer away."""
    asked = defaultdict(list)
    for problem in problems("kinship", limit_train=1000, limit_test=1):
        word = re.search(r"the ([\w-]+) of \w+\?", problem.question)
        asked[word[1]].append(problem.answer == "yes")
    common = [answers for answers in asked.values() if len(answers) >= 40]
    assert len(common) >= 5
    assert all(0.25 < sum(answers) / len(answers) < 0.75 for answers in common)


def test_a_limit_beyond_what_there_is_names_its_key(monkeypatch):
    monkeypatch.setattr(generated, "MAX_DRAWS", 0)
    with pytest.raises(ValueError, match=r"lower dataset\.limit_train"):
        problems("order")
