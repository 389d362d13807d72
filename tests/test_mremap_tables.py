"""The implementation alone: the tables of every level, maps, unmapping, and what becomes of a move that stops short."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mremap_impl.by_page import move_one_page, move_page_tables_by_page
from mremap_impl.geometry import I386, I386_PAE, PARISC32, S390X, X86_64, Geometry
from mremap_impl.levels import (
    p4d_alloc,
    p4d_offset,
    pgd_offset,
    pmd_alloc,
    pmd_offset,
    pte_offset_map,
    pte_offset_map_nested,
    pte_unmap,
    pte_unmap_nested,
    pud_alloc,
    pud_offset,
)
from mremap_impl.mm import Allocator, BadPointer, Map, Mm, P4d, Pgd, Pmd, PteP, Pud
from mremap_impl.move_vma import Moved, Mover, Room, there_or_back
from mremap_impl.mremap import alloc_new_pmd, get_old_pmd, move_page_tables, move_ptes
from mremap_impl.repair import holds_entry, move_page_tables_repaired
from mremap_impl.trip import Legs, to_and_fro
from mremap_impl.unmap import unmap

FIVE = Geometry("2 entries to a table of each of 5 levels", 16, 4, 5, 6, 7, 8, task_size=0xF000)
TINY = Geometry.two_levels("2 ptes per table", word_bits=16, page_shift=4, pmd_shift=5, task_size=0xF000)
SMALL = Geometry.two_levels("4 ptes per table", word_bits=16, page_shift=4, pmd_shift=6, task_size=0xF000)
PAGE = FIVE.PAGE_SIZE

MOVERS = [
    pytest.param(move_page_tables, id="by extents"),
    pytest.param(move_page_tables_by_page, id="by page"),
    pytest.param(move_page_tables_repaired, id="repaired"),
]


def tables(mm: Mm) -> tuple[set[int], ...]:
    """The tables of each level, the pgd's first."""
    return (mm.p4d_table, mm.pud_table, mm.pmd_table, mm.table)


# --- the walk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("geometry", "addr", "entries"),
    [
        (PARISC32, 0xFFEF_F123, (0xFFE0_0000, 0xFFE0_0000, 0xFFE0_0000, 0xFFE0_0000)),
        (I386_PAE, 0xBFFF_F123, (0x8000_0000, 0x8000_0000, 0x8000_0000, 0xBFE0_0000)),
        (X86_64, 0x7FFF_FFDF_E123, (0x7F80_0000_0000, 0x7F80_0000_0000, 0x7FFF_C000_0000, 0x7FFF_FFC0_0000)),
        (S390X, 2**64 - 1, (2**64 - 2**53, 2**64 - 2**42, 2**64 - 2**31, 2**64 - 2**20)),
    ],
    ids=lambda value: value.name if isinstance(value, Geometry) else "",
)
def test_a_walk_goes_through_the_levels_that_are_not_folded_away(
    geometry: Geometry, addr: int, entries: tuple[int, ...]
) -> None:
    mm = Mm.holding(geometry, {})
    pgd = pgd_offset(mm, addr)
    p4d = p4d_offset(mm, pgd, addr)
    pud = pud_offset(mm, p4d, addr)
    assert (pgd, p4d, pud, pmd_offset(mm, pud, addr)) == entries


@pytest.mark.parametrize(
    ("bad", "entry"), [("bad_pgd", 0x300), ("bad_p4d", 0x380), ("bad_pud", 0x3C0), ("bad_pmd", 0x3E0)]
)
@pytest.mark.parametrize("move", MOVERS)
def test_a_bad_entry_over_the_source_is_cleared_and_reported_and_counts_as_none(
    bad: str, entry: int, move: Mover
) -> None:
    mm = Mm.holding(FIVE, {0x200: "entry"}, empty_tables=[0x3F0])
    table_below = dict(zip(("bad_pgd", "bad_p4d", "bad_pud", "bad_pmd"), tables(mm), strict=True))
    for name, there in reversed(table_below.items()):  # nothing stands below a bad entry
        there -= {t for t in there if t >= 0x300}
        if name == bad:
            break
    getattr(mm, bad).add(entry)
    assert mm.well_formed()
    assert move(mm, 0x3F0, 0x210, PAGE) == PAGE
    assert (getattr(mm, bad), mm.reported, mm.pte, mm.allocator.asked) == (set(), 1, {0x200: "entry"}, 0)
    assert get_old_pmd(mm, 0x3F0) is None
    assert mm.reported == 1


