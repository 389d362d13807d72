"""Unmapping a range: its entries go, and with them the pte tables that no other area needs."""

from __future__ import annotations

from collections.abc import Iterator

from mremap_impl.mm import Mm, Pmd


def unmap(mm: Mm, addr: int, len: int, floor: int, ceiling: int) -> None:
    """Clears the entries of `len` bytes at `addr`, and frees each pte table that only this range needs.

    `floor` is the end of the area below, 0 if there is none; `ceiling` the start of the area above, or 0. The caller
    owes page alignment, and that nothing else stands between the two.
    """
    zap_range(mm, addr, len)
    free_tables(mm, addr, len, floor, ceiling)


def zap_range(mm: Mm, addr: int, len: int) -> None:
    """Clears the entries of the range, which may pass the end of the word."""
    words, page_size = mm.geometry.words, mm.geometry.PAGE_SIZE
    for offset in range(0, len, page_size):
        mm.pte.pop(words.add(addr, offset), None)


def free_tables(mm: Mm, addr: int, len: int, floor: int, ceiling: int) -> None:
    """Frees each pte table that maps an address of the range and lies wholly between `floor` and `ceiling`.

    The range is empty, and so is all that lies between the two.
    """
    for pmd in touched(mm, addr, len):
        if pmd in mm.table and between(pmd, mm.geometry.PMD_SIZE, floor, ceiling):
            mm.table.remove(pmd)
            mm.nr_ptes -= 1


def between(start: int, size: int, floor: int, ceiling: int) -> bool:
    """True iff `size` bytes at `start` lie wholly between the two. A ceiling of 0 is the end of the word."""
    return floor <= start and (ceiling == 0 or start + size <= ceiling)


def touched(mm: Mm, addr: int, len: int) -> Iterator[Pmd]:
    """Each PMD that the range has an address in, once, by its first address."""
    geometry, words = mm.geometry, mm.geometry.words
    first = addr & geometry.PMD_MASK
    over = words.sub(addr, first)
    count = -(-(over + len) // geometry.PMD_SIZE) if len else 0
    for number in range(min(count, 1 << (geometry.word_bits - geometry.pmd_shift))):
        yield Pmd(words.add(first, number * geometry.PMD_SIZE))
