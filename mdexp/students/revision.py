"""Warns if a student's weights are not pinned, so that the hub may change them under the same stage
keys.

A commit names weights for good. A branch as `main` does not, and a student's yaml has one where the
commit could not be read.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mdexp.ports import StudentConfig

_COMMIT = re.compile(r"[0-9a-f]{40}")


def unpinned(student: "StudentConfig") -> str | None:
    """What is not pinned and how to pin it; None for a commit, a folder or a package."""
    repo, revision = getattr(student, "repo", None), getattr(student, "revision", None) or "main"
    elsewhere = getattr(student, "path", None) or getattr(student, "package", None)
    if not repo or elsewhere or _COMMIT.fullmatch(revision):
        return None
    if here := _downloaded_commit(repo, revision):
        how = f"here it is student.revision={here}"
    else:
        commits = f"https://huggingface.co/{repo}/commits/{revision}"
        how = f"pin it by student.revision=COMMIT, one of {commits}"
    return f"{repo}@{revision} is not pinned, so that its weights may change; {how}"


def _downloaded_commit(repo: str, revision: str) -> str | None:
    """The commit that the hub's cache holds for a branch; None where it holds none."""
    from huggingface_hub import snapshot_download

    try:
        commit = Path(snapshot_download(repo, revision=revision, local_files_only=True)).name
    except OSError:
        return None
    return commit if _COMMIT.fullmatch(commit) else None