def test_a_bad_entry_is_taken_for_a_table_by_the_walk_that_makes_tables() -> None:
    mm = Mm.holding(FIVE, {})
    mm.bad_pmd.add(0x40)
    mm.p4d_table, mm.pud_table, mm.pmd_table = {0}, {0}, {0x40}
    with pytest.raises(BadPointer, match="there is no table for 0x40"):
        alloc_new_pmd(mm, 0x40)


@pytest.mark.parametrize(
    ("made", "bad", "addr"),
    [
        pytest.param(lambda mm: p4d_alloc(mm, Pgd(0x200), 0x2F0), "bad_pgd", 0x200, id="pgd"),
        pytest.param(lambda mm: pud_alloc(mm, P4d(0x280), 0x2F0), "bad_p4d", 0x280, id="p4d"),
        pytest.param(lambda mm: pmd_alloc(mm, Pud(0x2C0), 0x2F0), "bad_pud", 0x2C0, id="pud"),
    ],
)
def test_what_is_bad_is_left_alone_where_tables_are_made(made: Callable[[Mm], int], bad: str, addr: int) -> None:
    mm = Mm.holding(FIVE, {})
    getattr(mm, bad).add(addr)
    assert made(mm) & addr == addr
    assert (getattr(mm, bad), mm.reported, mm.allocator.asked, tables(mm)) == ({addr}, 0, 0, (set(),) * 4)


def test_the_earlier_method_clears_a_bad_entry_over_the_destination() -> None:
    mm = Mm.holding(FIVE, {0x200: "entry"})
    mm.bad_pgd.add(0x300)
    assert move_one_page(mm, 0x200, 0x300) == 0
    assert (mm.pte, mm.bad_pgd, mm.reported) == ({0x300: "entry"}, set(), 1)


@pytest.mark.parametrize(
    ("granted", "present", "made"),
    [
        (0, False, (set(), set(), set(), set())),
        (1, False, ({0x300}, set(), set(), set())),
        (2, False, ({0x300}, {0x380}, set(), set())),
        (3, False, ({0x300}, {0x380}, {0x3C0}, set())),
        (4, True, ({0x300}, {0x380}, {0x3C0}, {0x3E0})),
    ],
)
def test_the_table_of_each_level_can_be_refused_and_what_was_made_above_it_stays(
    granted: int, present: bool, made: tuple[set[int], ...]
) -> None:
    mm = Mm.holding(FIVE, {})
    mm.allocator = Allocator.granting(granted)
    assert (alloc_new_pmd(mm, 0x3F0) is not None) == present
    assert tables(mm) == made
    assert (mm.allocator.asked, mm.mapped) == (granted + (not present), [])
    assert (mm.nr_ptes, mm.made) == ((1, {0: 0x3E0}) if present else (0, {}))
    assert mm.well_formed()


def test_each_table_on_the_way_is_asked_for_once_and_only_if_it_is_not_there() -> None:
    mm = Mm.holding(FIVE, {}, empty_tables=[0x3F0])
    asked = []
    for addr in (0x3E0, 0x3D0, 0x3B0, 0x370, 0x2F0):
        assert alloc_new_pmd(mm, addr) == addr & FIVE.PMD_MASK
        asked.append(mm.allocator.asked)
    assert asked == [0, 1, 3, 6, 10]
    assert mm.nr_ptes == 5
    assert mm.made == {1: 0x3C0, 2: 0x3A0, 3: 0x360, 4: 0x2E0}


