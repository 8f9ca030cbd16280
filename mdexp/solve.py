"""Ask a run's student: `python -m mdexp.solve RUN "question" [--json]`, or questions on stdin.

Every path is shown with what its program printed, then the vote and why it came out so. Thoughts,
student, decoding and vote are those of the run. Exit codes: 0, 1 (the sandbox is broken), 2 (the
command line or the run folder), 130 and 143 (signals).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdexp.artifacts import read_jsonl
from mdexp.records import Generation, Output, Phase, Problem, Vote
from mdexp.sandbox.executor import Sandbox, SandboxError
from mdexp.settings import Settings, judge
from mdexp.signals import signals_as_exits
from mdexp.trained import run_manifest, trained_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from mdexp.students.prompts import Renderer

ASKED = "asked"
NO_GOLD = ""  # nothing is graded here
PHASE: Phase = "after"


@dataclass(frozen=True, slots=True)
class Solver:
    """A run's student, loaded once for all questions."""

    settings: Settings
    manifest: dict[str, Any]
    validation: list[Generation]  # the run's own: they say which thought is trusted more
    model: "PreTrainedModel"
    renderer: "Renderer"
    sandbox: Sandbox

    def solve(self, question: str) -> tuple[list[Generation], Vote, list[Output]]:
        """All paths, read and run; the answer that they elect; and as they were written."""
        from mdexp.scoring.score import grade, votes

        problem = Problem(id=ASKED, dataset=ASKED, split="test", question=question, answer=NO_GOLD)
        thoughts, vote = self.settings.thoughts, self.settings.vote
        outputs = [output for name in thoughts for output in self._outputs(problem, name)]
        found = grade(outputs, {problem.id: problem}, thoughts, self.sandbox)
        everything = [*self.validation, *found]
        elected = votes(everything, list(thoughts), rule=vote.name, order=vote.order)
        [ours] = [v for v in elected if v.problem_id == ASKED and v.row == "vote"]
        return found, ours, outputs

    def _outputs(self, problem: Problem, name: str) -> list[Output]:
        from mdexp.decoding.answering import answer
        from mdexp.decoding.beams import answer_by_steps
        from mdexp.decoding.work import Work

        s = self.settings
        one = {name: s.thoughts[name]}
        if s.decoding.beam:
            decoding = s.decoding.with_weights(self._chosen_weights(name))
            outputs, _ = answer_by_steps(
                self.model,
                self.renderer,
                [problem],
                one,
                decoding=decoding,
                executor=self.sandbox,
                seed=s.seed,
                work=Work(),
            )
            return outputs
        return answer(
            self.model,
            self.renderer,
            [problem],
            one,
            [],
            decoding=s.decoding,
            phase=PHASE,
            seed=s.seed,
        )

    def _chosen_weights(self, thought: str) -> list[float] | None:
        """What the run found best on its validation problems, if it searched by steps."""
        for stage in self.manifest["stages"]:
            if stage["name"] == PHASE and thought in stage["counts"]:
                return stage["counts"][thought].get("weights")
        return None


def main(argv: Sequence[str] | None = None) -> int:
    given = _arguments(argv)
    try:
        with signals_as_exits():
            _answer_all(given)
    except ValueError as error:  # RunFolderError and SettingsError among them
        print(f"error: {error}", file=sys.stderr)
        return 2
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m mdexp.solve",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    parser.add_argument("question", nargs="?", help="none: one question a line of standard input")
    parser.add_argument("--json", action="store_true", help="one JSON object a question")
    return parser.parse_args(argv)


def _answer_all(given: argparse.Namespace) -> None:
    manifest = run_manifest(given.run)
    settings = judge(manifest["settings"])
    weights = trained_weights(given.run, settings)
    import torch

    from mdexp.students.numerics import numerics
    from mdexp.students.prompts import Renderer

    model, tokenizer = weights.load()
    machine = asdict(numerics(settings.trainer.precision, settings.trainer.accelerator))
    model.to(machine["device"], getattr(torch, machine["dtype"]))
    renderer = Renderer(tokenizer, settings.student.kind, settings.student.prompt)
    with Sandbox(**settings.sandbox.model_dump()) as sandbox:
        solver = Solver(settings, manifest, _validation(given.run), model, renderer, sandbox)
        for question in [given.question] if given.question else _typed(prompt=not given.json):
            told = _told(question, *solver.solve(question))
            print(json.dumps(told) if given.json else _for_people(told), flush=True)


def _validation(run: Path) -> list[Generation]:
    file = run / "generations.jsonl"
    if not file.is_file():
        return []
    return [g for g in read_jsonl(file, Generation) if (g.split, g.phase) == ("validation", PHASE)]


def _typed(*, prompt: bool) -> Iterator[str]:
    """Questions from standard input, up to its end."""
    shown = prompt and sys.stdin.isatty()
    while True:
        if shown:
            print("question> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _told(
    question: str, generations: Sequence[Generation], vote: Vote, outputs: Sequence[Output]
) -> dict[str, Any]:
    paths = [
        {
            "thought": g.thought,
            "sample": g.sample,
            "text": g.text,
            "status": g.status,
            "answer": g.answer,
            "stdout": g.stdout,
            "error": g.error,
            "logprob": output.logprob,
            "trace": output.trace,
        }
        for g, output in zip(generations, outputs, strict=True)
    ]
    return {
        "question": question,
        "paths": paths,
        "answer": vote.answer,
        "votes": vote.votes,
        "decided": vote.decided,
        "why": _why(vote),
    }


def _why(vote: Vote) -> str:
    """The vote in a sentence."""
    if vote.answer is None:
        return "no path has an answer"
    counted = ", ".join(f"{answer}: {weight}" for answer, weight in vote.votes.items())
    settled = f"; a tie, settled by {' before '.join(vote.order)}" if vote.tie else ""
    return f"{vote.decided}, by {vote.rule} ({counted}){settled}"


def _for_people(told: dict[str, Any]) -> str:
    lines = [f"question: {told['question']}"]
    for path in told["paths"]:
        drawn = "greedy" if path["sample"] == 0 else f"sample {path['sample']}"
        lines.append(f"\n--- {path['thought']}, {drawn} ---\n{path['text']}")
        lines += [
            f"  step {number}: {step['status']}, score {step['score']}"
            for number, step in enumerate(path["trace"].get("steps", ()), start=1)
        ]
        if path["stdout"]:
            lines.append(f"printed: {path['stdout'].rstrip()}")
        found = path["answer"] if path["status"] == "ok" else f"{path['status']} {path['error']}"
        lines.append(f"=> {found}")
    answer = "none" if told["answer"] is None else told["answer"]
    return "\n".join([*lines, f"\nanswer: {answer}\nwhy: {told['why']}"])


if __name__ == "__main__":
    sys.exit(main())
