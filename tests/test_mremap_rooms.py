"""Which tables go where a range is unmapped after a move, or on a trip: those that no neighbour needs, all of them.

Each range touches three tables, the first and the last in part. Its neighbours need those two, or neither.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mremap_impl.geometry import Geometry
from mremap_impl.mm import Allocator, Mm
from mremap_impl.move_vma import move_vma, move_vma_by_page, move_vma_repaired
from mremap_impl.trip import trip_by_extents, trip_by_page

FOUR = Geometry.two_levels("four", word_bits=32, page_shift=12, pmd_shift=14, task_size=0xC000_0000)
"""Four pages to a pte table, and no levels above."""

OLD, NEW, LEN = 0x12000, 0x22000, 0x8000
OLD_TABLES, NEW_TABLES = {0x10000, 0x14000, 0x18000}, {0x20000, 0x24000, 0x28000}

# The rooms of both ranges, and the tables that must stay where each was.
CASES = [
    pytest.param((0x11000, 0x1B000, 0x21000, 0x2B000), {0x10000, 0x18000}, {0x20000, 0x28000}, id="neighbours"),
    pytest.param((0x10000, 0x1C000, 0x20000, 0x2C000), set(), set(), id="none so near"),
    pytest.param((0x10000, 0, 0x20000, 0), set(), set(), id="none above"),
]

Caller = Callable[..., object]


@pytest.mark.parametrize("move", [move_vma, move_vma_by_page, move_vma_repaired])
@pytest.mark.parametrize(("rooms", "old_stay", "new_stay"), CASES)
def test_a_move_frees_tables_at_the_place_that_it_leaves(
    rooms: tuple[int, ...], old_stay: set[int], new_stay: set[int], move: Caller
) -> None:
    mm = Mm.holding(FOUR, {}, empty_tables=OLD_TABLES | NEW_TABLES)
    assert move(mm, OLD, NEW, LEN, *rooms) == (LEN, 0)
    assert mm.table == old_stay | NEW_TABLES
    # The last table at the new place is refused.
    mm = Mm.holding(FOUR, {OLD + LEN - 0x1000: "page"}, empty_tables=(OLD_TABLES | NEW_TABLES) - {0x28000})
    mm.allocator = Allocator.granting(0)
    moved_len = 0x7000 if move is move_vma_by_page else 0x6000
    assert move(mm, OLD, NEW, LEN, *rooms) == (moved_len, moved_len)
    assert mm.table == OLD_TABLES | (new_stay - {0x28000})
    assert mm.nr_ptes == len(mm.table)
    assert mm.pte == {OLD + LEN - 0x1000: "page"}


@pytest.mark.parametrize(("rooms", "old_stay", "new_stay"), CASES)
def test_a_trip_frees_tables_after_each_leg(rooms: tuple[int, ...], old_stay: set[int], new_stay: set[int]) -> None:
    mm = Mm.holding(FOUR, {}, empty_tables=OLD_TABLES | NEW_TABLES)
    assert trip_by_page(mm, OLD, NEW, LEN, *rooms) == (LEN, LEN)
    assert mm.table == old_stay | new_stay
    mm = Mm.holding(FOUR, {}, empty_tables=OLD_TABLES | NEW_TABLES)
    assert trip_by_extents(mm, OLD, NEW, LEN, *rooms) == (LEN, LEN)
    assert mm.table == OLD_TABLES | new_stay
    # The first table that has gone from the old place is refused on the way back.
    mm = Mm.holding(FOUR, {}, empty_tables=OLD_TABLES | NEW_TABLES)
    mm.allocator = Allocator.granting(0)
    assert trip_by_extents(mm, OLD, NEW, LEN, *rooms) == (LEN, 0x2000 if old_stay else 0)
    assert mm.table == old_stay | NEW_TABLES
