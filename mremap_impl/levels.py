"""The levels of the page tables, one at a time: how one looks, how a table is made, and how its slots are reached.

A walk goes down from the pgd. An entry of an upper level points to a table, or is none, or is bad. Where a level is
folded away there is nothing to look at: an entry of it is the entry of the level above.
"""

from __future__ import annotations

from mremap_impl.locks import might_sleep, spin_lock, spin_unlock
from mremap_impl.mm import BadPointer, Lock, Map, Mm, P4d, Pgd, Pmd, PteP, Pud

# --- going down ----------------------------------------------------------------------------------------------------


def pgd_offset(mm: Mm, addr: int) -> Pgd:
    """The entry of the pgd for `addr`."""
    return Pgd(addr & mm.geometry.PGDIR_MASK)


def p4d_offset(mm: Mm, pgd: Pgd, addr: int) -> P4d:
    """The entry for `addr` in the table below `pgd`; `pgd` itself where that is folded away. So on, level by level."""
    return P4d(pgd | addr & mm.geometry.P4D_MASK & ~mm.geometry.PGDIR_MASK)


def pud_offset(mm: Mm, p4d: P4d, addr: int) -> Pud:
    return Pud(p4d | addr & mm.geometry.PUD_MASK & ~mm.geometry.P4D_MASK)


def pmd_offset(mm: Mm, pud: Pud, addr: int) -> Pmd:
    return Pmd(pud | addr & mm.geometry.PMD_MASK & ~mm.geometry.PUD_MASK)


# --- looking -------------------------------------------------------------------------------------------------------


def pgd_none(mm: Mm, pgd: Pgd) -> bool:
    """Nothing stands there: neither a table nor something bad."""
    return not mm.geometry.p4d_folded and pgd not in mm.p4d_table and pgd not in mm.bad_pgd


def p4d_none(mm: Mm, p4d: P4d) -> bool:
    return not mm.geometry.pud_folded and p4d not in mm.pud_table and p4d not in mm.bad_p4d


def pud_none(mm: Mm, pud: Pud) -> bool:
    return not mm.geometry.pmd_folded and pud not in mm.pmd_table and pud not in mm.bad_pud


def pmd_none(mm: Mm, pmd: Pmd) -> bool:
    return pmd not in mm.table and pmd not in mm.bad_pmd


def pgd_none_or_clear_bad(mm: Mm, pgd: Pgd) -> bool:
    """True iff there is no table below. A bad entry is reported and cleared, and counts as none."""
    return pgd_none(mm, pgd) or _cleared_bad(mm, pgd, mm.bad_pgd)


def p4d_none_or_clear_bad(mm: Mm, p4d: P4d) -> bool:
    return p4d_none(mm, p4d) or _cleared_bad(mm, p4d, mm.bad_p4d)


def pud_none_or_clear_bad(mm: Mm, pud: Pud) -> bool:
    return pud_none(mm, pud) or _cleared_bad(mm, pud, mm.bad_pud)


def pmd_none_or_clear_bad(mm: Mm, pmd: Pmd) -> bool:
    return pmd_none(mm, pmd) or _cleared_bad(mm, pmd, mm.bad_pmd)


def _cleared_bad(mm: Mm, entry: int, bad: set[int]) -> bool:
    if entry not in bad:
        return False
    mm.reported += 1
    bad.remove(entry)
    return True


# --- making --------------------------------------------------------------------------------------------------------


def p4d_alloc(mm: Mm, pgd: Pgd, addr: int) -> P4d | None:
    """The entry for `addr` in the table below `pgd`, which is made if the entry is none; None if that was refused.

    What is bad is taken for a table: the caller owes that it is not.
    """
    if pgd_none(mm, pgd) and not _made(mm, pgd, mm.p4d_table, "p4d_alloc"):
        return None
    return p4d_offset(mm, pgd, addr)


