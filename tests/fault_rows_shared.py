"""The same rows for the claims about locks, flushes, and others who act: see `faults`."""

from __future__ import annotations

from faults import Fault, Row

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
        # A page that has left the one place does not get to the other.
        Fault(SHARED, "        set_pte_at(new_addr, entry);\n", "", f"{SHARED_PTES}.ensures.one"),
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
