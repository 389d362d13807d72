"""The forms that the step arithmetic of move_page_tables took over the years, each as a move_page_tables of its own.

Wrong forms are as wrong as they were: nothing guards against the fault. A pointer that runs past its table raises
BadPointer; a loop that never ends does not end, and whoever fears that raises in `Mm.cond_resched`, which is called
once a turn. `Mm.steps` has the steps, but for `by_page`.

First comes the arithmetic: words in, words out, no state, as in `step`, and no more is asked of a word than there.
Then the loops, of which there were two by extents, and last the forms, which say which arithmetic goes into which loop.

What a form says of its arithmetic is about page-aligned ranges with pages of more than a byte, unless it says more.
The caller owes what that of `mremap.move_page_tables` owes. Where a table is refused all right forms by extents leave
the same behind; `by_page` wants fewer tables.

Left out of the later forms, as it has no part in these faults: steps by a whole PUD or PMD entry, huge pages, the
realignment of addresses down to a PMD before a move, and files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from mremap_impl.by_page import move_page_tables_by_page
from mremap_impl.geometry import Geometry
from mremap_impl.locks import cond_resched, flush_cache_range
from mremap_impl.mm import Mm, Step
from mremap_impl.mremap import alloc_new_pmd, get_old_pmd, move_ptes
from mremap_impl.step import destination_cut, how_much_done, latency_cut, next_pmd, source_extent

Form: TypeAlias = Callable[[Mm, int, int, int], int]
"""A move_page_tables: mm, old_addr, new_addr, len; returns the bytes passed over."""

SourceExtent: TypeAlias = Callable[[int, int, Geometry], int]
"""old_addr, old_end: how far a step may go for the sake of the source."""

Cut: TypeAlias = Callable[[int, int, Geometry], int]
"""extent, new_addr: how much of the extent is moved in one step."""

Extent: TypeAlias = Callable[[int, int, int, Geometry], int]
"""old_addr, old_end, new_addr: how far a step may go for the sake of both sides."""

Done: TypeAlias = Callable[[int, int, int, Geometry], int]
"""len, old_addr, old_end: what is returned when the loop stands at old_addr."""


# --- the arithmetic: the source ------------------------------------------------------------------------------------

# The form of 2005 is step.source_extent.


def extent_next_above_end(old_addr: int, old_end: int, geometry: Geometry) -> int:
    """Compares `next` as it is: wrapped to 0 it is above no end, and the step goes on to the end of the word.

    "old_end - old_addr if next > old_end, else next - old_addr" is the same in other words.
    """
    next = next_pmd(old_addr, geometry)
    if next > old_end:
        next = old_end
    return geometry.words.sub(next, old_addr)


def extent_either_above_end(old_addr: int, old_end: int, geometry: Geometry) -> int:
    """Compares `next` as it is, and its last byte too, as a `next` that wrapped is seen by that."""
    words = geometry.words
    next = next_pmd(old_addr, geometry)
    if next > old_end or words.sub(next, 1) > old_end:
        next = old_end
    return words.sub(next, old_addr)


def extent_by_deltas(old_addr: int, old_end: int, geometry: Geometry) -> int:
    """Compares lengths, and those are right though `next` has wrapped."""
    words = geometry.words
    extent = words.sub(next_pmd(old_addr, geometry), old_addr)
    if extent > words.sub(old_end, old_addr):
        extent = words.sub(old_end, old_addr)
    return extent


def extent_by_addr_end(old_addr: int, old_end: int, geometry: Geometry) -> int:
    """Asks the helper: right where that does what its name says."""
    return geometry.words.sub(pmd_addr_end(old_addr, old_end, geometry), old_addr)


def pmd_addr_end(addr: int, end: int, geometry: Geometry) -> int:
    """The end of the PMD of `addr`, or `end` if that comes first; an end of 0 is the end of the word.

    `end` without a look where the port has its helpers for a folded pmd: they are meant for loops over the entries of
    an upper table, which then has one entry.
    """
    if geometry.pmd_addr_end_elided:
        return end
    words = geometry.words
    boundary = next_pmd(addr, geometry)
    return boundary if words.sub(boundary, 1) < words.sub(end, 1) else end


# --- the arithmetic: the other cuts --------------------------------------------------------------------------------


def destination_and_latency_cut(extent: int, new_addr: int, geometry: Geometry) -> int:
    """The cuts of 2005 to a step that moves."""
    return latency_cut(destination_cut(extent, new_addr, geometry), geometry)


def cut_by_addr_end(extent: int, new_addr: int, new_end: int, geometry: Geometry) -> int:
    """`extent`, or as much of it as lies below pmd_addr_end(new_addr, new_end).

    That is no cut by PMD where the helper returns its end; nor where new_end has wrapped, and is not 0: then it lies
    below new_addr, so the helper takes it for the nearer end, but the way there is past the end of the word.
    """
    room = geometry.words.sub(pmd_addr_end(new_addr, new_end, geometry), new_addr)
    if extent > room:
        extent = room
    return extent


def with_destination_cut(source: SourceExtent) -> Extent:
    """The helper get_extent: what `source` allows, cut by the end of the destination's PMD."""

    def get_extent(old_addr: int, old_end: int, new_addr: int, geometry: Geometry) -> int:
        return destination_cut(source(old_addr, old_end, geometry), new_addr, geometry)

    return get_extent


