"""Three address spaces, in which the same happens: by page, by extents, and by extents repaired.

Each call is held against its contract, and what it comes to against the others, as `compared.both_ways` relates them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from address_space import ASKING, AddressSpace, Noticed
from areas import Area, Memory
from bridge import Outcome
from generated import Generated, Ran, Suite, broken

import mremap_impl.repair
import mremap_impl.trip
from mremap_impl.mm import Mm
from mremap_impl.move_vma import Room
from verify.core import Symbol
from verify.evaluate import Context, evaluate
from verify.values import Value

EXTENTS, BY_PAGE, REPAIRED = "by extents", "by page", "repaired"
MOVE = {
    EXTENTS: "move_page_tables.move_page_tables",
    BY_PAGE: "by_page.move_page_tables_by_page",
    REPAIRED: "repair.move_page_tables_repaired",
}
MOVE_VMA = {
    EXTENTS: "move_vma.move_vma",
    BY_PAGE: "move_vma.move_vma_by_page",
    REPAIRED: "repair.move_vma_repaired",
}
SHIFT = {**MOVE, EXTENTS: "move_page_tables.shift_down"}
TRIP = {EXTENTS: "compared.trip_by_extents", BY_PAGE: "compared.trip_by_page", REPAIRED: "compared.trip_by_page"}
"""What each calls. The specification has no trip for the repaired move: it is held against that page by page."""

BY_CALLER, BY_HAND, BY_HAND_LEAVING, TO_AND_FRO = "by its caller", "by hand", "by hand, leaving", "to and fro"
DOWN = "down by less than its length"
WAYS = (BY_CALLER, BY_HAND, BY_HAND_LEAVING, TO_AND_FRO, DOWN)
"""How an area may move."""

LEVELS = {"pte": "PMD", "pmd": "PUD", "pud": "P4D", "p4d": "PGDIR"}
"""The tables, each with the level whose size it spans."""

Refused: TypeAlias = tuple[int, int, bool]
"""Which table is refused: of which level, counted from the root; the how-many-th of those asked for, from 0; and
whether all are that are asked for after it."""


def trip_repaired(
    mm: Mm,
    old_addr: int,
    new_addr: int,
    len: int,
    old_floor: int,
    old_ceiling: int,
    new_floor: int,
    new_ceiling: int,
) -> object:
    """To and fro with the repaired move."""
    rooms = Room(old_floor, old_ceiling), Room(new_floor, new_ceiling)
    move = mremap_impl.repair.move_page_tables_repaired
    return mremap_impl.trip.to_and_fro(mm, move, old_addr, new_addr, len, *rooms)


class SideBySide(Memory):
    """On the geometry of that name. `tally` counts what happens."""

    def __init__(self, suite: Suite, name: str, context: Context, tally: Counter[str]) -> None:
        self.spaces = [AddressSpace.empty(kind, suite, name, context) for kind in MOVE]
        Memory.__init__(self, self.spaces[0].mm.geometry)
        self.suite, self.tally = suite, tally
        self.page = 0

    def begins(self, name: str) -> None:
        """A rule begins: whatever was refused before, there is memory again."""
        self.count(name)
        self.granting()

    def granting(self) -> None:
        for space in self.spaces:
            space.grant()

    def count(self, event: str) -> None:
        self.tally[event] += 1

    # --- parts of an area --------------------------------------------------------------------------------------------

    def punch(self, area: Area, part: range) -> None:
        """A hole: entries go, tables stay."""
        for space in self.spaces:
            space.call("unmap.zap_range", {"addr": self.at(area, part.start), "len": self.bytes(len(part))})
        self.forget(area, part)

    def unmap(self, area: Area, part: range) -> None:
        """A part of an area goes, with the tables that nobody else needs. The area may fall in two."""
        self.areas.remove(area)
        for kept in (range(part.start), range(part.stop, area.pages)):
            if kept:
                held = {at - kept.start: page for at, page in area.held.items() if at in kept}
                self.areas.append(Area(self.at(area, kept.start), len(kept), area.file, held))
                self.count("part of an area unmapped")
        self.drop(self.at(area, part.start), len(part))
        self.forget(area, part)

    # --- moves -----------------------------------------------------------------------------------------------------

    def move(
        self,
        area: Area,
        new: int,
        refused: Refused | None,
        act: Callable[[AddressSpace, dict[str, int]], tuple[int, int]],
    ) -> None:
        """Moves an area in all three. Where some fail and some do not, those that did not move it back."""
        arguments = self.ranges(area, new)
        length = arguments["len"]
        self.look_at(area, new)
        were = {space.kind: space.state() for space in self.spaces}
        done = {}
        for space in self.spaces:
            self.prepare(space, arguments, refused)
            moved_len, back = act(space, arguments)
            done[space.kind] = moved_len
            self.losses(space, area, were[space.kind], arguments, moved_len, back)
        self.side_by_side(were, arguments, done)
        whole = [space for space in self.spaces if done[space.kind] == length]
        if len(whole) == len(self.spaces):
            self.left, area.start = area.start, new
        elif whole:
            self.count("two of three failed or one")
            self.granting()
            again = self.ranges(Area(new, area.pages, area.file), area.start, but=area)
            for space in whole:
                moved_len, _ = both(space.call(MOVE_VMA[space.kind], again))
                if moved_len != length:
                    raise Noticed(f"{space.kind}: nothing is refused, and only {moved_len:#x} moved")

    def shift_down(self, area: Area, by: int, refused: Refused | None) -> None:
        """Down by fewer pages than it has, as exec does with a new stack. If that fails the process is killed."""
        new = area.start - self.bytes(by)
        if not by or new < 0 or not self.vacant(new, by):
            return
        self.begins(f"rule: move {DOWN}")
        arguments = {"old_addr": area.start, "new_addr": new, "len": self.bytes(area.pages)}
        whole = True
        for space in self.spaces:
            self.prepare(space, arguments, refused)
            done = first(space.call(SHIFT[space.kind], arguments, file=area.file))
            whole &= done == arguments["len"]
            self.seen(space)
        if whole:
            room = self.room(new + arguments["len"], by, Area(new, area.pages, area.file))
            for space in self.spaces:
                space.call("unmap.free_tables", {"addr": new + arguments["len"], "len": self.bytes(by), **room})
            area.start = new
            return
        self.count("killed in the middle of a shift")
        self.areas.remove(area)
        self.drop(new, area.pages + by)
        self.forget(area, range(area.pages))

    def to_and_fro(self, arguments: dict[str, int]) -> None:
        """There and back, each place unmapped that was left, with memory enough."""
        for space in self.spaces:
            function = trip_repaired if space.kind == REPAIRED else None
            space.call(TRIP[space.kind], arguments, function=function)
        self.count("there and back")
        by_extents, by_page, _ = self.spaces
        if by_extents.mm.table > by_page.mm.table:
            self.count("an empty table taken along by extents alone")

    def by_caller(self, space: AddressSpace, arguments: dict[str, int]) -> tuple[int, int]:
        """What move_vma does. The first flush begins the way there, and the second the way back."""
        outcome, states = space.watched("flush_cache_range", lambda: space.call(MOVE_VMA[space.kind], arguments))
        self.seen(space)
        moved_len, back = both(outcome)
        if moved_len < arguments["len"]:
            self.went_back(space, arguments, states[1], Outcome(space.state(), {}), moved_len, back)
        return moved_len, back

    def by_hand(self, space: AddressSpace, arguments: dict[str, int], file: bool, leave: bool) -> tuple[int, int]:
        """The same by single calls."""
        old_addr, new_addr, length = (arguments[n] for n in ("old_addr", "new_addr", "len"))
        there = {"old_addr": old_addr, "new_addr": new_addr, "len": length}
        moved_len, back = first(space.call(MOVE[space.kind], there, file=file)), 0
        self.seen(space)
        left, room = old_addr, {"floor": arguments["old_floor"], "ceiling": arguments["old_ceiling"]}
        if moved_len < length:
            state = space.state()
            again = {"old_addr": new_addr, "new_addr": old_addr, "len": moved_len}
            back = first(space.call(MOVE[space.kind], again, file=file))
            self.went_back(space, arguments, state, Outcome(space.state(), {}), moved_len, back)
            self.count("moved back by hand")
            left, room = new_addr, {"floor": arguments["new_floor"], "ceiling": arguments["new_ceiling"]}
            leave = False
        if not leave:
            self.freeing(space, lambda: space.call("unmap.unmap", {"addr": left, "len": length, **room}))
        return moved_len, back

    def went_back(
        self,
        space: AddressSpace,
        arguments: Mapping[str, int],
        state: Mapping[Symbol, Value],
        after: Outcome,
        moved_len: int,
        back: int,
    ) -> None:
        """By extents the way back goes through exactly if `move_back_exactly` says so, of the `state` it began in."""
        self.count("moved back" if moved_len else "refused from the start")
        if back < moved_len:
            self.count("not all moved back")
        routine = self.suite.program.routines()["move_vma.move_back_exactly"]
        given = {**arguments, "moved_len": moved_len}
        example = space.example(routine, given, state)
        if space.kind == EXTENTS and all(
            evaluate(c.expr, space.context, example.entry, example.entry) for c in routine.requires
        ):
            self.count("the way back refused")
            (result,) = routine.results
            space.look(routine.qualified, example, replace(after, results={result: back}))

    def losses(
        self,
        space: AddressSpace,
        area: Area,
        before: Mapping[Symbol, Value],
        arguments: Mapping[str, int],
        moved_len: int,
        back: int,
    ) -> None:
        """A page is lost by extents alone, where the way back stopped short. It is not seen any more."""
        old_addr, new_addr, length = (arguments[n] for n in ("old_addr", "new_addr", "len"))
        pte = space.symbols["pte"]
        lost = space.says(
            "move_vma.lost",
            before=before[pte],
            after=space.state()[pte],
            old_addr=old_addr,
            new_addr=new_addr,
            len=length,
        )
        if lost and not (space.kind == EXTENTS and back < moved_len < length):
            raise Noticed(f"{space.kind}: a page is lost, though {moved_len:#x} moved, and {back:#x} back")
        if lost:
            self.count("a page lost")
            left = space.pages()
            space.lost |= {page for page in area.held.values() if page not in left}

    def side_by_side(
        self, were: Mapping[str, Mapping[Symbol, Value]], arguments: Mapping[str, int], done: Mapping[str, int]
    ) -> None:
        """What `compared.both_ways` says of two moves from the same state, of each of the other two and the one page by
        page. Neither needs a table where the one page by page does not, and the repaired one needs no other."""
        page = next(space for space in self.spaces if space.kind == BY_PAGE)
        pte, table = page.symbols["pte"], page.symbols["table"]
        routine = self.suite.program.routines()["compared.both_ways"]
        for space in self.spaces:
            one, other = were[space.kind], were[BY_PAGE]
            if space is page or one[pte] != other[pte]:
                continue
            fewer = space.says("moved.grown", before=other[table], after=one[table])
            example = page.example(routine, arguments, other)
            now = space.state()
            named = {"done": done[space.kind], "offset": done[BY_PAGE], "entries": now[pte], "tables": now[table]}
            outcome = Outcome(page.state(), {r: named[r.name] for r in routine.results})
            ran = Ran(example, page.context, outcome)
            for clause in routine.ensures:
                if clause.label == "fewer" and not fewer:
                    continue  # it is said of moves from the same tables; from more, more are left
                if why := broken(Generated(f"{routine.qualified}.ensures.{clause.label}", routine, clause), ran):
                    raise Noticed(f"{space.kind} and {BY_PAGE}: {routine.qualified}.ensures.{clause.label}: {why}")
            self.count("side by side from the same state")
            whole = done[space.kind] == done[BY_PAGE] == arguments["len"]
            if space.kind == REPAIRED and whole and one[table] == other[table] and now[table] != page.state()[table]:
                raise Noticed(f"{space.kind} and {BY_PAGE}: other tables")

    def prepare(self, space: AddressSpace, arguments: Mapping[str, int], refused: Refused | None) -> None:
        """Has an address space refuse a table that the move there will ask for."""
        function = space.implementing(MOVE[space.kind])
        given = [arguments[n] for n in ("old_addr", "new_addr", "len")]
        self.prepare_for(space, lambda mm: function(mm, *given), refused)

    def prepare_for(self, space: AddressSpace, act: Callable[[Mm], object], refused: Refused | None) -> None:
        if refused is not None:
            level, number, forever = refused
            asked = space.asks(act)
            if asked:
                wanted = ASKING[level] if ASKING[level] in asked else asked[-1]
                questions = [question for question, name in enumerate(asked) if name == wanted]
                space.refuse(questions[min(number, len(questions) - 1)], forever)

    # --- pages and tables ----------------------------------------------------------------------------------------

    def forget(self, area: Area, part: Iterable[int]) -> None:
        """The pages of a part of an area are not the process's any more."""
        gone = {area.held.pop(at) for at in part if at in area.held}
        for space in self.spaces:
            space.lost -= gone

    def drop(self, start: int, pages: int) -> None:
        """Unmaps a range that is no area any more."""
        arguments = {"addr": start, "len": self.bytes(pages), **self.room(start, pages)}
        for space in self.spaces:
            self.freeing(space, lambda space=space: space.call("unmap.unmap", arguments))  # type: ignore[misc]

    def freeing(self, space: AddressSpace, act: Callable[[], object]) -> None:
        tables = len(space.mm.table)
        act()
        if len(space.mm.table) < tables:
            self.count("a table freed")

    def touch(self, area: Area, places: Iterable[int], refused: Refused | None) -> None:
        """Page faults, where nothing has been touched yet."""
        for at in (at for at in places if at not in area.held):
            addr, present = self.at(area, at), True
            for space in (space for space in self.spaces if addr & self.geometry.PMD_MASK not in space.mm.table):
                allocate = space.implementing("tables.alloc_new_pmd")
                self.prepare_for(space, lambda mm, allocate=allocate, addr=addr: allocate(mm, addr), refused)  # type: ignore[misc]
                (there,) = space.call("tables.alloc_new_pmd", {"addr": addr}).results.values()
                present &= bool(there)
                self.seen(space)
            if present:
                self.page += 1
                area.held[at] = self.page
                for space in self.spaces:
                    space.mm.pte[addr] = space.entry(self.page, addr)

    # --- what is looked for ----------------------------------------------------------------------------------------

    def seen(self, space: AddressSpace) -> None:
        """Counts at which levels tables have been refused."""
        for name in space.refused:
            self.count(f"a {name.removesuffix('_alloc')} table refused")

    def look_at(self, area: Area, new: int) -> None:
        """Counts what a move to another place is like."""
        g, length = self.geometry, self.bytes(area.pages)
        for table, level in LEVELS.items():
            size = getattr(g, f"{level}_SIZE")
            of_old, of_new = (range(start // size, (start + length - 1) // size + 1) for start in (area.start, new))
            if set(of_old) & set(of_new):
                self.count(f"old and new range share a {table} table")
        if max(area.start, new) // g.PMD_SIZE == ((1 << g.word_bits) - 1) // g.PMD_SIZE:
            self.count("a range in the last PMD of the word")
        old_pmds = {(area.start + at) & g.PMD_MASK for at in range(0, length, g.PAGE_SIZE)}
        tables, ends = self.spaces[0].mm.table, length - g.PAGE_SIZE
        if old_pmds - tables and old_pmds & tables:
            self.count("a hole in the source")
        if old_pmds & tables - {addr & g.PMD_MASK for addr in self.spaces[0].mm.pte}:
            self.count("an empty table in the source")
        if (area.start & g.PMD_MASK) != (area.start + ends & g.PMD_MASK):
            self.count("cut by the source")
        if (new & g.PMD_MASK) != (new + ends & g.PMD_MASK) and (new - area.start) % g.PMD_SIZE:
            self.count("cut by the destination")
        if length > g.LATENCY_LIMIT:
            self.count("cut for latency")
        self.count("a file moved" if area.file else "an anonymous area moved")


def first(outcome: Outcome) -> int:
    """The one result of a move."""
    (done,) = outcome.results.values()
    assert isinstance(done, int)
    return done


def both(outcome: Outcome) -> tuple[int, int]:
    """The two results of a caller of moves."""
    moved_len, back = outcome.results.values()
    assert isinstance(moved_len, int)
    assert isinstance(back, int)
    return moved_len, back
