"""What each way to move does that others could notice, in order, written out for one small move.

The specification follows such records and judges them, and so allows more than one: a flush of more than was asked for,
say. Here they are as the kernel has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from errno import ENOMEM

import pytest

from mremap_impl.by_page import move_one_page, move_page_tables_by_page
from mremap_impl.geometry import Geometry
from mremap_impl.mm import Allocator, Event, Lock, Map, Mm, Pmd, Step, Vma
from mremap_impl.move_vma import move_vma_entries
from mremap_impl.mremap import move_page_tables
from mremap_impl.repair import move_page_tables_repaired
from mremap_impl.unmap import unmap
from mremap_impl.words import Words

SMALL = Geometry.two_levels("small", word_bits=32, page_shift=12, pmd_shift=13, task_size=0xC000_0000)
"""Two pages to a pte table, and no levels above."""

OLD, NEW, LEN = 0x11000, 0x20000, 0x2000


def areas() -> tuple[Vma, Vma]:
    """Of a file; truncation has got further in the new one than in the old."""
    return Vma(vm_file=True, vm_truncate_count=5), Vma(vm_file=True, vm_truncate_count=7)


def small() -> Mm:
    """An entry in the second page; no table at the new place."""
    return Mm.holding(SMALL, {OLD + 0x1000: "page"}, empty_tables=[OLD])


def shown(mm: Mm, vma: Vma, new_vma: Vma) -> list[str]:
    """The events, one a line; areas by name."""

    def one(argument: object) -> str:
        if argument is vma or argument is new_vma:
            return "vma" if argument is vma else "new_vma"
        if isinstance(argument, Lock):
            return argument.value
        return hex(argument) if isinstance(argument, int) else str(argument)

    return [f"{event.name}({', '.join(map(one, event.args))})" for event in mm.events]


ASKS = "spin_unlock(page_table_lock) might_sleep() spin_lock(page_table_lock) pte_alloc(0x20000)"
"""A table that is wanted: the allocator waits for memory without the lock."""

ALLOCATES = f"spin_lock(page_table_lock) {ASKS}"

MOVES = (
    "spin_lock(page_table_lock) pte_offset_map(0x12000) pte_offset_map(0x21000) "
    "pte_none(0x12000) ptep_get_and_clear(0x12000) flush_tlb_page(0x12000) set_pte_at(0x21000, page) "
    "pte_unmap_nested(0x21000) pte_unmap(0x12000) spin_unlock(page_table_lock) spin_unlock(i_mmap_lock)"
)
"""The entry moves, in a critical section; of a file."""

BY_EXTENTS = (
    "flush_cache_range(0x11000, 0x13000)",
    "cond_resched() get_old_pmd(0x11000)",
    f"{ALLOCATES} pte_offset_map(0x20000) pte_unmap(0x20000) spin_unlock(page_table_lock)",
    "spin_lock(i_mmap_lock) reset_truncate_count(new_vma)",
    "spin_lock(page_table_lock) pte_offset_map(0x11000) pte_offset_map(0x20000) pte_none(0x11000)",
    "pte_unmap_nested(0x20000) pte_unmap(0x11000) spin_unlock(page_table_lock) spin_unlock(i_mmap_lock)",
    "cond_resched() get_old_pmd(0x12000)",
    "spin_lock(page_table_lock) pte_offset_map(0x21000) pte_unmap(0x21000) spin_unlock(page_table_lock)",
    "spin_lock(i_mmap_lock)",
    MOVES,
)

REPAIRED = (
    "flush_cache_range(0x11000, 0x13000)",
    "cond_resched() get_old_pmd(0x11000) pte_offset_map(0x11000) pte_none(0x11000) pte_unmap(0x11000)",
    "cond_resched() get_old_pmd(0x12000) pte_offset_map(0x12000) pte_none(0x12000) pte_unmap(0x12000)",
    f"{ALLOCATES} pte_offset_map(0x21000) pte_unmap(0x21000) spin_unlock(page_table_lock)",
    "spin_lock(i_mmap_lock) reset_truncate_count(new_vma)",
    MOVES,
)

BY_PAGE = (
    "flush_cache_range(0x11000, 0x13000)",
    "spin_lock(i_mmap_lock) reset_truncate_count(new_vma) spin_lock(page_table_lock)",
    "get_old_pmd(0x11000) pte_offset_map(0x11000) pte_none(0x11000) pte_unmap_nested(0x11000)",
    "spin_unlock(page_table_lock) spin_unlock(i_mmap_lock) cond_resched()",
    "spin_lock(i_mmap_lock) spin_lock(page_table_lock)",
    "get_old_pmd(0x12000) pte_offset_map(0x12000) pte_none(0x12000) get_old_pmd(0x21000)",
    f"pte_unmap_nested(0x12000) spin_unlock(i_mmap_lock) {ASKS} pte_offset_map(0x21000) spin_trylock(i_mmap_lock)",
    "get_old_pmd(0x12000) pte_offset_map(0x12000) pte_none(0x12000)",
    "ptep_get_and_clear(0x12000) flush_tlb_page(0x12000) set_pte_at(0x21000, page)",
    "pte_unmap_nested(0x12000) pte_unmap(0x21000) spin_unlock(page_table_lock) spin_unlock(i_mmap_lock) cond_resched()",
)

RECORDS: dict[Callable[..., object], tuple[str, ...]] = {
    move_page_tables: BY_EXTENTS,
    move_vma_entries: BY_EXTENTS,
    move_page_tables_repaired: REPAIRED,
    move_page_tables_by_page: BY_PAGE,
}


@pytest.mark.parametrize("move", RECORDS)
def test_what_a_move_does_is_this(move: Callable[..., object]) -> None:
    mm, (vma, new_vma) = small(), areas()
    calls: list[int] = []
    mm.cond_resched = lambda: calls.append(len(mm.events))
    move(mm, OLD, NEW, LEN, vma, new_vma)
    assert " ".join(shown(mm, vma, new_vma)) == " ".join(RECORDS[move])
    assert len(calls) == 2, "once a step"
    assert mm.pte == {NEW + 0x1000: "page"}
    assert mm.held == {Lock.MMAP_SEM}
    assert (vma.vm_truncate_count, new_vma.vm_truncate_count) == (5, 0)


def test_a_move_that_stops_short_goes_back_with_the_areas_the_other_way_round() -> None:
    mm, (vma, new_vma) = Mm.holding(SMALL, {OLD: "a", OLD + 0x1000: "b"}, empty_tables=[NEW]), areas()
    mm.allocator = Allocator.granting(0)
    assert move_vma_entries(mm, OLD, NEW + 0x1000, LEN, vma, new_vma) == (0x1000, 0x1000)
    assert mm.pte == {OLD: "a", OLD + 0x1000: "b"}
    # On the way there the new one is further, and on the way back the old one.
    assert [e.args[0] is new_vma for e in mm.events if e.name == "reset_truncate_count"] == [True, False]


@pytest.mark.parametrize(
    ("move", "maps"),
    [
        (move_page_tables, [Map(Pmd(0x12000), nested=False), Map(Pmd(0x20000), nested=True)]),
        (move_page_tables_by_page, [Map(Pmd(0x20000), nested=False), Map(Pmd(0x12000), nested=True)]),
    ],
)
def test_two_tables_are_mapped_in_two_places(move: Callable[..., object], maps: list[Map]) -> None:
    mm = small()
    found: list[Map] = []
    mm.watch = lambda event: found.extend(mm.mapped) if event.name == "set_pte_at" else None
    move(mm, OLD, NEW, LEN)
    assert found == maps


@pytest.mark.parametrize(
    ("old", "new", "reset"), [(5, 7, True), (7, 5, True), (1 << 40, 1 << 40, False), (5, 0, False), (0, 5, True)]
)
@pytest.mark.parametrize("move", RECORDS)
def test_the_count_of_the_new_area_is_reset_if_it_is_another_and_not_0(
    move: Callable[..., object], old: int, new: int, reset: bool
) -> None:
    mm, vma, new_vma = small(), Vma(True, old), Vma(True, int(str(new)))  # equal, and not the same object
    move(mm, OLD, NEW, LEN, vma, new_vma)
    assert any(event.name == "reset_truncate_count" for event in mm.events) == reset
    assert new_vma.vm_truncate_count == (0 if reset else new)


@pytest.mark.parametrize("move", RECORDS)
def test_whether_the_area_maps_a_file_is_asked_of_the_old_one(move: Callable[..., object]) -> None:
    """Both map the same file in the kernel, or none."""
    for of_file in (False, True):
        mm = small()
        move(mm, OLD, NEW, LEN, Vma(of_file), Vma(not of_file))
        assert any(event.args == (Lock.I_MMAP_LOCK,) for event in mm.events) == of_file
        assert mm.held == {Lock.MMAP_SEM}


def test_page_by_page_no_lock_is_dropped_where_the_table_stands() -> None:
    mm, (vma, new_vma) = Mm.holding(SMALL, {OLD: "page"}, empty_tables=[NEW]), areas()
    assert move_one_page(mm, OLD, NEW, vma, new_vma) == 0
    assert [event.name for event in mm.events].count("spin_unlock") == 2
    assert mm.pte == {NEW: "page"}


def test_page_by_page_the_error_is_enomem() -> None:
    mm = small()
    mm.allocator = Allocator.granting(0)
    assert move_one_page(mm, OLD + 0x1000, NEW) == -ENOMEM


def test_the_steps_are_these() -> None:
    mm = Mm.holding(SMALL, {OLD + 0x3000: "page"})
    move_page_tables(mm, OLD, NEW, 0x4000)
    assert mm.steps == [
        Step(OLD, NEW, 0x1000, moved=False),
        Step(OLD + 0x1000, NEW + 0x1000, 0x2000, moved=False),
        Step(OLD + 0x3000, NEW + 0x3000, 0x1000, moved=True),
    ]


@pytest.mark.parametrize("move", [move_page_tables, move_page_tables_repaired])
def test_a_critical_section_moves_64_pages_at_most(move: Callable[..., object]) -> None:
    wide = Geometry.two_levels("wide", word_bits=32, page_shift=12, pmd_shift=22, task_size=0xC000_0000)
    mm = Mm.holding(wide, {page << 12: page for page in range(200)})
    held: list[int] = []

    def watch(event: Event) -> None:
        if event.name == "spin_lock":
            held.append(0)
        elif event.name == "set_pte_at":
            held[-1] += 1

    mm.watch = watch
    move(mm, 0, 0x0080_0000, 200 << 12)
    assert [count for count in held if count] == [64, 64, 64, 8]


def test_unmapping_counts_each_table_that_goes() -> None:
    mm = Mm.holding(SMALL, {}, empty_tables=[0x10000, 0x12000, 0x14000, 0x20000])
    unmap(mm, 0x11000, 0x4000, 0, 0)
    assert (mm.table, mm.nr_ptes) == ({0x20000}, 1)


FROZEN: dict[str, object] = {
    "name": Event("x", ()),
    "word_bits": SMALL,
    "bits": Words(32),
    "extent": Step(0, 0, 0, moved=False),
    "nested": Map(Pmd(0), nested=False),
}


@pytest.mark.parametrize(("field", "value"), FROZEN.items(), ids=FROZEN)
def test_values_do_not_change(field: str, value: object) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(value, field, 0)


@pytest.mark.parametrize(
    "value", [*FROZEN.values(), Vma(), Allocator.willing(), small()], ids=lambda v: type(v).__name__
)
def test_a_misspelt_attribute_is_an_error(value: object) -> None:
    assert not hasattr(value, "__dict__")
