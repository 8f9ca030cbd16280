"""The help of the command line: the groups of conf/ and their options."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill

import yaml

from mdexp.config.config_path import CONFIG_NAME, config_folder

EXAMPLES = """\
mdexp distils the reasoning of a large teacher into a small student and measures the gain.

  python -m mdexp.run                                    embedded problems, teacher and student
  python -m mdexp.run student=codellama lambda=0.3       one experiment; λ=0.3 works too
  python -m mdexp.run -m lambda=0,0.5,1 num_paths=1,2    a sweep
  python -m mdexp.run -m sweep=lambda                    a sweep of conf/sweep
  python -m mdexp.run run=FOLDER grader=lenient          score an earlier run by another grader

Groups and their options (group=option; * is the default):
"""
FLAGS = """
Any key of the composed configuration can be set: trainer.learning_rate=1e-4
  --cfg job        show all keys with their values, for the groups and keys given beside it
  -m               run each combination of the values given
  --config-dir D   find further options in the folder D, laid out like conf/
  --hydra-help     the remaining flags
"""
WIDTH = 100  # columns


def group_options(folders: Sequence[Path]) -> dict[str, list[str]]:
    """The options of each group, sorted: the yaml files in its folders."""
    found: dict[str, set[str]] = {}
    for folder in folders:
        for file in folder.glob("*/*.yaml"):
            found.setdefault(file.parent.name, set()).add(file.stem)
    return {group: sorted(found[group]) for group in sorted(found)}


def default_options() -> dict[str, list[str]]:
    """The default option of each group."""
    config = yaml.safe_load((config_folder() / f"{CONFIG_NAME}.yaml").read_text(encoding="utf-8"))
    choices = [entry for entry in config["defaults"] if entry != "_self_"]
    return {
        group: [chosen] if isinstance(chosen, str) else list(chosen or ())
        for entry in choices
        for group, chosen in entry.items()
    }


def usage(options: Mapping[str, Sequence[str]], defaults: Mapping[str, Sequence[str]]) -> str:
    """The help text; `defaults` are the default options of groups."""
    lines = []
    for group, names in options.items():
        chosen = defaults.get(group, ())
        marked = [f"{name}*" if name in chosen else name for name in names]
        lines.append(
            fill(
                " ".join(marked),
                WIDTH,
                initial_indent=f"  {group:<12}",
                subsequent_indent=" " * 14,
                break_on_hyphens=False,
            )
        )
    return EXAMPLES + "\n".join(lines) + "\n" + FLAGS
