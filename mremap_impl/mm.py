"""The address space that is moved about in, and what the mover asks of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType, TypeAlias

from mremap_impl.geometry import Geometry

Pte: TypeAlias = object
"""A page-table entry: any value but None, which is what `none` is here."""

Pgd = NewType("Pgd", int)
"""C's `pgd_t *`: an entry of the pgd, known by the first address that it maps. So are those of the levels below."""

P4d = NewType("P4d", int)
Pud = NewType("Pud", int)
Pmd = NewType("Pmd", int)

PteP = NewType("PteP", int)
"""C's `pte_t *`: a slot of a pte table, known by the address that it maps; the next slot is PAGE_SIZE on.

It does not wrap: one past the last slot of the word's last table is in no table.
"""


class BadPointer(Exception):
    """A pointer was used that reaches nothing, or a map was undone that was not made last: the kernel would crash, or
    worse. The message says which."""


class Lock(Enum):
    """The locks of a move. mmap_sem is held for writing throughout; the other two are spin locks."""

    MMAP_SEM = "mmap_sem"
    I_MMAP_LOCK = "i_mmap_lock"
    PAGE_TABLE_LOCK = "page_table_lock"


@dataclass(slots=True)
class Vma:
    """An area, as far as a move looks at it: whether it maps a file, and how far truncation of that has got in it.

    `vm_truncate_count` is 0 or an old count where truncation has not begun, a page-aligned address in the area up to
    which it is through, or the mapping's count where it is done.
    """

    vm_file: bool = False
    vm_truncate_count: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the mover does and others could notice, by the kernel's name for it, with what it is done to.

    A slot is given by its address, and so is a table. What is set is given as it stands in the table, None for none.
    """

    name: str
    args: tuple[object, ...]


@dataclass(slots=True)
class Allocator:
    """Where tables come from: question number n, counted from 0, is refused iff `refuses(n)`."""

    refuses: Callable[[int], bool]
    asked: int = 0

    @classmethod
    def willing(cls) -> Allocator:
        """Refuses nothing."""
        return cls(lambda _question: False)

    @classmethod
    def granting(cls, tables: int) -> Allocator:
        """Grants the first `tables` questions and refuses all later ones."""
        return cls(lambda question: question >= tables)

    @classmethod
    def refusing(cls, questions: Collection[int]) -> Allocator:
        """Refuses these questions and no other."""
        return cls(lambda question: question in questions)

    def grants(self) -> bool:
        """One question, one answer."""
        question = self.asked
        self.asked += 1
        return not self.refuses(question)


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of move_page_tables that passed over `extent` bytes. `moved` iff there was a source table."""

    old_addr: int
    new_addr: int
    extent: int
    moved: bool


@dataclass(frozen=True, slots=True)
class Map:
    """A pte table that is mapped, so that its slots can be reached. `nested`: in the second of the two places."""

    pmd: Pmd
    nested: bool

    def has(self, ptep: PteP, geometry: Geometry) -> bool:
        """True iff the slot is in this table."""
        return 0 <= ptep - self.pmd < geometry.PMD_SIZE


def same_entry(pte: Pte, _old_addr: int, _new_addr: int) -> Pte:
    """The move_pte of most ports."""
    return pte


def carry_on() -> None:
    """A cond_resched that lets nobody else run."""


def never(_attempt: int) -> bool:
    """Nobody else holds any lock."""
    return False


def look_away(_event: Event) -> None:
    """Nobody else acts."""


