"""The moves that kernels are asked for: drawn from the contract of `mremap_fixed`, and the solver's vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bridge import affordable
from generated import Suite, each_example
from vector_files import Vector

from linux.binding import MREMAP
from linux.place import Reason
from linux.realise import Realised, realised
from linux.started import Machine
from verify.core import Symbol
from verify.evaluate import evaluate
from verify.strategies.examples import Example, Maker
from verify.values import MapValue, Value, some_value

ARGUMENTS = {"old_addr", "new_addr", "len"}


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves that a machine can be asked for, and by reason how many it cannot."""

    realised: tuple[Realised, ...]
    left_out: Mapping[Reason, int]


def drawn(suite: Suite, geometry: str, count: int, number: int) -> list[Example]:
    """Moves drawn from the contract on a geometry. The same number gives the same ones."""
    found: list[Example] = []
    each_example(drawing(suite, geometry), count, number, found.append)
    return found


def drawing(suite: Suite, geometry: str) -> Maker:
    """What makes moves from the contract on a geometry."""
    routine = suite.program.routines()[MREMAP]
    return Maker(suite.program, replace(routine, on=(geometry,)), suite.aims(routine), affordable)


def of_vectors(suite: Suite, vectors: Iterable[Vector]) -> list[Example | Reason]:
    """The moves that vectors of any way to move ask for, as such of `mremap_fixed`; REFUSED where a table is."""
    return [
        Reason.REFUSED if _refused(vector) else _as_move(suite, vector)
        for vector in vectors
        if {s.name for s in vector.arguments} >= ARGUMENTS and any(s.name == "pte" for s in vector.state)
    ]


def _refused(vector: Vector) -> bool:
    """Whether a table was refused on the way."""
    before, after = (
        {s.name: v for s, v in state.items()} for state in (vector.state, {**vector.state, **vector.after})
    )
    first, end, refuses = before["asked"], after["asked"], before["refuses"]
    assert isinstance(first, int)
    assert isinstance(end, int)
    assert isinstance(refuses, MapValue)
    return any(refuses.get(n) for n in range(first, end))


def _as_move(suite: Suite, vector: Vector) -> Example:
    routine, bits = suite.program.routines()[MREMAP], vector.context.word_bits
    arguments = {s.name: v for s, v in vector.arguments.items()}
    state = {s.name: v for s, v in vector.state.items()}
    given: dict[Symbol, Value] = {
        s: state.get(s.name, some_value(s.type, bits)) for s in suite.program.states(routine.module)
    }
    return Example(b"", vector.geometry, vector.context, {p: arguments[p.name] for p in routine.parameters}, given, {})


class NotMet(Exception):
    """What has been brought about is no state that the contract speaks of: a fault in `realise`."""


def moves(suite: Suite, title: str, asked: Sequence[Example | Reason], machine: Machine) -> Moves:
    """What is asked for, as scenarios for a machine. Raises NotMet."""
    routine = suite.program.routines()[MREMAP]
    found = [
        one if isinstance(one, Reason) else realised(f"{title}.{number}", one, machine)
        for number, one in enumerate(asked)
    ]
    able = tuple(f for f in found if isinstance(f, Realised))
    for one in able:
        entry = one.example.entry
        for clause in routine.requires:
            if not evaluate(clause.expr, one.example.context, entry, entry):
                raise NotMet(f"{one.scenario.name}: {clause.label}")
    reasons = [f for f in found if isinstance(f, Reason)]
    return Moves(able, {reason: reasons.count(reason) for reason in Reason if reason in reasons})
