"""What each `refute` of the specification says is wrong, and a function of the implementation that does it.

A row has an input that the specification's own refutation goes wrong on, and looks at what the function does with it.
Where a fault has to be put in for that, the function as it is does right. Where the function is what it should be, and
is asked for what it does not promise, another one does right, or the specification and it come to the same wrong end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fault_rows import FAULTS
from faults import EXTENT, NAMED, Fault, Given

from mremap_impl import history, levels, mremap, repair, step
from mremap_impl.geometry import I386 as I386_PORT
from mremap_impl.mm import BadPointer, Event, Mm, Pmd

Check = Callable[..., bool]
"""Given the address space and the arguments by name: whether what is done there is wrong."""


@dataclass(frozen=True, slots=True)
class Replay:
    """`given`: an input of the refute, its only routine. `wrong` is true of it, in the implementation with the `fault`.

    `right`: the same asked of what does right there. Without it that is `wrong` itself, without the fault.
    """

    given: Given
    wrong: Check
    right: Check | None = None
    fault: Fault | None = None

    @property
    def refute(self) -> str:
        return self.given.routines[0]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A refute that a test of its own replays."""

    refute: str
    file: str
    test: str
    mentions: str = field(default="")
    """What stands in the file, if the test has a table."""


def two_levels(word_bits: int, page_shift: int, pmd_shift: int, task_size: int) -> Mapping[str, int]:
    upper = dict.fromkeys(("PMD_SHIFT", "PUD_SHIFT", "P4D_SHIFT", "PGDIR_SHIFT"), pmd_shift)
    return {"WORD_BITS": word_bits, "PAGE_SHIFT": page_shift, **upper, "TASK_SIZE": task_size}


I386 = two_levels(32, 12, 22, 0xC000_0000)
PARISC32 = two_levels(32, 12, 21, 0xFFF0_0000)
BYTE_PAGES = two_levels(32, 0, 10, 0xC000_0000)
NO_LIMIT = two_levels(32, 26, 27, 0xC000_0000)
"""64 pages are 2**32 bytes."""


def named(name: str) -> Fault:
    return next(row.fault for row in NAMED if row.name == name)


LOOK_BEFORE_CUT = next(row.implementation for row in FAULTS if row.claim == "repair")
NO_SOURCE_CUT = Fault("step", "if words.sub(next, 1) > old_end:", "if True:", EXTENT)

# --- arithmetic ----------------------------------------------------------------------------------------------------


def passes_end(source: Callable[..., int]) -> Check:
    """A step that is longer than the range."""
    return lambda mm, old_addr, old_end: source(old_addr, old_end, mm.geometry) > old_end - old_addr


def passes_pmd(mm: Mm, old_addr: int, old_end: int) -> bool:
    """A step whose last byte is in another PMD than its first."""
    last = old_addr + step.source_extent(old_addr, old_end, mm.geometry) - 1
    return (last ^ old_addr) & mm.geometry.PMD_MASK != 0


def by_helper(mm: Mm, old_addr: int, old_end: int) -> bool:
    """The helper of a port that has the one for a folded pmd."""
    assert mm.geometry.PMD_SIZE == I386_PORT.PMD_SIZE
    return history.extent_by_addr_end(old_addr, old_end, I386_PORT) > mm.geometry.PMD_SIZE


def longest_step(move: history.Form) -> Check:
    """Whether more entries than 64 are moved under one hold of the locks."""

    def check(mm: Mm, old_addr: int, old_end: int) -> bool:
        assert move(mm, old_addr, old_addr + 0x1000_0000, old_end - old_addr) == old_end - old_addr
        held = longest = 0
        for event in mm.events:
            held = 0 if event.name == "spin_unlock" else held + (event.name == "pte_none")
            longest = max(longest, held)
        return longest > 64

    return check


