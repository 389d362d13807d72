"""Faults put into a body of the specification, and the runs that show what they break.

A run is an execution of a routine's body from an entry that meets its contract. The entries are those that the
generated tests are run on, or one that is given by hand.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from body import ran
from bridge import affordable
from faults import GIVEN, Fault, Given

from verify import core
from verify.classes import input_classes
from verify.core import MapType, SetType, Symbol
from verify.elaborate import elaborate
from verify.evaluate import context_for
from verify.execute import Repeats, Run, Violated, holds_requires
from verify.load import load
from verify.obligations import obligations
from verify.span import Source
from verify.strategies.examples import PART, Example, Maker
from verify.strategies.hooks import Hook, Style
from verify.values import Member, Value, map_value, some_value

FUEL = 700
"""How many statements a run without a fault takes at most. Longer ones are left out."""

MORE = 2_000
"""How many a run with a fault may take: it can do more, or never end."""

DIFFERENT = 7
"""On so many entries, at least, that the fault makes a difference on it is looked what breaks."""


class Spec:
    """A specification or a part of it, elaborated. Its files are shown by their paths below `folder`: those of a copy
    are shown as those of what it is a copy of."""

    def __init__(self, program: core.Program, sources: Mapping[str, Source]) -> None:
        self.program = program
        self.sources = sources
        self.obligations = tuple(obligations(program))

    @classmethod
    def at(cls, place: Path, folder: Path) -> Spec:
        loaded = load([place], folder)
        program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
        assert program is not None, mistakes
        return cls(program, loaded.sources)

    def claims_of(self, routine: core.Routine) -> dict[str, frozenset[str]]:
        """The claims of a routine's obligations, by id, where there are any."""
        its = (o for o in self.obligations if (o.module, o.item) == (routine.module, routine.name))
        return {o.id: frozenset(o.claims) for o in its if o.claims}


def with_fault(text: str, fault: Fault, routine: core.Routine) -> str:
    """The source of a routine's module with the fault in it. It stands in the body: what is claimed stays as it was."""
    lines = text.splitlines(keepends=True)
    assert routine.body
    first = routine.body[0].span.line - 1
    last = lines.index("}\n", first)
    body = "".join(lines[first:last])
    assert body.count(fault.text) == 1, f"{fault.text!r} stands {body.count(fault.text)} times in {routine.qualified}"
    return "".join(lines[:first]) + body.replace(fault.text, fault.by) + "".join(lines[last:])


# --- entries -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Entries:
    """The entries of each routine of a specification, always the same; remembered once they are drawn."""

    spec: Spec
    found: dict[tuple[str, int], tuple[Example, ...]] = field(default_factory=dict)

    def of(self, routine: core.Routine, count: int) -> tuple[Example, ...]:
        """So many that are drawn, if so many are made, and those that are given by hand."""
        name = routine.qualified
        if (name, count) not in self.found:
            aims = tuple(c for c in input_classes(self.spec.program) if c.procedure == name)
            maker = Maker(self.spec.program, routine, aims, affordable)
            choices = random.Random(name)
            made = (maker.make(choices.randbytes(PART * maker.parts)) for _ in range(count))
            by_hand = (self.given(routine, given) for given in GIVEN if name in given.routines)
            self.found[name, count] = (*by_hand, *(example for example in made if example is not None))
        return self.found[name, count]

    def given(self, routine: core.Routine, given: Given) -> Example:
        """The entry that is given by hand. It meets the contract."""
        program, params = self.spec.program, {**given.geometry}
        items = program.visible_items(routine.module)
        bits = params.pop("WORD_BITS")
        values: dict[Symbol, Value] = {i.symbol: params[i.symbol.name] for i in items if isinstance(i, core.Param)}
        context = context_for(program, values, bits, {})
        state = {s: _state(s, given, bits) for s in program.states(routine.module)}
        arguments: dict[Symbol, Value] = {p: given.arguments.get(p.name, 0) for p in routine.parameters}
        uninterpreted = (i for i in items if isinstance(i, core.Define) and i.value is None)
        hooks = {d.qualified: Hook(d, Style.SAME, bits) for d in uninterpreted}
        assert holds_requires(program, context, routine, arguments, state), f"{routine.qualified}: no entry of it"
        return Example(b"", None, context, arguments, state, hooks)


def _state(symbol: Symbol, given: Given, bits: int) -> Value:
    """A state variable, plain but for what is given."""
    type_ = symbol.type
    keys = {
        "pte": given.entries,
        "table": given.tables,
        "refuses": given.refused,
        "bad_pmd": given.bad,
        "becomes": given.becomes,
    }
    value = some_value(type_, bits)
    if symbol.name not in keys:
        return value
    assert isinstance(type_, MapType | SetType)
    entries: dict[Any, Any] = dict.fromkeys(keys[symbol.name], True)
    if isinstance(type_, MapType) and isinstance(type_.value, core.OpaqueType):
        entries = {addr: Member(type_.value, 100 + number) for number, addr in enumerate(keys[symbol.name])}
    return map_value(type_, some_value(core.value_type(type_), bits), entries, bits)


# --- runs ----------------------------------------------------------------------------------------------------------


def breaks(program: core.Program, routine: core.Routine, example: Example, ids: Iterable[str]) -> set[str]:
    """All of these that break in the run, one after the other."""
    left = set(ids)
    while True:
        found = ran(program, routine, example, left.__contains__, MORE)
        if not isinstance(found, Violated | Repeats) or found.id not in left:
            return set(ids) - left
        left.remove(found.id)


def done(run: Run) -> object:
    """What a run did, wherever it stands in the source."""
    return [(s.depth, s.kind, s.symbol, s.value, s.callee) for s in run.trace]
