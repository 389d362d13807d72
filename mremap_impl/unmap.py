"""Unmapping a range: its entries go, and with them the pte tables that no other area needs."""

from __future__ import annotations

from mremap_impl.mm import Mm


def unmap(mm: Mm, addr: int, len: int, floor: int, ceiling: int) -> None:
    """Clears the entries of `len` bytes at `addr`, and frees each pte table that only this range needs.

    `floor` is the end of the area below, 0 if there is none; `ceiling` the start of the area above, or 0. The caller
    owes page alignment, and that nothing else stands between the two.
    """
    zap_range(mm, addr, len)
    free_tables(mm, addr, len, floor, ceiling)


def zap_range(mm: Mm, addr: int, len: int) -> None:
    """Clears the entries of the range, which may pass the end of the word."""
    words = mm.geometry.words
    for entry in [entry for entry in mm.pte if words.sub(entry, addr) < len]:
        del mm.pte[entry]


def free_tables(mm: Mm, addr: int, len: int, floor: int, ceiling: int) -> None:
    """Frees each pte table that maps an address of the range and lies wholly between `floor` and `ceiling`.

    The range has no entry, and neither has what lies between the two. It does not pass the end of the word.
    """
    size = mm.geometry.PMD_SIZE
    for pmd in list(mm.table):
        if addr - size < pmd < addr + len and between(pmd, size, floor, ceiling):
            mm.table.remove(pmd)
            mm.nr_ptes -= 1


def between(start: int, size: int, floor: int, ceiling: int) -> bool:
    """True iff `size` bytes at `start` lie wholly between the two. A ceiling of 0 is the end of the word."""
    return floor <= start and (ceiling == 0 or start + size <= ceiling)
