"""The parameters that each family of models takes or refuses, recognised by the model's name.

The table dates from November 2026: the providers' pages and the errors that their servers give. It
sets what a family needs and leaves out what it refuses; `teacher.extra` overrides it. `notes` says
what is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mdexp.ports import Message
from mdexp.teacher.request import Request

Role = Literal["system", "developer", "user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Parameters of models whose name, without a provider's prefix (`openai/`), matches
    `pattern`."""

    name: str
    pattern: str
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    refuses: tuple[str, ...] = ()
    # Whether it takes the refused parameters when its hidden reasoning is off.
    unless_effort_is_none: bool = False
    instructed_by: Role = "system"  # `user`: the instruction stands above the first question
    takes_n: bool = True
    sets: Mapping[str, Any] = field(default_factory=dict)
    sets_to_think: Mapping[str, Any] = field(default_factory=dict)  # in place of `sets`
    hidden_at: str | None = None  # a host that does not send their thinking

    def settings(
        self, own: Mapping[str, Any], extra: Mapping[str, Any], thinks: bool = False
    ) -> dict[str, Any]:
        """The parameters to send; one that `extra` sets to null is left out."""
        named = {self.limit if key == "max_tokens" else key: value for key, value in own.items()}
        merged = {**self._sets(thinks), **named, **extra}
        left_out = self._left_out(merged)
        return {k: v for k, v in merged.items() if v is not None and k not in left_out}

    def notes(
        self, own: Mapping[str, Any], extra: Mapping[str, Any], thinks: bool = False
    ) -> list[str]:
        """What the family changes about the parameters, in sentences for people."""
        sets = self._sets(thinks)
        merged = {**sets, **own, **extra}
        notes = [
            f"{key}={own[key]} is left out: {self.name} do not take it"
            for key in self._left_out(merged)
            if own.get(key) is not None
        ]
        notes += [
            f"{key}={value} is sent, as {self.name} are asked by default; "
            f"'teacher.extra={{{key}: ...}}' changes it, null leaves it out"
            for key, value in sets.items()
            if key not in extra
        ]
        if thinks and not sets:
            notes.append(
                f"{self.name} think or not as their server has it; teacher.extra asks for it, "
                "as in 'teacher.extra={chat_template_kwargs: {enable_thinking: true}}' for vLLM"
            )
        return notes

    def messages(
        self, instruction: str, turns: Sequence[Message], role: Role | None
    ) -> list[Message]:
        """The messages, with the instruction in the role that the family or `role` gives."""
        chosen = role or self.instructed_by
        if chosen != "user":
            return [{"role": chosen, "content": instruction}, *turns]
        first, *rest = turns
        return [{"role": "user", "content": f"{instruction}\n\n{first['content']}"}, *rest]

    def _sets(self, thinks: bool) -> Mapping[str, Any]:
        return self.sets_to_think if thinks else self.sets

    def _left_out(self, merged: Mapping[str, Any]) -> tuple[str, ...]:
        free = self.unless_effort_is_none and merged.get("reasoning_effort") == "none"
        return () if free else self.refuses


_SAMPLING = ("temperature", "top_p")
_OTHERS = Family(name="other models", pattern=".*")
_OPENAI = "api.openai.com"
# The first match counts. Thinking costs money and is taught only if teacher.thinking says so;
# otherwise models that can are asked not to think.
_FAMILIES = (
    Family(
        name="OpenAI's o1-preview and o1-mini",
        pattern=r"o1-(preview|mini).*",
        limit="max_completion_tokens",
        refuses=_SAMPLING,
        instructed_by="user",
        hidden_at=_OPENAI,
    ),
    Family(
        name="OpenAI's o models",
        pattern=r"o\d(-mini|-pro)?(-\d{4}-\d{2}-\d{2})?",
        limit="max_completion_tokens",
        refuses=_SAMPLING,
        instructed_by="developer",
        sets={"reasoning_effort": "low"},
        sets_to_think={"reasoning_effort": "medium"},
        hidden_at=_OPENAI,
    ),
    Family(
        name="GPT-5 models",
        pattern=r"gpt-5(-mini|-nano)?(-\d{4}-\d{2}-\d{2})?",
        limit="max_completion_tokens",
        refuses=_SAMPLING,
        instructed_by="developer",
        sets={"reasoning_effort": "minimal"},
        sets_to_think={"reasoning_effort": "medium"},
        hidden_at=_OPENAI,
    ),
    Family(
        name="GPT models since 5.1",
        pattern=r"gpt-(5\.\d|[6-9])(?!.*(chat|pro|codex)).*",
        limit="max_completion_tokens",
        refuses=_SAMPLING,
        unless_effort_is_none=True,
        instructed_by="developer",
        sets={"reasoning_effort": "none"},
        sets_to_think={"reasoning_effort": "medium"},
        hidden_at=_OPENAI,
    ),
    Family(
        name="Claude models",
        pattern=r"claude-.*",
        takes_n=False,
        hidden_at="api.anthropic.com",
    ),
    Family(
        name="DeepSeek's reasoners",
        pattern=r"deepseek-(reasoner|r1).*",
        refuses=_SAMPLING,
        takes_n=False,
    ),
    Family(
        name="models whose chat template has no system role",
        pattern=r"(code)?gemma-(1\.1-|2-)?\d+b.*|mistral-7b-instruct-v0\.[12]",
        instructed_by="user",
    ),
)


def family_of(model: str) -> Family:
    """The family of a model, by the last part of its name; most models need nothing special."""
    name = model.rpartition("/")[2].lower()
    return next((f for f in _FAMILIES if re.fullmatch(f.pattern, name)), _OTHERS)


def call_body(request: Request, num_answers: int, seed: int | None) -> dict[str, Any]:
    """The body of one call. A model that does not take `n` is sent none and gives one answer."""
    body: dict[str, Any] = {**request.settings, "model": request.model}
    if request.prompt is None:
        body["messages"] = list(request.messages)
    else:
        body["prompt"] = request.prompt
    if num_answers > 1 and family_of(request.model).takes_n:
        body["n"] = num_answers
    if seed is not None:
        body["seed"] = seed
    return body