def leaves_table(mm: Mm, old_addr: int, old_end: int, new_addr: int) -> bool:
    """A pointer into the destination's table runs past its end."""
    try:
        mremap.move_page_tables(mm, old_addr, new_addr, old_end - old_addr)
    except BadPointer:
        return True
    return False


# --- moves ---------------------------------------------------------------------------------------------------------


def loses_entry(mm: Mm, old_addr: int, old_end: int, new_addr: int) -> bool:
    before = len(mm.pte)
    mremap.move_page_tables(mm, old_addr, new_addr, old_end - old_addr)
    return len(mm.pte) < before


def loses_entry_downwards(mm: Mm, old_addr: int, old_end: int, new_addr: int) -> bool:
    """The same entries, slid down by as much."""
    return loses_entry(mm, old_addr, old_end, old_addr - (new_addr - old_addr))


def makes_idle_table(move: Callable[..., int]) -> Check:
    """A table is made, and there is nothing to stand in it."""

    def check(mm: Mm, old_addr: int, new_addr: int, **end: int) -> bool:
        before = set(mm.table)
        move(mm, old_addr, new_addr, end["len"] if "len" in end else end["old_end"] - old_addr)
        return bool(mm.table - before - {addr & mm.geometry.PMD_MASK for addr in mm.pte})

    return check


class StandsStill(Exception):
    """A step begins where the last one did."""


def stands_still(mm: Mm, old_addr: int, old_end: int) -> bool:
    def watch() -> None:
        if mm.steps and mm.steps[-1].extent == 0:
            raise StandsStill

    mm.cond_resched = watch
    try:
        mremap.move_page_tables(mm, old_addr, old_addr + mm.geometry.PMD_SIZE, old_end - old_addr)
    except StandsStill:
        return True
    return False


def still_by_page(mm: Mm, old_addr: int, old_end: int) -> bool:
    """The earlier way knows no limit."""
    return history.by_page(mm, old_addr, old_end, old_end - old_addr) != old_end - old_addr


def told_of_a_table(mm: Mm, addr: int) -> bool:
    """There is a table, it says, and there is none."""
    return levels.pte_alloc(mm, Pmd(addr & mm.geometry.PMD_MASK)) and addr & mm.geometry.PMD_MASK not in mm.table


def looked_down_to_a_table(mm: Mm, addr: int) -> bool:
    """The walk at the source sees that it is bad."""
    return mremap.get_old_pmd(mm, addr) is not None and addr & mm.geometry.PMD_MASK not in mm.table


def left_behind(move: Callable[..., int]) -> Check:
    """A page is mapped into the range once the mover has first looked at a table's slots, and is not moved."""

    def check(mm: Mm, addr: int, len: int) -> bool:
        def fault(event: Event) -> None:
            if event.name == "pte_unmap" and "faulted" not in mm.pte.values():
                mm.pte[addr] = "faulted"

        mm.watch = fault
        assert move(mm, addr, addr + 0x1000_0000, len) == len
        return addr in mm.pte

    return check


# --- the table -----------------------------------------------------------------------------------------------------

