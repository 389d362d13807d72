"""move_page_tables by extents."""

from __future__ import annotations

from mremap_impl.levels import (
    alloc_pmd,
    p4d_none_or_clear_bad,
    p4d_offset,
    pgd_none_or_clear_bad,
    pgd_offset,
    pmd_none_or_clear_bad,
    pmd_offset,
    pte_alloc_map,
    pte_offset_map,
    pte_offset_map_nested,
    pte_unmap,
    pte_unmap_nested,
    pud_none_or_clear_bad,
    pud_offset,
)
from mremap_impl.locks import cond_resched, flush_cache_range, lock_mapping, spin_lock, spin_unlock, unlock_mapping
from mremap_impl.mm import Lock, Mm, Pmd, Step, Vma
from mremap_impl.step import destination_cut, how_much_done, latency_cut, source_extent

ANONYMOUS = Vma()
"""An area that maps no file: nothing of it is ever written to."""


def get_old_pmd(mm: Mm, addr: int) -> Pmd | None:
    """The pmd of `addr`, or None if there is no pte table below it. A bad entry on the way is reported and cleared."""
    mm.note("get_old_pmd", addr)
    pgd = pgd_offset(mm, addr)
    if pgd_none_or_clear_bad(mm, pgd):
        return None

    p4d = p4d_offset(mm, pgd, addr)
    if p4d_none_or_clear_bad(mm, p4d):
        return None

    pud = pud_offset(mm, p4d, addr)
    if pud_none_or_clear_bad(mm, pud):
        return None

    pmd = pmd_offset(mm, pud, addr)
    if pmd_none_or_clear_bad(mm, pmd):
        return None

    return pmd


def alloc_new_pmd(mm: Mm, addr: int) -> Pmd | None:
    """The pmd of `addr`, with a pte table below it; or None if a table on the way was wanted and refused.

    What was made before that stays. The caller owes that no entry on the way is bad.
    """
    spin_lock(mm, Lock.PAGE_TABLE_LOCK)
    pmd = alloc_pmd(mm, addr)
    if pmd is not None:
        pte = pte_alloc_map(mm, pmd, addr)
        if pte is None:
            pmd = None
        else:
            pte_unmap(mm, pte)
    spin_unlock(mm, Lock.PAGE_TABLE_LOCK)
    return pmd


def move_ptes(
    mm: Mm,
    old_pmd: Pmd,
    old_addr: int,
    old_end: int,
    new_pmd: Pmd,
    new_addr: int,
    vma: Vma = ANONYMOUS,
    new_vma: Vma = ANONYMOUS,
) -> None:
    """Moves the entries of old_addr .. old_end, in `vma`, to new_addr and on, in `new_vma`.

    The caller owes that the range is not empty, and that each side lies in one PMD, the one given, with its table
    there. One critical section.
    """
    lock_mapping(mm, vma, new_vma)
    spin_lock(mm, Lock.PAGE_TABLE_LOCK)
    words, page_size = mm.geometry.words, mm.geometry.PAGE_SIZE
    old_pte = pte_offset_map(mm, old_pmd, old_addr)
    new_pte = pte_offset_map_nested(mm, new_pmd, new_addr)
    while old_addr < old_end:
        if not mm.pte_none(old_pte):
            pte = mm.ptep_clear_flush(old_pte)
            moved = mm.move_pte(pte, old_addr, new_addr)
            mm.set_pte_at(new_pte, moved)
        old_pte, old_addr = mm.pte_plus(old_pte, 1), words.add(old_addr, page_size)
        new_pte, new_addr = mm.pte_plus(new_pte, 1), words.add(new_addr, page_size)
    pte_unmap_nested(mm, mm.pte_plus(new_pte, -1))
    pte_unmap(mm, mm.pte_plus(old_pte, -1))
    spin_unlock(mm, Lock.PAGE_TABLE_LOCK)
    unlock_mapping(mm, vma)


def move_page_tables(
    mm: Mm, old_addr: int, new_addr: int, len: int, vma: Vma = ANONYMOUS, new_vma: Vma = ANONYMOUS
) -> int:
    """Moves the entries of `len` bytes at `old_addr` to `new_addr`. Returns the bytes passed over.

    Less than `len` iff a destination table was refused: what lies below is moved, what lies above is untouched.
    The caller owes page alignment, ranges that are disjoint or new_addr < old_addr, and that no bad entry stands over
    the new one. The new range may run past the end of the word, the old may not; one that ends there exactly (old_end
    0) is not moved at all, and 0 is returned.
    """
    geometry, words = mm.geometry, mm.geometry.words
    old_end = words.add(old_addr, len)
    flush_cache_range(mm, old_addr, old_end)
    while old_addr < old_end:
        cond_resched(mm)
        extent = source_extent(old_addr, old_end, geometry)
        old_pmd = get_old_pmd(mm, old_addr)
        if old_pmd is not None:  # else C's `continue`: on to the step of the loop
            new_pmd = alloc_new_pmd(mm, new_addr)
            if new_pmd is None:
                break
            extent = destination_cut(extent, new_addr, geometry)
            extent = latency_cut(extent, geometry)
            move_ptes(mm, old_pmd, old_addr, words.add(old_addr, extent), new_pmd, new_addr, vma, new_vma)
        mm.steps.append(Step(old_addr, new_addr, extent, moved=old_pmd is not None))
        old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)
    return how_much_done(len, old_addr, old_end, geometry)
