"""An implementation among others: the specification follows it step by step, and has the others act.

An implementation notes each thing that it does and that others could notice. Before each of them, and at the end, the
interference procedure of the specification is run on the specification's state: what others do there comes from that
state, so from the example, and is then done to the implementation's state too. Each thing that is noted has the name
of a procedure of the specification: what that requires is looked at, and it is run. So the two states go along, and at
the end they must be the same.

| specification | implementation |
|---|---|
| a procedure that is one step, its arguments | `Event.name`, `Event.args` |
| `held: set[lock_t]` | `Mm.held` |
| `contended: map[int, bool]`, `tries: int` | `Mm.contended`, `Mm.tries` |
| `vm_file`, `vm_truncate_count[...]` | the `Vma` that stands for the area |
| the parameters `vma`, `new_vma` | that `Vma`; where the procedure has none, the old area's and the new one's |
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge import (
    LEGS,
    SETS,
    SLACK,
    Function,
    Misbehaved,
    Outcome,
    argument,
    ends,
    geometry_of,
    mm_of,
    pages_in,
    pages_of,
    result_of,
)

from mremap_impl.mm import Event, Lock, Mm, Vma
from verify import core
from verify.claims import claims_of
from verify.core import EnumType, Symbol
from verify.evaluate import Context, Table, Undecided, Undefined, evaluate
from verify.execute import Finished, execute
from verify.interleaving import acts_of_others, changes
from verify.sites import statements, variables
from verify.strategies.examples import Example
from verify.strategies.hooks import Answers
from verify.syntax import RoutineKind
from verify.values import MapValue, Member, Value, map_value, show, some_value
from verify.verdict import Act

FUEL = 20_000
"""How many statements of the specification one step may take."""

PAGES = 256
"""How many pages a range has at most: each takes several steps, which are followed one by one."""


@dataclass(frozen=True, slots=True)
class Among:
    """What a run among others came to: the outcome, or in words what is wrong with it; the ids of the claims that were
    broken on the way, each with how; and who did what."""

    outcome: Outcome | str
    violated: Mapping[str, str]
    acts: tuple[Act, ...]


def affordable(context: Context, values: Mapping[Symbol, Value]) -> bool:
    """Whether the range among a move's arguments is short enough to be followed."""
    return pages_in(context, values) <= PAGES


def interference(program: core.Program, routine: core.Routine) -> core.Routine | None:
    """The procedure that acts between the steps of another one; None if nobody does."""
    seen = program.visible_items(routine.module)
    found = [i for i in seen if isinstance(i, core.Routine) and i.kind is RoutineKind.INTERFERENCE]
    return found[0] if found and found[0].module != routine.module else None


def steps_of(program: core.Program, others: core.Routine) -> Iterator[core.Routine]:
    """The procedures that are one step each, by which implementations note what they do."""
    for item in program.visible_items(others.module):
        if isinstance(item, core.Routine) and item.kind is RoutineKind.PROCEDURE and item.module != others.module:
            yield item


