"""Rules between the parts of a run: each returns the key that breaks it and a message, or nothing.

A part's own class checks its own fields; these rules look at several parts.
"""

from mdexp.config.settings import STAGES, Settings
from mdexp.ports import AdaptsReader, AsksScorer, VariedThought, WithAuxiliary


def stages_in_order(settings: Settings) -> str | None:
    named = tuple("generate" if stage == "after" else stage for stage in settings.stages)
    if not named or named != tuple(stage for stage in STAGES if stage in named):
        return (
            f"stages must be in order and named once: {', '.join(STAGES)}, or after in place of "
            f"generate; got {', '.join(settings.stages) or 'none'}"
        )
    if "after" in settings.stages and "train" not in settings.stages:
        return (
            "stages: after asks the student that the stage train of the same command leaves; add "
            "train (a training that the store has is not repeated), or take generate"
        )
    return None


def half_precision_holds_the_student(settings: Settings) -> str | None:
    if settings.student.kind == "seq2seq" and settings.trainer.precision == "16-mixed":
        return (
            "trainer.precision=16-mixed: float16 overflows in T5 and its kin "
            "(student.kind=seq2seq); use bf16-mixed or 32-true"
        )
    return None


def base_is_frozen(settings: Settings) -> str | None:
    asked = getattr(settings.student, "base_dtype", "auto")
    if asked == "bfloat16" and settings.student.tuning == "full":
        return (
            "student.base_dtype=bfloat16 is the type of frozen weights, and "
            "student.tuning=full freezes none: choose student.tuning=lora, dora or qlora"
        )
    return None


def roles_can_be_separate(settings: Settings) -> str | None:
    if not settings.roles():  # one student writes everything
        return None
    key = "student.roles=separate"
    if settings.student.tuning == "full":
        return (
            f"{key} trains an adapter for each role, and student.tuning=full has none: choose "
            "student.tuning=lora, dora or qlora"
        )
    if len(settings.roles()) == 1:
        return (
            f"{key}: all texts of thought=[{','.join(settings.thoughts)}] have one role; choose a "
            "thought of several, as sci_cot or kpdd, or student.roles=shared"
        )
    if settings.decoding.engine != "local":
        return (
            f"{key} exchanges adapters while it decodes, which a server (decoding.engine="
            f"{settings.decoding.engine}) is not asked to do; use decoding.engine=local"
        )
    if settings.new_tokens():
        return (
            f"{key}: adapters of several roles would each have their own embedding of the new "
            f"tokens {', '.join(settings.new_tokens())}; use student.roles=shared"
        )
    return None


def shards_hold_the_student(settings: Settings) -> str | None:
    if settings.trainer.strategy != "fsdp":
        return None
    if settings.student.tuning == "qlora":
        return (
            "student.tuning=qlora: weights of 4 bits are not sharded; use "
            "trainer.strategy=ddp, or student.tuning=lora with student.base_dtype=bfloat16"
        )
    if getattr(settings.student, "roles", "shared") == "separate":
        return (
            "student.roles=separate: adapters that are exchanged are not sharded; use "
            "trainer.devices=1 trainer.strategy=auto"
        )
    if settings.trainer.precision == "16-mixed":
        return "trainer.precision=16-mixed: gradients in shards are not scaled; use bf16-mixed"
    return None


def decoding_fits_thoughts(settings: Settings) -> str | None:
    if why_not := settings.decoding.why_not(settings.answering(), settings.student.kind):
        return f"decoding.{why_not}"
    return None


def objective_fits_thoughts(settings: Settings) -> str | None:
    if not settings.thoughts:
        return "thought: choose at least one, as in thought=[cot]"
    return settings.objective.why_not(settings.thoughts, settings.lam)


def answers_with_what_it_learned(settings: Settings) -> str | None:
    if settings.answer_with is None:
        return None
    able, named = settings.writable(), settings.answer_with
    if not named or len(set(named)) < len(named) or not set(named) <= set(able):
        return (
            f"answer_with names thoughts that the student can write ({', '.join(able)}), each once,"
            f" got {', '.join(named) or 'none'}; null takes all of them"
        )
    for name, thought in settings.answering().items():
        if unread := [read for read in thought.reads if read not in named]:
            return (
                f"answer_with: thought={name} reads {', '.join(unread)}; name that too, or leave "
                f"{name} out"
            )
    return None


def somebody_answers(settings: Settings) -> str | None:
    if not settings.answering():
        return (
            f"thought: {', '.join(settings.thoughts)} are only trained on; add one that the "
            "student answers by, as in thought=[cot,states]"
        )
    if not settings.voting():
        return (
            f"thought: {', '.join(settings.answering())} take no part in votes; add one that does, "
            "as in thought=[cot]"
        )
    return None


