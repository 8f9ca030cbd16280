"""The parser of JSON Lines: what is harmless, and what is refused by file and line."""

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdexp.records import Answer
from mdexp.store.json_lines import JsonLinesError, json_objects, read_jsonl, text_lines, write_jsonl


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    text: str
    answer: Answer | None = None


rows = st.builds(
    Row,
    text=st.text(st.characters() | st.sampled_from("\n\r\u2028\x85\x1c")),
    answer=st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
)


@settings(max_examples=40, deadline=None)  # every write waits for the disk
@given(st.lists(rows, max_size=5))
def test_records_come_back_as_they_were(tmp_path_factory, written):
    path = tmp_path_factory.getbasetemp() / "rows.jsonl"
    write_jsonl(path, written)
    read = read_jsonl(path, Row)
    assert read == written
    assert [type(row.answer) for row in read] == [type(row.answer) for row in written]
    assert path.read_bytes().count(b"\n") == len(written)


def test_half_a_surrogate_pair_survives(tmp_path):
    write_jsonl(tmp_path / "rows.jsonl", [Row(text="\ud83d")])
    assert read_jsonl(tmp_path / "rows.jsonl", Row) == [Row(text="\ud83d")]


def test_the_last_line_counts_without_its_end(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n{"text": "b"}')
    assert [row.text for row in read_jsonl(tmp_path / "rows.jsonl", Row)] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    ['{"answer": 1}', '{"text": 1}', '{"text": "a", "more": 1}'],
    ids=["missing", "type", "unknown"],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"text": "a"}}\n{line}\n{{"text": "b"}}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl:2: not a Row: "):
        read_jsonl(path, Row)


def test_records_that_end_in_an_error_are_not_written_by_half(tmp_path):
    def broken():
        yield Row(text="a")
        raise RuntimeError("the stage died")

    with pytest.raises(RuntimeError):
        write_jsonl(tmp_path / "rows.jsonl", broken())
    assert list(tmp_path.iterdir()) == []


def objects(content):
    return list(json_objects(content.splitlines(keepends=True), "file"))


def test_marks_line_ends_and_blank_lines_are_harmless():
    content = b'\xef\xbb\xbf{"a": 1}\r\n\r\n \n{"b": "\xe2\x80\xa8"}'
    assert objects(content) == [(1, {"a": 1}), (4, {"b": "\u2028"})]
    assert list(text_lines([b"\xef\xbb\xbfone \r\n", b"two"], "pipe")) == [(1, "one"), (2, "two")]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"{", "not JSON: Expecting property name enclosed in double quotes, at character 2: {"),
        (b"[1]", "got [1], expected a JSON object"),
        (b"x" * 99, f"not JSON: Expecting value, at character 1: {'x' * 60}..."),
        (b'{"a": NaN}', "not JSON: got NaN, expected a finite number"),
        (b'{"a": [-Infinity]}', "not JSON: got -Infinity, expected a finite number"),
        (b'{"a": 1e999}', "not JSON: got 1e999, expected a finite number"),
        (b'{"a": {"b": 1, "b": 2}}', "not JSON: the key 'b' is given twice"),
        (b'{"a": "caf\xe9"}', "not UTF-8: invalid continuation byte, byte 0xe9 at 10"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8: invalid start byte, byte 0xff at 0"),
        (b"[" * 100_000, "not JSON: nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON: Exceeds the limit"),
    ],
    ids=range(11),
)
def test_a_line_that_is_no_object_is_named(line, fault):
    with pytest.raises(JsonLinesError) as error:
        objects(b'{"a": 1}\n\n' + line + b"\n{}")
    assert str(error.value).startswith(f"file:3: {fault}")


def test_lines_are_read_as_they_are_asked_for():
    endless = itertools.chain([b"{}"], itertools.repeat(b'{"a": 1}'))
    assert [number for number, _ in itertools.islice(json_objects(endless, "pipe"), 3)] == [1, 2, 3]
