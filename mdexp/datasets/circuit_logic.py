"""Logic circuits as reasoning-gym draws them: a diagram, its inputs, and the output, 0 or 1.

`type` is `k=3` for three gates before the last one. The solutions by rule are ours.
"""

import re
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from mdexp.datasets.generated import Draw
from mdexp.datasets.reasoning_gym_items import gym_item
from mdexp.records import Problem, Split

Terms = Annotated[int, Field(ge=1, le=8)]


class Gate(NamedTuple):
    """`sign` joins inputs in Python; `inverts`: the output is turned round."""

    name: str
    sign: str
    inverts: bool = False


GATES = {"&": Gate("AND", "&"), "↑": Gate("NAND", "&", True), "⊕": Gate("XOR", "^")}
LAST_GATES = {
    "AND": Gate("AND", "&"),
    "OR": Gate("OR", "|"),
    "NOR": Gate("NOR", "|", True),
    "XOR": Gate("XOR", "^"),
}


class CircuitLogic(BaseModel):
    """Circuits; lengths are numbers of gates before the last one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str] = "circuit_logic"

    terms_train: Annotated[tuple[Terms, ...], Field(min_length=1)]
    terms_test: Annotated[tuple[Terms, ...], Field(min_length=1)]

    def lengths(self) -> Mapping[Split, Sequence[int]]:
        return {"train": self.terms_train, "test": self.terms_test}

    def problem(self, draw: Draw) -> Problem:
        item = gym_item("circuit_logic", draw.chance, min_terms=draw.length, max_terms=draw.length)
        answer, texts = circuit_solutions(item["metadata"])
        assert str(answer) == item["answer"], item
        return Problem(
            id=f"circuit_logic/{draw.split}/{draw.number}",
            dataset="circuit_logic",
            split=draw.split,
            question=item["question"].strip(),
            answer=answer,
            type=f"k={draw.length}",
            solutions=texts,
        )


def circuit_solutions(circuit: dict[str, Any]) -> tuple[int, dict[str, list[str]]]:
    """The output that follows from terms and inputs, and the texts that work it out, by thought."""
    inputs: dict[str, int] = circuit["assignments"]
    prose, program, outputs = [], [f"{name} = {bit}" for name, bit in inputs.items()], []
    for number, term in enumerate(circuit["term_strings"], start=1):
        gate = GATES[next(sign for sign in term if sign in GATES)]
        literals = re.split("[&↑⊕]", term)
        bits = [inputs[name.rstrip("'")] ^ name.endswith("'") for name in literals]
        outputs.append(_output(gate, bits))
        prose.append(f"Gate {number}: {_spelled(gate, bits)} = {outputs[-1]}.")
        read = [f"(1 - {name[:-1]})" if name.endswith("'") else name for name in literals]
        program.append(f"gate_{number} = {_expression(gate, read)}")
    last = LAST_GATES[circuit["final_gate"]]
    answer = _output(last, outputs)
    prose += [f"Output: {_spelled(last, outputs)} = {answer}.", f"The answer is {answer}."]
    gates = [f"gate_{number}" for number in range(1, len(outputs) + 1)]
    program.append(f"ans = {_expression(last, gates)}")
    return answer, {"cot": ["\n".join(prose)], "pot": ["\n".join(program)]}


def _output(gate: Gate, bits: list[int]) -> int:
    join = {"&": int.__and__, "|": int.__or__, "^": int.__xor__}[gate.sign]
    return reduce(join, bits) ^ gate.inverts


def _spelled(gate: Gate, bits: list[int]) -> str:
    return f" {gate.name} ".join(map(str, bits))


def _expression(gate: Gate, names: list[str]) -> str:
    joined = f" {gate.sign} ".join(names)
    return f"1 - ({joined})" if gate.inverts else joined
