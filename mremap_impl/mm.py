"""The address space that is moved about in, and what the mover asks of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NewType, TypeAlias

from mremap_impl.geometry import Geometry

Pte: TypeAlias = object
"""A page-table entry: any value but None, which is what `none` is here."""

Pmd = NewType("Pmd", int)
"""A pmd entry, known by the first address that it maps."""

PteP = NewType("PteP", int)
"""C's `pte_t *`: a slot of a pte table, known by the address that it maps; the next slot is PAGE_SIZE on."""


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


def same_entry(pte: Pte, _old_addr: int, _new_addr: int) -> Pte:
    """The move_pte of most ports."""
    return pte


def carry_on() -> None:
    """A cond_resched that lets nobody else run."""


@dataclass(slots=True)
class Mm:
    """Page tables as the mover sees them. Two are equal iff their entries and their tables are.

    `pte` has the entries, by page-aligned address; an absent key is none.
    `table` has the pte tables that exist, each by the first address that it maps.
    `move_pte(pte, old_addr, new_addr)` is the entry as it must stand at the new address.
    `cond_resched()` is called once a step, before it, with nothing half done: a caller may let others act there,
    or raise to end a loop that does not.
    `steps` are the steps done so far, in order, over all moves by extents.
    """

    geometry: Geometry
    pte: dict[int, Pte]
    table: set[int]
    allocator: Allocator = field(default_factory=Allocator.willing, compare=False)
    move_pte: Callable[[Pte, int, int], Pte | None] = field(default=same_entry, compare=False)
    cond_resched: Callable[[], None] = field(default=carry_on, compare=False)
    steps: list[Step] = field(default_factory=list, compare=False)

    @classmethod
    def holding(cls, geometry: Geometry, entries: Mapping[int, Pte], empty_tables: Iterable[int] = ()) -> Mm:
        """These entries, the tables that they need, and a table for each address in `empty_tables`."""
        return cls(geometry, dict(entries), {addr & geometry.PMD_MASK for addr in (*entries, *empty_tables)})

    def well_formed(self) -> bool:
        """True iff entries are at page-aligned addresses only, and only where their table is."""
        page_offset, pmd_mask = self.geometry.PAGE_SIZE - 1, self.geometry.PMD_MASK
        return all(not addr & page_offset and addr & pmd_mask in self.table for addr in self.pte)

    # Tables.

    def pmd_offset(self, addr: int) -> Pmd:
        """The pmd entry of `addr`, whether or not there is a pte table below it."""
        return Pmd(addr & self.geometry.PMD_MASK)

    def pmd_none(self, pmd: Pmd) -> bool:
        return pmd not in self.table

    def pte_alloc(self, pmd: Pmd) -> bool:
        """Makes the pte table unless it exists. False iff it was wanted and refused; then nothing has changed."""
        if self.pmd_none(pmd):
            if not self.allocator.grants():
                return False
            self.table.add(pmd)
        return True

    # Entries.

    def pte_offset(self, pmd: Pmd, addr: int) -> PteP:
        """The slot of `addr` in the table below `pmd`."""
        words = self.geometry.words
        return PteP(words.add(pmd, addr & words.invert(self.geometry.PMD_MASK)))

    def pte_next(self, ptep: PteP) -> PteP:
        """C's `ptep + 1`. Nothing stops it at the end of the table."""
        return PteP(self.geometry.words.add(ptep, self.geometry.PAGE_SIZE))

    def pte_none(self, ptep: PteP) -> bool:
        return ptep not in self.pte

    def ptep_clear_flush(self, ptep: PteP) -> Pte:
        """Leaves none in a slot that is not none, and returns what was there."""
        return self.pte.pop(ptep)

    def set_pte_at(self, ptep: PteP, pte: Pte | None) -> None:
        if pte is None:
            self.pte.pop(ptep, None)
        else:
            self.pte[ptep] = pte
