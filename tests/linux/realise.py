"""An example of a move as a scenario for a kernel, or the reason why it cannot be one.

What a state says is brought about by what a process may do: an entry is a page that has been written to, a table
without entries is one whose page has been given up again, and an absent table is one under which nothing was touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bridge import geometry_of, map_in

from linux.place import Reason, areas, free, placed
from linux.scenario import FIXED, MAYMOVE, Forget, Look, Map, Remap, Scenario, Tables, Touch
from linux.started import Machine
from mremap_impl.geometry import Geometry
from verify.core import Symbol
from verify.strategies.examples import Example
from verify.values import MapValue, Member, Value, map_value

BAD = ("bad_pgd", "bad_p4d", "bad_pud", "bad_pmd")
FAR = 64
"""How many pages on either side of a range are looked at, beside those of which the state says something."""


@dataclass(frozen=True, slots=True)
class Realised:
    """An example as it can be: what is there before, and the scenario that brings it about and moves.

    `example`: what was to be realised, where the process stands and as far as it sees. Each page is a member of its
    own. `old_addr`, `new_addr`, `length`: what moves. `origin`: by the address of each page, its entry.
    `shifted`: whether addresses are others than they were.
    `tables`: the bytes of the tables, of all levels, that the scenario makes before it moves: at least, and at most,
    where the process may have some of them for areas of its own.
    """

    example: Example
    scenario: Scenario
    old_addr: int
    new_addr: int
    length: int
    origin: Mapping[int, Member]
    shifted: bool
    tables: tuple[int, int]


def realised(name: str, example: Example, machine: Machine) -> Realised | Reason:
    """An example of a move as a scenario; or why it cannot be one.

    It has the arguments `old_addr`, `new_addr` and `len`. What stands in the new range is unmapped by the move.
    """
    context = example.context
    geometry = geometry_of(context)
    arguments = {s.name: v for s, v in example.arguments.items()}
    state = {s.name: v for s, v in example.state.items()}
    old_addr, new_addr, length = (_word(arguments[n]) for n in ("old_addr", "new_addr", "len"))
    why = unrealisable(state, old_addr, new_addr, length, 1 << context.word_bits)
    if why is not None:
        return why
    pte, page = map_in(state, "pte"), geometry.PAGE_SIZE
    entries = sorted(a for a, held in pte.entries.items() if isinstance(a, int) and held != pte.default)
    place = placed([(old_addr, length), (new_addr, length), *((a, page) for a in entries)], geometry, machine)
    if place is None:
        return Reason.TOO_WIDE
    old, new, there = place.at(old_addr), place.at(new_addr), [place.at(a) for a in entries]
    emptied = [place.at(a) for a in _emptied(state, geometry, (old_addr, length), entries)]
    steps = (
        *(Map(start, end - start) for start, end in areas([(old, length), *((a, page) for a in there)])),
        Tables(),
        *(step for a in emptied for step in (Touch(a), Forget(a, page))),
        *(Touch(a) for a in there),
        Tables(),
        Remap(old, length, length, MAYMOVE | FIXED, new),
        Tables(),
        *(Look(start, end - start) for start, end in _looked(old, new, length, there, geometry)),
    )
    none = pte.default
    assert isinstance(none, Member)
    origin = {a: Member(none.type, 1 + number) for number, a in enumerate(there)}
    touched = [*there, *emptied]
    brought_about = _as_it_is(example, {"old_addr": old, "new_addr": new, "len": length}, origin, touched, geometry)
    made = _table_bytes(touched, geometry, machine)
    return Realised(brought_about, Scenario(name, steps), old, new, length, origin, place.shifted, made)


def unrealisable(state: Mapping[str, Value], old_addr: int, new_addr: int, length: int, size: int) -> Reason | None:
    """What of an example no process can bring about, if anything. `size`: one more than the last address."""
    if length == 0 or old_addr + length >= size:
        return Reason.NOTHING
    if (old_addr - new_addr) % size < length or (new_addr - old_addr) % size < length:
        return Reason.OVERLAP
    if any(map_in(state, name).entries for name in BAD if name in state):
        return Reason.BAD
    return None


# --- what ----------------------------------------------------------------------------------------------------------


def _looked(old: int, new: int, length: int, pages: Iterable[int], geometry: Geometry) -> list[tuple[int, int]]:
    """What is looked at: both ranges, and what lies around them and around each page that there is."""
    page, far = geometry.PAGE_SIZE, FAR * geometry.PAGE_SIZE
    ranges = [(old - far, length + 2 * far), (new - far, length + 2 * far), *((a - page, 3 * page) for a in pages)]
    return [(max(0, start), min(end, geometry.task_size)) for start, end in areas(ranges)]


def _emptied(state: Mapping[str, Value], geometry: Geometry, old: tuple[int, int], entries: Iterable[int]) -> list[int]:
    """A page in each part of the old range whose table is there, with no entry in it."""
    start, length = old
    held = {a & geometry.PMD_MASK for a in entries}
    tables = sorted(t for t, there in map_in(state, "table").entries.items() if there and isinstance(t, int))
    found = []
    for table in tables:
        first, last = max(table, start), min(table + geometry.PMD_SIZE, start + length)
        if first < last and table not in held:
            found.append(first)
    return found


def _as_it_is(
    example: Example,
    arguments: Mapping[str, int],
    origin: Mapping[int, Member],
    touched: Sequence[int],
    geometry: Geometry,
) -> Example:
    """The example, with what has been brought about in place of what it asked for."""
    bits = example.context.word_bits
    state: dict[Symbol, Value] = {}
    for symbol, before in example.state.items():
        match symbol.name, before:
            case "pte", MapValue():
                value: Value = map_value(before.type, before.default, {a: origin[a] for a in origin}, bits)
            case name, MapValue() if name in LEVELS:
                value = map_value(before.type, False, dict.fromkeys(tables(name, touched, geometry), True), bits)
            case name, MapValue() if name in (*BAD, "refuses"):
                value = map_value(before.type, False, {}, bits)
            case _:
                value = before
        state[symbol] = value
    given: dict[Symbol, Value] = {s: arguments.get(s.name, v) for s, v in example.arguments.items()}
    return replace(example, arguments=given, state=state)


def tables(name: str, touched: Iterable[int], geometry: Geometry) -> set[int]:
    """The tables of a level that it takes to map these pages, by their first addresses; none where it is folded
    away."""
    shift, below = LEVELS[name](geometry)
    return set() if shift == below else {a >> shift << shift for a in touched}


LEVELS: Mapping[str, Callable[[Geometry], tuple[int, int]]] = {
    "table": lambda g: (g.pmd_shift, g.page_shift),
    "pmd_table": lambda g: (g.pud_shift, g.pmd_shift),
    "pud_table": lambda g: (g.p4d_shift, g.pud_shift),
    "p4d_table": lambda g: (g.pgdir_shift, g.p4d_shift),
}
"""The states that say which tables there are: log2 of what one table maps, and of what one of its entries does."""


COUNTED = ("table", "pmd_table", "pud_table")
"""Which of them are in the count of a process's tables: those of p4d entries are in none."""


def _table_bytes(touched: Sequence[int], geometry: Geometry, machine: Machine) -> tuple[int, int]:
    """What the tables take that map these pages: at least, where the process may have some already, and at most."""
    least = most = 0
    for name in COUNTED:
        shift, below = LEVELS[name](geometry)
        size = (1 << shift - below) * geometry.word_bits // 8  # an entry is as long as a word
        for table in tables(name, touched, geometry):
            most += size
            least += size if free(table, table + (1 << shift), machine) else 0
    return least, most


def _word(value: Value) -> int:
    assert isinstance(value, int)
    return value
