"""The store: nothing is computed twice, nothing changes unseen, and nothing is half written."""

import fcntl
import multiprocessing
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from mdexp.commands.store import main
from mdexp.store.files import TEMPORARY, copy_file, read_json, write_json, write_text
from mdexp.store.integrity import file_hash
from mdexp.store.json_lines import write_jsonl
from mdexp.store.keys import stage_key
from mdexp.store.stage_store import STILL_MISSING, Store, damage


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
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reflinks", [False, True])
def test_a_copy_is_writable_and_never_reaches_its_source(tmp_path, monkeypatch, reflinks):
    def clone(copy, request, original):
        os.write(copy, os.pread(original, 100, 0))

    if reflinks:
        monkeypatch.setattr(fcntl, "ioctl", clone)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    source.chmod(0o444)
    target.write_text("old")
    copy_file(source, target)
    assert target.read_text() == "new"
    with target.open("r+") as file:  # as an editor that saves in place
        file.write("NEW")
    assert source.read_text() == "new"


def edit(file, text):
    """As root or another reckless editor: in place, and read-only or not."""
    file.chmod(0o644)
    file.write_text(text)


@pytest.mark.parametrize("text", ["text?", "longer text", None], ids=["same size", "size", "gone"])
def test_a_damaged_output_is_put_aside_and_made_again(run, caplog, text):
    stage = Counting()
    first = run(stage)
    whole = first["out.txt"].read_bytes()
    if text is None:
        first["out.txt"].unlink()
    else:
        edit(first["out.txt"], text)
    again = run(stage)
    assert (stage.runs, again.skipped, again.folder) == (2, False, first.folder)
    assert again["out.txt"].read_bytes() == whole
    aside = first.folder.with_name(f"{first.key}.damaged")
    assert aside.is_dir() and f"set aside as {aside.name}, made again" in caplog.text
    assert "copy" in caplog.text and "out.txt: " in caplog.text
    assert run(stage).skipped


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"counts": 1, "seconds": 1}', "\x00" * 9])
def test_an_output_whose_manifest_cannot_be_read_is_made_again(run, manifest):
    stage = Counting()
    edit(run(stage)["stage.json"], manifest)
    assert not run(stage).skipped
    edit(run(stage)["stage.json"], manifest)
    assert not run(stage).skipped, "also where a damaged one was put aside before"
    assert stage.runs == 3


def test_an_output_of_an_older_version_has_no_hashes_and_is_found(run):
    stage = Counting()
    edit(run(stage)["stage.json"], '{"counts": {"run": 1}, "seconds": 0.5}')
    assert run(stage).skipped


def test_outputs_are_read_only_and_removed_with_their_folder(run):
    result = run(Counting())
    for file in result.folder.iterdir():
        assert not file.stat().st_mode & 0o222
    shutil.rmtree(result.folder)
    assert not run(Counting()).skipped


def test_more_answers_are_a_new_version_beside_the_old(run):
    def grows(out, reads, *, sign, tool):
        (out / "out.txt").write_text(tool)
        return {STILL_MISSING: 2 - len(tool)}

    first, same, more = run(grows, tool="a"), run(grows, tool="a"), run(grows, tool="ab")
    assert first["out.txt"].read_text() == "a", "a reader keeps what it read"
    assert same.folder == first.folder, "nothing new is no new version"
    assert (more.key, more.folder.name) == (first.key, f"{first.key}.2")
    assert more["out.txt"].read_text() == "ab"
    found = run(grows, tool="unused")
    assert (found.skipped, found.folder) == (True, more.folder)
    edit(more["out.txt"], "xy")
    again = run(grows, tool="ab")
    assert (again.skipped, again.folder, again["out.txt"].read_text()) == (False, more.folder, "ab")


def test_what_was_finished_when_a_kill_came_is_not_made_again(run, monkeypatch):
    def killed(path, target):
        raise SystemExit(137)

    stage = Counting()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(SystemExit):
            run(stage)
    result = run(stage)
    assert stage.runs == 1
    assert result["out.txt"].read_text() == "text!"


def test_half_a_file_of_a_killed_write_is_no_part_of_an_output(run, monkeypatch):
    def torn(out, reads, **settings):
        (out / f".big.json.123{TEMPORARY}").write_text("half")
        return Counting()(out, reads, sign="!")

    assert {file.name for file in run(torn).folder.iterdir()} == {"out.txt", "stage.json"}


def test_verify_finds_what_sizes_do_not_show(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(damage, "__kwdefaults__", {"hash_up_to": 0})
    stage, sound = Counting(), Counting()
    result = run(stage)
    run(sound, name="other")
    edit(result["out.txt"], "TEXT!")
    assert run(stage).skipped, "it has the size that was written, and is too large to hash"
    command = ["--store", str(tmp_path / "store"), "verify"]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert f"copy {result.key}: out.txt: not the bytes that were written; set aside as" in out
    assert "1 damaged" in out and "1 sound" in out
    assert main(command) == 0
    assert not run(stage).skipped


def test_verify_needs_a_store(tmp_path, capsys):
    assert main(["--store", str(tmp_path / "none"), "verify"]) == 2
    assert "there is no store here" in capsys.readouterr().err
