"""Opens a transcript: its question, and the cue in the question's own turn."""

from mdexp.records import Segment, Transcript


def new_transcript(
    question: str, *, problem_id: str = "", thought: str = "", sample: int = 0
) -> Transcript:
    """A transcript that holds its question alone."""
    return Transcript(
        problem_id=problem_id, thought=thought, sample=sample, segments=(asked(question),)
    )


def opening(question: str, cue: str) -> tuple[Segment, Segment]:
    """A question and its cue, behind which a writer begins."""
    return asked(question), first_cue(cue)


def asked(question: str) -> Segment:
    """A question as the first segment of a transcript."""
    return Segment(author="question", text=question, turn="user")


def first_cue(cue: str) -> Segment:
    """A cue on a line of its own in the turn of the question."""
    return Segment(author="cue", text=f"\n{cue}")
