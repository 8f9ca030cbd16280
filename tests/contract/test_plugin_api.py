"""The plug-in API as version 1 has it: a part written for it goes on to work."""

import re
import sys
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from pydantic import BaseModel

import mdexp
from mdexp import ports
from mdexp.ports.parts import ComponentError, component_class

ROOT = Path(__file__).parents[2]
# What each interface asks of a part. A part of version 1 lacks whatever is added here, and has
# whatever is taken away: raise PLUGIN_API with a line in CHANGELOG.md, then change this.
MEMBERS = {
    "Executor": "run solve",
    "Thought": "cue exemplar instruction is_oracle lesson made_from max_writes next reads "
    "shows_results unit votes",
    "LessonMaker": "make teaches",
    "Dataset": "dropped files licence limit_test near_duplicates ood overlap path problems source",
    "Teacher": "ask_again exemplars files num_paths paths thinking",
    "StudentConfig": "config files is_packed kind load lora_alpha lora_dropout lora_rank "
    "lora_targets prompt tokenizer tuning",
    "VoteRule": "all_vote describe name needs_validation order tally",
    "Grader": "is_right name read version",
    "Logger": "log_sweep start",
    "LoggedRun": "finish last_step lightning",
}


def members(protocol: type) -> set[str]:
    """The public names that an interface and those it extends ask for."""
    own = [kind for kind in protocol.__mro__ if kind.__module__.startswith(ports.__name__)]
    names = {name for kind in own for name in (*vars(kind), *getattr(kind, "__annotations__", {}))}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", MEMBERS)
def test_an_interface_asks_for_what_version_1_asks(name: str) -> None:
    assert ports.PLUGIN_API == 1
    assert members(getattr(ports, name)) == set(MEMBERS[name].split())


class Old(BaseModel):
    plugin_api: ClassVar[int] = 0


class Current(BaseModel):
    plugin_api: ClassVar[int] = 1


def test_a_part_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDEXP_PARTS", __name__.split(".")[0])
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    assert component_class(f"{__name__}.Current") is Current
    with pytest.raises(ComponentError, match=r"version 0 of the plug-in API, this is 1; CHANGELOG"):
        component_class(f"{__name__}.Old")


def test_changelog_and_citation_name_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    [newest, *_] = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    assert newest.startswith(mdexp.__version__)
    assert f"Plug-in API: {ports.PLUGIN_API}." in newest
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == mdexp.__version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
