"""The earlier move_page_tables: one page at a time, a destination table only where an entry needs it."""

from __future__ import annotations

from errno import ENOMEM

from mremap_impl.mm import Mm, PteP


def get_one_pte(mm: Mm, addr: int) -> PteP | None:
    """The slot of `addr`, or None if there is no table for it."""
    pmd = mm.pmd_offset(addr)
    if mm.pmd_none(pmd):
        return None
    return mm.pte_offset(pmd, addr)


def get_one_pte_nested(mm: Mm, addr: int) -> PteP | None:
    """The slot of `addr`, or None if there is no table for it, or no entry in it."""
    ptep = get_one_pte(mm, addr)
    if ptep is None or mm.pte_none(ptep):
        return None
    return ptep


def alloc_one_pte(mm: Mm, addr: int) -> PteP | None:
    """The slot of `addr`, its table made if need be; or None if that was refused."""
    pmd = mm.pmd_offset(addr)
    if not mm.pte_alloc(pmd):
        return None
    return mm.pte_offset(pmd, addr)


def move_one_page(mm: Mm, old_addr: int, new_addr: int) -> int:
    """Moves the entry of one page, if there is one. 0, or -ENOMEM if it needed a table and was refused."""
    error = 0
    src = get_one_pte_nested(mm, old_addr)
    if src is not None:
        dst = get_one_pte(mm, new_addr)
        if dst is None:
            dst = alloc_one_pte(mm, new_addr)
            src = get_one_pte_nested(mm, old_addr)  # the allocation may have slept
        if src is not None:
            if dst is not None:
                pte = mm.ptep_clear_flush(src)
                moved = mm.move_pte(pte, old_addr, new_addr)
                mm.set_pte_at(dst, moved)
            else:
                error = -ENOMEM
    return error


def move_page_tables_by_page(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """Moves the entries of `len` bytes at `old_addr` to `new_addr`. Returns the offset reached.

    Less than `len` iff an entry needed a table and was refused. The caller owes page alignment, and ranges that are
    disjoint or new_addr < old_addr. Either range may run past the end of the word.
    """
    words, page_size = mm.geometry.words, mm.geometry.PAGE_SIZE
    offset = 0
    while offset < len:
        if move_one_page(mm, words.add(old_addr, offset), words.add(new_addr, offset)) < 0:
            break
        mm.cond_resched()
        offset = words.add(offset, page_size)
    return offset
