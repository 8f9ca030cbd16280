"""The interfaces of plug-ins: thought, lesson maker, dataset, teacher, student, decoder, objective,
round method, scorer, vote rule, grader and logger; and of the executor.

A plug-in is one Python file and one yaml that names it by `_target_`. It is a frozen pydantic
model: its fields are its options. It imports torch, openai and other slow packages only inside its
methods, so that a configuration is validated in milliseconds. Import what it needs from here;
`ports.parts` builds a part within a part, `ports.progress` shows the progress of long work.

These interfaces are stable: `PLUGIN_API` is their version, and CHANGELOG.md says what each version
changed.
"""

from mdexp.ports.decoding import AsksScorer, Decoder, StartsServer
from mdexp.ports.judging import (
    AdapterOptions,
    AdaptsReader,
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
    AsksServer,
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

# Raise it when a part written for the previous version would no longer work. A part may declare its
# version (`plugin_api: ClassVar[int] = 1`), and any other version then refuses it.
PLUGIN_API = 1

__all__ = [
    "PLUGIN_API",
    "AdapterOptions",
    "AdaptsReader",
    "AsksScorer",
    "AsksServer",
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