@dataclass(slots=True)
class Mm:
    """Page tables as the mover sees them. Two are equal iff their entries, their tables and their bad entries are.

    `pte` has the entries, by page-aligned address; an absent key is none.
    `table` has the pte tables that exist, each by the first address that it maps; `pmd_table`, `pud_table` and
    `p4d_table` have those of the upper levels. A level that is folded away has none. The pgd is always there.
    `bad_pgd` and so on have the entries of that level that are bad: neither none nor a pointer to a table.
    `move_pte(pte, old_addr, new_addr)` is the entry as it must stand at the new address.
    `cond_resched()` is called once a step, before it, with nothing half done: a caller may let others act there,
    or raise to end a loop that does not.
    `nr_ptes` is how many pte tables there are. `made` has what was made, by how many there were then.
    `reported` bad entries have been met so far.
    `mapped` are the maps that are open, in the order in which they were made.
    `steps` are the steps of move_page_tables done so far, in order, over all its calls.
    `held` are the locks that the mover holds; `contended(n)` iff its attempt number n to take one is in vain.
    `events` is all that it has done that others could notice, in order. `watch(event)` is called before each: a caller
    may let others act there.
    """

    geometry: Geometry
    pte: dict[int, Pte]
    table: set[int]
    allocator: Allocator = field(default_factory=Allocator.willing, compare=False)
    move_pte: Callable[[Pte, int, int], Pte | None] = field(default=same_entry, compare=False)
    cond_resched: Callable[[], None] = field(default=carry_on, compare=False)
    p4d_table: set[int] = field(default_factory=set)
    pud_table: set[int] = field(default_factory=set)
    pmd_table: set[int] = field(default_factory=set)
    bad_pgd: set[int] = field(default_factory=set)
    bad_p4d: set[int] = field(default_factory=set)
    bad_pud: set[int] = field(default_factory=set)
    bad_pmd: set[int] = field(default_factory=set)
    reported: int = field(default=0, compare=False)
    nr_ptes: int = field(default=0, compare=False)
    made: dict[int, int] = field(default_factory=dict, compare=False)
    mapped: list[Map] = field(default_factory=list, compare=False)
    steps: list[Step] = field(default_factory=list, compare=False)
    held: set[Lock] = field(default_factory=lambda: {Lock.MMAP_SEM}, compare=False)
    contended: Callable[[int], bool] = field(default=never, compare=False)
    tries: int = field(default=0, compare=False)
    events: list[Event] = field(default_factory=list, compare=False)
    watch: Callable[[Event], None] = field(default=look_away, compare=False)

    @classmethod
    def holding(cls, geometry: Geometry, entries: Mapping[int, Pte], empty_tables: Iterable[int] = ()) -> Mm:
        """These entries, the tables that they need, and a pte table for each address in `empty_tables`."""
        addrs = (*entries, *empty_tables)
        mm = cls(geometry, dict(entries), {addr & geometry.PMD_MASK for addr in addrs})
        if not geometry.pmd_folded:
            mm.pmd_table = {addr & geometry.PUD_MASK for addr in addrs}
        if not geometry.pud_folded:
            mm.pud_table = {addr & geometry.P4D_MASK for addr in addrs}
        if not geometry.p4d_folded:
            mm.p4d_table = {addr & geometry.PGDIR_MASK for addr in addrs}
        mm.nr_ptes = len(mm.table)
        return mm

    def well_formed(self) -> bool:
        """True iff entries are at page-aligned addresses only, and entries, tables and bad entries only below a table,
        and nothing below a bad entry."""
        geometry = self.geometry
        levels = (
            (self.p4d_table, self.bad_pgd, geometry.PGDIR_MASK, geometry.p4d_folded),
            (self.pud_table, self.bad_p4d, geometry.P4D_MASK, geometry.pud_folded),
            (self.pmd_table, self.bad_pud, geometry.PUD_MASK, geometry.pmd_folded),
            (self.table, self.bad_pmd, geometry.PMD_MASK, False),
        )
        above: list[tuple[set[int], int]] = []  # the level above, if it is not folded away
        for tables, bad, mask, folded in levels:
            if (folded and (tables or bad)) or tables & bad:
                return False
            for entry in tables | bad:
                if entry & mask != entry or any(entry & upper not in there for there, upper in above):
                    return False
            if not folded:
                above = [(tables, mask)]
        page_offset = geometry.PAGE_SIZE - 1
        return all(not addr & page_offset and addr & geometry.PMD_MASK in self.table for addr in self.pte)

    # Slots, which are reached through a map that is open.

    def pte_plus(self, ptep: PteP, count: int) -> PteP:
        """C's `ptep + count`. Nothing stops it at the end of the table."""
        return PteP(ptep + count * self.geometry.PAGE_SIZE)

    def pte_none(self, ptep: PteP) -> bool:
        self.note("pte_none", ptep)
        self._reach(ptep)
        return ptep not in self.pte

    def ptep_clear_flush(self, ptep: PteP) -> Pte | None:
        """Leaves none in a slot and returns what was there, once every processor has forgotten it."""
        self.note("ptep_get_and_clear", ptep)
        self._reach(ptep)
        pte = self.pte.pop(ptep, None)
        self.note("flush_tlb_page", ptep)
        return pte

    def set_pte_at(self, ptep: PteP, pte: Pte | None) -> None:
        self.note("set_pte_at", ptep, pte)
        self._reach(ptep)
        if pte is None:
            self.pte.pop(ptep, None)
        else:
            self.pte[ptep] = pte

    def note(self, name: str, *args: object) -> None:
        """The mover is about to do something that others could notice: until then they may act."""
        event = Event(name, args)
        self.watch(event)
        self.events.append(event)

    def _reach(self, ptep: PteP) -> None:
        """Raises BadPointer unless the slot is in a table that is mapped."""
        if not any(map_.has(ptep, self.geometry) for map_ in self.mapped):
            raise BadPointer(f"the slot of {ptep:#x} is in no table that is mapped")
