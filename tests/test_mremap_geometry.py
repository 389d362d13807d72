"""The implementation alone: geometries."""

from __future__ import annotations

import pytest

from mremap_impl.geometry import ARM, I386, I386_PAE, NAMED, PARISC32, S390X, X86_64, Geometry
from mremap_impl.step import next_pmd

SHORT_WORD = Geometry.two_levels(
    "page_shift + 6 == word_bits", word_bits=16, page_shift=10, pmd_shift=12, task_size=0xF000
)
LARGE_TABLES = Geometry.two_levels(
    "pmd_shift > 2 * page_shift", word_bits=16, page_shift=4, pmd_shift=9, task_size=0xF000
)


@pytest.mark.parametrize(
    ("geometry", "pmd_size", "pmd_mask", "ptes", "latency_limit"),
    [
        (I386, 0x40_0000, 0xFFC0_0000, 1024, 0x4_0000),
        (I386_PAE, 0x20_0000, 0xFFE0_0000, 512, 0x4_0000),
        (X86_64, 0x20_0000, 0xFFFF_FFFF_FFE0_0000, 512, 0x4_0000),
        (ARM, 0x20_0000, 0xFFE0_0000, 512, 0x4_0000),
        (PARISC32, 0x20_0000, 0xFFE0_0000, 512, 0x4_0000),
        (S390X, 0x10_0000, 0xFFFF_FFFF_FFF0_0000, 256, 0x4_0000),
        (SHORT_WORD, 0x1000, 0xF000, 4, 0),
        (LARGE_TABLES, 0x200, 0xFE00, 32, 0x400),
    ],
    ids=lambda value: value.name if isinstance(value, Geometry) else "",
)
def test_sizes_of_a_geometry(geometry: Geometry, pmd_size: int, pmd_mask: int, ptes: int, latency_limit: int) -> None:
    sizes = (geometry.PMD_SIZE, geometry.PMD_MASK, geometry.PTRS_PER_PTE, geometry.LATENCY_LIMIT)
    assert sizes == (pmd_size, pmd_mask, ptes, latency_limit)


@pytest.mark.parametrize(
    "shifts", [(-1, 4, 4, 4, 4), (4, 4, 4, 4, 4), (4, 8, 8, 8, 8), (2, 4, 3, 5, 5), (2, 4, 5, 4, 5), (2, 4, 4, 6, 5)]
)
def test_a_geometry_with_an_undefined_shift_or_levels_out_of_order_is_refused(
    shifts: tuple[int, int, int, int, int],
) -> None:
    page, pmd, pud, p4d, pgdir = shifts
    with pytest.raises(ValueError, match=r"want 0 <= page_shift < pmd_shift <= \.\. <= pgdir_shift < word_bits"):
        Geometry("odd", 8, page, pmd, pud, p4d, pgdir, task_size=0)


def test_a_word_has_at_most_128_bits() -> None:
    assert Geometry.two_levels("long", 128, 12, 22, task_size=0).word_bits == 128
    with pytest.raises(ValueError, match=r"long: want .* < word_bits <= 128: "):
        Geometry.two_levels("long", 129, 12, 22, task_size=0)


def test_which_levels_are_folded_away_on_the_named_geometries() -> None:
    folded = {g.name: "".join("fx"[not f] for f in (g.p4d_folded, g.pud_folded, g.pmd_folded)) for g in NAMED}
    two, three, four, five = "fff", "ffx", "fxx", "xxx"
    assert folded == {"i386": two, "i386_pae": three, "x86_64": four, "arm": two, "parisc32": two, "s390x": five}


def test_user_space_of_the_named_geometries_ends_with_a_page() -> None:
    assert [g.name for g in NAMED if g.task_size % g.PAGE_SIZE] == []


def test_one_of_the_named_geometries_takes_the_helpers_for_a_folded_pmd() -> None:
    assert [g.name for g in NAMED if g.pmd_addr_end_elided] == ["i386"]


def test_user_addresses_reach_the_last_pmd_of_the_word_on_two_of_the_named_geometries() -> None:
    assert [g.name for g in NAMED if next_pmd(g.task_size - g.PAGE_SIZE, g) == 0] == ["parisc32", "s390x"]


@pytest.mark.parametrize("shifts", [(0, 1, 1, 1, 1), (0, 1, 2, 3, 4), (4, 6, 6, 6, 15)])
def test_a_geometry_has_levels_that_nest(shifts: tuple[int, int, int, int, int]) -> None:
    made = Geometry("made", 16, *shifts, task_size=0xF000)
    assert (made.page_shift, made.pmd_shift, made.pud_shift, made.p4d_shift, made.pgdir_shift) == shifts
    assert not made.pmd_addr_end_elided
    assert not Geometry.two_levels("made", 16, 4, 6, task_size=0xF000).pmd_addr_end_elided


@pytest.mark.parametrize(
    "shifts",
    [
        (-1, 6, 7, 8, 9),
        (6, 6, 7, 8, 9),
        (7, 6, 8, 8, 9),
        (4, 8, 7, 8, 9),
        (4, 6, 9, 8, 9),
        (4, 6, 7, 10, 9),
        (4, 6, 7, 8, 16),
        (4, 6, 7, 8, 17),
    ],
)
def test_levels_that_do_not_nest_are_no_geometry(shifts: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="wrong: want 0 <= page_shift < pmd_shift"):
        Geometry("wrong", 16, *shifts, task_size=0xF000)
