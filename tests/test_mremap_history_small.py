"""The forms of history on every input where there are few: which ones agree, and where the others go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations, product
from typing import cast

import pytest
from forms import BY_EXTENTS, Endless, Outcome, named, outcome
from strange_word import BareWord, plain

from mremap_impl.geometry import PARISC32, Geometry
from mremap_impl.history import (
    Form,
    SourceExtent,
    addr_end_2020,
    addr_end_cursor_2020,
    by_page,
    cut_by_addr_end,
    destination_and_latency_cut,
    draft_2011,
    extent_by_addr_end,
    extent_by_deltas,
    extent_either_above_end,
    extent_next_above_end,
    extents_2005,
    get_extent_2020,
    how_much_done_guarded_by_start,
    how_much_done_guarded_by_sum,
    pmd_addr_end,
    progress_guard_2023,
    with_destination_cut,
)
from mremap_impl.mm import BadPointer, Mm, Pte
from mremap_impl.step import how_much_done, source_extent

pytestmark = pytest.mark.usefixtures("turns_end")

# --- every move ----------------------------------------------------------------------------------------------------


class Small(Geometry):
    """A geometry with few pages. A true LATENCY_LIMIT would wrap in its word, so it has one of 2 pages."""

    @property
    def LATENCY_LIMIT(self) -> int:
        return 2 * self.PAGE_SIZE


FOUR = Small("16 pages of 2 bytes, 4 to a table", 5, 1, 3, 3, 3, 3, task_size=0)
FOUR_ELIDED = replace(FOUR, name="the same with the helpers for a folded pmd", pmd_addr_end_elided=True)
THREE_LEVELS = Small("8 pages of 2 bytes, 2 to a table, 2 tables to an upper one", 4, 1, 2, 3, 3, 3, task_size=0)


@dataclass(frozen=True, slots=True)
class Case:
    """A move, and the pte tables that there are. Each of them is full, but for what lies in the new range."""

    old_addr: int
    new_addr: int
    len: int
    tables: tuple[int, ...]

    @property
    def old_end(self) -> int:
        return self.old_addr + self.len

    def run(self, form: Form, geometry: Geometry) -> Outcome:
        full = [addr for table in self.tables for addr in range(table, table + geometry.PMD_SIZE, geometry.PAGE_SIZE)]
        entries: dict[int, Pte] = {a: a for a in full if not self.new_addr <= a < self.new_addr + self.len}
        return outcome(form, Mm.holding(geometry, entries, self.tables), self.old_addr, self.new_addr, self.len)


def cases(geometry: Geometry) -> Iterator[Case]:
    """Every page-aligned move between disjoint ranges in the word, the old one not to its very end. All tables are
    there, or none, or every other one; in a word of 4 tables and few pages, any."""
    word = 1 << geometry.word_bits
    pmds = range(0, word, geometry.PMD_SIZE)
    some = chain.from_iterable(combinations(pmds, n) for n in range(5)) if word == 16 else ()
    sets = {(), tuple(pmds), tuple(pmds[::2]), tuple(pmds[1::2]), *some}
    for len in range(geometry.PAGE_SIZE, word // 2 + 1, geometry.PAGE_SIZE):
        for old_addr, new_addr in product(
            range(0, word - len, geometry.PAGE_SIZE), range(0, word - len + 1, geometry.PAGE_SIZE)
        ):
            if abs(old_addr - new_addr) >= len:
                yield from (Case(old_addr, new_addr, len, tables) for tables in sorted(sets))


@cache
def as_in_2005(geometry: Geometry) -> dict[Case, Outcome]:
    return {case: case.run(extents_2005, geometry) for case in cases(geometry)}


def differing(form: Form, geometry: Geometry) -> set[Case]:
    """The moves that a form does not make as that of 2005 does."""
    return {case for case, expected in as_in_2005(geometry).items() if case.run(form, geometry) != expected}


SMALL = pytest.mark.parametrize("geometry", [FOUR, FOUR_ELIDED, THREE_LEVELS], ids=lambda geometry: geometry.name)


@SMALL
def test_the_form_of_2005_moves_the_range_and_nothing_else_in_every_case(geometry: Geometry) -> None:
    for case, result in as_in_2005(geometry).items():
        assert result.end == case.len
        range_ = range(case.old_addr, case.old_end)
        there = [a for t in case.tables for a in range(t, t + geometry.PMD_SIZE, geometry.PAGE_SIZE)]
        stayed = {a: a for a in there if a not in range_ and not case.new_addr <= a < case.new_addr + case.len}
        assert result.pte == stayed | {a - case.old_addr + case.new_addr: a for a in there if a in range_}


@SMALL
@pytest.mark.parametrize("form", [f for f in BY_EXTENTS if f is not extents_2005], ids=named)
def test_a_right_form_by_extents_makes_every_move_as_that_of_2005(form: Form, geometry: Geometry) -> None:
    assert differing(form, geometry) == set()


def test_page_by_page_every_move_ends_as_by_extents_with_no_more_tables() -> None:
    for case, expected in as_in_2005(THREE_LEVELS).items():
        result = case.run(by_page, THREE_LEVELS)
        assert (result.end, result.pte) == (expected.end, expected.pte)
        assert result.table <= expected.table


@pytest.mark.parametrize("form", [draft_2011, get_extent_2020], ids=named)
def test_a_wrap_that_goes_unseen_shows_only_where_a_range_reaches_the_last_pmd(form: Form) -> None:
    found = differing(form, FOUR)
    assert all(case.old_end > FOUR.PMD_MASK for case in found)
    ends = {case: case.run(form, FOUR).end for case in found}
    assert Endless in ends.values()
    assert any(isinstance(end, int) and end > case.len for case, end in ends.items())


@SMALL
def test_a_guard_that_wraps_is_wrong_exactly_where_the_end_of_the_range_and_len_wrap(geometry: Geometry) -> None:
    word = 1 << geometry.word_bits
    wraps = {case for case in as_in_2005(geometry) if case.old_end + case.len >= word}
    assert differing(progress_guard_2023, geometry) == wraps != set()
    assert {case.run(progress_guard_2023, geometry).end for case in wraps} == {0}


def test_with_the_helper_addr_end_is_right() -> None:
    assert differing(addr_end_2020, FOUR) == differing(addr_end_2020, THREE_LEVELS) == set()


def test_with_the_helper_a_moving_end_is_wrong_only_where_a_sum_wraps() -> None:
    found = differing(addr_end_cursor_2020, FOUR)
    assert found
    assert all(case.new_addr + 2 * case.len > 1 << FOUR.word_bits for case in found)
    assert {case.run(addr_end_cursor_2020, FOUR).end for case in found} == {BadPointer}


@pytest.mark.parametrize("form", [addr_end_cursor_2020, addr_end_2020], ids=named)
def test_without_the_helper_addr_end_is_wrong_only_where_a_range_has_more_than_one_table(form: Form) -> None:
    found = differing(form, FOUR_ELIDED)
    assert found
    mask = FOUR_ELIDED.PMD_MASK
    for case in found:
        pairs = ((addr, addr + case.len - 1) for addr in (case.old_addr, case.new_addr))
        assert any(first & mask != last & mask for first, last in pairs)
    assert BadPointer in {case.run(form, FOUR_ELIDED).end for case in found}


# --- the arithmetic, of every word ---------------------------------------------------------------------------------

BYTES = Geometry.two_levels("32 pages of 1 byte, 4 to a table", word_bits=5, page_shift=0, pmd_shift=2, task_size=0)
LAST_PMD, LAST = 28, 31


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        pytest.param(source_extent, lambda a, end: end + 1 == (a | 3) + 1, id="2005: an end a byte below the boundary"),
        pytest.param(extent_next_above_end, lambda a, end: a >= LAST_PMD, id="draft_2011: the last PMD"),  # noqa: ARG005
        pytest.param(
            extent_either_above_end,
            lambda a, end: a >= LAST_PMD and end == LAST,
            id="suggestion_2011: the last PMD, and an end at the last byte",
        ),
        pytest.param(extent_by_deltas, lambda a, end: False, id="deltas_2011: nowhere"),  # noqa: ARG005
        pytest.param(extent_by_addr_end, lambda a, end: False, id="pmd_addr_end: nowhere"),  # noqa: ARG005
    ],
)
def test_where_a_source_extent_is_wrong_be_it_aligned_or_not(
    source: SourceExtent, wrong: Callable[[int, int], bool]
) -> None:
    for old_addr, old_end in combinations(range(32), 2):
        right = source(old_addr, old_end, BYTES) == min((old_addr | 3) + 1, old_end) - old_addr
        assert right != wrong(old_addr, old_end), (old_addr, old_end)


def test_pmd_addr_end_takes_an_end_of_0_for_the_end_of_the_word_and_is_its_end_where_elided() -> None:
    elided = replace(BYTES, pmd_addr_end_elided=True)
    for addr, end in combinations(range(33), 2):
        nearer = min((addr | 3) + 1, end)
        assert pmd_addr_end(addr, end % 32, BYTES) == nearer % 32
        assert pmd_addr_end(addr, end % 32, elided) == end % 32


def test_what_the_guards_make_of_every_place_in_a_range_or_below_it() -> None:
    for old_end, len in product(range(32), range(32)):
        start = old_end - len
        for old_addr in range(max(start, 0), old_end + 1) if start >= 0 else ():
            done = how_much_done(len, old_addr, old_end, BYTES)
            assert done == old_addr - start == how_much_done_guarded_by_start(len, old_addr, old_end, BYTES)
            by_sum = how_much_done_guarded_by_sum(len, old_addr, old_end, BYTES)
            assert by_sum == (0 if old_addr + len >= 32 and old_end > (old_addr + len) % 32 else done)
        for old_addr in range(start):
            assert how_much_done_guarded_by_start(len, old_addr, old_end, BYTES) == 0


def test_what_each_guard_makes_of_any_three_words() -> None:
    for len, old_addr, old_end in product(range(32), repeat=3):
        done = (len + old_addr - old_end) % 32
        below = (len + old_addr) % 32 < old_end
        assert how_much_done_guarded_by_sum(len, old_addr, old_end, BYTES) == (0 if below else done)
        below = old_addr < (old_end - len) % 32
        assert how_much_done_guarded_by_start(len, old_addr, old_end, BYTES) == (0 if below else done)


class StrangeWord(BareWord):
    """One that can be asked for less, too."""

    def __lt__(self, other: BareWord | int) -> bool:
        return self.value < plain(other)


def test_the_arithmetic_runs_on_words_that_are_not_ints() -> None:
    old_addr, old_end, new_addr, len = (
        cast(int, StrangeWord(word)) for word in (0xFFE0_0000, 0xFFF0_0000, 0xF9FA_9000, 0x10_0000)
    )
    sources = extent_next_above_end, extent_either_above_end, extent_by_deltas, extent_by_addr_end
    found: list[object] = [source(old_addr, old_end, PARISC32) for source in sources]
    assert found == [StrangeWord(extent) for extent in (0x20_0000, 0x10_0000, 0x10_0000, 0x10_0000)]
    both = with_destination_cut(extent_by_deltas)(old_addr, old_end, new_addr, PARISC32)
    rest: list[object] = [
        both,
        cut_by_addr_end(len, new_addr, PARISC32.words.add(new_addr, len), PARISC32),
        destination_and_latency_cut(len, new_addr, PARISC32),
        how_much_done_guarded_by_sum(len, old_addr, old_end, PARISC32),
        how_much_done_guarded_by_start(len, old_addr, old_end, PARISC32),
    ]
    assert rest == [
        StrangeWord(0x5_7000),
        StrangeWord(0x5_7000),
        PARISC32.LATENCY_LIMIT,
        StrangeWord(0),
        StrangeWord(0),
    ]
