"""Right recorded answers of any problems, for what benches take as gold."""

from collections.abc import Sequence
from pathlib import Path

from mdexp.grading.verify import verify_paths
from mdexp.ports import Executor, Thought
from mdexp.records import Problem, VerifiedPath, by_id
from mdexp.teacher.replay import ReplayTeacher


def right_paths(
    file: Path, problems: Sequence[Problem], name: str, thought: Thought, executor: Executor
) -> dict[str, VerifiedPath]:
    """The first recorded path of each problem that meets its gold answer. ValueError where the
    file has none of these problems."""
    teacher = ReplayTeacher(path={name: str(file)}, num_paths=100, fields=None, thinking="drop")
    paths = list(teacher.paths(problems, {name: thought}, Path(), executor))
    kept, _ = verify_paths(paths, by_id(problems), {name: thought}, executor, "gold")
    return {path.problem_id: path for path in reversed(kept)}
