"""Program text through a tokenizer that, like T5's, knows no newline, indentation or brace."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdexp.students.code_text import CodeText

SENTINEL = re.compile(r"(<extra_id_\d+>)")
UNKNOWN = re.compile(r"[{}<\\^~`é]")


class Blind:
    """Drops what T5's vocabulary lacks, joins blanks, and sets sentinels off by spaces."""

    def __init__(self, sentinels=100, space_around=" "):
        self.vocabulary = {f"<extra_id_{i}>": i for i in range(sentinels)}
        self.space_around = space_around

    def __call__(self, text, add_special_tokens):
        parts = [part for part in SENTINEL.split(text) if part.strip()]
        return {"input_ids": [self.piece(part) for part in parts]}

    def piece(self, part):
        if part in self.vocabulary:
            return part
        return " ".join(UNKNOWN.sub("", part).split())

    def decode(self, ids, clean_up_tokenization_spaces):
        return self.space_around.join(ids)

    def get_vocab(self):
        return self.vocabulary


class Lossless(Blind):
    def __call__(self, text, add_special_tokens):
        return {"input_ids": [text]}


def read_back(text, tokenizer):
    code_text = CodeText(tokenizer)
    ids = tokenizer(code_text.encode(text), add_special_tokens=False)["input_ids"]
    return code_text.decode(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


words = st.text("abz019_=+-*/().,:[]'#{}<\\^~` \t", min_size=1, max_size=12)
lines = st.tuples(st.integers(0, 6), words).map(lambda line: "  " * line[0] + line[1])
programs = st.lists(lines | st.just(""), min_size=1, max_size=6).map("\n".join)


@given(programs, st.sampled_from(["", " "]))
def test_a_program_survives(program, space_around):
    assert read_back(program, Blind(space_around=space_around)) == program


@given(programs)
def test_what_is_encoded_has_nothing_that_the_vocabulary_lacks(program):
    encoded = CodeText(Blind()).encode(program)
    assert not re.search(r"\n|  ", encoded)
    assert not UNKNOWN.search(SENTINEL.sub("", encoded))


def test_an_indent_after_a_newline_is_one_token():
    assert CodeText(Blind()).encode("if a:\n    b") == "if a:<extra_id_0>b"
    assert CodeText(Blind()).encode("\n        b") == "<extra_id_0><extra_id_2>b"


@pytest.mark.parametrize("number", [0, 5, 9, 50])
def test_a_text_that_spells_a_sentinel_survives(number):
    assert read_back(f"a<extra_id_{number}>b", Blind()) == f"a<extra_id_{number}>b"


@pytest.mark.parametrize(
    "text", ["if a < b:", "x = {1: 2}", "a\n  b", " a ", "a  b", "a     b", "{ }", "\ta", "", " "]
)
@pytest.mark.parametrize("space_around", ["", " "])
def test_a_blank_beside_a_lost_sign_survives(text, space_around):
    assert read_back(text, Blind(space_around=space_around)) == text


def test_a_blank_between_words_stays():
    assert CodeText(Blind()).encode("return a + b") == "return a + b"


def test_a_sign_that_no_sentinel_stands_for_is_lost():
    assert (
        read_back("a = {'é': 1}", Blind()) != "a = {'é': 1}"
    )  # counted as lossy where targets are made


@given(st.text())
def test_a_lossless_tokenizer_gets_the_text_as_it_is(text):
    code_text = CodeText(Lossless())
    assert code_text.encode(text) == code_text.decode(text) == text


def test_without_enough_sentinels_the_text_stays_as_it_is():
    code_text = CodeText(Blind(sentinels=3))
    assert code_text.encode("a\n{b}") == code_text.decode("a\n{b}") == "a\n{b}"