def later_rounds_have_a_method(settings: Settings) -> str | None:
    if settings.rounds == 1:
        return None
    if settings.round is None:
        return f"rounds={settings.rounds} needs a method, as in round=rft"
    if settings.round.hint is not None and settings.verify.mode != "gold":
        return (
            f"verify.mode={settings.verify.mode}: a method with round.hint shows the gold answer "
            "and keeps what meets it, so it needs verify.mode=gold"
        )
    if settings.decoding.engine != "local":
        return (
            f"decoding.engine={settings.decoding.engine}: each round has another student, and "
            f"rounds={settings.rounds} cannot ask one server for all; use decoding.engine=local"
        )
    if {"examples", "verify"} & set(settings.stages) and "train" not in settings.stages:
        return (
            f"stages: without train there is no student whose paths rounds={settings.rounds} could "
            "learn from"
        )
    if not settings.learned_from_own():
        return (
            f"rounds={settings.rounds}: lessons of {', '.join(settings.thoughts)} are made of "
            "other thoughts, so that nothing is learned from the student's own paths"
        )
    return None


def scorer_reads_the_student(settings: Settings) -> str | None:
    if settings.scorer is None:
        return None
    if settings.student.kind != "causal":
        return (
            f"scorer reads prompt and text as one, which a {settings.student.kind} student does "
            "not; leave it out, or choose a causal student"
        )
    if settings.roles():
        return (
            "scorer reads with one student, and student.roles=separate has one for each role; use "
            "student.roles=shared"
        )
    adapts = isinstance(settings.scorer, AdaptsReader) and settings.scorer.adapter
    if adapts and settings.trainer.precision == "16-mixed":
        return (
            "scorer.adapter does not scale its gradients, which trainer.precision=16-mixed needs; "
            "use bf16-mixed"
        )
    for name, thought in settings.answering().items():
        if isinstance(thought, VariedThought) and len(thought.variants()) > 1:
            return (
                f"scorer: thought={name} is asked in one of several ways, which validation chooses "
                "after the scorer has learned; leave one of the two out"
            )
    return None


def the_scorer_is_there(settings: Settings) -> str | None:
    asks = isinstance(settings.decoding, AsksScorer) and settings.decoding.asks_scorer
    if asks and settings.scorer is None:
        return (
            "decoding asks the run's scorer (decoding.search.scorer=run, or a fifth weight of "
            "decoding.beam.weights), and this run has none; add scorer=energy"
        )
    if asks and isinstance(settings.scorer, AdaptsReader) and settings.scorer.adapter:
        return (
            "scorer.adapter changes how the student reads for the scorer. Beams and search ask it "
            "about texts that the frozen student has read: set scorer.adapter=null, or use the "
            "scores for vote=scorer only"
        )
    return None


def lessons_fit_thoughts(settings: Settings) -> str | None:
    taught: set[str] = set()
    for name, maker in settings.lessons.items():
        try:
            taught |= set(maker.teaches(settings.thoughts))
        except ValueError as error:
            return f"lessons.{name}: {error}"
    weighed = [name for name, share in (settings.shares() or {}).items() if share > 0]
    if isinstance(settings.objective, WithAuxiliary):
        weighed += settings.objective.auxiliary
    untaught = [name for name in weighed if name not in taught]
    if untaught or not taught:
        return (
            f"lesson=[{','.join(settings.lessons)}] makes no lessons of "
            f"{', '.join(untaught or settings.thoughts)}, which have a share of the loss"
        )
    return None


def vote_fits_thoughts(settings: Settings) -> str | None:
    order, voting = settings.vote.order, settings.voting()
    chosen = ", ".join(voting)
    if len(set(order)) < len(order) or not set(order) <= set(voting):
        return (
            f"vote.order may name each of the thoughts that vote ({chosen}) once, "
            f"got {', '.join(order)}"
        )
    if order and settings.vote.all_vote and len(order) < len(voting):
        return (
            f"vote.order must name all of {chosen}, since each may be in a tie of "
            f"vote={settings.vote.name}, got {', '.join(order)}; vote=cascade may leave some out"
        )
    if settings.vote.needs_validation and settings.decoding.num_validation == 0:
        return (
            f"vote={settings.vote.name} learns from validation problems, and "
            "decoding.num_validation=0 answers none; it must be at least 1"
        )
    return None


RULES = (
    stages_in_order,
    half_precision_holds_the_student,
    base_is_frozen,
    roles_can_be_separate,
    shards_hold_the_student,
    answers_with_what_it_learned,
    decoding_fits_thoughts,
    objective_fits_thoughts,
    somebody_answers,
    later_rounds_have_a_method,
    scorer_reads_the_student,
    the_scorer_is_there,
    lessons_fit_thoughts,
    vote_fits_thoughts,
)