@pytest.mark.parametrize("move", MOVERS)
def test_a_move_makes_the_tables_of_all_levels_and_frees_none(move: Mover) -> None:
    mm = Mm.holding(FIVE, {0x010: "a", 0x020: "b"})
    assert move(mm, 0x010, 0x3F0, 0x20) == 0x20
    assert mm.pte == {0x3F0: "a", 0x400: "b"}
    assert tables(mm) == ({0, 0x300, 0x400}, {0, 0x380, 0x400}, {0, 0x3C0, 0x400}, {0, 0x20, 0x3E0, 0x400})
    assert (mm.nr_ptes, mm.made, mm.mapped) == (4, {2: 0x3E0, 3: 0x400}, [])


# --- maps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("move", MOVERS)
@pytest.mark.parametrize("granted", range(5))
def test_every_map_is_undone_however_far_a_move_gets(move: Mover, granted: int) -> None:
    mm = Mm.holding(SMALL, {0x40: "a", 0x90: "b"}, empty_tables=[0x200])
    mm.mapped = [Map(Pmd(0x40), nested=False)]
    mm.allocator = Allocator.granting(granted)
    move(mm, 0x40, 0x230, 0x80)
    assert mm.mapped == [Map(Pmd(0x40), nested=False)]


def test_undoing_a_map_takes_a_pointer_into_the_table_that_was_mapped_last() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x40, 0x80])
    old_pte = pte_offset_map(mm, Pmd(0x40), 0x70)
    new_pte = pte_offset_map(mm, Pmd(0x80), 0x80)
    for wrong in (old_pte, mm.pte_plus(new_pte, -1), mm.pte_plus(new_pte, 4)):
        with pytest.raises(BadPointer, match="not in the table that was mapped last"):
            pte_unmap(mm, wrong)
    pte_unmap(mm, mm.pte_plus(new_pte, 3))
    with pytest.raises(BadPointer, match="not in the table that was mapped last"):
        pte_unmap(mm, mm.pte_plus(old_pte, 1))  # past the end of the table: why it is `old_pte - 1`
    pte_unmap(mm, old_pte)
    with pytest.raises(BadPointer):
        pte_unmap(mm, old_pte)


@pytest.mark.parametrize("pages", [2, 3, 4, 5])
def test_a_table_ends_before_what_the_level_above_maps_does(pages: int) -> None:
    mm = Mm.holding(FIVE, {}, empty_tables=[0x200])
    slot = mm.pte_plus(pte_offset_map(mm, Pmd(0x200), 0x200), pages)
    with pytest.raises(BadPointer, match="not in the table that was mapped last"):
        pte_unmap(mm, slot)
    with pytest.raises(BadPointer, match="in no table that is mapped"):
        mm.pte_none(slot)


def test_the_second_place_is_undone_by_itself_and_whatever_was_mapped_after_it() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x40, 0x80])
    src = pte_offset_map_nested(mm, Pmd(0x40), 0x40)
    dst = pte_offset_map(mm, Pmd(0x80), 0x80)
    with pytest.raises(BadPointer, match="in the second place"):
        pte_unmap_nested(mm, dst)
    pte_unmap_nested(mm, src)
    pte_unmap(mm, dst)
    assert mm.mapped == []


def test_of_two_maps_in_the_second_place_the_last_is_undone() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x40, 0x80])
    first = pte_offset_map_nested(mm, Pmd(0x40), 0x40)
    second = pte_offset_map_nested(mm, Pmd(0x80), 0x80)
    with pytest.raises(BadPointer, match="in the second place"):
        pte_unmap_nested(mm, first)
    pte_unmap_nested(mm, second)
    assert mm.mapped == [Map(Pmd(0x40), nested=True)]
    pte_unmap_nested(mm, first)
    with pytest.raises(BadPointer, match="in the second place"):
        pte_unmap_nested(mm, first)


def test_a_slot_is_reached_through_a_map_only() -> None:
    mm = Mm.holding(SMALL, {0x40: "entry"}, empty_tables=[0x80])
    acts: list[Callable[[PteP], object]] = [mm.pte_none, mm.ptep_clear_flush, lambda slot: mm.set_pte_at(slot, "new")]
    pte_offset_map(mm, Pmd(0x80), 0x80)
    for act in acts:
        with pytest.raises(BadPointer, match="the slot of 0x40 is in no table that is mapped"):
            act(PteP(0x40))
    assert mm.pte == {0x40: "entry"}