def pud_alloc(mm: Mm, p4d: P4d, addr: int) -> Pud | None:
    if p4d_none(mm, p4d) and not _made(mm, p4d, mm.pud_table, "pud_alloc"):
        return None
    return pud_offset(mm, p4d, addr)


def pmd_alloc(mm: Mm, pud: Pud, addr: int) -> Pmd | None:
    if pud_none(mm, pud) and not _made(mm, pud, mm.pmd_table, "pmd_alloc"):
        return None
    return pmd_offset(mm, pud, addr)


def pte_alloc(mm: Mm, pmd: Pmd) -> bool:
    """Makes the pte table unless the entry is not none. False iff it was wanted and refused."""
    if pmd_none(mm, pmd):
        if not _made(mm, pmd, mm.table, "pte_alloc"):
            return False
        mm.made[mm.nr_ptes] = pmd
        mm.nr_ptes += 1
    return True


def _made(mm: Mm, entry: int, tables: set[int], name: str) -> bool:
    """Whether there is a table now. The caller holds page_table_lock, which is dropped while memory is waited for."""
    spin_unlock(mm, Lock.PAGE_TABLE_LOCK)
    might_sleep(mm)
    granted = mm.allocator.grants()
    spin_lock(mm, Lock.PAGE_TABLE_LOCK)
    mm.note(name, entry)
    if not granted:
        return False
    tables.add(entry)  # had somebody else made one meanwhile, this one would be given back
    return True


# --- slots ---------------------------------------------------------------------------------------------------------


def pte_offset_map(mm: Mm, pmd: Pmd, addr: int) -> PteP:
    """Maps the table below `pmd`, and returns the slot of `addr` in it. Raises BadPointer if there is no table."""
    return _mapped(mm, pmd, addr, nested=False)


def pte_offset_map_nested(mm: Mm, pmd: Pmd, addr: int) -> PteP:
    """The same in the second place, for whoever needs two tables at once."""
    return _mapped(mm, pmd, addr, nested=True)


def alloc_pmd(mm: Mm, addr: int) -> Pmd | None:
    """The pmd of `addr`, the tables above it made if need be; or None if one was refused. What was made stays."""
    pgd = pgd_offset(mm, addr)
    p4d = p4d_alloc(mm, pgd, addr)
    if p4d is None:
        return None
    pud = pud_alloc(mm, p4d, addr)
    if pud is None:
        return None
    return pmd_alloc(mm, pud, addr)


def pte_alloc_map(mm: Mm, pmd: Pmd, addr: int) -> PteP | None:
    """The slot of `addr`, its table made if need be, and mapped; None if it was refused."""
    if not pte_alloc(mm, pmd):
        return None
    return pte_offset_map(mm, pmd, addr)


def pte_unmap(mm: Mm, ptep: PteP) -> None:
    """Undoes the map made last. Raises BadPointer unless `ptep` is a slot of its table."""
    mm.note("pte_unmap", ptep)
    if not mm.mapped or not mm.mapped[-1].has(ptep, mm.geometry):
        raise BadPointer(f"the slot of {ptep:#x} is not in the table that was mapped last")
    mm.mapped.pop()


def pte_unmap_nested(mm: Mm, ptep: PteP) -> None:
    """Undoes the map in the second place, be it the last or not. Raises BadPointer unless `ptep` is in its table."""
    mm.note("pte_unmap_nested", ptep)
    nested = [map_ for map_ in mm.mapped if map_.nested]
    if not nested or not nested[-1].has(ptep, mm.geometry):
        raise BadPointer(f"the slot of {ptep:#x} is not in the table that is mapped in the second place")
    mm.mapped.remove(nested[-1])


def _mapped(mm: Mm, pmd: Pmd, addr: int, *, nested: bool) -> PteP:
    mm.note("pte_offset_map", addr)
    if pmd not in mm.table:
        raise BadPointer(f"there is no table for {addr:#x}")
    mm.mapped.append(Map(pmd, nested))
    return PteP(pmd | addr & ~mm.geometry.PMD_MASK)