# --- the arithmetic: what is returned ------------------------------------------------------------------------------

# The form of 2005 is step.how_much_done.


def how_much_done_guarded_by_sum(len: int, old_addr: int, old_end: int, geometry: Geometry) -> int:
    """0 if old_addr seems to lie below where the move began. len + old_addr may have wrapped, and then it seems so."""
    if geometry.words.add(len, old_addr) < old_end:
        return 0
    return how_much_done(len, old_addr, old_end, geometry)


def how_much_done_guarded_by_start(len: int, old_addr: int, old_end: int, geometry: Geometry) -> int:
    """0 if old_addr lies below where the move began, which old_end - len is without wrapping."""
    if old_addr < geometry.words.sub(old_end, len):
        return 0
    return how_much_done(len, old_addr, old_end, geometry)


# --- the loops -----------------------------------------------------------------------------------------------------


def move_by_source_extents(mm: Mm, old_addr: int, new_addr: int, len: int, source: SourceExtent, cut: Cut) -> int:
    """The loop until 2020: a step is as long as `source` says, and only one that moves is `cut`."""
    geometry, words = mm.geometry, mm.geometry.words
    old_end = words.add(old_addr, len)
    flush_cache_range(mm, old_addr, old_end)
    while old_addr < old_end:
        cond_resched(mm)
        extent = source(old_addr, old_end, geometry)
        old_pmd = get_old_pmd(mm, old_addr)
        if old_pmd is not None:
            new_pmd = alloc_new_pmd(mm, new_addr)
            if new_pmd is None:
                break
            extent = cut(extent, new_addr, geometry)
            move_ptes(mm, old_pmd, old_addr, words.add(old_addr, extent), new_pmd, new_addr)
        mm.steps.append(Step(old_addr, new_addr, extent, moved=old_pmd is not None))
        old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)
    return how_much_done(len, old_addr, old_end, geometry)


def move_by_extents_of_both(
    mm: Mm, old_addr: int, new_addr: int, len: int, get_extent: Extent, done: Done = how_much_done
) -> int:
    """The loop since 2020: both sides say how long a step is, be there a source table or not. `done` is returned."""
    geometry, words = mm.geometry, mm.geometry.words
    old_end = words.add(old_addr, len)
    flush_cache_range(mm, old_addr, old_end)
    while old_addr < old_end:
        cond_resched(mm)
        extent = get_extent(old_addr, old_end, new_addr, geometry)
        old_pmd = get_old_pmd(mm, old_addr)
        if old_pmd is not None:
            new_pmd = alloc_new_pmd(mm, new_addr)
            if new_pmd is None:
                break
            move_ptes(mm, old_pmd, old_addr, words.add(old_addr, extent), new_pmd, new_addr)
        mm.steps.append(Step(old_addr, new_addr, extent, moved=old_pmd is not None))
        old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)
    return done(len, old_addr, old_end, geometry)


# --- the forms -----------------------------------------------------------------------------------------------------


