"""Sequences: a process maps, touches, moves and unmaps memory, while tables are refused, in three address spaces.

In one entries move page by page, in one by extents, in one by extents repaired. After each step each is held against
the contract of what was called and the invariants of the specification, and against the others as `compared.both_ways`
relates them. Over the steps there is a list of the pages that the process has, each of which must stand at the one
place where the process sees it.
"""

from __future__ import annotations

from collections import Counter

from address_space import ASKING, Noticed
from areas import Area
from generated import Suite
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from side_by_side import (
    BY_CALLER,
    BY_HAND,
    BY_HAND_LEAVING,
    DOWN,
    LEVELS,
    TO_AND_FRO,
    WAYS,
    Refused,
    SideBySide,
)

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, context_for, evaluate
from verify.seen import assumptions, geometries, module_invariants
from verify.values import Value

FAULT, PUNCH, UNMAP = "fault", "punch", "unmap"

NAMED = ("i386", "i386_pae", "x86_64", "parisc32", "s390x")
OTHER = {
    "five levels, 4 pages to a table": (16, 4, 6, 8, 10, 12),
    "two levels, 2 pages to a table": (12, 2, 3, 3, 3, 3),
    "four levels, 128 pages to a table": (16, 1, 8, 10, 12, 12),
}
"""The word size in bits, and the shifts from that of a page to that of the pgd."""

SHIFTS = ("PAGE_SHIFT", "PMD_SHIFT", "PUD_SHIFT", "P4D_SHIFT", "PGDIR_SHIFT")
LENGTHS = (1, 2, 3, 6, 9, 20, 70)
"""Of areas, in pages. More than 64 are moved in more than one critical section."""

AREAS = 5
"""How many there are at most, but for what unmapping divides."""

EVENTS = (
    *(f"a {name.removesuffix('_alloc')} table refused" for name in ASKING),
    *(f"old and new range share a {table} table" for table in LEVELS),
    "refused from the start",
    "moved back",
    "moved back by hand",
    "not all moved back",
    "a page lost",
    "two of three failed or one",
    "a range in the last PMD of the word",
    "a hole in the source",
    "an empty table in the source",
    "cut by the source",
    "cut by the destination",
    "cut for latency",
    "a file moved",
    "an anonymous area moved",
    "killed in the middle of a shift",
    "there and back",
    "an empty table taken along by extents alone",
    "part of an area unmapped",
    "a table freed",
    "side by side from the same state",
)
"""What must occur."""


def contexts(program: core.Program) -> dict[str, Context]:
    """The geometries by name: some that the specification names, and others, which meet its assumptions too."""
    named = geometries(program, "repair")
    params = {s.name: s for s, _ in named[NAMED[0]].values}
    found: dict[str, Context] = {}
    for name, (bits, *shifts) in OTHER.items():
        values: dict[Symbol, Value] = {params[n]: v for n, v in zip(SHIFTS, shifts, strict=True)}
        found[name] = context_for(program, {**values, params["TASK_SIZE"]: 0}, bits, {})
        assert all(evaluate(c.expr, found[name], {}, {}) for _, c in assumptions(program, "repair", ()))
    for name in NAMED:
        found[name] = context_for(program, dict(named[name].values), named[name].word_bits, {})
    return found


