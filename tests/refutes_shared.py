"""The same rows for what goes wrong where others act: see `refutes`.

Of such a refute the input is a schedule. The tool finds it, and says what others do in it, in which order. Here they do
the same to the implementation, each as soon as it is let: where an event comes, and the locks that it needs are free.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fault_rows_shared import FAULTS_AMONG_OTHERS, NAMED_AMONG_OTHERS
from faults import Fault

from mremap_impl import by_page, mremap
from mremap_impl.geometry import I386
from mremap_impl.mm import BadPointer, Event, Lock, Mm, Pmd, Vma

OLD, NEW = 0x40_0000, 0x80_0000
PAGE = "the page"


@dataclass(slots=True)
class Stage:
    """A page that is to move, and whoever acts meanwhile. `to_table`: the new address has a table.

    `freed`: pages that have been freed. `stale`: those of which a processor may still have the translation.
    """

    file: bool
    to_table: bool
    mm: Mm = field(init=False)
    vma: Vma = field(init=False)
    new_vma: Vma = field(init=False)
    freed: set[object] = field(default_factory=set)
    stale: set[object] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.mm = Mm.holding(I386, {OLD: PAGE}, (NEW,) if self.to_table else ())
        # The new area, linked just now, has the mapping's count.
        self.vma, self.new_vma = Vma(self.file, 0), Vma(self.file, 1 if self.file else 0)

    def free(self, lock: Lock) -> bool:
        return lock not in self.mm.held

    def move_ptes(self) -> None:
        """The move by extents, of one page."""
        mremap.move_ptes(
            self.mm, Pmd(OLD), OLD, OLD + self.mm.geometry.PAGE_SIZE, Pmd(NEW), NEW, self.vma, self.new_vma
        )

    def move_one_page(self) -> None:
        by_page.move_one_page(self.mm, OLD, NEW, self.vma, self.new_vma)

    def reclaim(self, addr: int) -> None:
        """Takes the entry of an address away, and frees its page."""
        if self.free(Lock.PAGE_TABLE_LOCK) and addr in self.mm.pte:
            self.freed.add(self.mm.pte.pop(addr))

    def sweep(self, vma: Vma, addr: int) -> None:
        """Truncation goes through one area, unless that counts as done."""
        if self.free(Lock.I_MMAP_LOCK) and self.free(Lock.PAGE_TABLE_LOCK) and vma.vm_truncate_count != 1:
            self.mm.pte.pop(addr, None)
            vma.vm_truncate_count = 1

    def truncation_ends(self) -> bool:
        """It goes through what does not count as done, and ends: whether it has missed an entry."""
        self.sweep(self.vma, OLD)
        self.sweep(self.new_vma, NEW)
        assert self.vma.vm_truncate_count == self.new_vma.vm_truncate_count == 1
        return bool(self.mm.pte)

    def at(self, name: str, act: Callable[[], None]) -> None:
        """Has others act before each event of a name."""

        def watch(event: Event) -> None:
            if event.name == name:
                act()

        self.mm.watch = watch


@dataclass(frozen=True, slots=True)
class Scheduled:
    """`acts`: what others do in the run that the tool finds, in order. The rest is as in `refutes.Replay`."""

    refute: str
    acts: tuple[str, ...]
    wrong: Callable[[], bool]
    right: Callable[[], bool] | None = None
    fault: Fault | None = None


# --- by extents ----------------------------------------------------------------------------------------------------


def used_after_free() -> bool:
    """Reclaim frees the page at its new address while a translation of the old one is about."""
    stage, found = Stage(file=False, to_table=True), []

    def watch(event: Event) -> None:
        stage.reclaim(NEW)
        found.append(bool(stage.freed & stage.stale))
        if event.name == "ptep_get_and_clear":
            stage.stale.add(stage.mm.pte[OLD])
        elif event.name == "flush_tlb_page":
            stage.stale.clear()

    stage.mm.watch = watch
    stage.move_ptes()
    stage.reclaim(NEW)
    assert stage.freed == {PAGE}
    return any(found)


def missed_by_truncation() -> bool:
    """Truncation, which comes after the move, is through with the new area before it begins."""
    stage = Stage(file=True, to_table=True)
    stage.move_ptes()
    assert stage.mm.pte == {NEW: PAGE}
    return stage.truncation_ends()


def missed_by_walk(*, file: bool) -> bool:
    """A walk looks at the new address before the move, and at the old one after it. That of a file must have
    i_mmap_lock for both looks, so it makes them where it is free, one after the other."""
    stage = Stage(file, to_table=True)
    looks: list[tuple[bool, bool]] = []
    before = NEW in stage.mm.pte

    def watch(_event: Event) -> None:
        if stage.free(Lock.I_MMAP_LOCK):
            looks.append((NEW in stage.mm.pte, OLD in stage.mm.pte))

    stage.mm.watch = watch
    stage.move_ptes()
    after = OLD in stage.mm.pte
    assert looks or not file
    return (False, False) in looks if file else not before and not after


def mapped_twice(*, mmap_sem: bool) -> bool:
    """A page fault at the old address, once the entry has left it. It needs mmap_sem."""
    stage = Stage(file=False, to_table=True)
    if not mmap_sem:
        stage.mm.held.clear()
    stage.move_ptes()
    if stage.free(Lock.MMAP_SEM) and stage.free(Lock.PAGE_TABLE_LOCK) and OLD not in stage.mm.pte:
        stage.mm.pte[OLD] = "another page"
    return OLD in stage.mm.pte and NEW in stage.mm.pte


# --- by page -------------------------------------------------------------------------------------------------------


def slot_of_no_map() -> bool:
    stage = Stage(file=False, to_table=False)
    try:
        stage.move_one_page()
    except BadPointer:
        return True
    return False


def moves_none() -> bool:
    """Reclaim takes the entry away while memory for a table is waited for; none is set."""
    stage = Stage(file=False, to_table=False)
    stage.at("might_sleep", lambda: stage.reclaim(OLD))
    stage.move_one_page()
    assert stage.freed == {PAGE}
    return any(event.name == "set_pte_at" and event.args[1] is None for event in stage.mm.events)


def truncated_meanwhile() -> bool:
    """Truncation ends while memory for a table is waited for. Whether the page that is gone is mapped."""
    stage, ended = Stage(file=True, to_table=False), []
    stage.at("might_sleep", lambda: ended.append(stage.truncation_ends()))
    stage.move_one_page()
    assert ended == [False]
    return bool(stage.mm.pte)


def swept_meanwhile() -> bool:
    """Truncation goes through the new area then, and through the old one after the move."""
    stage = Stage(file=True, to_table=False)
    stage.at("might_sleep", lambda: stage.sweep(stage.new_vma, NEW))
    stage.move_one_page()
    assert stage.mm.pte == {NEW: PAGE}
    return stage.truncation_ends()


LOOKS_AGAIN = "            src = get_one_pte_map_nested(mm, old_addr)  # so look again\n"
WAITS = """            pte_unmap_nested(mm, src)  # the allocation may sleep
            unlock_mapping(mm, vma)
            dst = alloc_one_pte_map(mm, new_addr)
            relock_mapping(mm, vma, new_vma)
