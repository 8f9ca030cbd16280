"""bench/second_chain.py on planted texts of one and of two chains."""

from pathlib import Path

import pytest

from bench import second_chain as bench
from mdexp.records import Generation, Output, Problem
from mdexp.store.json_lines import write_jsonl

GOLD = 7


def problem(number: int) -> Problem:
    return Problem(id=str(number), dataset="d", split="test", question="3 + 4?", answer=GOLD)


def generation(
    number: int, text: str, answer: int, thought: str = "dcot", sample: int = 0
) -> Generation:
    return Generation(
        problem_id=str(number),
        dataset="d",
        split="test",
        phase="after",
        thought=thought,
        sample=sample,
        num_shots=0,
        text=text,
        answer=answer,
        status="ok",
        correct=answer == GOLD,
    )


def text(*answers: int) -> str:
    parts = [f"Solution {n}:\nIt is 1 + {a - 1} = {a}." for n, a in enumerate(answers, start=1)]
    return "\n\n".join([*parts, f"The answer is {answers[-1]}."])


def test_a_second_chain_mends_spoils_changes_or_repeats() -> None:
    said = [(7, 7), (7, 5), (4, 7), (4, 5)]
    found = [
        bench.chains(generation(n, text(*answers), answers[-1]), problem(n))
        for n, answers in enumerate(said)
    ]
    assert [(c.first, c.last) for c in found] == [
        (True, True),
        (True, False),
        (False, True),
        (False, False),
    ]
    assert [c.changed for c in found] == [False, True, True, True]
    assert [c.repeated for c in found] == [True, False, False, False]
    assert all(c.agrees and c.number == 2 for c in found)
    table = bench.changes_table([*found, bench.chains(generation(9, text(7), 7), problem(9))])
    assert table.title == "4 of 5 texts have two chains or more"
    assert list(table.columns[1].cells) == ["1", "3", "1", "1", "2", "2", "4"]
    assert "+0.0 points" in str(table.caption) and "1 : 1, p = 1" in str(table.caption)


def test_a_text_without_headings_is_one_chain() -> None:
    found = bench.chains(generation(0, "It is 7.\nThe answer is 7.", 7), problem(0))
    assert (found.number, found.first, found.changed) == (1, True, False)


def planted(folder: Path, rows: list[tuple[Generation, int]]) -> Path:
    """A run's files: generations, and outputs of as many tokens."""
    folder.mkdir()
    write_jsonl(folder / "generations.jsonl", [row for row, _ in rows])
    outputs = [
        Output(
            problem_id=g.problem_id,
            dataset=g.dataset,
            split=g.split,
            phase=g.phase,
            thought=g.thought,
            sample=g.sample,
            num_shots=0,
            text=g.text,
            num_tokens=tokens,
            finished=True,
        )
        for g, tokens in rows
    ]
    write_jsonl(folder / "outputs_after.jsonl", outputs)
    return folder


def test_chains_and_votes_are_compared_at_equal_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three paths of 10 tokens a problem: two right ones of problem 0, one of problem 1. Chains
    take 25, halfway between a majority of two and of three."""
    monkeypatch.setattr(bench, "run_file", lambda run, name: run / name)
    many = [(generation(n, text(7, 7), 7), 25) for n in range(2)]
    one = [(generation(n, text(5), 5, "dcot_1"), 12) for n in range(2)]
    run = planted(tmp_path / "run", [*many, *one])
    answers = {0: (7, 7, 5), 1: (7, 5, 4)}
    sampled = [
        (generation(n, "", answer, "cot", sample), 10)
        for n, three in answers.items()
        for sample, answer in enumerate(three, start=1)
    ]
    control = planted(tmp_path / "control", sampled)
    rows = bench.answered(run, "dcot")
    assert rows.tokens == 25
    first = bench.against_one("dcot", rows, "dcot_1", bench.answered(run, "dcot_1"))
    assert list(first.columns[3].cells) == ["0.0", "100.0"]
    assert str(list(first.columns[5].cells)[1]).startswith("+100.0")
    sizes = bench.votes(bench._after(control), bench._spent(control), ["0", "1"])
    assert [size.tokens for size in sizes] == [10, 20, 30]
    assert sizes[0].values.tolist() == pytest.approx([2 / 3, 1 / 3])
    # Of two equal votes the first counts: 5 and 4 lose to 7 before them, and only there.
    assert sizes[1].values.tolist() == pytest.approx([1, 2 / 3])
    assert sizes[2].values.tolist() == pytest.approx([1, 1])
    table = bench.against_votes("dcot", rows, control)
    shown = (sizes[1].values.mean() + sizes[2].values.mean()) / 2
    assert list(table.columns[3].cells)[3] == f"{100 * shown:.1f}"
    assert str(list(table.columns[4].cells)[4]).startswith(f"{100 * (1 - shown):+.1f}")


def test_a_control_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="needs sampled paths of one thought"):
        bench.votes([generation(0, "", 7, "cot")], {}, ["0"])
