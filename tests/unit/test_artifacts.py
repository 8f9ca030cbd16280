"""The store: nothing is computed twice, nothing changes unseen, and nothing is half written."""

import json
import multiprocessing
import os
import threading
import time
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from mdexp.artifacts import (
    STILL_MISSING,
    Store,
    file_hash,
    link,
    read_json,
    read_jsonl,
    stage_key,
    write_json,
    write_jsonl,
    write_text,
)
from mdexp.records import Answer


class Counting:
    """A stage that copies its input and counts its runs."""

    __name__ = "counting"

    def __init__(self, counts=None, fails=0):
        self.runs, self.counts, self.fails = 0, counts or {}, fails

    def __call__(self, out, reads, *, sign="!", tool=None):
        self.runs += 1
        if self.runs <= self.fails:
            (out / "half.txt").write_text("half")
            raise RuntimeError("no more power")
        (out / "out.txt").write_text(reads["in"].read_text() + sign)
        return {"run": self.runs, **self.counts}


@pytest.fixture
def run(tmp_path):
    """Run a stage on the text `given`, with what a test changes."""

    def run(stage, *, given="text", name="copy", version=1, sign="!", tool=None):
        source = tmp_path / f"{given}.txt"
        if not source.exists():  # a thread may read it while another begins
            source.write_text(given)
        return Store(tmp_path / "store").stage(
            stage,
            name=name,
            version=version,
            reads={"in": source},
            settings={"sign": sign},
            tools={"tool": tool},
        )

    return run


def test_a_stage_runs_once_for_the_same_key(run):
    stage = Counting()
    first, second = run(stage), run(stage)
    assert (stage.runs, first.skipped, second.skipped) == (1, False, True)
    assert first.folder == second.folder and second.counts == {"run": 1}
    assert second["out.txt"].read_text() == "text!"
    assert (first.manifest()["state"], second.manifest()["state"]) == ("run", "skipped")


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"version": 2}, {"given": "other"}, {"sign": "?"}], ids=str
)
def test_what_an_output_depends_on_is_in_its_key(run, change):
    stage = Counting()
    assert run(stage).folder != run(stage, **change).folder
    assert stage.runs == 2


def test_tools_are_not_in_the_key(run):
    stage = Counting()
    assert run(stage, tool=1).key == run(stage, tool=2).key
    assert stage.runs == 1


def test_a_stage_that_raises_leaves_no_output_and_finds_what_it_had(run, tmp_path):
    stage = Counting(fails=1)
    with pytest.raises(RuntimeError, match="no more power"):
        run(stage)
    [left] = [path for path in (tmp_path / "store/stages/copy").iterdir() if path.is_dir()]
    assert left.suffix == ".partial"
    result = run(stage)
    assert (stage.runs, result.skipped) == (2, False)
    assert result["half.txt"].read_text() == "half"
    assert not left.exists()


def test_a_stage_that_may_get_more_is_run_again_until_nothing_is_missing(run):
    stage = Counting({STILL_MISSING: 2})
    assert not run(stage).skipped and not run(stage).skipped
    stage.counts = {STILL_MISSING: 0}
    assert [run(stage).skipped for _ in range(3)] == [False, True, True]
    assert stage.runs == 3


def test_threads_that_want_the_same_stage_run_it_once(run):
    class Slow(Counting):
        def __call__(self, out, reads, **settings):
            time.sleep(0.1)
            return super().__call__(out, reads, **settings)

    run(Counting(), name="first")  # writes the file that all read
    stage, results = Slow(), []
    threads = [threading.Thread(target=lambda: results.append(run(stage))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stage.runs == 1
    assert sorted(result.skipped for result in results) == [False, True, True, True]


def note_run(out, reads, *, log):
    with open(log, "a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    return {}


def want(folder, log):
    Store(folder).stage(note_run, name="n", version=1, reads={}, settings={}, tools={"log": log})


def test_processes_that_want_the_same_stage_run_it_once(tmp_path):
    fork = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    processes = [fork.Process(target=want, args=(tmp_path / "store", log)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(log.read_text().splitlines()) == 1


class Plugin(BaseModel):
    size: int


class Twin(BaseModel):
    size: int


def test_settings_are_hashed_by_their_meaning():
    def key(**settings):
        return stage_key("s", 1, {}, settings)

    assert key(a=1, b=(1, 2)) == key(b=[1, 2], a=1)
    assert len({key(a=1), key(a=1.5), key(a="1"), key(a=None), key(b=1)}) == 5
    assert key(a=Plugin(size=1)) == key(a=Plugin(size=1))
    assert len({key(a=Plugin(size=1)), key(a=Plugin(size=2)), key(a=Twin(size=1))}) == 3
    with pytest.raises(ValueError):
        key(a=float("nan"))


def test_a_folder_is_hashed_by_names_and_content_but_not_by_its_manifest(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    before = file_hash(tmp_path)
    (tmp_path / "stage.json").write_text("{}")
    assert file_hash(tmp_path) == before
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    renamed = file_hash(tmp_path)
    (tmp_path / "b.txt").write_text("b")
    assert len({before, renamed, file_hash(tmp_path)}) == 3


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
    ["{", "[1]", "", '{"answer": 1}', '{"text": 1}', '{"text": "a", "more": 1}'],
    ids=["json", "list", "blank", "missing", "type", "unknown"],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"text": "a"}}\n{line}\n{{"text": "b"}}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl:2: not a Row: "):
        read_jsonl(path, Row)


@pytest.mark.parametrize("write", [write_json, lambda path, value: write_jsonl(path, [value])])
def test_a_number_that_json_lacks_is_not_written(tmp_path, write):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "file", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_json_comes_back_as_it_was(tmp_path):
    write_json(tmp_path / "a.json", {"λ": 0.5, "whole": 1.0, "none": None})
    assert read_json(tmp_path / "a.json") == {"λ": 0.5, "whole": 1.0, "none": None}
    assert "λ" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_a_torn_write_never_shows(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_text(path, "whole")

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "torn")
    assert path.read_text() == "whole"


def test_records_that_end_in_an_error_are_not_written_by_half(tmp_path):
    def broken():
        yield Row(text="a")
        raise RuntimeError("the stage died")

    with pytest.raises(RuntimeError):
        write_jsonl(tmp_path / "rows.jsonl", broken())
    assert list(tmp_path.iterdir()) == []


def test_a_link_shows_the_file_and_replaces_what_was_there(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    target.write_text("old")
    link(source, target)
    assert target.read_text() == "new"
    assert target.samefile(source)


def test_a_link_across_file_systems_is_a_copy(tmp_path, monkeypatch):
    def refuse(target, source):
        raise OSError(18, "Invalid cross-device link")

    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text(json.dumps(1))
    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    link(source, target)
    assert target.read_text() == "1" and not target.samefile(source)
