"""DCoT's number of chains is chosen on validation problems and asked for on the test."""

import re

from mdexp.decoding.request import Answered
from mdexp.records import Generation
from mdexp.store.files import read_json
from mdexp.store.json_lines import read_jsonl


def test_k_is_the_one_that_solves_most_validation_problems(command, tmp_path, monkeypatch):
    """A student that is right where it is asked for three chains; of four it has two right."""
    asked: list[tuple[str, int]] = []

    def answers(model, renderer, requests, limits, work=None):
        for i, request in enumerate(requests):
            prompt = renderer.text(request.prompt_ids)
            *_, k = re.findall(r"solutions: (\d)\.", prompt)
            *_, (a, b) = re.findall(r"has (\d+) \w+ and finds (\d+)", prompt)
            if "/dcot/" in request.stream:
                asked.append((request.problem, int(k)))
            right = k == "3" or (k == "4" and int(a) % 2)
            text = f"Solution 1:\nA sum.\n\nThe answer is {int(a) + int(b) if right else 1}."
            yield (
                i,
                Answered(token_ids=[7], logprobs=[-1.0], num_tokens=1, text=text, finished=True),
            )

    monkeypatch.setattr("mdexp.decoding.writing.generate_answers", answers)
    words = ["experiment=dcot_k", "student=tiny_causal", "trainer.max_tokens=2048"]
    words += ["hydra.run.dir=run", "trainer.step_problems=1", "decoding.num_validation=3"]
    assert command(*words) == 0
    stages = {s["name"]: s["counts"] for s in read_json(tmp_path / "run" / "run.json")["stages"]}
    solved = stages["after"]["dcot"]["solved on validation by variant"]
    assert list(solved) == ["1", "2", "3", "4"]
    assert (solved["1"], solved["2"], solved["3"]) == (0, 0, 3) and solved["4"] < 3
    assert stages["after"]["dcot"]["variant"] == "3"
    by_split = {"validation": set[int](), "test": set[int]()}
    rows = read_jsonl(tmp_path / "run" / "generations.jsonl", Generation)
    split_of = {row.problem_id: row.split for row in rows}
    for problem, k in asked:
        by_split[split_of[problem]].add(k)
    assert by_split == {"validation": {1, 2, 3, 4}, "test": {3}}
    trained = [row for row in rows if (row.phase, row.thought) == ("after", "dcot")]
    assert all(row.correct for row in trained) and {row.split for row in trained} == set(by_split)
