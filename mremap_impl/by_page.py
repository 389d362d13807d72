"""The earlier move_page_tables: one page at a time, a destination table only where an entry needs it."""

from __future__ import annotations

from errno import ENOMEM

from mremap_impl.levels import (
    alloc_pmd,
    pte_alloc_map,
    pte_offset_map,
    pte_offset_map_nested,
    pte_unmap,
    pte_unmap_nested,
)
from mremap_impl.mm import Mm, PteP
from mremap_impl.mremap import get_old_pmd


def get_one_pte_map_nested(mm: Mm, addr: int) -> PteP | None:
    """The slot of `addr`, mapped, or None if there is no table for it, or no entry in it."""
    pmd = get_old_pmd(mm, addr)  # the same walk
    if pmd is None:
        return None
    pte = pte_offset_map_nested(mm, pmd, addr)
    if mm.pte_none(pte):
        pte_unmap_nested(mm, pte)
        return None
    return pte


def get_one_pte_map(mm: Mm, addr: int) -> PteP | None:
    """The slot of `addr`, mapped, or None if there is no table for it."""
    pmd = get_old_pmd(mm, addr)
    if pmd is None:
        return None
    return pte_offset_map(mm, pmd, addr)


def alloc_one_pte_map(mm: Mm, addr: int) -> PteP | None:
    """The slot of `addr`, mapped, its tables made if need be; or None if one was refused."""
    pmd = alloc_pmd(mm, addr)
    if pmd is None:
        return None
    return pte_alloc_map(mm, pmd, addr)


def move_one_page(mm: Mm, old_addr: int, new_addr: int) -> int:
    """Moves the entry of one page, if there is one. 0, or -ENOMEM if it needed a table and was refused."""
    error = 0
    src = get_one_pte_map_nested(mm, old_addr)
    if src is not None:
        dst = get_one_pte_map(mm, new_addr)
        if dst is None:
            pte_unmap_nested(mm, src)  # the allocation may sleep
            dst = alloc_one_pte_map(mm, new_addr)
            src = get_one_pte_map_nested(mm, old_addr)  # so look again
        if src is not None:
            if dst is not None:
                pte = mm.ptep_clear_flush(src)
                moved = mm.move_pte(pte, old_addr, new_addr)
                mm.set_pte_at(dst, moved)
            else:
                error = -ENOMEM
            pte_unmap_nested(mm, src)  # it may lie below dst: the two places know no order
        if dst is not None:
            pte_unmap(mm, dst)
    return error


def move_page_tables_by_page(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """Moves the entries of `len` bytes at `old_addr` to `new_addr`. Returns the offset reached.

    Less than `len` iff an entry needed a table and was refused. The caller owes page alignment, and ranges that are
    disjoint or new_addr < old_addr. Either range may run past the end of the word. A bad entry over the new range is
    reported and cleared where an entry goes below it.
    """
    words, page_size = mm.geometry.words, mm.geometry.PAGE_SIZE
    offset = 0
    while offset < len:
        if move_one_page(mm, words.add(old_addr, offset), words.add(new_addr, offset)) < 0:
            break
        mm.cond_resched()
        offset = words.add(offset, page_size)
    return offset
