"""Finds what would make a run fail, before the teacher is paid.

It reads the machine, the student's configuration and its tokenizer, never its weights. A problem
that affects only some texts is a warning: the stages count them.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdexp.config.settings import Settings, SettingsError
from mdexp.ports import AsksServer, LimitedTeacher, StartsServer, StudentConfig, Thought
from mdexp.records import Problem
from mdexp.students.adapters import judge_targets, shapes_alone
from mdexp.students.frozen import judge_quantisation
from mdexp.students.numerics import numerics
from mdexp.students.positions import context_length, room
from mdexp.students.prompts import Renderer
from mdexp.students.revision import unpinned
from mdexp.students.server_process import judge_program
from mdexp.students.weights import Weights
from mdexp.training.devices import Processes, processes
from mdexp.training.disk_check import judge_disk
from mdexp.training.launched_ranks import judge_shared
from mdexp.training.launcher import launched
from mdexp.training.template_check import judge_template, judge_turns
from mdexp.transcripts.prompting import load_exemplars, most_asked, shown_by

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

TRIED = 8  # how many of the shortest and of the longest questions
Prompts = list[list[int]]
Finding = tuple[str, str]  # the name of a check, and what came of it


class Hopeless(SettingsError):
    """A run that would certainly fail after buying answers; one line for each reason, with its
    key. `found` has all checks that were made."""

    def __init__(self, reasons: Sequence[str], found: Sequence[Finding]) -> None:
        super().__init__({"": "\n".join(reasons)})
        self.found = found


def preflight(
    settings: Settings,
    weights: Weights,
    problems: Sequence[Problem],
    asked: Sequence[Problem],
    store: Path,
    asks_teacher: bool,
) -> list[Finding]:
    """The checks and their findings, in order. Hopeless if training or decoding with this student,
    or asking the teacher, is bound to fail. `asked` are the `problems` that the student answers.
    `asks_teacher`: the run extracts paths that the store lacks. If it does not, what later stages
    write may be in the store, too, so that no server is needed."""
    s, student, trainer = settings, settings.student, settings.trainer
    student.files()  # StudentUnavailable
    config, tokenizer = weights.config(), weights.tokenizer()
    judged: dict[str, Callable[[], object]] = {
        "processes": lambda: judge_ranks(s),
        "precision": lambda: numerics(trainer.precision, trainer.accelerator, student).precision,
        "student": lambda: judge_architecture(student, config),
        "revision": lambda: unpinned(student),
        "adapters": lambda: judge_adapters(student, config),
        "tokenizer": lambda: judge_tokenizer(tokenizer, config),
        "chat template": lambda: judge_template(tokenizer, student.prompt),
        "teacher": lambda: judge_teacher(s, problems),
    }
    if trainer.activation_checkpointing:
        judged["checkpointing"] = lambda: judge_checkpointing(student, config)
    if s.generates and isinstance(s.decoding, StartsServer):
        decoded = s.decoding.command
        judged["student's server"] = lambda: judge_program("decoding.command", decoded)
    if (server := s.student_server()) is not None:
        may_be_down = not asks_teacher or "train" not in s.stages
        judged["student's server"] = partial(_served, server, "decoding.base_url", may_be_down)
    if asks_teacher and isinstance(s.teacher, AsksServer):
        # The ledger may have all answers.
        judged["teacher's server"] = partial(_served, s.teacher, "teacher.base_url", True)
    if "extract" in s.stages and isinstance(s.teacher, StartsServer):
        taught = s.teacher.command
        judged["teacher's server"] = lambda: judge_program("teacher.command", taught)
    if "train" in s.stages:
        judged["disk"] = lambda: judge_disk(student, config, trainer, store)
    if launched() and (s.generates or "train" in s.stages):
        judged["shared store"] = lambda: judge_shared(store)
    found, faults = _findings(judged)
    if not faults:
        renderer = partial(Renderer, tokenizer, student.kind, student.prompt)  # may raise
        rendered: dict[str, Callable[[], object]] = {
            "lengths": lambda: judge_lengths(s, config, renderer(), problems, asked)
        }
        if any(thought.max_writes > 1 for thought in s.thoughts.values()):
            exemplars = load_exemplars(most_asked(problems))
            rendered["turns"] = lambda: judge_turns(renderer(), s.thoughts, exemplars)
        last, faults = _findings(rendered)
        found += last
    if faults:
        raise Hopeless(faults, found)
    return found


def _findings(
    judged: Mapping[str, Callable[[], object]],
) -> tuple[list[Finding], list[str]]:
    """The findings of all checks, and the faults."""
    found, faults = [], []
    for name, judge in judged.items():
        try:
            finding = judge()
            found.append((name, "ok" if finding is None else str(finding)))
        except ValueError as error:
            faults.append(str(error))
            found.append((name, f"refused: {error}"))
    return found, faults


def _served(part: AsksServer, key: str, may_be_down: bool) -> str:
    try:
        return part.server_says()
    except ValueError as error:
        if not may_be_down:
            raise ValueError(f"{key}: {error}; start the server") from None
        log.warning("%s: %s; only answers that are already kept can be used", key, error)
        return str(error)


def judge_ranks(settings: Settings) -> Processes:
    """The processes that train. ValueError for separate roles in several processes: ranks share a
    step's micro-batches, so they would train different adapters."""
    ranks = processes(settings.trainer)
    if settings.roles() and ranks.number > 1:
        raise ValueError(
            f"student.roles=separate trains in one process, and {ranks} are there: "
            "set trainer.devices=1"
        )
    return ranks


