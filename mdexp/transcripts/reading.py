"""Reads answers from written transcripts: each thought reads its own, and programs are run.

Teacher paths (verify) and student outputs (score) are read by this same code, so a path is kept by
the reading by which a generation is graded.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mdexp.ports import Done, Executor, Run, Seen, Thought, Write
from mdexp.records import Output, Path, Problem, ProgramResult, Segment, Transcript, TranscriptKey
from mdexp.transcripts.driver import TRUNCATED, Part, Walk, drive, run_all
from mdexp.transcripts.opening import new_transcript
from mdexp.transcripts.thinking import join_thinking, split_thinking

# What was read in a run, so that it is not read again: by problem, thought, part and what was said.
Readings = dict[tuple[str, str, Part, tuple[Segment, ...]], Done]


def read_rows(
    rows: Sequence[Path | Output],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    found: Mapping[TranscriptKey, Done] = MappingProxyType({}),
    part: Part = "answer",
    readings: Readings | None = None,
) -> list[Done]:
    """What paths or outputs come to, in order; a thought is shown those of the thoughts that it
    reads, of the same problem and sample. `found` has outcomes that are known already, `part` is
    what is read of each text. What is in `readings` is taken from there, and what is read is put
    there, but for thoughts that look at others."""
    found = dict(found)
    readings = {} if readings is None else readings
    dones: list[Done] = [TRUNCATED] * len(rows)
    for layer in reading_order(thoughts, {key.thought for key in found}):
        places = [place for place, row in enumerate(rows) if row.thought in layer]
        walks = [
            Walk(
                thought=thoughts[row.thought],
                transcript=transcript_of(row, problems[row.problem_id].question),
                seen=seen_of(_key(row), problems[row.problem_id], thoughts[row.thought], found),
                part=part,
            )
            for row in (rows[place] for place in places)
        ]
        names = [
            (row.problem_id, row.thought, part, walk.transcript.segments)
            for row, walk in zip((rows[place] for place in places), walks, strict=True)
        ]
        new = [n for n, name in enumerate(names) if name not in readings]
        read = dict(zip(new, read_all([walks[n] for n in new], executor), strict=True))
        for n, place in enumerate(places):
            done = read[n] if n in read else readings[names[n]]
            dones[place] = found[_key(rows[place])] = done
            if not thoughts[rows[place].thought].reads:
                readings[names[n]] = done
    return dones


def outcomes(
    rows: Sequence[Path | Output],
    problems: Mapping[str, Problem],
    thoughts: Mapping[str, Thought],
    executor: Executor,
    readings: Readings | None = None,
) -> dict[TranscriptKey, Done]:
    """What each row comes to, by its key, where any thought reads another one."""
    if not any(thought.reads for thought in thoughts.values()):
        return {}
    dones = read_rows(rows, problems, thoughts, executor, readings=readings)
    return dict(zip(map(_key, rows), dones, strict=True))


def reading_order(thoughts: Mapping[str, Thought], known: Collection[str] = ()) -> list[list[str]]:
    """Names of thoughts in layers, each of which reads none but those before it and those `known`.
    ValueError for thoughts that read each other, or one that is not there."""
    layers: list[list[str]] = []
    left = dict(thoughts)
    while left:
        ready = [n for n, thought in left.items() if not set(thought.reads) & left.keys()]
        for name in ready:
            if missing := set(left[name].reads) - thoughts.keys() - set(known):
                raise ValueError(
                    f"thought={name} reads {', '.join(sorted(missing))}, which is not among "
                    f"{', '.join(thoughts)}: add it to thought=[...]"
                )
        if not ready:
            raise ValueError(f"thoughts {', '.join(left)} read each other")
        layers.append(ready)
        left = {name: thought for name, thought in left.items() if name not in ready}
    return layers


def seen_of(
    key: TranscriptKey, problem: Problem, thought: Thought, found: Mapping[TranscriptKey, Done]
) -> Seen:
    """What a thought may see: the same sample of the thoughts that it reads, else their greedy
    path."""
    others = {}
    for other in thought.reads:
        same, greedy = key._replace(thought=other), key._replace(thought=other, sample=0)
        if done := found.get(same) or found.get(greedy):
            others[other] = done
    gold = problem.answer if thought.is_oracle else None
    return Seen(expected=problem.expected, others=others, gold=gold)


def read_all(walks: Sequence[Walk], executor: Executor) -> list[Done]:
    """What written transcripts come to, in order; their last programs are run in one batch.

    Of a transcript, the texts of its writer count, and the results that its writer went on from. A
    transcript that lacks a text which its thought asks for is `truncated`.
    """
    recorded: dict[int, deque[Segment]] = {}
    afresh = []
    for walk in walks:
        question, *said = walk.transcript.segments
        new = replace(walk, transcript=replace(walk.transcript, segments=(question,)), done=None)
        recorded[id(new)] = deque(s for s in said if s.author in ("writer", "executor"))
        afresh.append(new)

    def write(writes: Sequence[tuple[Walk, Write]]) -> list[Segment]:
        return [_next_text(recorded[id(walk)]) for walk, _ in writes]

    def run(runs: Sequence[tuple[Walk, Run]]) -> list[ProgramResult]:
        seen = [_next_result(recorded[id(walk)]) for walk, _ in runs]
        pairs = zip(runs, seen, strict=True)
        new = iter(run_all([step for (_, step), result in pairs if result is None], executor))
        return [next(new) if result is None else result for result in seen]

    drive(afresh, write, run)
    return [walk.done or TRUNCATED for walk in afresh]


def transcript_of(row: Path | Output, question: str) -> Transcript:
    """A row of a file as a transcript. A teacher's text that was cut short is read all the same:
    verify rejects it by its finish reason."""
    text = join_thinking(row.thinking, row.text) if isinstance(row, Path) else row.text
    finished = row.finished if isinstance(row, Output) else True
    one = Segment(author="writer", text=text, turn="assistant", finished=finished)
    said = tuple(map(_thought_aloud, row.segments)) or (one,)
    begun = new_transcript(
        question, problem_id=row.problem_id, thought=row.thought, sample=row.sample
    )
    return begun.after(*said)


def without_thinking(segment: Segment) -> Segment:
    """A segment with what its writer says behind its thinking; of another author as it is."""
    if segment.author != "writer":
        return segment
    return replace(segment, text=split_thinking(segment.text).answer, thinking="")


def _thought_aloud(segment: Segment) -> Segment:
    """A segment whose thinking, if it came apart, stands in its text."""
    if not segment.thinking:
        return segment
    return replace(segment, text=join_thinking(segment.thinking, segment.text), thinking="")


def _key(row: Path | Output) -> TranscriptKey:
    phase = row.phase if isinstance(row, Output) else ""
    return TranscriptKey(row.problem_id, row.thought, row.sample, phase)


def _next_text(recorded: deque[Segment]) -> Segment:
    while recorded:
        if (segment := recorded.popleft()).author == "writer":
            return segment
    return Segment(author="writer", text="", finished=False)


def _next_result(recorded: deque[Segment]) -> ProgramResult | None:
    return recorded.popleft().result if recorded and recorded[0].author == "executor" else None
