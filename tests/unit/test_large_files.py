"""Stages and training read large files piece by piece, and come to the same as with all at once."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mdexp.lessons.paths import PathLessons
from mdexp.records import Example, Problem, VerifiedPath
from mdexp.records import Path as TeacherPath
from mdexp.report import explorer
from mdexp.sandbox.executor import Sandbox
from mdexp.stages import examples as examples_stage
from mdexp.stages import verify as verify_stage
from mdexp.store.indexed_lines import IndexedRecords, windows
from mdexp.store.json_lines import JsonLinesError, write_jsonl
from mdexp.students.prompts import Renderer
from mdexp.students.weights import Weights
from mdexp.training import examples as making
from mdexp.training.fit import fit
from mdexp.training.objectives.union import UnionObjective
from mdexp.training.planned import names_of
from mdexp.training.resume import training_identity
from mdexp.transcripts import result_cache
from tests.contract.conftest import plugin
from tests.synthetic_run import generation
from tests.tiny_run import SEED, examples, tiny, trainer

THOUGHTS = {name: plugin("thought", name) for name in ("cot", "pot")}
PROBLEMS = [
    Problem(id=f"p{n}", dataset="toy", split="train", question=f"{n} and {n}?", answer=2 * n)
    for n in range(4)
]


def path(problem: str, thought: str, sample: int, text: str) -> TeacherPath:
    return TeacherPath(problem_id=problem, thought=thought, sample=sample, text=text, model="m")


def written_paths() -> list[TeacherPath]:
    """Right and wrong ones, repeated ones, and problems whose paths stand apart."""
    prose = [
        path(f"p{n}", "cot", k, f"{n} + {n} = {s}. The answer is {s}.")
        for n in range(4)
        for k, s in enumerate((2 * n, 2 * n, 7))
    ]
    code = [path(f"p{n}", "pot", 0, f"ans = {n} + {n}") for n in (1, 2)]
    return [*prose[:6], code[0], *prose[6:], code[1]]


names = st.lists(st.sampled_from("abcdef"), max_size=20)


def file_of(names: list[str], folder: Path) -> Path:
    rows = [path(name, "cot", k, f"text {k}\u2028") for k, name in enumerate(names)]
    write_jsonl(folder / "rows.jsonl", rows)
    return folder / "rows.jsonl"


@given(names, st.integers(1, 6))
def test_windows_hold_whole_problems_in_order(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], size: int
) -> None:
    file = file_of(names, tmp_path_factory.getbasetemp())
    found = list(windows(file, TeacherPath, size))
    assert [row.problem_id for window in found for row in window] == names
    of_problems = [{row.problem_id for row in window} for window in found]
    assert sum(map(len, of_problems)) == len(set(names)), "no problem is in two"
    assert all(len(window) >= size for window in found[:-1])


@given(names)
def test_records_are_read_again_by_number(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    file = file_of(names, tmp_path_factory.getbasetemp())
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n\n"))
    records = IndexedRecords(file, TeacherPath)
    assert [records[place] for place, _ in enumerate(list(records))] == list(records)


def test_a_row_that_is_no_record_is_named_when_the_file_is_read_through(tmp_path: Path) -> None:
    file = file_of(["a", "b"], tmp_path)
    file.write_text(file.read_text() + "{}\n")
    with pytest.raises(JsonLinesError, match=r"rows\.jsonl:3: not a Path"):
        list(IndexedRecords(file, TeacherPath))


@pytest.fixture
def prepared(tmp_path: Path) -> dict[str, Path]:
    write_jsonl(tmp_path / "problems.jsonl", PROBLEMS)
    write_jsonl(tmp_path / "paths.jsonl", written_paths())
    return {name: tmp_path / name for name in ("problems.jsonl", "paths.jsonl", "verified.jsonl")}


def written(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("mode", ["gold", "agree"])
def test_stages_write_the_same_in_windows_of_any_size(
    mode: Any, prepared: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    student = tiny("causal")
    with Sandbox(timeout_s=5, memory_mib=64, output_kib=16, workers=1) as executor:
        for size in (1, 3, 1000):
            monkeypatch.setattr(verify_stage, "WINDOW", size)
            monkeypatch.setattr(examples_stage, "WINDOW", size)
            monkeypatch.setattr(making, "BATCH", size)
            out = tmp_path / str(size)
            out.mkdir()
            counts = verify_stage.verify(
                out, prepared, mode=mode, thinking="drop", thoughts=THOUGHTS, executor=executor
            )
            more = examples_stage.examples(
                out,
                prepared | {"verified.jsonl": out / "verified.jsonl"},
                student=student,
                thoughts=THOUGHTS,
                lessons={"paths": PathLessons()},
                max_tokens=80,  # drops those of pot
                on_overlong="drop",
                weights=Weights(student=student, seed=SEED),
                executor=executor,
            )
            found.append((counts, more, written(out)))
    assert found[0] == found[1] == found[2]
    counts, more, _ = found[0]
    assert counts["dropped"] and more["dropped"], "the case has rejections and what does not fit"
    assert more["examples"] > 1


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
@pytest.mark.parametrize("style", ["plain", "chat"])
def test_what_is_read_ahead_is_what_is_read_one_by_one(kind: Any, style: Any) -> None:
    renderer = Renderer(tiny(kind).tokenizer(), kind, style)
    verified = [
        VerifiedPath(
            problem_id=p.problem_id, thought="cot", sample=0, text=p.text, answer=1, model="m"
        )
        for p in written_paths()[:6]
    ]
    by_id = {problem.id: problem for problem in PROBLEMS}
    lessons = [
        lesson
        for one in verified
        for lesson in PathLessons().make(by_id[one.problem_id], [one], THOUGHTS, None)  # type: ignore[arg-type]
    ]
    sequences = [
        (renderer.opening(lesson.segments[:place]), lesson.segments[place:])
        for lesson in lessons
        for place, segment in enumerate(lesson.segments)
        if segment.author == "writer"
    ]
    ahead = renderer.reading_ahead(sequences)
    assert [ahead.rendered(*one) for one in sequences] == [
        renderer.rendered(*one) for one in sequences
    ]
    asked: list[str] = []
    ahead.tokenizer = _Refusing(renderer.tokenizer, asked)  # type: ignore[assignment]
    for one in sequences:
        ahead.rendered(*one)
    assert asked == [], "nothing is left to tokenise"


class _Refusing:
    """A tokenizer that notes what it is asked for."""

    def __init__(self, tokenizer: Any, asked: list[str]) -> None:
        self.eos_token, self.eos_token_id = tokenizer.eos_token, tokenizer.eos_token_id
        self.chat_template, self.get_added_vocab = (
            tokenizer.chat_template,
            tokenizer.get_added_vocab,
        )
        self.asked = asked

    def __call__(self, texts: list[str], **_: Any) -> Any:
        self.asked += texts
        raise AssertionError(texts)


def test_a_training_reads_a_file_as_it_reads_a_list(tmp_path: Path) -> None:
    student = tiny("causal")
    found = []
    for kind in ("list", "file"):
        loaded = student.load(SEED)
        made: Any = examples(Renderer(loaded[1], "causal", "plain"))
        if kind == "file":
            write_jsonl(tmp_path / "examples.jsonl", made)
            made = IndexedRecords(tmp_path / "examples.jsonl", Example)
        model, history, counts = fit(
            loaded,
            made,
            student=student,
            shares=None,
            objective=UnionObjective(normalize="token", pairing="any"),
            trainer=trainer(validate_every=1, validate_problems=1),
            seed=SEED,
            precision="32-true",
            folder=tmp_path / kind,
        )
        found.append((history, counts, [p.detach() for p in model.parameters()]))
    (history, counts, weights), (again, same, others) = found
    assert history == again and counts == same
    assert all(torch.equal(a, b) for a, b in zip(weights, others, strict=True))


def test_the_identity_of_a_training_is_a_hash_of_all_its_steps() -> None:
    module = torch.nn.Linear(2, 1)
    made = examples(Renderer(tiny("causal").tokenizer(), "causal", "plain"))
    steps = [made[:2], made[2:5], made[:1]]
    rows = [[(e.problem_id, e.thought, e.sample) for e in step] for step in steps]
    whole = json.dumps([{"weight": [1, 2], "bias": [1]}, rows, 1])
    as_entries = [[names_of(made)[made.index(e)] for e in step] for step in steps]
    wanted = hashlib.sha256(whole.encode()).hexdigest()
    assert training_identity(module, steps) == wanted
    assert training_identity(module, as_entries) == wanted


def test_of_many_programs_the_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_cache, "REMEMBERED", 2)
    ran: list[str] = []

    class Noting:
        def run(self, programs: Any) -> list[Any]:
            ran.extend(programs)
            return [f"result of {text}" for text in programs]

    cached: Any = result_cache.CachedExecutor(Noting())  # type: ignore[arg-type]
    assert cached.run(["a", "b", "c", "a"])[2:] == ["result of c", "result of a"]
    cached.run(["b", "c"])
    assert ran == ["a", "b", "c"]
    cached.run(["a"])
    assert ran == ["a", "b", "c", "a"] and len(cached.ran) == 2


def test_a_page_lists_whole_problems_of_a_sample_that_does_not_depend_on_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = [
        generation(n, "after", "cot", correct=True, sample=k) for n in range(30) for k in range(3)
    ]
    assert explorer.listed(every) is every
    monkeypatch.setattr(explorer, "MOST_LISTED", 20)
    shown = explorer.listed(every)
    assert len(shown) == 18, "of six problems: a seventh does not fit"
    assert len({g.problem_id for g in shown}) == 6
    assert {g.problem_id for g in explorer.listed(every[::-1])} == {g.problem_id for g in shown}
    monkeypatch.setattr(explorer, "MOST_LISTED", 1)
    assert len(explorer.listed(every)) == 3
