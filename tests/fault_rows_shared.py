"""The same rows for the claims about locks, flushes, and others who act: see `faults`."""

from __future__ import annotations

from faults import Fault, Named, Row

SHARED = "shared.spec"
SHARED_PTES, SHARED_ALLOC = "shared.move_ptes_shared", "shared.alloc_new_pmd_shared"

FAULTS_AMONG_OTHERS = (
    Row(
        "locks",
        # The lock is kept, had the table been had or not.
        Fault(SHARED, "    spin_unlock(page_table_lock);\n", "", f"{SHARED_ALLOC}.ensures.held"),
        # It is kept where the table could not be had.
        Fault(
            "mremap",
            "    spin_unlock(mm, Lock.PAGE_TABLE_LOCK)\n    return pmd\n",
            "    if pmd is not None:\n        spin_unlock(mm, Lock.PAGE_TABLE_LOCK)\n    return pmd\n",
            f"{SHARED_ALLOC}.ensures.held",
        ),
    ),
    Row(
        "flush",
        # An entry is cleared and not flushed.
        Fault(
            SHARED,
            "        entry = ptep_clear_flush(old_addr);\n",
            "        entry = ptep_get_and_clear(old_addr);\n",
            f"{SHARED_PTES}.call*.set_pte_at.flushed",
        ),
        Fault(
            "mremap",
            "            pte = mm.ptep_clear_flush(old_pte)\n",
            '            mm.note("ptep_get_and_clear", old_pte)\n            pte = mm.pte.pop(old_pte)\n',
            f"{SHARED_PTES}.record.set_pte_at.flushed",
        ),
    ),
    Row(
        "one-place",
        # A page that has left the one place does not get to the other, where what the hook makes of it is looked for.
        Fault(SHARED, "        set_pte_at(new_addr, entry);\n", "", f"{SHARED_PTES}.ensures.one", ("move-pte",)),
        Fault(
            "mremap",
            "            mm.set_pte_at(new_pte, moved)\n",
            "",
            f"{SHARED_PTES}.ensures.one",
            # It is lost, if others act or not.
            ("accounts", "frame", "move-pte", "moved", "overlap", "repair"),
        ),
    ),
    Row(
        "rmap",
        # The entries of a file move without its lock. So they are found at neither place, or truncation misses them.
        Fault(
            SHARED,
            "        spin_lock(i_mmap_lock);\n",
            "",
            f"{SHARED_PTES}.call*.ptep_clear_flush.file",
            ("locks",),
        ),
        # The same.
        Fault(
            "locks",
            "    if vma.vm_file:\n        spin_lock(mm, Lock.I_MMAP_LOCK)\n",
            "    if vma.vm_file:\n",
            f"{SHARED_PTES}.record.ptep_get_and_clear.file",
            ("locks",),
        ),
    ),
    Row(
        "truncate",
        # The new area goes on counting as done.
        Fault(SHARED, "            reset_truncate_count(new_vma);\n", "", f"{SHARED_PTES}.ensures.clean"),
        Fault(
            "locks",
            "        reset_truncate_count(mm, vma, new_vma)\n\n\ndef reset",
            "\n\ndef reset",
            f"{SHARED_PTES}.ensures.clean",
        ),
    ),
)

MOVES = """            pte = mm.ptep_clear_flush(old_pte)
            moved = mm.move_pte(pte, old_addr, new_addr)
            mm.set_pte_at(new_pte, moved)
"""
CLEARS = """            mm.note("ptep_get_and_clear", old_pte)
            pte = mm.pte.pop(old_pte)
            moved = mm.move_pte(pte, old_addr, new_addr)
            mm.set_pte_at(new_pte, moved)
"""
REST = """        old_pte, old_addr = mm.pte_plus(old_pte, 1), words.add(old_addr, page_size)
        new_pte, new_addr = mm.pte_plus(new_pte, 1), words.add(new_addr, page_size)
    pte_unmap_nested(mm, mm.pte_plus(new_pte, -1))
    pte_unmap(mm, mm.pte_plus(old_pte, -1))
    spin_unlock(mm, Lock.PAGE_TABLE_LOCK)
    unlock_mapping(mm, vma)
"""
LOOP = """    while old_addr < old_end:
        if not mm.pte_none(old_pte):
"""

NAMED_AMONG_OTHERS = (
    Named(
        "locks taken in the other order",
        Fault(
            "mremap",
            "    lock_mapping(mm, vma, new_vma)\n    spin_lock(mm, Lock.PAGE_TABLE_LOCK)\n",
            "    spin_lock(mm, Lock.PAGE_TABLE_LOCK)\n    lock_mapping(mm, vma, new_vma)\n",
            "shared.move_page_tables_shared.record.spin_lock.order",
            ("locks",),
        ),
    ),
    Named(
        "flush after set",
        Fault(
            "mremap",
            MOVES,
            CLEARS + '            mm.note("flush_tlb_page", old_pte)\n',
            f"{SHARED_PTES}.record.set_pte_at.flushed",
            ("flush",),
        ),
    ),
    Named(
        "flush after unlock",
        # Each entry that has moved is flushed once both locks are dropped.
        Fault(
            "mremap",
            LOOP + MOVES + REST,
            f"    late = []\n{LOOP}{CLEARS}            late.append(old_pte)\n{REST}"
            '    for slot in late:\n        mm.note("flush_tlb_page", slot)\n',
            f"{SHARED_PTES}.record.spin_unlock.flushed",
            ("flush",),
        ),
    ),
    Named(
        "i_mmap_lock for an anonymous mapping",
        Fault(
            "locks",
            "    if vma.vm_file:\n        spin_lock(mm, Lock.I_MMAP_LOCK)\n",
            "    if True:\n        spin_lock(mm, Lock.I_MMAP_LOCK)\n",
            f"{SHARED_PTES}.record.spin_lock.file",
            ("locks",),
        ),
    ),
    Named(
        "the limit of 64 dropped",
        Fault(
            "step",
            "        extent = geometry.LATENCY_LIMIT",
            "        pass",
            "shared.move_page_tables_shared.record.pte_none.few",
            ("latency", "locks"),
        ),
    ),
    Named(
        "a map not undone",
        Fault(
            "mremap",
            "    pte_unmap(mm, mm.pte_plus(old_pte, -1))\n",
            "",
            f"{SHARED_PTES}.ensures.held",
            ("locks", "pointer"),
        ),
    ),
)
