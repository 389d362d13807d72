"""The page that a move back loses, on a real kernel.

The run is the one that the tool finds for `move_vma.lost_page`, on i386. On another port the same happens at the same
places within the tables: it is laid out there, and run by the implementation before a kernel is asked.

What is refused to the specification by `refuses` is refused to a process by a memory group, to which page tables are
charged: it is tried with no room for any table, and with room for a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from errno import errorcode

from bridge import geometry_of, map_in

from linux.place import free_spans
from linux.scenario import FIXED, MAYMOVE, Confine, Forget, Look, Map, Remap, Report, Room, Scenario, Step, Touch
from linux.started import Machine
from mremap_impl.geometry import Geometry
from mremap_impl.mm import Allocator, Mm
from mremap_impl.move_vma import move_vma
from verify import core
from verify.obligations import obligations
from verify.run import Violation, find_run
from verify.scopes import Scopes
from verify.terms import forget

ROOMS = range(4)
"""How many pages there are to be had while it moves, at most: of those that page tables take."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A move on a geometry. `pages`: the addresses that hold one. `tables`: of the pte tables that stand, the first
    address that each maps; all tables above them stand."""

    title: str
    geometry: Geometry
    old_addr: int
    new_addr: int
    length: int
    pages: tuple[int, ...]
    tables: tuple[int, ...]


def lost_page(program: core.Program) -> Violation:
    """The run that the tool finds. Of the inputs, the specification says no more than what any such move meets."""
    forget()
    routine = program.routines()["move_vma.lost_page"]
    (obligation,) = (o for o in obligations(program) if o.id == "move_vma.lost_page.refute")
    (scope,) = Scopes(program, None).of(obligation)
    found = find_run(program, routine, scope, None, 60.0, None).violation
    assert found is not None
    return found


def laid_out(run: Violation) -> Layout:
    """A run as a layout on its own geometry."""
    context, inputs = run.context, {s.name: v for s, v in run.inputs.items()}
    old_addr, new_addr, length = (inputs[name] for name in ("old_addr", "new_addr", "len"))
    assert isinstance(old_addr, int)
    assert isinstance(new_addr, int)
    assert isinstance(length, int)
    pages = tuple(a for a, _ in map_in(inputs, "pte").items() if isinstance(a, int))
    tables = tuple(t for t, _ in map_in(inputs, "table").items() if isinstance(t, int))
    return Layout("as found", geometry_of(context), old_addr, new_addr, length, pages, tables)


def elsewhere(layout: Layout, geometry: Geometry, machine: Machine) -> Layout:
    """The same on another geometry, where nothing stands: each address in the table of the same number, as many pages
    from the nearer end of it."""
    here, there = layout.geometry, geometry
    start = next(iter(free_spans(there.pgdir_shift, there.task_size, machine))) << there.pgdir_shift

    def at(addr: int) -> int:
        number, offset = addr >> here.pmd_shift, addr & here.PMD_SIZE - 1
        pages = offset >> here.page_shift
        if offset >= here.PMD_SIZE // 2:
            number, pages = number + 1, pages - (here.PMD_SIZE >> here.page_shift)
        return start + number * there.PMD_SIZE + pages * there.PAGE_SIZE

    return Layout(
        layout.title,
        geometry,
        at(layout.old_addr),
        at(layout.new_addr),
        (layout.length >> here.page_shift) << there.page_shift,
        tuple(at(a) for a in layout.pages),
        tuple(at(t) for t in layout.tables),
    )


def controls(layout: Layout) -> tuple[Layout, Layout]:
    """What the specification says is safe: the two ranges at the same place within their tables; and a table for the
    first page of the old range."""
    size = layout.geometry.PMD_SIZE
    congruent = layout.new_addr // size * size + layout.old_addr % size
    first = layout.old_addr // size * size
    return (
        replace(layout, title="ranges congruent", new_addr=congruent),
        replace(layout, title="first source table there", tables=(*layout.tables, first)),
    )


def losses(layout: Layout) -> tuple[tuple[int, ...], ...]:
    """What the implementation loses, by how many tables may be had: the pages that are nowhere afterwards."""
    return tuple(_lost_with(layout, room) for room in ROOMS)


def _lost_with(layout: Layout, room: int) -> tuple[int, ...]:
    entries = {a: f"page {a:#x}" for a in layout.pages}
    mm = Mm(layout.geometry, dict(entries), set(layout.tables), Allocator(lambda question: question >= room))
    g = layout.geometry
    mm.pmd_table |= _upper(layout, g.pud_shift) if g.pmd_shift < g.pud_shift else set()
    mm.pud_table |= _upper(layout, g.p4d_shift) if g.pud_shift < g.p4d_shift else set()
    mm.p4d_table |= _upper(layout, g.pgdir_shift) if g.p4d_shift < g.pgdir_shift else set()
    old, new, length = layout.old_addr, layout.new_addr, layout.length
    move_vma(mm, old, new, length, old, old + length, new, new + length)
    left = set(mm.pte.values())
    return tuple(a for a, page in entries.items() if page not in left)


def _upper(layout: Layout, shift: int) -> set[int]:
    """What stands above both ranges, at a level."""
    ends = [layout.old_addr, layout.old_addr + layout.length - 1, layout.new_addr, layout.new_addr + layout.length - 1]
    return {a >> shift << shift for a in ends}


def scenarios(layout: Layout) -> tuple[Scenario, ...]:
    """The move, with little room and more."""
    g = layout.geometry
    old, new, length, page = layout.old_addr, layout.new_addr, layout.length, g.PAGE_SIZE
    within = {t: range(t, t + g.PMD_SIZE, page) for t in layout.tables}
    inside = [range(old, old + length, page), range(new, new + length, page)]
    empty = {t for t in layout.tables if not any(t == a & g.PMD_MASK for a in layout.pages)}
    near: list[Step] = []
    for table in sorted(empty):
        own = next((a for a in within[table] if a in inside[0]), None)
        if own is not None:  # a page of the old range, given up again
            near += [Touch(own), Forget(own, page)]
        else:  # something beside the new range, that stays
            beside = next(a for a in within[table] if all(a not in one for one in inside))
            near += [Map(beside, page), Touch(beside)]
    steps: tuple[Step, ...] = (Confine(), Map(old, length), *near, *(Touch(a) for a in layout.pages))
    look: tuple[Step, ...] = (Room(None), Look(old, length), Look(new, length))
    move, name = Remap(old, length, length, MAYMOVE | FIXED, new), layout.title.replace(" ", "-")
    return tuple(Scenario(f"{name}.{room}", (*steps, Room(room), move, *look)) for room in ROOMS)


@dataclass(frozen=True, slots=True)
class Lost:
    """What became of a move with so many pages to be had. `lost`: the pages that are nowhere."""

    room: int
    came_to: str
    lost: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.came_to}, {len(self.lost)} lost" if self.lost else self.came_to


def seen(layout: Layout, reports: Sequence[Report]) -> tuple[Lost, ...]:
    """What a kernel made of the scenarios of a layout."""
    found = []
    for room, report in zip(ROOMS, reports, strict=True):
        came_to = report.ended or ("moved" if report.error is None else errorcode.get(report.error, str(report.error)))
        marks = set(report.pages.values())
        found.append(Lost(room, came_to, tuple(a for a in layout.pages if a not in marks)))
    return tuple(found)