def test_an_extent_that_runs_past_its_table_is_no_move() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x40, 0x80, 0x200])
    with pytest.raises(BadPointer):
        move_ptes(mm, Pmd(0x40), 0x40, 0x90, Pmd(0x200), 0x200)


def test_a_table_at_the_top_of_the_word_is_mapped_and_undone_like_any_other() -> None:
    mm = Mm.holding(SMALL, {0xFFF0: "entry"}, empty_tables=[0x200])
    move_ptes(mm, Pmd(0x200), 0x200, 0x240, Pmd(0xFFC0), 0xFFC0)
    assert (mm.mapped, mm.pte) == ([], {0xFFF0: "entry"})


# --- unmapping -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addr", "len", "floor", "ceiling", "freed"),
    [
        pytest.param(0x48, 0x10, 0, 0, {0x40}, id="alone in its table"),
        pytest.param(0x50, 0x40, 0, 0, {0x40, 0x80}, id="part of two tables, and no neighbours"),
        pytest.param(0x50, 0x40, 0x50, 0x90, set(), id="the neighbours need both tables"),
        pytest.param(0x50, 0x40, 0x40, 0x90, {0x40}, id="the one above needs a table"),
        pytest.param(0x50, 0x40, 0x50, 0xC0, {0x80}, id="the one below needs a table"),
        pytest.param(0x50, 0x40, 0x40, 0xC0, {0x40, 0x80}, id="the neighbours end with tables"),
        pytest.param(0xFF80, 0x70, 0, 0, {0xFF80, 0xFFC0}, id="to the last table of the word"),
    ],
)
def test_unmapping_clears_the_entries_and_frees_the_tables_that_nobody_else_needs(
    addr: int, len: int, floor: int, ceiling: int, freed: set[int]
) -> None:
    everywhere = {0x00, 0x40, 0x80, 0xC0, 0xFF80, 0xFFC0}
    entries = {page: "entry" for table in everywhere for page in range(table, table + 0x40, 0x10)}
    mm = Mm.holding(SMALL, entries)
    unmap(mm, addr & ~0xF, len, floor, ceiling)
    assert mm.pte == {page: "entry" for page in entries if not (addr & ~0xF) <= page < (addr & ~0xF) + len}
    assert (mm.table, mm.nr_ptes) == (everywhere - freed, 6 - sum(1 for _ in freed))


@pytest.mark.parametrize(
    ("move", "left"),
    [
        pytest.param(move_page_tables, {0x40, 0x80, 0xC0}, id="by extents: all that stood"),
        pytest.param(move_page_tables_by_page, {0x80}, id="by page: only one with an entry"),
        pytest.param(move_page_tables_repaired, {0x80}, id="repaired: only one with an entry"),
    ],
)
def test_a_trip_to_and_fro_keeps_empty_tables_by_extents_only(move: Mover, left: set[int]) -> None:
    mm = Mm.holding(SMALL, {0x90: "entry"}, empty_tables=[0x40, 0xC0])
    assert to_and_fro(mm, move, 0x40, 0x430, 0xC0, Room(0, 0x400), Room(0x400, 0)) == Legs(0xC0, 0xC0)
    assert (mm.pte, mm.table, mm.nr_ptes) == ({0x90: "entry"}, left, sum(1 for _ in left))


def test_a_leg_of_a_trip_that_stops_short_is_the_last() -> None:
    mm = Mm.holding(SMALL, {0x90: "entry"}, empty_tables=[0x40])
    mm.allocator = Allocator.granting(0)
    assert to_and_fro(mm, move_page_tables_by_page, 0x40, 0x430, 0xC0, Room(0, 0x400), Room(0x400, 0)) == Legs(0x50, 0)
    assert mm == Mm.holding(SMALL, {0x90: "entry"}, empty_tables=[0x40])


