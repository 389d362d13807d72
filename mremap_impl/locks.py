"""Locks, and what goes with them: what may sleep, and what is flushed of the caches."""

from __future__ import annotations

from mremap_impl.mm import Lock, Mm, Vma


def spin_lock(mm: Mm, lock: Lock) -> None:
    mm.note("spin_lock", lock)
    mm.held.add(lock)


def spin_unlock(mm: Mm, lock: Lock) -> None:
    mm.note("spin_unlock", lock)
    mm.held.discard(lock)


def spin_trylock(mm: Mm, lock: Lock) -> bool:
    """Takes the lock iff nobody holds it; it does not wait."""
    mm.note("spin_trylock", lock)
    attempt = mm.tries
    mm.tries += 1
    if mm.contended(attempt):
        return False
    mm.held.add(lock)
    return True


def might_sleep(mm: Mm) -> None:
    """What comes next may wait, for as long as it takes."""
    mm.note("might_sleep")


def cond_resched(mm: Mm) -> None:
    """Lets others have the processor."""
    mm.note("cond_resched")
    mm.cond_resched()


def flush_cache_range(mm: Mm, start: int, end: int) -> None:
    """What the caches hold by addresses of the range is written back, and forgotten."""
    mm.note("flush_cache_range", start, end)


def lock_mapping(mm: Mm, vma: Vma, new_vma: Vma) -> None:
    """Of a file, keeps truncation out, and has it go through the new area again if it is further there than in the old.

    A newly linked area counts as done; what moves there must not.
    """
    if vma.vm_file:
        spin_lock(mm, Lock.I_MMAP_LOCK)
        reset_truncate_count(mm, vma, new_vma)


def reset_truncate_count(mm: Mm, vma: Vma, new_vma: Vma) -> None:
    """The caller holds i_mmap_lock."""
    if new_vma.vm_truncate_count and new_vma.vm_truncate_count != vma.vm_truncate_count:
        mm.note("reset_truncate_count", new_vma)
        new_vma.vm_truncate_count = 0


def unlock_mapping(mm: Mm, vma: Vma) -> None:
    if vma.vm_file:
        spin_unlock(mm, Lock.I_MMAP_LOCK)
