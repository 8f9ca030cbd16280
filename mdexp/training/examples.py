"""From verified paths to one student's token sequences; what does not fit is counted, never cut."""

from collections.abc import Mapping, Sequence
from typing import Any

from mdexp.ports import Thought
from mdexp.records import Example, Problem, Rejection, VerifiedPath
from mdexp.students.prompts import NotAPrefix, Renderer


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
        return Rejection(**what, reason="too_long", detail=f"{length} tokens of {max_tokens}")
    return Example(**what, prompt_ids=prompt_ids, target_ids=target_ids, target=target)