def by_page(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """Before the patch of 2005: a page a turn, and the offset reached is returned. Right.

    A table is made only for an entry that needs it. So a move back after a failure never needs one.
    """
    return move_page_tables_by_page(mm, old_addr, new_addr, len)


def extents_2005(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """The patch of 2005: as many pages a turn as lie in one table on both sides, 64 at most.

    Right: `next - 1 > old_end` sees a `next` that has wrapped to 0. It would be wrong where old_end + 1 is the end of
    old_addr's PMD, which no page-aligned end is. (`next - 1 >= old_end` is right without alignment.) A range that ends
    at the end of the word has an old_end of 0, and nothing of it is moved.
    """
    return move_by_source_extents(mm, old_addr, new_addr, len, source_extent, destination_and_latency_cut)


def draft_2011(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """A draft of July 2011, never merged: the `- 1` is gone, as if it were there for no reason.

    Wrong where `next` wraps to 0, in the last PMD of the word: 0 is above no end. The step is not cut to the range, and
    entries beyond it move too. Or, where the other cuts leave it alone, it ends at address 0: it moves nothing, as its
    end is below its start, and the loop begins again from low addresses, for ever if nothing stops it. User addresses
    get that far on parisc32 and s390x.
    """
    return move_by_source_extents(mm, old_addr, new_addr, len, extent_next_above_end, destination_and_latency_cut)


def suggestion_2011(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """A suggestion of August 2011, never merged: `next > old_end` where nothing wraps, else `next - 1 > old_end`.

    Right. It would be wrong where old_end is the last address of the word and old_addr in its last PMD; no page-aligned
    end is that.
    """
    return move_by_source_extents(mm, old_addr, new_addr, len, extent_either_above_end, destination_and_latency_cut)


def deltas_2011(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """August 2011 on, and again since 2021: lengths are compared instead of ends.

    Right for every alignment.
    """
    return move_by_source_extents(mm, old_addr, new_addr, len, extent_by_deltas, destination_and_latency_cut)


def addr_end_cursor_2020(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """January 2020, dropped: both cuts by pmd_addr_end, the destination's with `new_addr + len`, where new_addr moves.

    Wrong where that helper returns its end: a step is the whole rest of the range, and runs past the end of its table,
    or over a hole past all the tables that follow it. Wrong elsewhere too: new_addr moves and len does not, so the sum
    lies past the new range and may wrap where the range does not. Then it is taken for the end, and a step is not cut
    at the end of the destination's PMD.
    """
    words = mm.geometry.words

    def cut(extent: int, new_addr: int, geometry: Geometry) -> int:
        return cut_by_addr_end(extent, new_addr, words.add(new_addr, len), geometry)

    return move_by_source_extents(mm, old_addr, new_addr, len, extent_by_addr_end, cut)


def addr_end_2020(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """July 2020, dropped: the shorter of what pmd_addr_end leaves on either side, with new_end as it is at the start.

    Wrong where that helper returns its end: 32-bit arm hung, its count of pages off by 190. Elsewhere it is right for
    ranges that a user has. (Past the end of the word the new range's end has wrapped, and cuts too late.)
    """
    new_end = mm.geometry.words.add(new_addr, len)

    def get_extent(old_addr: int, old_end: int, new_addr: int, geometry: Geometry) -> int:
        return cut_by_addr_end(extent_by_addr_end(old_addr, old_end, geometry), new_addr, new_end, geometry)

    return move_by_extents_of_both(mm, old_addr, new_addr, len, get_extent)


def get_extent_2020(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """December 2020, in 5.11-rc1: a helper get_extent, for steps by PUD as well. The comparison is that of draft_2011.

    Wrong where `next` wraps to 0, as the draft was, and with no latency cut to shorten the damage: parisc did not boot.
    More is passed over than was asked for, and entries beyond the range go along. What is returned is more than len.
    mremap asks for less than len, and takes it for success; exec's move of the stack asks for len, and fails.
    """
    return move_by_extents_of_both(mm, old_addr, new_addr, len, with_destination_cut(extent_next_above_end))


def get_extent_fixed(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """5.11-rc2 on: the helper compares lengths. Right."""
    return move_by_extents_of_both(mm, old_addr, new_addr, len, with_destination_cut(extent_by_deltas))


def progress_guard_2023(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """6.7 to 6.12-rc: 0 is returned if old_addr has not got to where the move began. (It may start below, realigned.)

    Wrong where len + old_addr wraps, which takes a long range and a word of 32 bits: a full move passes for none. Its
    caller then moved nothing back and unmapped what it took for empty: memory was lost (CVE-2024-53111).
    """
    get_extent = with_destination_cut(extent_by_deltas)
    return move_by_extents_of_both(mm, old_addr, new_addr, len, get_extent, how_much_done_guarded_by_sum)


def progress_guard_2024(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """6.12 on: the same question, put so that nothing wraps. Right.

    Without the realignment, which is left out here, old_addr is never below where the move began.
    """
    get_extent = with_destination_cut(extent_by_deltas)
    return move_by_extents_of_both(mm, old_addr, new_addr, len, get_extent, how_much_done_guarded_by_start)


def skip_cut_2020(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """2020 on: the destination cuts first, so it cuts a step over an absent source table too.

    Right: the same result, in other steps. In this arithmetic it is get_extent_fixed without the helper's name.
    """
    return move_by_extents_of_both(mm, old_addr, new_addr, len, with_destination_cut(extent_by_deltas))


def no_latency_limit_2018(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """2018 on: no cut by latency. Right: the same result, in longer critical sections."""
    return move_by_source_extents(mm, old_addr, new_addr, len, extent_by_deltas, destination_cut)


RIGHT: tuple[Form, ...] = (
    by_page,
    extents_2005,
    suggestion_2011,
    deltas_2011,
    no_latency_limit_2018,
    skip_cut_2020,
    get_extent_fixed,
    progress_guard_2024,
)

WRONG: tuple[Form, ...] = (draft_2011, addr_end_cursor_2020, addr_end_2020, get_extent_2020, progress_guard_2023)