def record_claims(program: core.Program, routine: core.Routine) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The ids of what is claimed of a record, each with its claims: each precondition of each step, what others need,
    and the whole."""
    others = interference(program, routine)
    if others is None:
        return
    used = _called(program, routine, {others.qualified})
    for step in steps_of(program, others):
        if step.qualified in used:
            yield from _record(routine, step)
    yield from _record(routine, others)
    yield f"{routine.qualified}.record", ()


def _record(routine: core.Routine, step: core.Routine) -> Iterator[tuple[str, tuple[str, ...]]]:
    prefix = f"{routine.qualified}.record.{step.name}"
    return ((f"{prefix}.{c.label}", claims_of(c.doc, step.claims)) for c in step.requires)


def _called(program: core.Program, routine: core.Routine, but: set[str]) -> set[str]:
    """The procedures that a body calls, directly or not, but for some."""
    found: set[str] = set()
    stack = [routine]
    while stack:
        for stmt in statements(stack.pop().body or ()):
            if isinstance(stmt, core.Call) and stmt.callee not in found | but:
                found.add(stmt.callee)
                stack.append(program.routines()[stmt.callee])
    return found


def call_among(
    program: core.Program, routine: core.Routine, function: Function, example: Example, answers: Mapping[str, Answers]
) -> Among:
    """Runs a function on an example's arguments and state, while others act as the example's state says."""
    return _Lockstep(program, routine, function, example, answers).run()


@dataclass(slots=True)
class _Lockstep:
    program: core.Program
    routine: core.Routine
    function: Function
    example: Example
    answers: Mapping[str, Answers]
    turns: int = field(init=False)
    state: dict[Symbol, Value] = field(init=False)
    context: Context = field(init=False)
    mm: Mm = field(init=False)
    areas: dict[str, Vma] = field(init=False)
    violated: dict[str, str] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    looked_at: dict[str, tuple[Value | None, ...]] = field(default_factory=dict)
    interferes: core.Routine = field(init=False)
    steps: Mapping[str, core.Routine] = field(init=False)
    symbols: Mapping[str, Symbol] = field(init=False)

    def run(self) -> Among:
        self.state = dict(self.example.state)
        self.symbols = {s.name: s for s in self.state}
        found = interference(self.program, self.routine)
        assert found is not None
        self.interferes = found
        self.steps = {step.name: step for step in steps_of(self.program, found)}
        named = {s.name: v for s, v in self.state.items()}
        geometry = geometry_of(self.example.context)
        arguments = {s.name: v for s, v in self.example.arguments.items()}
        self.turns = 2 * LEGS * pages_of(geometry.page_shift, arguments) + SLACK
        self.mm = mm_of(geometry, named, self.answers, self.turns)
        self.mm.mapped.clear()
        # What the implementation asks of such defines is known only at the end, and has no part in others' acts.
        tables = {
            d.qualified: Table(some_value(d.result, self.bits))
            for d in self.program.defines().values()
            if d.value is None
        }
        self.context = replace(self.example.context, tables=tables)
        self.areas = {
            name: Vma(bool(named["vm_file"]), self.count_of(name)) for name in _members(self.symbol("vm_start"))
        }
        contended = named["contended"]
        assert isinstance(contended, MapValue)
        self.mm.contended = lambda attempt: bool(contended.get(attempt))
        self.mm.tries = self.number("tries")
        self.mm.held = {lock for lock in Lock if self.holds(lock)}
        self.mm.watch = self.before
        outcome = self.outcome()
        if isinstance(outcome, str):
            self.violated.setdefault(f"{self.routine.qualified}.record", outcome)
        return Among(outcome, self.violated, tuple(self.acts))

    def outcome(self) -> Outcome | str:
        arguments = {s.name: v for s, v in self.example.arguments.items()}
        given = {
            name: self.area(name, arguments) if name in ("vma", "new_vma") else argument(name, self.mm, arguments)
            for name in inspect.signature(self.function).parameters
        }
        try:
            returned = self.function(**given)
            self.others()
            difference = self.difference()
        except Misbehaved as error:
            return str(error)
        except Exception as error:  # whatever it raises is what it did
            return f"{self.function.__name__} raised {type(error).__name__}: {error}"
        if difference:
            self.violated[f"{self.routine.qualified}.record"] = difference
        routine = self.routine
        many = returned if isinstance(returned, tuple) else (returned,) * len(routine.results)
        try:
            results = {
                r: result_of(r, one, self.mm, self.function, arguments, self.bits)
                for r, one in zip(routine.results, many, strict=True)
            }
        except Misbehaved as error:
            return str(error)
        return Outcome(dict(self.state), results)

    def area(self, name: str, arguments: Mapping[str, Value]) -> Vma:
        given = arguments.get(name)
        return self.areas[str(given) if given is not None else {"vma": "old_area", "new_vma": "new_area"}[name]]

    # --- step by step

    def before(self, event: Event) -> None:
        """Others act, and then the specification takes the step that the implementation is about to take."""
        ends(self.mm, self.turns)
        self.others()
        step = self.steps.get(event.name)
        if step is None or len(step.parameters) != len(event.args):
            raise Misbehaved(f"{event.name} was noted, which is no step of the specification")
        wrong = self.wrongly_held()
        if wrong:
            self.violated.setdefault(f"{self.routine.qualified}.record", f"{wrong} before step {len(self.acts) + 1}")
        given = {p: self.value(p, a) for p, a in zip(step.parameters, event.args, strict=True)}
        for clause in step.requires:
            self.look(f"{self.routine.qualified}.record.{step.name}.{clause.label}", clause, given)
        was = {s: self.state[s] for s in step.modifies}
        self.executed(step, given)
        shown = ", ".join(show(v, p.type, self.bits) for p, v in given.items())
        self.acts.append(
            Act(self.function.__name__, f"{event.name}({shown})", 0, tuple(changes(was, self.state, self.bits)))
        )

    def others(self) -> None:
        """What others do at this place; first, whether they find what they need."""
        others = self.interferes
        for clause in others.requires:
            self.look(f"{self.routine.qualified}.record.{others.name}.{clause.label}", clause, {})
        turn, acts = self.number("turn"), self.state[self.symbol("acts")]
        assert isinstance(acts, MapValue)
        if str(acts.get(turn)) == "rests" or self.number("most") <= 0:  # as the body has it
            self.state[self.symbol("turn")] = turn + 1
            return
        was = dict(self.state)
        finished = self.executed(others, {})
        self.acts += acts_of_others(self.program, finished.trace, was, self.bits)
        pte = self.state[self.symbol("pte")]
        assert isinstance(pte, MapValue)
        self.mm.pte.clear()
        self.mm.pte.update({key: value for key, value in pte.entries.items() if isinstance(key, int)})
        for name, vma in self.areas.items():
            vma.vm_truncate_count = self.count_of(name)

    def look(self, id_: str, clause: core.Clause, given: Mapping[Symbol, Value]) -> None:
        """Whether a claim holds now; not asked again of the same values."""
        read = tuple(self.state.get(s) for s in variables(self.program, clause.expr)) + tuple(given.values())
        known = self.looked_at.get(id_)
        if known is not None and len(known) == len(read) and all(a is b for a, b in zip(known, read, strict=True)):
            return
        self.looked_at[id_] = read
        values = {**self.state, **given}
        try:
            holds = bool(evaluate(clause.expr, self.context, values, values))
            why = "it does not hold"
        except (Undefined, Undecided) as error:
            holds, why = False, f"it is not to be told: {error}"
        if not holds:
            self.violated.setdefault(id_, f"{why} before step {len(self.acts) + 1}")

    def executed(self, routine: core.Routine, given: Mapping[Symbol, Value]) -> Finished:
        ran = execute(
            self.program,
            self.context,
            routine,
            given,
            {s: self.state[s] for s in self.program.states(routine.module)},
            watch=lambda _id: False,
            choose=lambda stmt: some_value(stmt.target.type, self.bits),
            fuel=FUEL,
        )
        if not isinstance(ran, Finished):
            raise Misbehaved(f"the specification cannot follow: {routine.name} comes to {ran}")
        self.state.update(ran.state)
        return ran

    # --- the two sides

    @property
    def bits(self) -> int:
        return self.example.context.word_bits

    def symbol(self, name: str) -> Symbol:
        return self.symbols[name]

    def number(self, name: str) -> int:
        value = self.state[self.symbol(name)]
        assert isinstance(value, int)
        return value

    def count_of(self, area: str) -> int:
        counts = self.state[self.symbol("vm_truncate_count")]
        assert isinstance(counts, MapValue)
        count = counts.get(_member(self.symbol("vm_truncate_count"), area))
        assert isinstance(count, int)
        return count

    def holds(self, lock: Lock) -> bool:
        held = self.state[self.symbol("held")]
        assert isinstance(held, MapValue)
        return bool(held.get(_member(self.symbol("held"), lock.value)))

    def value(self, parameter: Symbol, given: object) -> Value:
        """An argument of an event as the specification has it."""
        type_ = parameter.type
        match given:
            case Lock() if isinstance(type_, EnumType):
                return Member(type_, type_.members.index(given.value))
            case Vma() if isinstance(type_, EnumType):
                name = next(name for name, vma in self.areas.items() if vma is given)
                return Member(type_, type_.members.index(name))
            case None if isinstance(type_, core.OpaqueType):
                return Member(type_, type_.named.index("none"))
            case int() | Member():
                return given
            case _:
                raise Misbehaved(f"{given!r} was noted, which is no {type_}")

    def wrongly_held(self) -> str:
        """The locks that one side holds and the other does not."""
        return ", ".join(f"held: {lock.value}" for lock in Lock if self.holds(lock) != (lock in self.mm.held))

    def difference(self) -> str:
        """In what the implementation's state differs from the specification's; empty if in nothing."""
        mm, wrong = self.mm, []
        for name in ("pte", *SETS):
            value = self.state[self.symbol(name)]
            assert isinstance(value, MapValue)
            entries: dict[Any, Any] = mm.pte if name == "pte" else dict.fromkeys(getattr(mm, name), True)
            if map_value(value.type, value.default, entries, self.bits) != value:
                wrong.append(name)
        numbers = {
            "nr_ptes": mm.nr_ptes,
            "asked": mm.allocator.asked,
            "reported": mm.reported,
            "open_maps": len(mm.mapped),
            "tries": mm.tries,
        }
        wrong += [name for name, number in numbers.items() if self.number(name) != number]
        wrong += [self.wrongly_held()] if self.wrongly_held() else []
        wrong += [f"vm_truncate_count[{n}]" for n, v in self.areas.items() if self.count_of(n) != v.vm_truncate_count]
        return f"{', '.join(wrong)} is not what the specification's steps make of it" if wrong else ""


def _members(symbol: Symbol) -> tuple[str, ...]:
    assert isinstance(symbol.type, core.MapType | core.SetType)
    enum = core.key_type(symbol.type)
    assert isinstance(enum, EnumType)
    return enum.members


def _member(symbol: Symbol, name: str) -> Member:
    assert isinstance(symbol.type, core.MapType | core.SetType)
    enum = core.key_type(symbol.type)
    assert isinstance(enum, EnumType)
    return Member(enum, enum.members.index(name))
