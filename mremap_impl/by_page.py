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
from mremap_impl.locks import (
    cond_resched,
    flush_cache_range,
    lock_mapping,
    reset_truncate_count,
    spin_lock,
    spin_trylock,
    spin_unlock,
    unlock_mapping,
)
from mremap_impl.mm import Lock, Mm, PteP, Vma
from mremap_impl.mremap import ANONYMOUS, get_old_pmd


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


def move_one_page(mm: Mm, old_addr: int, new_addr: int, vma: Vma = ANONYMOUS, new_vma: Vma = ANONYMOUS) -> int:
    """Moves the entry of one page, if there is one. 0, or -ENOMEM if it needed a table and was refused.

    The kernel of then had the truncation go through the new area again before the allocation only, which is too early:
    see resets_too_early in the specification.
    """
    error = 0
    lock_mapping(mm, vma, new_vma)
    spin_lock(mm, Lock.PAGE_TABLE_LOCK)
    src = get_one_pte_map_nested(mm, old_addr)
    if src is not None:
        dst = get_one_pte_map(mm, new_addr)
        if dst is None:
            pte_unmap_nested(mm, src)  # the allocation may sleep
            unlock_mapping(mm, vma)
            dst = alloc_one_pte_map(mm, new_addr)
            relock_mapping(mm, vma, new_vma)
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
    spin_unlock(mm, Lock.PAGE_TABLE_LOCK)
    unlock_mapping(mm, vma)
    return error


def relock_mapping(mm: Mm, vma: Vma, new_vma: Vma) -> None:
    """Takes i_mmap_lock back, with page_table_lock held: out of order, unless it is free."""
    if vma.vm_file:
        if not spin_trylock(mm, Lock.I_MMAP_LOCK):
            spin_unlock(mm, Lock.PAGE_TABLE_LOCK)
            spin_lock(mm, Lock.I_MMAP_LOCK)
            spin_lock(mm, Lock.PAGE_TABLE_LOCK)
        reset_truncate_count(mm, vma, new_vma)


def move_page_tables_by_page(
    mm: Mm, old_addr: int, new_addr: int, len: int, vma: Vma = ANONYMOUS, new_vma: Vma = ANONYMOUS
) -> int:
    """Moves the entries of `len` bytes at `old_addr` to `new_addr`. Returns the offset reached.

    Less than `len` iff an entry needed a table and was refused. The caller owes page alignment, and ranges that are
    disjoint or new_addr < old_addr. Either range may run past the end of the word. A bad entry over the new range is
    reported and cleared where an entry goes below it.
    """
    words, page_size = mm.geometry.words, mm.geometry.PAGE_SIZE
    offset = 0
    flush_cache_range(mm, old_addr, words.add(old_addr, len))
    while offset < len:
        if move_one_page(mm, words.add(old_addr, offset), words.add(new_addr, offset), vma, new_vma) < 0:
            break
        cond_resched(mm)
        offset = words.add(offset, page_size)
    return offset