def judge_teacher(settings: Settings, problems: Sequence[Problem]) -> None:
    """ValueError if the teacher is to be asked but can write nothing about these problems."""
    if isinstance(settings.teacher, LimitedTeacher) and "extract" in settings.stages:
        train = [problem for problem in problems if problem.split == "train"]
        settings.teacher.judge(train, settings.asked_thoughts())


def judge_architecture(student: StudentConfig, config: "PretrainedConfig") -> None:
    """ValueError if the weights are of the other kind than `student.kind`."""
    if config.is_encoder_decoder != (student.kind == "seq2seq"):
        found = "an encoder-decoder" if config.is_encoder_decoder else "decoder-only"
        raise ValueError(f"student.kind={student.kind}: {config.model_type} is {found}")
    if student.kind == "seq2seq" and config.decoder_start_token_id is None:
        raise ValueError("student: its configuration has no decoder_start_token_id to begin with")


def judge_adapters(student: StudentConfig, config: "PretrainedConfig") -> None:
    """ValueError if an adapter target matches no layer, or if the student cannot be quantised."""
    if student.tuning == "full":
        return
    model = shapes_alone(student, config)
    judge_targets(model, student.lora_targets)
    if student.tuning == "qlora":
        judge_quantisation(model)


def judge_checkpointing(student: StudentConfig, config: "PretrainedConfig") -> None:
    """ValueError if the student does not support activation checkpointing."""
    model = shapes_alone(student, config)
    if not model.supports_gradient_checkpointing:
        raise ValueError(
            f"trainer.activation_checkpointing=true: {type(model).__name__} does not support it"
        )


def judge_tokenizer(tokenizer: "PreTrainedTokenizerBase", config: "PretrainedConfig") -> None:
    """ValueError if there is no end-of-sequence token or a special token is outside the
    vocabulary."""
    if tokenizer.eos_token_id is None:
        raise ValueError(
            "student: its tokenizer has no eos_token, so no answer would end: set one in its "
            "tokenizer_config.json"
        )
    for name in ("eos_token", "pad_token"):
        token = getattr(tokenizer, f"{name}_id")
        if token is not None and token >= config.vocab_size:
            raise ValueError(
                f"student: its tokenizer's {name} is token {token}, and the model has "
                f"{config.vocab_size}: use the tokenizer that belongs to the weights"
            )


def judge_lengths(
    settings: Settings,
    config: "PretrainedConfig",
    renderer: Renderer,
    problems: Sequence[Problem],
    asked: Sequence[Problem],
) -> None:
    """ValueError if no prompt leaves room for a target, or none for `decoding.max_new_tokens`."""
    context = context_length(config)
    longest = settings.trainer.max_tokens
    if "train" in settings.stages and context and longest > context:
        raise ValueError(
            f"trainer.max_tokens={longest}: the student has {context} positions; "
            f"set trainer.max_tokens={context}"
        )
    for name, thought in settings.thoughts.items():
        trained = _prompts(renderer, thought, [p for p in problems if p.split == "train"])
        if "examples" in settings.stages and trained and len(trained[0]) + 2 > longest:
            raise ValueError(
                f"trainer.max_tokens={longest}: the shortest prompt of {name} has "
                f"{len(trained[0])} tokens, so that no target fits behind it; set "
                f"trainer.max_tokens to at least {len(trained[0]) + 2}"
            )
        if settings.generates and name in settings.answering():
            _judge_answers(settings, config, name, _prompts(renderer, thought, asked))
            _warn_of_shots(settings, config, name, renderer, asked)


def _judge_answers(
    settings: Settings, config: "PretrainedConfig", name: str, prompts: Prompts
) -> None:
    wanted = settings.decoding.max_new_tokens
    if not prompts or room(config, len(prompts[-1])) >= wanted:
        return
    if (most := room(config, len(prompts[0]))) < wanted:
        raise ValueError(
            f"decoding.max_new_tokens={wanted}: the student has {context_length(config)} "
            f"positions, and the shortest prompt of {name} takes {len(prompts[0])}: "
            f"{max(0, int(most))} are left"
        )
    log.warning(
        "%s: the longest prompt has %d tokens; with decoding.max_new_tokens=%d that is more than "
        "the student's %s positions, and such answers are cut",
        name,
        len(prompts[-1]),
        wanted,
        context_length(config),
    )


def _warn_of_shots(
    settings: Settings,
    config: "PretrainedConfig",
    name: str,
    renderer: Renderer,
    asked: Sequence[Problem],
) -> None:
    thought = settings.thoughts[name]
    shots = shown_by(thought, load_exemplars(most_asked(asked))[: settings.decoding.num_shots])
    few = _prompts(renderer, thought, asked, shots) if shots else []
    if few and room(config, len(few[0])) < settings.decoding.max_new_tokens:
        log.warning(
            "%s: with %d shots the shortest prompt has %d tokens of the student's %s positions: "
            "few-shot answers are cut before training",
            name,
            len(shots),
            len(few[0]),
            context_length(config),
        )


def _prompts(
    renderer: Renderer,
    thought: Thought,
    problems: Sequence[Problem],
    exemplars: Sequence[Mapping[str, Any]] = (),
) -> Prompts:
    """The tokenised prompts of the shortest and longest questions, from shortest to longest."""
    questions = sorted((problem.question for problem in problems), key=len)
    ends = dict.fromkeys([*questions[:TRIED], *questions[-TRIED:]])
    prompts = [renderer.prompt_ids(renderer.prompt(q, thought, exemplars)) for q in ends]
    return sorted(prompts, key=len)
