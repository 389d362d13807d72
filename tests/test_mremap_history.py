"""The forms of history on real geometries: right ones agree, and each wrong one fails where it is known to fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from forms import BY_EXTENTS, Endless, Outcome, named, outcome

from mremap_impl.geometry import ARM, I386, I386_PAE, PARISC32, S390X, X86_64, Geometry
from mremap_impl.history import (
    RIGHT,
    WRONG,
    Form,
    addr_end_2020,
    addr_end_cursor_2020,
    by_page,
    cut_by_addr_end,
    deltas_2011,
    draft_2011,
    extent_by_addr_end,
    extents_2005,
    get_extent_2020,
    get_extent_fixed,
    no_latency_limit_2018,
    progress_guard_2023,
    progress_guard_2024,
    skip_cut_2020,
    suggestion_2011,
)
from mremap_impl.mm import Allocator, BadPointer, Event, Mm, Pte, Step
from mremap_impl.mremap import move_page_tables
from mremap_impl.step import destination_cut

pytestmark = pytest.mark.usefixtures("turns_end")

PARISC32_4M = Geometry.two_levels("parisc32 of 4.14", word_bits=32, page_shift=12, pmd_shift=22, task_size=0xFFF0_0000)
ARM_4_14 = replace(ARM, name="arm of 4.14", pmd_addr_end_elided=True)
MiB = 0x10_0000


def test_the_record_has_thirteen_forms() -> None:
    assert len({form.__name__ for form in RIGHT + WRONG}) == len(RIGHT + WRONG) == 13


# --- the right forms -----------------------------------------------------------------------------------------------

MOVES = [
    pytest.param(I386, 0x1000, 0x80_1000, 3 * MiB, [0], id="i386 within a table"),
    pytest.param(I386, 0x3F_E000, 0x4000_0000, 9 * MiB, [0, 0x1000, 0x2000, 9 * MiB - 0x1000], id="i386 across tables"),
    pytest.param(X86_64, 0x1F_F000, 0x7FFF_FFDF_E000, 0x20_1000, [0, 0x1000, 0x20_0000], id="x86-64 to the top"),
    pytest.param(ARM, 0x20_0000, 0x4000_0000, 6 * MiB, [0, 4 * MiB], id="arm, aligned, with a hole"),
    pytest.param(ARM_4_14, 0x21_0000, 0x4000_0000, 6 * MiB, [0, 4 * MiB], id="arm of 4.14, with a hole"),
    pytest.param(PARISC32, 0xFFEF_F000, 0xF9FA_9000, 0x1000, [0], id="parisc32 from the last PMD"),
    pytest.param(PARISC32, 0xF9FA_9000, 0xFFD8_0000, MiB, [0, MiB - 0x1000], id="parisc32 to the last PMD"),
    pytest.param(PARISC32_4M, 0xFFEF_F000, 0xF9FA_9000, 0x1000, [0], id="parisc32 of 4.14 from the last PMD"),
    pytest.param(S390X, 2**64 - 0x20_3000, 0x1000_1000, 0x20_2000, [0, 0x20_1000], id="s390x from the top"),
    pytest.param(S390X, 0x1000_1000, 2**64 - 0x20_3000, 0x20_2000, [0x3000, 0x10_0000], id="s390x to the top"),
    pytest.param(I386, 0x1000, 0x40_0000, 0, [], id="nothing"),
]


def machine(geometry: Geometry, old_addr: int, offsets: list[int], len: int) -> Mm:
    """Entries at these offsets, and one on either side of the range, which must stay."""
    outside: dict[int, Pte] = {old_addr - geometry.PAGE_SIZE: "below", old_addr + len: "above"}
    return Mm.holding(geometry, {**{old_addr + offset: offset for offset in offsets}, **outside})


@pytest.mark.parametrize("form", RIGHT, ids=named)
@pytest.mark.parametrize(("geometry", "old_addr", "new_addr", "len", "offsets"), MOVES)
def test_a_right_form_returns_len_and_moves_what_move_page_tables_moves(
    form: Form, geometry: Geometry, old_addr: int, new_addr: int, len: int, offsets: list[int]
) -> None:
    mm, other = (machine(geometry, old_addr, offsets, len) for _ in range(2))
    assert form(mm, old_addr, new_addr, len) == move_page_tables(other, old_addr, new_addr, len) == len
    moved = {new_addr + offset: offset for offset in offsets}
    assert mm.pte == other.pte == moved | {old_addr - geometry.PAGE_SIZE: "below", old_addr + len: "above"}
    assert mm.table == other.table or form is by_page
    assert mm.well_formed()


@pytest.mark.parametrize("form", BY_EXTENTS, ids=named)
def test_a_right_form_by_extents_takes_the_entries_of_a_long_move(form: Form) -> None:
    old_addr, new_addr, len = 0x0010_0000, 0x6F00_0000, 0x5000_0000
    mm = Mm.holding(I386_PAE, {old_addr: "first", 0x4120_0000: "second", old_addr + len - 0x1000: "last"})
    assert form(mm, old_addr, new_addr, len) == len
    assert mm.pte == {new_addr: "first", 0xB010_0000: "second", new_addr + len - 0x1000: "last"}


@pytest.mark.parametrize("form", BY_EXTENTS, ids=named)
@pytest.mark.parametrize("granted", range(5))
def test_a_refused_table_breaks_off_each_form_by_extents_at_the_same_place(form: Form, granted: int) -> None:
    mm, other = (Mm.holding(ARM, {a << 20: a for a in (2, 3, 8, 9, 10)}) for _ in range(2))
    for one in (mm, other):
        one.allocator = Allocator.granting(granted)
    done = outcome(form, mm, 2 * MiB, 0x4010_0000, 9 * MiB).end, move_page_tables(other, 2 * MiB, 0x4010_0000, 9 * MiB)
    assert done == ([0, 1, 6, 7, 9][granted] * MiB,) * 2
    assert mm == other


@pytest.mark.parametrize("form", [*BY_EXTENTS, *WRONG], ids=named)
def test_a_range_that_ends_at_the_end_of_the_word_is_moved_by_no_form_by_extents(form: Form) -> None:
    mm = Mm.holding(PARISC32, {2**32 - 0x1000: "entry"})
    assert outcome(form, mm, 2**32 - 0x1000, 0x1000, 0x1000) == Outcome(0, {2**32 - 0x1000: "entry"}, mm.table, [])
    assert mm.steps == []


def test_latency_cuts_until_2018() -> None:
    longest: dict[str, int] = {}
    for form in BY_EXTENTS:
        mm = Mm.holding(PARISC32, {}, empty_tables=[0])
        form(mm, 0, 0x4000_0000, 2 * MiB)
        longest[form.__name__] = max(step.extent for step in mm.steps)
    short, whole = PARISC32.LATENCY_LIMIT, PARISC32.PMD_SIZE
    limited = [extents_2005, suggestion_2011, deltas_2011]
    free = [no_latency_limit_2018, skip_cut_2020, get_extent_fixed, progress_guard_2024]
    assert longest == {f.__name__: short for f in limited} | {f.__name__: whole for f in free}


@pytest.mark.parametrize("form", BY_EXTENTS, ids=named)
def test_the_destination_cuts_a_step_over_a_hole_since_2020(form: Form) -> None:
    mm = Mm.holding(PARISC32, {})
    form(mm, 0, 0x4010_0000, 2 * MiB)
    both = form in (skip_cut_2020, get_extent_fixed, progress_guard_2024)
    assert [step.extent for step in mm.steps] == ([MiB, MiB] if both else [2 * MiB])


@pytest.mark.parametrize("form", [*BY_EXTENTS, *WRONG], ids=named)
def test_each_form_by_extents_asks_whether_to_go_on_once_a_turn(form: Form) -> None:
    mm = Mm.holding(PARISC32, {0x40_0000: "entry"})
    seen: list[int] = []
    mm.cond_resched = lambda: seen.append(len(mm.steps))
    form(mm, 0x10_0000, 0x4000_0000, 6 * MiB)
    assert seen == [*range(len(mm.steps))]


@pytest.mark.parametrize("form", [*BY_EXTENTS, *WRONG], ids=named)
def test_each_form_by_extents_first_flushes_the_cache_of_the_whole_range(form: Form) -> None:
    mm = Mm.holding(PARISC32, {0x40_0000: "entry"})
    form(mm, 0x10_0000, 0x4000_0000, 6 * MiB)
    flushes = [event for event in mm.events if event.name == "flush_cache_range"]
    assert flushes == mm.events[:1] == [Event("flush_cache_range", (0x10_0000, 0x70_0000))]


# --- wrong: the end of the word ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "returned"),
    [
        pytest.param(get_extent_2020, 0x5_7000, id="get_extent_2020, to the end of the destination's PMD"),
        pytest.param(draft_2011, 0x4_0000, id="draft_2011, to the latency limit"),
    ],
)
@pytest.mark.parametrize("geometry", [PARISC32, PARISC32_4M], ids=lambda geometry: geometry.name)
def test_in_the_last_pmd_a_step_that_is_not_cut_drags_along_what_lies_beyond_the_range(
    form: Form, returned: int, geometry: Geometry
) -> None:
    old_addr, new_addr = 0xFFEF_F000, 0xF9FA_9000
    entries: dict[int, Pte] = {old_addr + offset: offset for offset in range(0, 0x10_1000, 0x1000)}
    mm = Mm.holding(geometry, entries)
    assert form(mm, old_addr, new_addr, 0x1000) == returned
    assert mm.pte == {(new_addr if o < returned else old_addr) + o: o for o in range(0, 0x10_1000, 0x1000)}
    assert mm.steps == [Step(old_addr, new_addr, returned, moved=True)]


@pytest.mark.parametrize("form", [draft_2011, get_extent_2020], ids=named)
@pytest.mark.parametrize("geometry", [PARISC32, PARISC32_4M], ids=lambda geometry: geometry.name)
def test_over_a_hole_in_the_last_pmd_the_loop_begins_again_at_0_and_never_ends(form: Form, geometry: Geometry) -> None:
    old_addr, new_addr, len = 0xFFE8_0000, 0x1000_0000, 0x1000
    result = outcome(form, Mm.holding(geometry, {}), old_addr, new_addr, len)
    assert (result.end, result.steps[1].old_addr) == (Endless, 0)
    assert outcome(extents_2005, Mm.holding(geometry, {}), old_addr, new_addr, len).end == len


def test_what_the_endless_loop_meets_at_low_addresses_it_moves() -> None:
    mm = Mm.holding(PARISC32, {0x1000: "of somebody else"})
    result = outcome(draft_2011, mm, 0xFFE8_0000, 0x1000_0000, 0x1000, turns=20)
    assert (result.end, result.pte) == (TimeoutError, {0x1018_1000: "of somebody else"})


@pytest.mark.parametrize("form", [draft_2011, get_extent_2020], ids=named)
@pytest.mark.parametrize("entries", [{}, {2**64 - 0x3000: "first"}], ids=["over a hole", "from a table"])
def test_on_s390x_the_loop_begins_again_at_0_too(form: Form, entries: dict[int, Pte]) -> None:
    result = outcome(form, Mm.holding(S390X, entries), 2**64 - 0x3000, 0x1000_1000, 0x1000, turns=3)
    assert [step.old_addr for step in result.steps[:2]] == [2**64 - 0x3000, 0]
    assert (result.end, result.steps[0].extent) == (TimeoutError, 0x3000)
    assert result.pte == entries  # a step that ends at 0 moves nothing


# --- wrong: folded -------------------------------------------------------------------------------------------------

FOLDED = pytest.mark.parametrize("geometry", [I386, ARM_4_14], ids=lambda geometry: geometry.name)
BY_ADDR_END = pytest.mark.parametrize("form", [addr_end_cursor_2020, addr_end_2020], ids=named)


@BY_ADDR_END
@FOLDED
def test_on_a_folded_port_addr_end_runs_off_the_end_of_a_table(form: Form, geometry: Geometry) -> None:
    old_addr, new_addr, len = 0x1000, 0x4000_1000, 16 * MiB
    entries: dict[int, Pte] = {old_addr: "first", geometry.PMD_SIZE: "in the next table"}
    result = outcome(form, Mm.holding(geometry, entries), old_addr, new_addr, len)
    assert (result.end, result.steps) == (BadPointer, [])
    assert result.pte == {new_addr: "first", geometry.PMD_SIZE: "in the next table"}


@BY_ADDR_END
@FOLDED
def test_on_a_folded_port_addr_end_passes_over_tables_behind_a_hole(form: Form, geometry: Geometry) -> None:
    old_addr, new_addr, len = 0x1000, 0x4000_1000, 16 * MiB
    result = outcome(form, Mm.holding(geometry, {8 * MiB: "left"}), old_addr, new_addr, len)
    assert (result.end, result.pte) == (len, {8 * MiB: "left"})
    assert result.steps == [Step(old_addr, new_addr, len, moved=False)]
    assert len > geometry.PMD_SIZE


@BY_ADDR_END
@pytest.mark.parametrize("geometry", [ARM, PARISC32], ids=lambda geometry: geometry.name)
def test_equal_shifts_are_no_fault_where_the_port_keeps_the_helper(form: Form, geometry: Geometry) -> None:
    entries: dict[int, Pte] = {0x1000: "first", geometry.PMD_SIZE: "in the next table", 8 * MiB: "behind a hole"}
    mm, other = (Mm.holding(geometry, entries) for _ in range(2))
    args = 0x1000, 0x4000_1000, 16 * MiB
    assert outcome(form, mm, *args) == outcome(extents_2005, other, *args)


# --- wrong: a sum that wraps ---------------------------------------------------------------------------------------


def test_with_a_moving_end_that_wraps_a_step_crosses_the_end_of_the_destination_pmd() -> None:
    old_addr, new_addr, len = 0x0010_0000, 0x6F00_0000, 0x5000_0000
    source, there = 0x4120_0000, 0xB010_0000  # over holes until here
    extent = extent_by_addr_end(source, old_addr + len, I386_PAE)
    assert (there + len) % 2**32 == MiB
    assert cut_by_addr_end(extent, there, MiB, I386_PAE) == 2 * MiB
    assert destination_cut(extent, there, I386_PAE) == MiB
    result = outcome(addr_end_cursor_2020, Mm.holding(I386_PAE, {source: "entry"}), old_addr, new_addr, len)
    assert (result.end, result.pte) == (BadPointer, {there: "entry"})
    assert result.steps[-1].old_addr + result.steps[-1].extent == source
    fine = outcome(addr_end_2020, Mm.holding(I386_PAE, {source: "entry"}), old_addr, new_addr, len)
    assert (fine.end, fine.pte) == (len, {there: "entry"})


@pytest.mark.parametrize("form", [*BY_EXTENTS, *WRONG], ids=named)
def test_past_the_end_of_the_word_an_end_that_has_wrapped_cuts_too_late(form: Form) -> None:
    mm = Mm.holding(PARISC32, {0x1000_0000: "first", 0x1000_1000: "second"})
    result = outcome(form, mm, 0x1000_0000, 2**32 - 0x1000, 0x2000)
    too_late = form in (addr_end_2020, addr_end_cursor_2020)
    assert result.end == (BadPointer if too_late else 0x2000)
    assert too_late or result.pte == {2**32 - 0x1000: "first", 0: "second"}


def test_a_guard_that_wraps_says_that_nothing_has_moved_when_all_has() -> None:
    old_addr, new_addr, len = 0x6000_0000, 0x1000_0000, 0x5000_0000
    offsets = [0, 0x1234_5000, len - 0x1000]
    for form, returned in ((progress_guard_2023, 0), (progress_guard_2024, len), (get_extent_fixed, len)):
        mm = Mm.holding(I386, {old_addr + offset: offset for offset in offsets})
        assert form(mm, old_addr, new_addr, len) == returned
        assert mm.pte == {new_addr + offset: offset for offset in offsets}


# --- wrong, but not here -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "geometries"),
    [
        pytest.param(draft_2011, [I386, I386_PAE, X86_64, ARM, PARISC32, S390X], id="draft_2011 below the last PMD"),
        pytest.param(get_extent_2020, [I386, I386_PAE, X86_64, ARM, S390X], id="get_extent_2020 below the last PMD"),
        pytest.param(progress_guard_2023, [I386, I386_PAE, X86_64, S390X], id="progress_guard_2023, short ranges"),
        pytest.param(addr_end_2020, [I386_PAE, X86_64, ARM, PARISC32, S390X], id="addr_end_2020 with the helper"),
        pytest.param(addr_end_cursor_2020, [I386_PAE, X86_64, ARM, S390X], id="addr_end_cursor_2020, no sum wraps"),
    ],
)
def test_a_wrong_form_makes_ordinary_moves_as_the_right_ones_do(form: Form, geometries: list[Geometry]) -> None:
    for geometry in geometries:
        for old_addr, new_addr in ((0x10_1000, 0x4020_0000), (0x4000_0000, 0x10_1000)):
            offsets = [0, 0x3000, 5 * MiB]
            mm, other = (machine(geometry, old_addr, offsets, 7 * MiB) for _ in range(2))
            args = old_addr, new_addr, 7 * MiB
            assert outcome(form, mm, *args) == outcome(extents_2005, other, *args)
            assert mm.table == other.table