# --- there, or back again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "moved", "left"),
    [
        # Forward: page 2 has a table, so page 5 gets the one granted; page 3 has the same table, and page 6 gets none.
        # Back: page 4 is in the new table, which calls for one at page 1, where there never was any.
        pytest.param(move_page_tables, Moved(0x20, 0), {}, id="by extents: the page is lost"),
        pytest.param(move_page_tables_by_page, Moved(0x30, 0), {0x50: "the page"}, id="by page"),
        pytest.param(move_page_tables_repaired, Moved(0x30, 0), {0x50: "the page"}, id="repaired"),
    ],
)
def test_three_pages_one_entry_and_one_table_granted(move: Mover, moved: Moved, left: dict[int, object]) -> None:
    """Pages 1 to 3, two to a table, the first table absent; to page 4, whose table is absent too."""
    mm = Mm.holding(TINY, {0x20: "the page"})
    mm.allocator = Allocator.granting(1)
    assert there_or_back(mm, move, 0x10, 0x40, 0x30, Room(0x10, 0x40), Room(0x40, 0)) == moved
    assert mm.pte == left


def test_the_page_that_the_tool_found_lost_is_lost() -> None:
    """What `python -m verify explain move_vma.lost_page.refute` showed, kept as it was found."""
    mm = Mm.holding(I386, {0x80_0000: "the page"})
    mm.allocator = Allocator.granting(1)
    moved = there_or_back(mm, move_page_tables, 0x7F_F000, 0x3F_E000, 0x3000, Room(0, 0), Room(0x3F_E000, 0x40_1000))
    assert (moved, mm.pte) == (Moved(0x2000, 0), {})


@pytest.mark.parametrize(
    ("move", "back"),
    [(move_page_tables_by_page, 0x20), (move_page_tables_repaired, 0x20)],
    ids=["by page", "repaired"],
)
def test_where_the_earlier_and_the_repaired_method_stop_short_their_way_back_needs_no_table(
    move: Mover, back: int
) -> None:
    """The same with an entry in the last page too, for which the second table is refused."""
    mm = Mm.holding(TINY, {0x20: "the page", 0x30: "another"})
    mm.allocator = Allocator.granting(1)
    assert there_or_back(mm, move, 0x10, 0x40, 0x30, Room(0x10, 0x40), Room(0x40, 0)) == Moved(back, back)
    assert mm == Mm.holding(TINY, {0x20: "the page", 0x30: "another"})


def test_no_small_move_loses_a_page_but_by_extents() -> None:
    """Every move of up to 4 pages, two to a table, with any entries and any number of tables granted."""
    lost = dict.fromkeys((move_page_tables, move_page_tables_by_page, move_page_tables_repaired), 0)
    for move in lost:
        for old_page, new_page, pages in ((o, n, p) for o in (8, 9) for n in (16, 17) for p in range(1, 5)):
            for filled in range(1 << pages):
                for granted in range(3):
                    entries = {(old_page + i) * PAGE: i for i in range(pages) if filled >> i & 1}
                    mm = Mm.holding(TINY, entries)
                    mm.allocator = Allocator.granting(granted)
                    old, new = old_page * PAGE, new_page * PAGE
                    moved = there_or_back(mm, move, old, new, pages * PAGE, Room(0, 0xF0), Room(0xF0, 0))
                    whole = moved.moved_len == pages * PAGE
                    lost[move] += mm.pte != {a - old + new if whole else a: entry for a, entry in entries.items()}
    assert lost[move_page_tables] > 0
    assert (lost[move_page_tables_by_page], lost[move_page_tables_repaired]) == (0, 0)


# --- the repair ----------------------------------------------------------------------------------------------------


def test_the_look_sees_the_entries_of_the_step_and_no_others_and_undoes_its_map() -> None:
    mm = Mm.holding(SMALL, {0x60: "entry"})
    steps = [(0x40, 0x60), (0x40, 0x70), (0x60, 0x70), (0x70, 0x80)]
    assert [holds_entry(mm, Pmd(0x40), *step) for step in steps] == [False, True, True, False]
    assert mm.mapped == []


def test_a_step_is_cut_by_the_destination_before_it_is_looked_at() -> None:
    """The only entry lies behind the cut: the first part of the step needs no table."""
    mm = Mm.holding(SMALL, {0x70: "entry"})
    assert move_page_tables_repaired(mm, 0x40, 0x220, 0x40) == 0x40
    assert (mm.pte, mm.table) == ({0x250: "entry"}, {0x40, 0x240})
