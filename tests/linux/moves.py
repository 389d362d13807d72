"""The solver's vectors of all ways to move, as moves that a kernel can be asked for."""

from __future__ import annotations

from collections.abc import Iterable

from generated import Suite
from vector_files import Vector

from linux.binding import MREMAP
from linux.place import Reason
from linux.realise import Realised
from verify import core
from verify.core import Symbol
from verify.evaluate import evaluate
from verify.strategies.examples import Example
from verify.values import MapValue, Member, Value, map_value, some_value

ARGUMENTS = {"old_addr", "new_addr", "len"}


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
        s: _same(state.get(s.name, some_value(s.type, bits)), s.type, bits)
        for s in suite.program.states(routine.module)
    }
    return Example(b"", vector.geometry, vector.context, {p: arguments[p.name] for p in routine.parameters}, given, {})


def _same(value: Value, type_: core.Type, bits: int) -> Value:
    """A value as one of the same type in another module: entries have a type of their own in each."""
    if not isinstance(value, MapValue) or not isinstance(value.default, Member) or not isinstance(type_, core.MapType):
        return value
    held = type_.value
    assert isinstance(held, core.OpaqueType)
    entries: dict[Value, Value] = {a: Member(held, m.index) for a, m in value.entries.items() if isinstance(m, Member)}
    return map_value(type_, Member(held, value.default.index), entries, bits)


class NotMet(Exception):
    """What has been brought about is no state that the contract speaks of: a fault in `realise`."""


def check(suite: Suite, move: Realised) -> None:
    """Raises NotMet unless what is brought about meets the contract."""
    entry = move.example.entry
    for clause in suite.program.routines()[MREMAP].requires:
        if not evaluate(clause.expr, move.example.context, entry, entry):
            raise NotMet(f"{move.scenario.name}: {clause.label}")