class Sequences(SideBySide, RuleBasedStateMachine):
    """What a process may do, and what then holds."""

    def __init__(self, suite: Suite, name: str, context: Context, tally: Counter[str]) -> None:
        RuleBasedStateMachine.__init__(self)
        SideBySide.__init__(self, suite, name, context, tally)

    edge = st.integers(0, 6)
    where = st.tuples(edge, st.integers(-9, 9))
    some = st.integers(0, 63)
    pages = st.sampled_from(LENGTHS)
    touched = st.sampled_from((63, 0, 1, 32, 56, 48, 60, 62, 21, 42))
    refused = st.none() | st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from((False, True, True)))

    # --- rules -----------------------------------------------------------------------------------------------------

    @rule(where=where, pages=pages, file=st.booleans(), touched=touched, refused=refused)
    def map(self, where: tuple[int, int], pages: int, file: bool, touched: int, refused: Refused | None) -> None:
        """A new area, some of it touched."""
        start = self.place(where, pages)
        if start is None or len(self.areas) >= AREAS:
            return
        self.begins("rule: map")
        self.areas.append(Area(start, pages, file))
        self.touch(self.areas[-1], self.places(self.areas[-1], touched), refused)

    @rule(
        edge=edge,
        hole=st.integers(1, 3),
        more=st.sampled_from((1, 2, 3, 70)),
        other=edge,
        way=st.sampled_from((BY_CALLER, BY_HAND, DOWN)),
        hollow=st.booleans(),
        forever=st.booleans(),
    )
    def strand(self, edge: int, hole: int, more: int, other: int, way: str, hollow: bool, forever: bool) -> None:
        """An area moves that by extents needs more than the tables that are had.

        Its first pages have no table, the others stand behind an edge. It goes to where the former get a table along
        with the next ones, and the last page needs a second one: if that is refused, and all others are, the way back
        by extents stops at the hole. `hollow`: it has been given up but for its tables, so that only by extents one is
        needed. Or it begins at an edge, and goes down to where there is no table.
        """
        pages = hole + more + 1
        start = self.place((edge, 0 if way == DOWN else -hole), pages)
        if start is None or len(self.areas) >= AREAS:
            return
        area = Area(start, pages, False)
        self.areas.append(area)
        new = self.place((other, 1 - pages), pages)
        self.begins("rule: strand")
        self.touch(area, sorted({hole, hole + 1, pages - 2, pages - 1}), None)
        if way == DOWN:
            self.shift_down(area, hole, (len(ASKING) - 1, 0, forever))
        elif new is not None:
            if hollow:
                self.punch(area, range(pages))
            act = self.by_caller if way == BY_CALLER else lambda space, given: self.by_hand(space, given, False, False)
            self.move(area, new, (len(ASKING) - 1, 1, forever), act)

    @rule(other=edge, pages=pages)
    def fresh(self, other: int, pages: int) -> None:
        """An area that nothing has touched moves from where another one has moved away."""
        if len(self.areas) < AREAS and self.vacant(self.left, pages) and self.fits(self.left, pages):
            area = Area(self.left, pages, False)
            self.areas.append(area)
            new = self.place((other, 0), pages)
            self.begins("rule: fresh")
            if new is not None:
                self.move(area, new, None, self.by_caller)

    @precondition(lambda self: self.areas)
    @rule(
        number=some,
        way=st.sampled_from((FAULT, PUNCH, UNMAP)),
        touched=touched,
        first=some,
        pages=pages,
        refused=refused,
    )
    def use(self, number: int, way: str, touched: int, first: int, pages: int, refused: Refused | None) -> None:
        """An area is touched, or a part of it given up, with its tables or without."""
        area = self.area(number)
        self.begins(f"rule: {way}")
        first %= area.pages
        part = range(first, min(first + pages, area.pages))
        if way == FAULT:
            self.touch(area, self.places(area, touched), refused)
        elif way == PUNCH:
            self.punch(area, part)
        else:
            self.unmap(area, part)

    @precondition(lambda self: self.areas)
    @rule(number=some, way=st.sampled_from(WAYS), where=where, refused=refused)
    def mremap(self, number: int, way: str, where: tuple[int, int], refused: Refused | None) -> None:
        """An area moves, and back if that fails: in one call or by hand, which may leave the tables of the old place;
        or to and fro; or down by less than its length."""
        area = self.area(number)
        if way == DOWN:
            self.shift_down(area, where[1] % max(area.pages, 1), refused)
            return
        new = self.place(where, area.pages)
        if new is None:
            return
        self.begins(f"rule: move {way}")
        if way == TO_AND_FRO:
            self.to_and_fro(self.ranges(area, new))
        elif way == BY_CALLER:
            self.move(area, new, refused, self.by_caller)
        else:
            leave = way == BY_HAND_LEAVING
            self.move(area, new, refused, lambda space, given: self.by_hand(space, given, area.file, leave))

    # --- what holds all the time -----------------------------------------------------------------------------------

    @invariant()
    def each_page_stands_where_the_process_sees_it_and_nowhere_else(self) -> None:
        expected = {page: [self.at(a, at)] for a in self.areas for at, page in a.held.items()}
        for space in self.spaces:
            found, kept = space.pages(), {p: at for p, at in expected.items() if p not in space.lost}
            if found != kept:
                wrong = {p: (kept.get(p, []), found.get(p, [])) for p in found.keys() | kept.keys()}
                shown = {p: was for p, was in wrong.items() if was[0] != was[1]}
                raise Noticed(f"{space.kind}: pages: where they belong, and where they stand: {shown}")

    @invariant()
    def page_tables_are_well_formed_and_nothing_is_held(self) -> None:
        free = self.suite.program.routines()["shared.move_page_tables_shared"].requires
        clauses = [*module_invariants(self.suite.program, "tables")]
        clauses += [(f"shared.move_page_tables_shared.requires.{c.label}", c) for c in free if c.label == "held"]
        for space in self.spaces:
            state = space.state()
            for id_, clause in clauses if state != space.known else ():
                if not evaluate(clause.expr, space.context, state, state):
                    raise Noticed(f"{space.kind}: {id_} does not hold")
            space.known = state
            if space.mm.nr_ptes != len(space.mm.table):  # the language has no number of a set's members
                raise Noticed(f"{space.kind}: nr_ptes is {space.mm.nr_ptes}, and there are {len(space.mm.table)}")
