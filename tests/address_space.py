"""An address space of the implementation that lives on from call to call, seen as a state of the specification.

The bridge makes a new one for each call. What an implementation keeps between calls is seen here alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridge import (
    AREAS,
    DEEP,
    PAGES,
    SETS,
    SLACK,
    Function,
    Misbehaved,
    Outcome,
    argument,
    function_at,
    geometry_of,
    pages_of,
    result_of,
    state_after,
)
from generated import Generated, Ran, Suite, broken

from mremap_impl.mm import Allocator, Event, Mm, Vma, look_away
from verify import core
from verify.core import Symbol
from verify.evaluate import Context, Table, evaluate
from verify.strategies.examples import Example
from verify.strategies.hooks import fresh
from verify.values import MapValue, Member, Value, map_value, some_value

COLOURS = 4
"""An entry depends on its address, as that of a zero page does on some ports: it has one of so many colours."""

FIRST = 10
"""The number of the plainest entry of a page; below are `none`, and what comes of an entry that is given to the hook
with an address that is not its own."""

SPOILT = 5

ASKING = ("p4d_alloc", "pud_alloc", "pmd_alloc", "pte_alloc")
"""The steps that each ask for one table, by the kernel's names for them; the levels from the root."""


class Noticed(AssertionError):
    """Something is not as the specification says; the message says what, and in which address space."""