"""
KEEPS_MAP = WAITS.removeprefix("            pte_unmap_nested(mm, src)  # the allocation may sleep\n")

SCHEDULED = (
    Scheduled(
        "races.flush_after_unlock",
        ("reclaim",),
        used_after_free,
        fault=next(row.fault for row in NAMED_AMONG_OTHERS if row.name == "flush after unlock"),
    ),
    Scheduled(
        "races.without_reset",
        ("truncation_sweeps old_area", "truncation_ends"),
        missed_by_truncation,
        fault=next(row.implementation for row in FAULTS_AMONG_OTHERS if row.claim == "truncate"),
    ),
    Scheduled(
        "races.anonymous_walk",
        ("walk_anonymous new_area", "walk_anonymous old_area"),
        lambda: missed_by_walk(file=False),
        lambda: missed_by_walk(file=True),
    ),
    Scheduled(
        "races.faults_let_in", ("fault",), lambda: mapped_twice(mmap_sem=False), lambda: mapped_twice(mmap_sem=True)
    ),
    # Nobody need act.
    Scheduled("shared_by_page.without_second_look", (), slot_of_no_map, fault=Fault("by_page", LOOKS_AGAIN, "", "")),
    # Where no map needs to be undone.
    Scheduled(
        "shared_by_page.moved_as_none",
        ("reclaim",),
        moves_none,
        fault=Fault("by_page", WAITS + LOOKS_AGAIN, KEEPS_MAP, ""),
    ),
    Scheduled(
        "shared_by_page.keeps_the_entry",
        ("truncation_sweeps new_area", "truncation_sweeps old_area", "truncation_ends"),
        truncated_meanwhile,
        fault=Fault(
            "by_page",
            WAITS + LOOKS_AGAIN,
            f"            kept = mm.pte[src]\n{KEEPS_MAP}            mm.pte[src] = kept\n",
            "",
        ),
    ),
    Scheduled(
        "shared_by_page.resets_too_early",
        ("truncation_sweeps new_area", "truncation_sweeps old_area", "truncation_ends"),
        swept_meanwhile,
        fault=Fault("by_page", "        reset_truncate_count(mm, vma, new_vma)\n", "", ""),
    ),
)
