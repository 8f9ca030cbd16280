"""Who wrote the paths of each kind of teacher and on what terms, for the report and the model
card."""

from collections.abc import Mapping
from typing import NamedTuple

from mdexp.teacher.annotations import CORRUPTED
from mdexp.teacher.annotations import MODEL as ANNOTATIONS
from mdexp.teacher.worked import MODEL as WORKED


class Origin(NamedTuple):
    terms: str
    no_llm: tuple[str, ...] = ()  # the `model` of paths that no language model wrote


# Keys are the teachers' modules: `worked` for `mdexp.teacher.worked.WorkedTeacher`.
ORIGINS: Mapping[str, Origin] = {
    "openai": Origin(
        "written by the model named above behind an API, whose terms of use may restrict "
        "training other models on its outputs"
    ),
    "served": Origin(
        "written by the model named above on this machine: the terms of its weights apply"
    ),
    "replay": Origin(
        "replayed from a recording of a teacher: the terms of the model that wrote it apply",
        no_llm=("gold-equation",),  # recorded programs that were made of SVAMP's equations
    ),
    "student_teacher": Origin(
        "written by a student that an earlier run trained: the terms of its weights, its teacher "
        "and its problems apply"
    ),
    "worked": Origin(
        "derived from the datasets' own solutions; no language model wrote them",
        no_llm=(WORKED,),
    ),
    "annotations": Origin(
        "derived from the datasets' own annotations; no language model wrote them",
        no_llm=(ANNOTATIONS, CORRUPTED),
    ),
}
NO_LLM = tuple(model for origin in ORIGINS.values() for model in origin.no_llm)
