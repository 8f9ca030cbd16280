"""Free-text answers: when two are the same, where prose states one, how it is graded and voted."""

import pytest

from mdexp.answers import correct, fitting, stated_text, text_key, vote_key
from mdexp.grading.score import grade, metrics, votes
from mdexp.grading.verify import verify_paths
from mdexp.ports import SourceError
from mdexp.records import Expected, Output, Path, Problem, TextMatch
from tests.contract.conftest import plugin
from tests.named_dataset import dataset

THOUGHTS = {name: plugin("thought", name) for name in ("cot", "label")}
PARIS = Problem(
    id="p",
    dataset="d",
    split="test",
    question="Which city?",
    answer="The Hague",
    answer_kind="text",
    match="normalised",
)


@pytest.mark.parametrize(
    ("answer", "gold", "match", "same"),
    [
        ("the hague.", "The Hague", "normalised", True),
        ("the hague", "The Hague", "exact", False),
        (' "The Hague". ', "The Hague", "exact", True),
        ("Hague", "The Hague", "normalised", True),
        ("Den Haag", "The Hague", "normalised", False),
        ("AC/DC", "ac dc", "normalised", True),
        ("ﬁsh", "fish", "normalised", True),
        ("", "The Hague", "normalised", False),
        (None, "The Hague", "exact", False),
        (12.0, "twelve", "normalised", False),
    ],
)
def test_when_two_texts_are_the_same(
    answer: str | None, gold: str, match: TextMatch, same: bool
) -> None:
    assert correct(answer, gold, match) is same


def test_without_a_match_free_text_meets_nothing() -> None:
    assert not correct("Paris", "Paris")
    assert vote_key("Paris", None) is None
    assert vote_key("Paris", "exact") == "Paris"


def test_a_text_of_articles_alone_keeps_them() -> None:
    assert text_key("The", "normalised") == "the"
    assert text_key("?!", "normalised") == "?!"
    assert text_key("x" * 500, "exact") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It lies by the sea.\nThe answer is The Hague.", ("It lies by the sea.", "The Hague")),
        ("So the final answer is: **The Hague**", ("", "The Hague")),
        ("By the sea.\n#### The Hague", ("By the sea.", "The Hague")),
        ("The answer is X.\nNo.\nThe answer is Y.", ("The answer is X.\nNo.", "Y")),
        ("The Hague", ("", "The Hague")),
        ("One.\nTwo.", ("One.\nTwo.", None)),
        ("The answer is", ("", None)),
    ],
)
def test_where_prose_states_an_answer(text: str, found: tuple[str, str | None]) -> None:
    assert stated_text(text) == found


@pytest.mark.parametrize("letter", "FGHIJ")
def test_letters_beyond_e_answer_where_there_are_as_many_choices(letter: str) -> None:
    ten = Expected(kind="options", options=tuple(f"text {n}" for n in range(10)))
    assert fitting(letter, ten) == letter
    assert correct(letter, letter.lower())
    assert fitting(letter, Expected(kind="options", options=("a1", "b1"))) is None
    assert fitting(letter, Expected(kind="options")) is None


def output(text: str, thought: str, sample: int = 0) -> Output:
    return Output(
        problem_id="p",
        dataset="d",
        split="test",
        phase="after",
        thought=thought,
        sample=sample,
        num_shots=0,
        text=text,
        num_tokens=5,
        finished=True,
    )


class Nothing:
    """An executor that nothing asks."""


def test_free_text_is_read_graded_and_elected() -> None:
    thoughts = THOUGHTS
    texts = ["By the sea.\nThe answer is the Hague.", "#### Hague", "The answer is 1 Rome."]
    rows = [output(text, "cot", sample) for sample, text in enumerate(texts, start=1)]
    rows += [output("The answer is The Hague.", name) for name in thoughts]
    found = grade(rows, {"p": PARIS}, thoughts, Nothing())  # type: ignore[arg-type]
    assert [g.answer for g in found] == ["the Hague", "Hague", "1 Rome", "The Hague", "The Hague"]
    assert [g.correct for g in found] == [True, True, False, True, True]
    [vote] = [v for v in votes(found, list(thoughts)) if v.row == "vote"]
    assert (vote.correct, vote.votes) == (True, {"hague": 2, "1 rome": 1})
    table = metrics(found, [], list(thoughts))
    assert table["d"]["after"]["label"]["correct"] == 1


def test_a_verified_path_of_free_text_states_gold_once() -> None:
    path = Path(
        problem_id="p",
        thought="cot",
        sample=0,
        text="Its court is by the sea.\nThe answer is the hague.",
        model="m",
    )
    wrong = Path(problem_id="p", thought="cot", sample=1, text="The answer is Rome.", model="m")
    kept, rejected = verify_paths(
        [path, wrong],
        {"p": PARIS},
        {"cot": THOUGHTS["cot"]},
        Nothing(),
        "gold",  # type: ignore[arg-type]
    )
    assert [(p.text, p.answer) for p in kept] == [("Its court is by the sea.", "The Hague")]
    assert [r.reason for r in rejected] == ["wrong_answer"]


def test_a_set_says_how_free_text_is_matched(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "test.csv").write_text("question,answer\nWhich city?,The Hague\nHow many?,4\n")
    with pytest.raises(SourceError, match="match=normalised or exact"):
        dataset("csv", path=str(tmp_path)).problems()
    city, number = dataset("csv", path=str(tmp_path), match="exact").problems()
    assert (city.expected.kind, city.expected.match) == ("text", "exact")
    assert (number.expected.kind, number.match) == ("number", None)
