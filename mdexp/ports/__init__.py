"""The interfaces of plug-ins: thought, lesson maker, dataset, teacher, student, decoder, objective,
scorer, vote rule, grader and logger; and of the executor.

A plug-in is one Python file and one yaml that names it by `_target_`. It is a frozen pydantic
model: its fields are its options. It imports torch, openai and the like only inside its methods, so
that a configuration is judged in milliseconds. Import what it needs from here; `ports.parts` builds
a part within a part, `ports.progress` shows how far a long piece of work is.

These interfaces are stable: `PLUGIN_API` is their version, CHANGELOG.md says what each changed.
"""

from mdexp.ports.decoding import Decoder, StartsServer
from mdexp.ports.judging import (
    Attempt,
    Ballot,
    Grader,
    LearnedVote,
    PrefixScorer,
    ReadPrefix,
    Scorer,
    Scores,
    Tally,
    VoteRule,
    Weight,
)
from mdexp.ports.logger import Feed, LoggedRun, Logger, RunIdentity
from mdexp.ports.source import (
    Dataset,
    HasColumns,
    HasFreeText,
    LimitedTeacher,
    OodSet,
    SourceError,
    Teacher,
)
from mdexp.ports.student import StudentConfig, Tuning, student_name
from mdexp.ports.thought import (
    BringsTokens,
    ChoosesThought,
    Done,
    Executor,
    HasRoles,
    Message,
    Run,
    Seen,
    Step,
    Thought,
    VariedThought,
    Write,
    brought_tokens,
    roles_of,
)
from mdexp.ports.training import LessonMaker, Objective, RoundMethod, WithAuxiliary

# Raised when a part written for the version before would no longer work. A part may declare the one
# it was written for (`plugin_api: ClassVar[int] = 1`), and is then refused by any other.
PLUGIN_API = 1

__all__ = [
    "PLUGIN_API",
    "Attempt",
    "Ballot",
    "BringsTokens",
    "ChoosesThought",
    "Dataset",
    "Decoder",
    "Done",
    "Executor",
    "Feed",
    "Grader",
    "HasColumns",
    "HasFreeText",
    "HasRoles",
    "LearnedVote",
    "LessonMaker",
    "LimitedTeacher",
    "LoggedRun",
    "Logger",
    "Message",
    "Objective",
    "OodSet",
    "PrefixScorer",
    "ReadPrefix",
    "RoundMethod",
    "Run",
    "RunIdentity",
    "Scorer",
    "Scores",
    "Seen",
    "SourceError",
    "StartsServer",
    "Step",
    "StudentConfig",
    "Tally",
    "Teacher",
    "Thought",
    "Tuning",
    "VariedThought",
    "VoteRule",
    "Weight",
    "WithAuxiliary",
    "Write",
    "brought_tokens",
    "roles_of",
    "student_name",
]
