"""Which questions count as the same, and which nearly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.datasets.near_duplicates import NearDuplicates, words
from mdexp.datasets.overlap import keys, masked, normalised

QUESTION = "Ann has 3 red pens and buys 4. How many pens does she have?"


@pytest.mark.parametrize(
    "twin",
    [
        "ann has 3 red pens , and buys 4 .  how many pens does she have ?",
        "Ann has 3 red pens and buys 4; how many pens does she have",
    ],
)
def test_spelling_does_not_count(twin: str) -> None:
    assert normalised(twin) == normalised(QUESTION)


@pytest.mark.parametrize(
    "twin",
    [
        "Ann has 17 red pens and buys 1,200. How many pens does she have?",
        "Ann has 2.5 red pens and buys 1/2. How many pens does she have?",
        "Ann has three red pens and buys four. How many pens does she have?",
        "Ann has a hundred red pens and buys a dozen. How many pens does she have?",
        "Ann has a hundred and five red pens and buys half a dozen. How many pens does she have?",
        "Ann has two and a half red pens and buys 1½. How many pens does she have?",
    ],
)
def test_numbers_do_not_count_when_masked(twin: str) -> None:
    assert masked(twin) == masked(QUESTION)
    assert normalised(twin) != normalised(QUESTION)


@pytest.mark.parametrize(
    "other",
    [
        "Ann has 3 red pens and loses 4. How many pens does she have?",
        "Ann has 3 red pens and buys 4. How many pens does she have now?",
        "Ann has 3 red pens and buys some. How many pens does she have?",
    ],
)
def test_another_word_is_another_question(other: str) -> None:
    assert masked(other) != masked(QUESTION)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It weighs 5kg.", "It weighs 12 kg."),
        ("He took the first box.", "He took the 2nd box."),
        ("He ran twice as far.", "He ran 3 times as far."),
        ("Half of the pies are gone.", "3/4 of the pies are gone."),
        ("A dozen eggs", "Thousands eggs"),
        ("An 8 inch pipe", "A 9 inch pipe"),
    ],
)
def test_numbers_are_known_in_every_form(one: str, other: str) -> None:
    assert masked(one) == masked(other)


def test_numbers_that_are_apart_stay_apart() -> None:
    assert masked("3 and 4 are") == "0 and 0 are"


PAIRS = [
    # names, in every place
    (
        "Al has 3 pens. Bo has 4 pens. How many more pens does Bo have than Al?",
        "Bo has 7 pens. Al has 9 pens. How many more pens does Al have than Bo?",
    ),
    # sentences
    (
        "Al has 3 pens. Bo has 4 coins. How many things are there?",
        "Bo has 9 coins. Al has 2 pens. How many things are there?",
    ),
    # clauses
    (
        "How much do 3 pens cost, if a pen costs 4 cents?",
        "If a pen costs 5 cents, how much do 9 pens cost?",
    ),
    ("Al has 3 pens and Bo has 4 coins.", "Bo has 12 coins and Al has 9 pens."),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_order_does_not_count_when_masked(one: str, other: str) -> None:
    assert keys(one, "masked") & keys(other, "masked")
    assert not keys(one, "exact") & keys(other, "exact")
    assert not keys(one, "off")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (  # the same words in other roles: 9 - 2 and 9 + 2
            "There are 9 girls. There are 2 more girls than boys. How many boys are there?",
            "There are 9 girls. There are 2 more boys than girls. How many boys are there?",
        ),
        (
            "Al makes 4 more than Bo. Cy makes half as many as Al. How many does Cy make?",
            "Bo makes 4 more than Al. Cy makes half as many as Al. How many does Cy make?",
        ),
    ],
)
def test_the_same_words_in_another_role_are_another_question(one: str, other: str) -> None:
    assert sorted(normalised(one)) == sorted(normalised(other))
    assert not keys(one, "masked") & keys(other, "masked")


def test_near_duplicates_share_nine_words_of_ten() -> None:
    known = ["a b c d e f g h i j", "k l m n o p q r s t"]
    index = NearDuplicates(known, "exact")
    assert index.find("j i h g f e d c b x") == 0
    assert index.find("j i h g f e d c y x") is None
    assert index.find("k l m n o p q r s t", but=1) is None


def test_numbers_count_as_words_unless_masked() -> None:
    known, asked = ["There are 1 2 a 3 b 4 c 5"], "There are 6 7 a 8 b 9 c 10"
    assert NearDuplicates(known, "exact").find(asked) is None
    assert NearDuplicates(known, "masked").find(asked) == 0


@given(
    known=st.lists(st.text(alphabet="abcd ", max_size=40), max_size=8),
    asked=st.text(alphabet="abcd ", max_size=40),
)
def test_the_index_finds_what_a_comparison_of_all_pairs_finds(known: list[str], asked: str) -> None:
    bags, bag = [words(question, "exact") for question in known], words(asked, "exact")
    near = [
        number
        for number, other in enumerate(bags)
        if bag and 10 * len(bag & other) >= 9 * max(len(bag), len(other))
    ]
    found = NearDuplicates(known, "exact").find(asked)
    assert found in near if near else found is None


@given(st.text(alphabet="aé1२.5 ,-ONE²"))
def test_mask_looks_at_the_normalised_question_only(text: str) -> None:
    assert masked(normalised(text)) == masked(text)