REPLAYED = (
    # The end is one below that of the PMD, and the comparison takes it to be above.
    Replay(
        Given(("extent.clamp_unaligned_end",), I386, {"old_addr": 0, "old_end": 0x3F_FFFF}, (), ()),
        passes_end(step.source_extent),
        passes_end(history.extent_by_deltas),
    ),
    Replay(
        Given(("extent.clamp_with_byte_pages",), BYTE_PAGES, {"old_addr": 0, "old_end": 0x3FF}, (), ()),
        passes_end(step.source_extent),
        passes_end(history.extent_by_deltas),
    ),
    Replay(
        Given(("extent.without_minus_one",), PARISC32, {"old_addr": 0xFFE0_0000, "old_end": 0xFFF0_0000}, (), ()),
        passes_end(history.extent_next_above_end),
        passes_end(step.source_extent),
    ),
    Replay(
        Given(("extent.without_source_cut",), I386, {"old_addr": 0x3F_F000, "old_end": 0x40_1000}, (), ()),
        passes_pmd,
        fault=NO_SOURCE_CUT,
    ),
    # Two pages before the end of the destination's PMD, and the third has an entry.
    Replay(
        Given(
            ("extent.without_destination_cut",),
            I386,
            {"old_addr": 0x40_0000, "old_end": 0x40_4000, "new_addr": 0xBF_E000},
            (0x40_2000,),
            (),
        ),
        leaves_table,
        fault=named("the destination cut left out"),
    ),
    Replay(
        Given(("extent.without_latency_limit",), I386, {"old_addr": 0x40_0000, "old_end": 0x80_0000}, (), (0x40_0000,)),
        longest_step(history.no_latency_limit_2018),
        longest_step(mremap.move_page_tables),
    ),
    Replay(
        Given(("extent.folded_step",), I386, {"old_addr": 0x40_0000, "old_end": 0x140_0000}, (), ()),
        by_helper,
        passes_pmd,
    ),
    Replay(
        Given(
            ("move_page_tables.shift_up",),
            I386,
            {"old_addr": 0x40_1000, "old_end": 0x40_3000, "new_addr": 0x40_2000},
            (0x40_1000, 0x40_2000),
            (0x40_0000,),
        ),
        loses_entry,
        loses_entry_downwards,
    ),
    # The first step makes the table that the second begins in.
    Replay(
        Given(
            ("move_page_tables.tables_shared",),
            I386,
            {"old_addr": 0x7F_F000, "new_addr": 0xBF_F000, "len": 0x2000},
            (0x7F_F000,),
            (0x40_0000,),
        ),
        makes_idle_table(mremap.move_page_tables),
        makes_idle_table(repair.move_page_tables_repaired),
    ),
    Replay(
        Given(("move_page_tables.stands_still",), NO_LIMIT, {"old_addr": 1 << 26, "old_end": 2 << 26}, (), (0,)),
        stands_still,
        still_by_page,
    ),
    Replay(
        Given(("levels.takes_bad_for_table",), I386, {"addr": 0x40_1000}, (), (), bad=(0x40_0000,)),
        told_of_a_table,
        looked_down_to_a_table,
    ),
    # The entry lies behind the destination's cut.
    Replay(
        Given(
            ("repair.looks_too_early",),
            I386,
            {"old_addr": 0x40_0000, "old_end": 0x40_2000, "new_addr": 0xBF_F000},
            (0x40_1000,),
            (0x40_0000,),
        ),
        lambda mm, **arguments: makes_idle_table(repair.move_page_tables_repaired)(mm, **arguments),
        fault=LOOK_BEFORE_CUT,
    ),
    # At the address 0, where the oracle's faults are if nothing is said of them.
    Replay(
        Given(("repair.look_with_faults",), I386, {"addr": 0, "len": 0x2000}, (), (0,), becomes=(0,)),
        left_behind(repair.move_page_tables_repaired),
        left_behind(mremap.move_page_tables),
    ),
)

HISTORY = "test_history_replay.py"
REPLAYS = "test_a_run_that_is_found_goes_wrong_as_the_record_says"
FORMS = (
    "addr_end_2020.addr_end_2020",
    "addr_end_cursor_2020.addr_end_cursor_2020",
    "addr_end_cursor_2020.moving_end_wraps",
    "draft_2011.draft_2011",
    "get_extent_2020.get_extent_2020",
    "get_extent_2020.parisc_does_not_boot",
    "progress_guard_2023.memory_is_lost",
    "progress_guard_2023.progress_guard_2023",
)

ELSEWHERE = (
    *(Elsewhere(form, HISTORY, REPLAYS, f'("{form}", ') for form in FORMS),
    Elsewhere("move_vma.lost_page", "test_lost_page.py", "test_the_implementation_loses_the_page_that_the_tool_finds"),
    Elsewhere("mremap.cuts_below", "test_linux.py", "test_what_is_cut_off_below_is_refused_or_unmapped"),
)
