"""The implementation alone, against vectors and against the earlier method."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strange_word import BareWord

import mremap_impl
from mremap_impl.by_page import move_one_page, move_page_tables_by_page
from mremap_impl.geometry import I386, I386_PAE, PARISC32, S390X, X86_64, Geometry
from mremap_impl.mm import Allocator, Mm, Pte, Step
from mremap_impl.mremap import alloc_new_pmd, get_old_pmd, move_page_tables, move_ptes
from mremap_impl.step import destination_cut, how_much_done, latency_cut, source_extent
from mremap_impl.words import Words

PARISC32_4M = Geometry.two_levels("parisc32 of 4.14", word_bits=32, page_shift=12, pmd_shift=22, task_size=0xFFF0_0000)
TINY = Geometry.two_levels("2 ptes per table", word_bits=16, page_shift=4, pmd_shift=5, task_size=0xF000)
SMALL = Geometry.two_levels("4 ptes per table", word_bits=16, page_shift=4, pmd_shift=6, task_size=0xF000)
WIDE = Geometry.two_levels("128 ptes per table", word_bits=16, page_shift=4, pmd_shift=11, task_size=0xF000)
SHORT_WORD = Geometry.two_levels(
    "page_shift + 6 == word_bits", word_bits=16, page_shift=10, pmd_shift=12, task_size=0xF000
)

Mover = Callable[[Mm, int, int, int], int]
MOVERS = [pytest.param(move_page_tables, id="by extents"), pytest.param(move_page_tables_by_page, id="by page")]


def pages(geometry: Geometry, numbers: dict[int, Pte]) -> dict[int, Pte]:
    """Entries by address, from entries by page number."""
    return {number << geometry.page_shift: entry for number, entry in numbers.items()}


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Words(8).add(0xFF, 1), 0),
        (Words(8).sub(0, 1), 0xFF),
        (Words(8).mul(64, 4), 0),
        (Words(8).invert(0x0F), 0xF0),
        (Words(64).add(2**64 - 1, 2), 1),
    ],
)
def test_words_wrap(result: int, expected: int) -> None:
    assert result == expected


# --- the step ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("geometry", "old_addr", "old_end", "expected"),
    [
        pytest.param(I386, 0x1000, 0xC000_0000, 0x3F_F000, id="to the end of the PMD"),
        pytest.param(I386, 0x40_0000, 0xC000_0000, 0x40_0000, id="a whole PMD"),
        pytest.param(I386, 0x1000, 0x40_0000, 0x3F_F000, id="to the end of PMD and range at once"),
        pytest.param(I386, 0x1000, 0x3F_F000, 0x3F_E000, id="to the end of the range"),
        pytest.param(PARISC32, 0xFFEF_F000, 0xFFF0_0000, 0x1000, id="next wraps, the range is shorter"),
        pytest.param(PARISC32, 0xFFE0_0000, 0xFFFF_F000, 0x1F_F000, id="next wraps, all but a page of the PMD"),
        pytest.param(S390X, 2**64 - 0x3000, 2**64 - 0x1000, 0x2000, id="next wraps at 64 bits"),
    ],
)
def test_a_step_ends_with_the_source_pmd_or_the_range(
    geometry: Geometry, old_addr: int, old_end: int, expected: int
) -> None:
    assert source_extent(old_addr, old_end, geometry) == expected


@pytest.mark.parametrize(
    ("geometry", "extent", "new_addr", "expected"),
    [
        pytest.param(I386, 0x40_0000, 0x7F_F000, 0x1000, id="cut"),
        pytest.param(I386, 0x1000, 0x7F_F000, 0x1000, id="just fits"),
        pytest.param(I386, 0x1000, 0x40_0000, 0x1000, id="fits"),
        pytest.param(PARISC32, 0x20_0000, 0xFFF0_0000, 0x10_0000, id="cut at the end of the word"),
        pytest.param(S390X, 0x10_0000, 2**64 - 0x1000, 0x1000, id="cut at the end of a 64-bit word"),
    ],
)
def test_a_step_ends_with_the_destination_pmd(geometry: Geometry, extent: int, new_addr: int, expected: int) -> None:
    assert destination_cut(extent, new_addr, geometry) == expected


@pytest.mark.parametrize(
    ("geometry", "extent", "expected"),
    [
        (I386, 0x4_1000, 0x4_0000),
        (I386, 0x4_0000, 0x4_0000),
        (I386, 0x3_F000, 0x3_F000),
        pytest.param(SHORT_WORD, 0x400, 0, id="a limit of 0 stands still"),
    ],
)
def test_a_step_moves_64_ptes_at_most(geometry: Geometry, extent: int, expected: int) -> None:
    assert latency_cut(extent, geometry) == expected


@pytest.mark.parametrize(
    ("geometry", "len", "old_addr", "old_end", "expected"),
    [
        pytest.param(I386, 0x3000, 0x6000, 0x8000, 0x1000, id="in the middle"),
        pytest.param(I386, 0x5000_0000, 0xB000_0000, 0xB000_0000, 0x5000_0000, id="len + old_addr is 2^W"),
        pytest.param(I386, 0x7000_0000, 0xB000_0000, 0xB000_0000, 0x7000_0000, id="len + old_addr is past 2^W"),
        pytest.param(I386, 0x1000, 0xFFFF_F000, 0, 0, id="the range ends at 2^W"),
    ],
)
def test_what_is_returned_is_exact_though_it_may_wrap_on_the_way(
    geometry: Geometry, len: int, old_addr: int, old_end: int, expected: int
) -> None:
    assert how_much_done(len, old_addr, old_end, geometry) == expected


class StrangeWord(BareWord):
    """One that can be taken from an int, too."""

    def __rsub__(self, other: int) -> StrangeWord:
        return StrangeWord(other - self.value)


def test_the_step_runs_on_words_that_are_not_ints() -> None:
    old_addr, old_end, new_addr, len = (
        cast(int, StrangeWord(word)) for word in (0xFFE0_0000, 0xFFF0_0000, 0xF9FA_9000, 0x10_0000)
    )
    extent = source_extent(old_addr, old_end, PARISC32)
    cut = destination_cut(extent, new_addr, PARISC32)
    results: list[Any] = [extent, cut, latency_cut(cut, PARISC32), how_much_done(len, old_addr, old_end, PARISC32)]
    assert results == [StrangeWord(0x10_0000), StrangeWord(0x5_7000), 0x4_0000, StrangeWord(0)]


# --- whole moves ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("move", MOVERS)
@pytest.mark.parametrize(
    ("geometry", "old_addr", "new_addr", "len"),
    [
        pytest.param(PARISC32, 0xFFEF_F000, 0xF9FA_9000, 0x1000, id="parisc32 that did not boot in 5.11-rc1"),
        pytest.param(PARISC32_4M, 0xFFEF_F000, 0xF9FA_9000, 0x1000, id="the same with a PMD of 4 MiB"),
        pytest.param(PARISC32, 0xF9FA_9000, 0xFFEF_F000, 0x1000, id="to the last PMD of the word"),
        pytest.param(PARISC32, 0x1000_0000, 0xFFFF_F000, 0x2000, id="past the end of the word"),
        pytest.param(S390X, 2**64 - 0x20_3000, 0x1000_1000, 0x20_2000, id="s390x from the top of user space"),
        pytest.param(S390X, 0x1000_1000, 2**64 - 0x20_3000, 0x20_2000, id="s390x to the top of user space"),
        pytest.param(I386, 0x1000, 0x40_1000, 0x1000, id="one page"),
        pytest.param(I386, 0x1000, 0x5000, 0x2000, id="within one table"),
        pytest.param(X86_64, 0x1F_F000, 0x7FFF_FFDF_E000, 0x20_1000, id="x86-64 to the top of user space"),
    ],
)
def test_a_move_takes_every_entry_and_returns_its_length(
    move: Mover, geometry: Geometry, old_addr: int, new_addr: int, len: int
) -> None:
    words = geometry.words
    offsets = range(0, len, geometry.PAGE_SIZE)
    outside: dict[int, Pte] = {words.sub(old_addr, geometry.PAGE_SIZE): "below", words.add(old_addr, len): "above"}
    mm = Mm.holding(geometry, {**{old_addr + offset: offset for offset in offsets}, **outside})
    assert move(mm, old_addr, new_addr, len) == len
    assert mm.pte == {**{words.add(new_addr, offset): offset for offset in offsets}, **outside}
    assert mm.well_formed()


@pytest.mark.parametrize(
    ("geometry", "old_addr", "new_addr", "len"),
    [
        pytest.param(I386, 0x6000_0000, 0x1000_0000, 0x5000_0000, id="i386 that lost memory in CVE-2024-53111"),
        pytest.param(I386_PAE, 0x0010_0000, 0x6F00_0000, 0x5000_0000, id="PAE where a moving new_addr + len wraps"),
    ],
)
def test_a_long_move_takes_its_first_and_last_entry(geometry: Geometry, old_addr: int, new_addr: int, len: int) -> None:
    last = len - geometry.PAGE_SIZE
    mm = Mm.holding(geometry, {old_addr: "first", old_addr + last: "last"})
    assert move_page_tables(mm, old_addr, new_addr, len) == len
    assert mm.pte == {new_addr: "first", new_addr + last: "last"}


@pytest.mark.parametrize("len", [0x1000, 0x1000_0000])
def test_a_range_that_ends_at_the_end_of_the_word_is_not_moved(len: int) -> None:
    mm = Mm.holding(PARISC32, {2**32 - len: "entry"})
    assert move_page_tables(mm, 2**32 - len, 0x1000, len) == 0
    assert (mm.pte, mm.steps) == ({2**32 - len: "entry"}, [])


@pytest.mark.parametrize("move", MOVERS)
def test_nothing_to_move_is_nothing_done(move: Mover) -> None:
    mm = Mm.holding(SMALL, {0x100: "entry"})
    assert move(mm, 0x100, 0x200, 0) == 0
    assert mm == Mm.holding(SMALL, {0x100: "entry"})


@pytest.mark.parametrize(
    ("geometry", "tables", "old_addr", "new_addr", "len", "steps"),
    [
        pytest.param(
            SMALL,
            [],
            0x010,
            0x370,
            0xA0,
            [Step(0x010, 0x370, 0x30, False), Step(0x040, 0x3A0, 0x40, False), Step(0x080, 0x3E0, 0x30, False)],
            id="a hole is passed to the end of the source PMD, whatever the destination",
        ),
        pytest.param(
            WIDE, [], 0x0010, 0x4000, 0x7E0, [Step(0x0010, 0x4000, 0x7E0, False)], id="nor does latency cut a hole"
        ),
        pytest.param(
            SMALL,
            [0x040],
            0x040,
            0x370,
            0x40,
            [Step(0x040, 0x370, 0x10, True), Step(0x050, 0x380, 0x30, True)],
            id="the destination PMD cuts",
        ),
        pytest.param(
            SMALL,
            [0x000, 0x040],
            0x030,
            0x340,
            0x30,
            [Step(0x030, 0x340, 0x10, True), Step(0x040, 0x350, 0x20, True)],
            id="the source PMD cuts",
        ),
        pytest.param(
            SMALL,
            [0x000],
            0x000,
            0xFFF0,
            0x20,
            [Step(0x000, 0xFFF0, 0x10, True), Step(0x010, 0x0000, 0x10, True)],
            id="the end of the word cuts at the destination",
        ),
        pytest.param(
            WIDE,
            [0x0000],
            0x0000,
            0x4000,
            0x7F0,
            [Step(0x0000, 0x4000, 0x400, True), Step(0x0400, 0x4400, 0x3F0, True)],
            id="latency cuts after 64 ptes",
        ),
    ],
)
def test_the_steps_of_a_move(
    geometry: Geometry, tables: list[int], old_addr: int, new_addr: int, len: int, steps: list[Step]
) -> None:
    mm = Mm.holding(geometry, {}, empty_tables=tables)
    assert move_page_tables(mm, old_addr, new_addr, len) == len
    assert mm.steps == steps


def test_move_ptes_moves_64_ptes_at_a_time_on_i386(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int, int]] = []

    def counted(mm: Mm, old_pmd: Any, old_addr: int, old_end: int, new_pmd: Any, new_addr: int, *areas: Any) -> None:
        calls.append((old_addr, (old_end - old_addr) // mm.geometry.PAGE_SIZE, new_addr))
        move_ptes(mm, old_pmd, old_addr, old_end, new_pmd, new_addr, *areas)

    monkeypatch.setattr("mremap_impl.mremap.move_ptes", counted)
    mm = Mm.holding(I386, {0x40_0000: "entry"})
    assert move_page_tables(mm, 0x40_0000, 0x80_0000, 0x9_0000) == 0x9_0000
    assert calls == [(0x40_0000, 64, 0x80_0000), (0x44_0000, 64, 0x84_0000), (0x48_0000, 16, 0x88_0000)]


def test_cond_resched_is_called_before_each_step() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x040])
    seen: list[int] = []
    mm.cond_resched = lambda: seen.append(len(mm.steps))
    move_page_tables(mm, 0x010, 0x370, 0x70)
    assert (seen, len(mm.steps)) == ([0, 1, 2], 3)


def test_cond_resched_is_called_after_each_page_of_the_earlier_method() -> None:
    mm = Mm.holding(SMALL, pages(SMALL, {1: "a", 2: "b", 3: "c"}))
    seen: list[int] = []
    mm.cond_resched = lambda: seen.append(sum(addr >= 0x200 for addr in mm.pte))
    move_page_tables_by_page(mm, 0x010, 0x200, 0x30)
    assert seen == [1, 2, 3]


# --- tables --------------------------------------------------------------------------------------------------------


def test_get_old_pmd_makes_no_table() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x40])
    assert (get_old_pmd(mm, 0x7F), get_old_pmd(mm, 0x80)) == (0x40, None)
    assert (mm.table, mm.allocator.asked) == ({0x40}, 0)


def test_alloc_new_pmd_asks_only_for_a_table_that_is_not_there() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x40])
    mm.allocator = Allocator.refusing({1})
    assert [alloc_new_pmd(mm, addr) for addr in (0x70, 0x80, 0x90, 0xC0, 0xC0)] == [0x40, 0x80, 0x80, None, 0xC0]
    assert (mm.table, mm.allocator.asked) == ({0x40, 0x80, 0xC0}, 3)


@pytest.mark.parametrize(("move", "tables"), [(move_page_tables, {0x40, 0x200}), (move_page_tables_by_page, {0x40})])
def test_a_source_table_without_entries_gets_a_destination_table_by_extents_only(move: Mover, tables: set[int]) -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x40])
    assert move(mm, 0x40, 0x200, 0x40) == 0x40
    assert mm.table == tables


@pytest.mark.parametrize("move", MOVERS)
def test_an_empty_source_entry_leaves_the_destination_as_it_is(move: Mover) -> None:
    mm = Mm.holding(SMALL, {0x40: "moved", 0x200: "replaced", 0x210: "kept"})
    assert move(mm, 0x40, 0x200, 0x20) == 0x20
    assert mm.pte == {0x200: "moved", 0x210: "kept"}


@pytest.mark.parametrize("move", MOVERS)
@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        pytest.param(lambda pte, old, new: (pte, old, new), {0x210: ("entry", 0x50, 0x210)}, id="with both addresses"),
        pytest.param(lambda pte, old, new: None, {}, id="even to none"),  # noqa: ARG005 - a hook takes three
    ],
)
def test_the_hook_rewrites_each_entry_once(
    move: Mover, hook: Callable[[Pte, int, int], Pte | None], expected: dict[int, Pte]
) -> None:
    mm = Mm.holding(SMALL, {0x50: "entry", 0x210: "there before"})
    mm.move_pte = hook
    move(mm, 0x40, 0x200, 0x40)
    assert mm.pte == expected


@pytest.mark.parametrize("move", MOVERS)
@pytest.mark.parametrize("shift", [0x10, 0x20, 0x40, 0x70])
def test_an_overlapping_range_may_move_downwards(move: Mover, shift: int) -> None:
    mm = Mm.holding(SMALL, {addr: addr for addr in range(0x100, 0x200, 0x10)})
    assert move(mm, 0x100, 0x100 - shift, 0x100) == 0x100
    assert mm.pte == {addr - shift: addr for addr in range(0x100, 0x200, 0x10)}


# --- when a table cannot be had ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "granted", "done", "tables_made"),
    [
        pytest.param(move_page_tables, 0, 0, set(), id="by extents, the first table refused"),
        pytest.param(move_page_tables, 1, 0x10, {0x200}, id="by extents, the second table refused"),
        pytest.param(move_page_tables, 2, 0x50, {0x200, 0x240}, id="by extents, the third table refused"),
        pytest.param(move_page_tables, 3, 0x80, {0x200, 0x240, 0x280}, id="by extents, none refused"),
        pytest.param(move_page_tables_by_page, 0, 0x20, set(), id="by page, the first table refused"),
        pytest.param(move_page_tables_by_page, 1, 0x60, {0x240}, id="by page, the second table refused"),
        pytest.param(move_page_tables_by_page, 2, 0x80, {0x240, 0x280}, id="by page, none refused"),
    ],
)
def test_a_refused_table_breaks_off_the_move(move: Mover, granted: int, done: int, tables_made: set[int]) -> None:
    """8 pages from page 4 to page 35, 4 to a table: 1 goes to the first new table, 4 to the next, 3 to the last."""
    before = pages(SMALL, {6: "a", 8: "b", 10: "c", 11: "d"})
    mm = Mm.holding(SMALL, before)
    mm.allocator = Allocator.granting(granted)
    assert move(mm, 0x40, 0x230, 0x80) == done
    assert mm.pte == {a + 0x1F0 if a - 0x40 < done else a: entry for a, entry in before.items()}
    assert mm.table == {0x40, 0x80} | tables_made


@pytest.mark.parametrize(
    ("move", "forward", "back", "lost"),
    [
        pytest.param(move_page_tables, 2, 0, True, id="by extents: the way back needs a table there never was"),
        pytest.param(move_page_tables_by_page, 2, 2, False, id="by page: never"),
    ],
)
def test_the_move_back_of_a_broken_move(move: Mover, forward: int, back: int, lost: bool) -> None:
    """Pages 1 to 3, two to a table, the first table absent; to page 4; one table is granted, then no more."""
    before = pages(TINY, {2: "a", 3: "b"})
    mm = Mm.holding(TINY, before)
    mm.allocator = Allocator.granting(1)
    done = move(mm, 0x10, 0x40, 0x30)
    assert done == forward * TINY.PAGE_SIZE
    assert move(mm, 0x40, 0x10, done) == back * TINY.PAGE_SIZE
    assert (mm.pte == pages(TINY, {3: "b", 5: "a"})) == lost
    assert (mm.pte == before) == (not lost)


def test_one_page_that_needs_a_table_and_gets_none_is_an_error() -> None:
    mm = Mm.holding(SMALL, {0x40: "entry"})
    mm.allocator = Allocator.granting(0)
    assert move_one_page(mm, 0x50, 0x200) == 0
    assert move_one_page(mm, 0x40, 0x200) < 0
    assert (mm.pte, mm.allocator.asked) == ({0x40: "entry"}, 1)


@pytest.mark.parametrize("refused", [True, False])
def test_an_entry_reclaimed_while_the_allocator_sleeps_is_no_error(refused: bool) -> None:
    mm = Mm.holding(SMALL, {0x40: "entry"})

    def reclaim_and_answer(_question: int) -> bool:
        del mm.pte[0x40]
        return refused

    mm.allocator = Allocator(reclaim_and_answer)
    assert move_page_tables_by_page(mm, 0x40, 0x200, 0x20) == 0x20
    assert mm.pte == {}


# --- the two methods -----------------------------------------------------------------------------------------------


@st.composite
def moves(draw: st.DrawFn) -> tuple[Mm, Mm, int, int, int]:
    """A small machine, twice, and two disjoint ranges: old_addr, new_addr, len. The new one may pass the word's end."""
    pmd, pud, p4d, pgdir = sorted(draw(st.integers(2, 8)) for _ in range(4))
    geometry = Geometry("small", 9, 1, pmd, pud, p4d, pgdir, task_size=0)
    in_word = 1 << (geometry.word_bits - geometry.page_shift)
    old_page = draw(st.integers(0, in_word - 2))
    count = draw(st.integers(1, min(in_word - 1 - old_page, in_word // 2)))
    new_page = (old_page + draw(st.integers(count, in_word - count))) % in_word
    near = draw(st.sets(st.integers(0, count - 1)))  # entries inside the old range, or the move has little to do
    far = draw(st.sets(st.integers(0, in_word - 1), max_size=6))
    entries = {page << geometry.page_shift: page for page in {old_page + offset for offset in near} | far}
    empty_tables = draw(st.lists(st.integers(0, (1 << geometry.word_bits) - 1), max_size=4))
    mm, other = (Mm.holding(geometry, entries, empty_tables) for _ in range(2))
    return mm, other, old_page << geometry.page_shift, new_page << geometry.page_shift, count << geometry.page_shift


@settings(max_examples=150, deadline=None)
@given(moves())
def test_both_methods_make_the_same_move(case: tuple[Mm, Mm, int, int, int]) -> None:
    mm, other, old_addr, new_addr, len = case
    words = mm.geometry.words
    taken = {addr: entry for addr, entry in mm.pte.items() if old_addr <= addr < old_addr + len}
    left = {addr: entry for addr, entry in mm.pte.items() if addr not in taken}
    expected = left | {words.add(words.sub(addr, old_addr), new_addr): entry for addr, entry in taken.items()}
    assert move_page_tables(mm, old_addr, new_addr, len) == len
    assert move_page_tables_by_page(other, old_addr, new_addr, len) == len
    assert mm.pte == other.pte == expected
    assert mm.well_formed()
    assert other.well_formed()
    assert other.table <= mm.table


# --- what it is built on -------------------------------------------------------------------------------------------


def imported(path: Path) -> Iterator[str]:
    """The top-level package of each import in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.split(".")[0]


def test_the_implementation_needs_the_standard_library_alone() -> None:
    assert mremap_impl.__file__ is not None
    files = list(Path(mremap_impl.__file__).parent.glob("**/*.py"))
    assert len(files) > 1
    packages = {package for path in files for package in imported(path)}
    assert packages - {"mremap_impl"} <= sys.stdlib_module_names
