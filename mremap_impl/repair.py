"""move_page_tables by extents that makes a destination table only where an entry needs it."""

from __future__ import annotations

from mremap_impl.levels import pte_offset_map, pte_unmap
from mremap_impl.locks import cond_resched, flush_cache_range
from mremap_impl.mm import Mm, Pmd, Vma
from mremap_impl.mremap import ANONYMOUS, alloc_new_pmd, get_old_pmd, move_ptes
from mremap_impl.step import destination_cut, how_much_done, latency_cut, source_extent


def holds_entry(mm: Mm, old_pmd: Pmd, old_addr: int, old_end: int) -> bool:
    """True iff old_addr .. old_end, which is not empty and lies in the PMD given, has an entry.

    It needs no page_table_lock: an entry may become none meanwhile, but none becomes no entry while mmap_sem is held
    for writing. At worst a table is made for nothing.
    """
    words, page_size = mm.geometry.words, mm.geometry.PAGE_SIZE
    holds = False
    old_pte = pte_offset_map(mm, old_pmd, old_addr)
    while old_addr < old_end:
        if not mm.pte_none(old_pte):
            holds = True
        old_pte, old_addr = mm.pte_plus(old_pte, 1), words.add(old_addr, page_size)
    pte_unmap(mm, mm.pte_plus(old_pte, -1))
    return holds


def move_page_tables_repaired(
    mm: Mm, old_addr: int, new_addr: int, len: int, vma: Vma = ANONYMOUS, new_vma: Vma = ANONYMOUS
) -> int:
    """What move_page_tables does, and owed what that is, but for the tables that it makes.

    A step is cut first, by both PMDs, the range and latency. Only if it then holds an entry is a table made for it. So
    the way back finds a table wherever it has something to put.
    """
    geometry, words = mm.geometry, mm.geometry.words
    old_end = words.add(old_addr, len)
    flush_cache_range(mm, old_addr, old_end)
    while old_addr < old_end:
        cond_resched(mm)
        extent = source_extent(old_addr, old_end, geometry)
        old_pmd = get_old_pmd(mm, old_addr)
        if old_pmd is not None:
            extent = destination_cut(extent, new_addr, geometry)
            extent = latency_cut(extent, geometry)
            if holds_entry(mm, old_pmd, old_addr, words.add(old_addr, extent)):
                new_pmd = alloc_new_pmd(mm, new_addr)
                if new_pmd is None:
                    break
                move_ptes(mm, old_pmd, old_addr, words.add(old_addr, extent), new_pmd, new_addr, vma, new_vma)
        old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)
    return how_much_done(len, old_addr, old_end, geometry)
