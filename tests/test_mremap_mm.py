"""The implementation alone: what an address space is, and when it is well formed."""

from __future__ import annotations

import pytest

from mremap_impl.geometry import Geometry
from mremap_impl.mm import Allocator, Event, Lock, Map, Mm, Pmd, Step, Vma

SMALL = Geometry.two_levels("4 ptes per table", word_bits=16, page_shift=4, pmd_shift=6, task_size=0xF000)
FIVE = Geometry("2 entries to a table of each of 5 levels", 16, 4, 5, 6, 7, 8, task_size=0xF000)
FOLDED = Geometry("the level in the middle is folded away", 16, 4, 5, 6, 6, 8, task_size=0xF000)

LEVELS = [("bad_pgd", "p4d_table"), ("bad_p4d", "pud_table"), ("bad_pud", "pmd_table"), ("bad_pmd", "table")]
"""The entries of each level: the bad ones, and those that point to a table. The pgd's come first."""


def test_a_new_address_space_has_done_nothing_and_nobody_is_in_its_way() -> None:
    mm = Mm(SMALL, {}, set())
    assert (mm.p4d_table, mm.pud_table, mm.pmd_table) == (mm.bad_pgd, mm.bad_p4d, mm.bad_pud) == (set(), set(), set())
    assert (mm.bad_pmd, mm.reported, mm.nr_ptes, mm.made, mm.tries) == (set(), 0, 0, {}, 0)
    assert (mm.mapped, mm.steps, mm.events, mm.held) == ([], [], [], {Lock.MMAP_SEM})
    assert [mm.contended(attempt) for attempt in range(4)] == [False] * 4
    assert [mm.allocator.grants() for _ in range(4)] == [True] * 4
    assert mm.move_pte("entry", 0x10, 0x20) == "entry"
    assert Vma() == Vma(vm_file=False, vm_truncate_count=0)


@pytest.mark.parametrize(
    "name", ["pte", "table", "p4d_table", "pud_table", "pmd_table", "bad_pgd", "bad_p4d", "bad_pud", "bad_pmd"]
)
def test_address_spaces_differ_where_entries_tables_or_bad_entries_do(name: str) -> None:
    other = Mm(SMALL, {}, set())
    setattr(other, name, {0x40: "entry"} if name == "pte" else {0x40})
    assert other != Mm(SMALL, {}, set())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allocator", Allocator.granting(0)),
        ("move_pte", lambda pte, _old_addr, _new_addr: pte),
        ("cond_resched", lambda: None),
        ("reported", 1),
        ("nr_ptes", 1),
        ("made", {0: 0x40}),
        ("mapped", [Map(Pmd(0x40), nested=False)]),
        ("steps", [Step(0x40, 0x80, 0x10, moved=True)]),
        ("held", set()),
        ("contended", lambda _attempt: True),
        ("tries", 1),
        ("events", [Event("pte_none", (0x40,))]),
        ("watch", lambda _event: None),
    ],
)
def test_address_spaces_are_the_same_whatever_was_done_to_get_there(name: str, value: object) -> None:
    other = Mm(SMALL, {}, set())
    setattr(other, name, value)
    assert other == Mm(SMALL, {}, set())


def full(geometry: Geometry = FIVE) -> Mm:
    """An entry, and the tables that it needs: in FIVE, each begins at an address of its own."""
    return Mm.holding(geometry, {0x2F0: "entry"})


def without(mm: Mm, level: int) -> None:
    """Takes away the table that an entry of that level points to, and all that is below."""
    for _, name in LEVELS[level:]:
        getattr(mm, name).clear()
    mm.pte.clear()


@pytest.mark.parametrize("geometry", [FIVE, FOLDED, SMALL], ids=lambda g: g.name)
def test_entries_with_their_tables_are_well_formed(geometry: Geometry) -> None:
    assert Mm(geometry, {}, set()).well_formed()
    assert full(geometry).well_formed()


@pytest.mark.parametrize(("level", "addr"), [(0, 0x200), (1, 0x280), (2, 0x2C0), (3, 0x2E0)])
def test_a_bad_entry_is_well_formed_where_a_table_could_be(level: int, addr: int) -> None:
    bad, _ = LEVELS[level]
    mm = full()
    without(mm, level)
    getattr(mm, bad).add(addr)
    assert mm.well_formed()


@pytest.mark.parametrize(("level", "addr"), [(0, 0x200), (1, 0x280), (2, 0x2C0), (3, 0x2E0)])
def test_no_entry_both_is_bad_and_points_to_a_table(level: int, addr: int) -> None:
    bad, _ = LEVELS[level]
    mm = full()
    for _, name in LEVELS[level + 1 :]:
        getattr(mm, name).clear()
    mm.pte.clear()
    assert mm.well_formed()
    getattr(mm, bad).add(addr)
    assert not mm.well_formed()


@pytest.mark.parametrize("name", [name for level in LEVELS for name in level])
@pytest.mark.parametrize("addr", [0x2F0, 0x201])
def test_an_entry_of_a_level_is_known_by_the_first_address_that_it_maps(name: str, addr: int) -> None:
    mm = full()
    getattr(mm, name).add(addr)
    assert not mm.well_formed()


@pytest.mark.parametrize(("level", "addr"), [(1, 0x480), (2, 0x440), (3, 0x420)])
@pytest.mark.parametrize("is_table", [False, True])
def test_nothing_stands_where_no_table_is(level: int, addr: int, is_table: bool) -> None:
    mm = full()
    getattr(mm, LEVELS[level][is_table]).add(addr)
    assert not mm.well_formed()


@pytest.mark.parametrize("geometry", [FIVE, FOLDED], ids=lambda g: g.name)
@pytest.mark.parametrize("level", [0, 2, 3])
def test_no_table_stands_below_one_that_is_not_there(geometry: Geometry, level: int) -> None:
    mm = full(geometry)
    getattr(mm, LEVELS[level][1]).clear()
    assert not mm.well_formed()


@pytest.mark.parametrize("name", LEVELS[1])
def test_a_level_that_is_folded_away_has_no_entries(name: str) -> None:
    mm = full(FOLDED)
    getattr(mm, name).add(0x240)
    assert not mm.well_formed()


@pytest.mark.parametrize("addr", [0x2E1, 0x2E4, 0x2E8, 0x300])
def test_a_pte_stands_at_a_page_that_has_a_table(addr: int) -> None:
    mm = full()
    mm.pte[addr] = "other"
    assert not mm.well_formed()
