"""A run that is killed while one of its stages writes, and started again."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from mdexp.commands.run import main
from mdexp.decoding.resume_cache import ResumeCache
from mdexp.store.files import read_json


def counts(run: Path, stage: str) -> dict:
    """What a stage counted, by its run's run.json."""
    stages = read_json(run / "run.json")["stages"]
    return next(entry["counts"] for entry in stages if entry["name"] == stage)


def resumes_to_the_same(stage: str, words: Sequence[str], files: Sequence[str]) -> None:
    """Kill the run of this command line, here, at the third batch of that stage, and start it
    again: it finds the two batches of ten answers, and `files` are those of an undisturbed run."""
    words = [*words, "decoding.batch_size=10"]
    assert main([*words, "hydra.run.dir=whole", "store=one"]) == 0
    keep, kept = ResumeCache.keep, []

    def until_killed(cache: ResumeCache, *batch) -> None:
        kept.append(cache.file.parent.parent.name)
        if kept.count(stage) == 3:
            raise KeyboardInterrupt
        keep(cache, *batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ResumeCache, "keep", until_killed)
        assert main([*words, "hydra.run.dir=killed", "store=two"]) == 130
    assert main([*words, "hydra.run.dir=killed", "store=two"]) == 0
    assert counts(Path("killed"), stage)["answers_kept_by_a_killed_run"] == 20
    for name in files:
        whole, killed = (Path(run) / name for run in ("whole", "killed"))
        assert whole.read_bytes() == killed.read_bytes(), name
