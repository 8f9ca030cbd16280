"""From verified paths to one student's token sequences; what does not fit is counted, never cut."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from mdexp.ports import Thought
from mdexp.records import Example, Problem, Rejection, VerifiedPath
from mdexp.students.prompts import NotAPrefix, Renderer

OnOverlong = Literal["drop", "error"]
TOO_LONG = "too_long"


class Overlong(ValueError):
    """A path does not fit, and the configuration says that every path has to."""


def make_examples(
    paths: Sequence[VerifiedPath],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    renderer: Renderer,
    max_tokens: int,
) -> tuple[list[Example], list[Rejection]]:
    """One example per path that fits: prompt and target have at most `max_tokens` tokens."""
    made = []
    for path in paths:
        thought = thoughts[path.thought]
        prompt = renderer.prompt(problems[path.problem_id].question, thought)
        target = thought.target(path.text, path.answer)
        target = renderer.target(prompt, target, path.thinking)
        made.append(_example(path, prompt, target, renderer, max_tokens))
    examples = [example for example in made if isinstance(example, Example)]
    return examples, [unused for unused in made if isinstance(unused, Rejection)]


def _example(
    path: VerifiedPath, prompt: str, target: str, renderer: Renderer, max_tokens: int
) -> Example | Rejection:
    what: Any = {"problem_id": path.problem_id, "thought": path.thought, "sample": path.sample}
    try:
        target_ids = renderer.target_ids(prompt, target)
    except NotAPrefix as error:
        return Rejection(**what, reason="not_a_prefix", detail=str(error))
    prompt_ids = renderer.prompt_ids(prompt)
    if (read_back := renderer.text(target_ids)) != target:
        return Rejection(**what, reason="lossy", detail=f"reads back as {read_back!r}")
    if (length := len(prompt_ids) + len(target_ids)) > max_tokens:
        return Rejection(**what, reason=TOO_LONG, detail=f"{length} tokens of {max_tokens}")
    return Example(**what, prompt_ids=prompt_ids, target_ids=target_ids, target=target)


def refuse_overlong(unused: Sequence[Rejection]) -> None:
    """`trainer.on_overlong=error`: Overlong naming the first path that does not fit, if any."""
    if not (overlong := [path for path in unused if path.reason == TOO_LONG]):
        return
    first = overlong[0]
    raise Overlong(
        f"{len(overlong)} paths are longer than trainer.max_tokens, the first: problem "
        f"{first.problem_id}, {first.thought}, sample {first.sample}: {first.detail}. "
        "Raise trainer.max_tokens, or leave them out with trainer.on_overlong=drop"
    )