@dataclass(slots=True)
class AddressSpace:
    """`kind` says how it moves. `refuses` answers the allocator. `lost`: the pages that have gone, by number.
    `known` is a state that has been looked at.

    Of the last call: `rows` is what the hook was asked, `before` the entries before it, `turns` how many steps are left
    to it, `refused` the levels at which it was refused a table.
    """

    kind: str
    suite: Suite
    geometry: str
    context: Context
    symbols: Mapping[str, Symbol]
    mm: Mm
    refuses: MapValue
    lost: set[int] = field(default_factory=set)
    rows: dict[tuple[Value, ...], Value] = field(default_factory=dict)
    before: Mapping[int, Member] = field(default_factory=dict)
    known: Mapping[Symbol, Value] = field(default_factory=dict)
    turns: int = 0
    refused: list[str] = field(default_factory=list)
    _clauses: dict[str, tuple[Generated, ...]] = field(default_factory=dict)

    @classmethod
    def empty(cls, kind: str, suite: Suite, geometry: str, context: Context) -> AddressSpace:
        """Nothing is mapped, and nothing refused."""
        states = [i.symbol for i in suite.program.visible_items("repair") if isinstance(i, core.State)]
        states += [i.symbol for i in suite.program.module("locks").items if isinstance(i, core.State)]
        symbols = {s.name: s for s in states}
        refuses = some_value(symbols["refuses"].type, context.word_bits)
        assert isinstance(refuses, MapValue)
        made = cls(kind, suite, geometry, context, symbols, Mm(geometry_of(context), {}, set()), refuses)
        made.mm.allocator = Allocator(lambda question: bool(made.refuses.get(question)))
        made.mm.move_pte = made.hook
        made.mm.cond_resched = made.turn
        return made

    # --- entries

    @property
    def bits(self) -> int:
        return self.context.word_bits

    @property
    def pte_t(self) -> core.OpaqueType:
        type_ = self.symbols["pte"].type
        assert isinstance(type_, core.MapType)
        assert isinstance(type_.value, core.OpaqueType)
        return type_.value

    def colour(self, addr: int) -> int:
        return (addr >> self.mm.geometry.page_shift) % COLOURS

    def entry(self, page: int, addr: int) -> Member:
        """What stands for a page at an address."""
        return Member(self.pte_t, FIRST + page * COLOURS + self.colour(addr))

    def pages(self) -> dict[int, list[int]]:
        """Where each page stands, by its number; -1 for what is no page."""
        found: dict[int, list[int]] = {}
        for addr, entry in self.mm.pte.items():
            known = isinstance(entry, Member) and entry.index >= FIRST and entry == self.entry(_page(entry), addr)
            found.setdefault(_page(entry) if known and isinstance(entry, Member) else -1, []).append(addr)
        return found

    def moved(self, entry: Value, old_addr: int, new_addr: int) -> Member:
        """The hook, a function: it undoes itself, and spoils what is given to it with another address than its own."""
        assert isinstance(entry, Member)
        if entry.index < FIRST or entry != self.entry(_page(entry), old_addr):
            return Member(self.pte_t, SPOILT)
        return self.entry(_page(entry), new_addr)

    def hook(self, entry: object, old_addr: int, new_addr: int) -> object:
        if not isinstance(entry, Member):
            raise Misbehaved(f"move_pte was asked about {entry!r}, which is no entry")
        self.rows[entry, old_addr, new_addr] = answer = self.moved(entry, old_addr, new_addr)
        return answer

    def turn(self) -> None:
        self.turns -= 1
        if self.turns < 0:
            raise Misbehaved("it does not end")

    # --- as the specification sees it

    def state(self) -> dict[Symbol, Value]:
        """The state as it is now. What the implementation knows nothing of is as plain as can be."""
        plain = {name: some_value(s.type, self.bits) for name, s in self.symbols.items()}
        plain["open_maps"] = DEEP  # of which an implementation would see so many: so it begins with none
        found = {s: state_after(s, plain[name], self.mm, plain, self.bits) for name, s in self.symbols.items()}
        held = self.symbols["held"]
        assert isinstance(held.type, core.SetType)
        assert isinstance(held.type.element, core.EnumType)
        locks: dict[Value, Value] = {
            Member(held.type.element, held.type.element.members.index(lock.value)): True for lock in self.mm.held
        }
        return {**found, self.symbols["refuses"]: self.refuses, held: map_value(held.type, False, locks, self.bits)}

    def table(self, old_addr: int, new_addr: int, len: int) -> Mapping[str, Table]:
        """What the hook is: what was asked of it, and what a claim about a move to and fro may ask."""
        rows, words = dict(self.rows), self.mm.geometry.words
        for addr, entry in [(a, e) for a, e in self.before.items() if words.sub(a, old_addr) < len]:
            there = words.add(words.sub(addr, old_addr), new_addr)
            rows[entry, addr, there] = other = self.moved(entry, addr, there)
            rows[other, there, addr] = self.moved(other, there, addr)
        return {"moved.move_pte": Table(fresh(self.pte_t, 10**6, self.bits), rows)}

    # --- calls

    def call(
        self, procedure: str, arguments: Mapping[str, int], *, file: bool = False, function: Function | None = None
    ) -> Outcome:
        """Calls what implements a procedure, or `function`, and looks whether its contract holds of what it does.

        Raises Noticed, or what the function raises. The caller sees to it that the precondition holds.
        """
        function = function or self.implementing(procedure)
        routine = self.suite.program.routines()[procedure]
        example = self.example(routine, arguments, self.state())
        for clause in routine.requires:  # what it may rely on besides, the invariants, has been looked at before
            met = evaluate(clause.expr, self.context, example.entry, example.entry)
            assert met, f"{self.kind}: {procedure} may not be called: {clause.label} does not hold of {arguments}"
        self.before = {addr: entry for addr, entry in self.mm.pte.items() if isinstance(entry, Member)}
        self.mm.events.clear()
        first = self.mm.allocator.asked
        self.rows, self.turns = {}, 4 * pages_of(self.mm.geometry.page_shift, arguments) + SLACK
        areas = {name: Vma(file) for name in AREAS}
        given = {
            name: areas[name] if name in areas else argument(name, self.mm, dict(arguments))
            for name in inspect.signature(function).parameters
        }
        returned = function(**given)
        asked = enumerate((e.name for e in self.mm.events if e.name in ASKING), first)
        self.refused = [name for question, name in asked if self.refuses.get(question)]
        outcome = self.outcome(routine, function, returned, arguments)
        self.look(procedure, example, outcome)
        return outcome

    def implementing(self, procedure: str) -> Function:
        """What implements a procedure, as it is now."""
        function = self.suite.functions[procedure]
        return function_at(f"{function.__module__}:{function.__name__}")

    def example(self, routine: core.Routine, arguments: Mapping[str, int], state: Mapping[Symbol, Value]) -> Example:
        given: dict[Symbol, Value] = {p: arguments[p.name] for p in routine.parameters}
        return Example(b"", self.geometry, self.context, given, state, {})

    def outcome(
        self, routine: core.Routine, function: Function, returned: object, arguments: Mapping[str, int]
    ) -> Outcome:
        many = returned if isinstance(returned, tuple) else (returned,) * len(routine.results)
        results = {
            r: result_of(r, one, self.mm, function, dict(arguments), self.bits)
            for r, one in zip(routine.results, many, strict=True)
        }
        return Outcome(self.state(), results)

    def look(self, procedure: str, example: Example, outcome: Outcome) -> None:
        """Whether all that a procedure's contract ensures, and the invariants, hold of what came of an example."""
        named = {s.name: v for s, v in example.arguments.items()}
        old_addr, new_addr, length = (named.get(n, 0) for n in ("old_addr", "new_addr", "len"))
        assert isinstance(old_addr, int)
        assert isinstance(new_addr, int)
        assert isinstance(length, int)
        ran = Ran(example, replace(self.context, tables=self.table(old_addr, new_addr, length)), outcome)
        for test in self.clauses(procedure):
            if (why := broken(test, ran)) is not None:
                raise Noticed(f"{self.kind}: {test.id}: {why}")

    def clauses(self, procedure: str) -> Sequence[Generated]:
        """What is to hold after a procedure."""
        if procedure not in self._clauses:
            found = tuple(t for t in self.suite.tests if t.routine.qualified == procedure)
            if not found:  # it has no implementation of its own
                routine = self.suite.program.routines()[procedure]
                found = tuple(Generated(f"{procedure}.ensures.{c.label}", routine, c) for c in routine.ensures)
            self._clauses[procedure] = found
        return self._clauses[procedure]

    def says(self, define: str, **given: object) -> bool:
        """A definition of the specification, of these values and of the state as it is now."""
        found = self.suite.program.defines()[define]
        assert found.value is not None
        state = self.state() if found.reads else {}
        values = {p: given[p.name] for p in found.parameters}
        tables = self.table(*(int(given.get(n, 0)) for n in ("old_addr", "new_addr", "len")))  # type: ignore[call-overload]
        context = replace(self.context, tables=tables)
        return bool(evaluate(found.value, context, {**values, **{s: state[s] for s in found.reads}}, {}))  # type: ignore[dict-item]

    # --- refusals

    def refuse(self, question: int, forever: bool) -> None:
        """Refuses a question, counted from now on, and if `forever` all that follow it."""
        first = self.mm.allocator.asked + question
        entries: dict[Value, Value] = {number: False for number in range(first)} if forever else {first: True}  # noqa: C420
        self.refuses = map_value(self.refuses.type, forever, entries, self.bits)

    def grant(self) -> None:
        """Refuses nothing from now on."""
        self.refuses = map_value(self.refuses.type, False, {}, self.bits)

    def asks(self, act: Callable[[Mm], object]) -> list[str]:
        """The levels at which tables are asked for if something is done: tried on a copy that refuses nothing."""
        copy = replace(self.mm, pte=dict(self.mm.pte), mapped=[], steps=[], made={}, events=[], watch=look_away)
        copy.allocator, copy.held = Allocator.willing(), set(self.mm.held)
        for name in SETS:
            setattr(copy, name, set(getattr(self.mm, name)))
        self.turns = SLACK * PAGES
        act(copy)
        return [e.name for e in copy.events if e.name in ASKING]

    def watched(self, begins: str, act: Callable[[], Outcome]) -> tuple[Outcome, list[dict[Symbol, Value]]]:
        """What comes of doing something, and the state each time that a step of that name was about to be taken."""
        found: list[dict[Symbol, Value]] = []

        def watch(event: Event) -> None:
            if event.name == begins:
                found.append(self.state())

        self.mm.watch = watch
        try:
            return act(), found
        finally:
            self.mm.watch = look_away


def _page(entry: Member) -> int:
    return (entry.index - FIRST) // COLOURS
