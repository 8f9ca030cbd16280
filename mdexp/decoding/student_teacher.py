"""A finished run's student as the teacher of another: it writes the thoughts that it was taught.

Its paths are the greedy one of each (problem, thought), then sampled ones, by the decoding of its
run. A killed command resumes after the last batch that was written.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from mdexp.config.judging import judge
from mdexp.config.settings import Settings, SettingsError
from mdexp.decoding.run_student import trained_folder
from mdexp.ports import Executor, Thought, student_name
from mdexp.ports.parts import described
from mdexp.records import Path, Problem, ThinkingUse
from mdexp.store.json_lines import read_jsonl
from mdexp.store.run_folder import RunFolderError, run_file, run_manifest


class StudentTeacher(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    ask_again: ClassVar[bool] = False

    run: str = Field(min_length=1)  # the folder of a run that trained
    num_paths: int = Field(ge=1)
    thinking: ThinkingUse = Field("drop", exclude=True)  # the paths are the same; verify heeds it

    def files(self) -> dict[str, FilePath]:
        """The weights that training left; SettingsError where the run or they are gone."""
        folder = self._trained()
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        return {f"student {file.relative_to(folder).as_posix()}": file for file in files}

    def exemplars(self) -> list[dict[str, Any]]:
        """The problems that the student was trained on: none of them may be a test problem."""
        self._trained()
        problems = read_jsonl(run_file(FilePath(self.run), "problems.jsonl"), Problem)
        return [
            {"question": problem.question}
            for problem in problems
            if problem.split == "train" and not problem.leaked
        ]

    def paths(
        self,
        problems: Sequence[Problem],
        thoughts: Mapping[str, Thought],
        ledger: FilePath,
        executor: Executor,
    ) -> Iterator[Path]:
        """Yield by problem, thought and sample. Nothing is bought: `ledger` only keeps the answers
        of a command that is killed."""
        if not problems or not thoughts:
            return
        from mdexp.decoding.decode_stats import DecodeStats
        from mdexp.decoding.own_paths import as_path, write_own_paths
        from mdexp.decoding.resume_cache import ResumeCache
        from mdexp.decoding.run_writer import chosen_thoughts, run_writer

        trained, settings = self._trained(), self._settings()
        self._refuse_untaught(thoughts, settings)
        known = chosen_thoughts(run_manifest(FilePath(self.run)), settings)
        ledger.mkdir(parents=True, exist_ok=True)
        kept = ResumeCache(ledger / f"student_{trained.parent.name}.jsonl")
        writer = run_writer(FilePath(self.run), settings, DecodeStats(kept=kept))
        ours = {name: known[name] for name in thoughts}
        outputs = write_own_paths(
            writer, problems, ours, settings.decoding, self.num_paths, executor
        )
        kept.remove()
        model = f"student {student_name(described(settings.student))}, seed {settings.seed}"
        for output in outputs:
            yield as_path(output, model)

    def _settings(self) -> Settings:
        return judge(run_manifest(FilePath(self.run))["settings"])

    def _trained(self) -> FilePath:
        """The weights; SettingsError if they are missing."""
        run = FilePath(self.run)
        try:
            folder = trained_folder(run, self._settings())
        except RunFolderError as error:
            raise SettingsError({"teacher.run": str(error)}) from error
        if folder is None:
            raise SettingsError({"teacher.run": f"{run} trained no student"})
        return folder

    def _refuse_untaught(self, thoughts: Mapping[str, Thought], settings: Settings) -> None:
        """SettingsError for a thought that the student was not taught with the same options."""
        taught = settings.writable()
        for name, thought in thoughts.items():
            if name in taught and described(taught[name]) == described(thought):
                continue
            lacks = "with other options" if name in taught else "too"
            raise SettingsError(
                {
                    "teacher.run": f"the student of {self.run} writes {', '.join(taught)}; this "
                    f"run asks for {name} {lacks}"
                }
            )
