"""Stage `convert`: unpacks weights (GGUF) into a folder that transformers loads, once for all
runs."""

from pathlib import Path

from mdexp.ports import StudentConfig
from mdexp.stages.stage import Files, Stage
from mdexp.store.stage_store import Counts
from mdexp.students.load import save_folder


def convert(out: Path, reads: Files, *, student: StudentConfig) -> Counts:
    """Unpack the student's weights."""
    unpacked = student.load(seed=0)
    save_folder(unpacked, out)
    return {"parameters": sum(p.numel() for p in unpacked[0].parameters())}


CONVERT = Stage(
    name="convert",
    version=1,
    function=convert,
    writes={},
    files=lambda s: s.student.files(),
    settings=lambda s: {"student": s.student},
)
