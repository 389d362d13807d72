"""Faults, and what notices them: for each claim, one in a body of the specification and one in the implementation.

What a fault leaves green does not hold its claim up. So each row names what must fail, and which other claims fail with
it: none where the fault can be told apart from everything else, and where it cannot, the reason is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`text` becomes `by`, and `id` fails: an obligation (`call*`: any call), or a generated test.

    `file` is a module of the specification, whose `text` stands once in the body that `id` is about; or one of
    mremap_impl, in which it stands once.
    `also`: the other claims of what fails, over all obligations of the same routine, or over all tests; no more than
    these may. (A routine that calls a faulty one knows it by its contract. A test of it runs it.)
    """

    file: str
    text: str
    by: str
    id: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """The two faults of a claim. What `id` names has that claim."""

    claim: str
    specification: Fault
    implementation: Fault


@dataclass(frozen=True, slots=True)
class Named:
    """A fault in the implementation that has a name. `fault.also`: all claims of the tests that fail."""

    name: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Given:
    """An entry given by hand, for `routines`. What is not named is 0, or empty; the hook leaves entries as they are.

    `bad`: bad entries of pmds. `becomes`: which strokes of others have an entry to put.
    """

    routines: tuple[str, ...]
    geometry: Mapping[str, int]
    arguments: Mapping[str, int]
    entries: tuple[int, ...]
    tables: tuple[int, ...]
    refused: tuple[int, ...] = ()
    bad: tuple[int, ...] = ()
    becomes: tuple[int, ...] = ()


EXTENT, TABLES, MOVE, BY_PAGE = "extent.spec", "tables.spec", "move_page_tables.spec", "by_page.spec"
LEVELS, MOVE_VMA, REPAIR = "levels.spec", "move_vma.spec", "repair.spec"
SOURCE, CUT, LATENCY = "extent.source_extent.ensures", "extent.destination_cut.ensures", "extent.latency_cut.ensures"
MOVED, PTES, SHIFTED = "move_page_tables.move_page_tables", "move_page_tables.move_ptes", "move_page_tables.shift_down"
ALLOCATED, ONE_PAGE, PAGES = "tables.alloc_new_pmd", "by_page.move_one_page", "by_page.move_page_tables_by_page"
REPAIRED, BACK_BY_PAGE = "repair.move_page_tables_repaired", "move_vma.move_vma_by_page"

TWO_PAGES = {
    "WORD_BITS": 32,
    "PAGE_SHIFT": 12,
    "PMD_SHIFT": 13,
    "PUD_SHIFT": 13,
    "P4D_SHIFT": 13,
    "PGDIR_SHIFT": 13,
    "TASK_SIZE": 0xC0000000,
}
"""A geometry with two pages to a pte table, and no levels above."""

# Three pages are enough, of which the first has no table. The last one has to stay: its table is the second asked for.
THREE_PAGES = {"old_addr": 0x11000, "new_addr": 0x20000, "len": 0x3000}
ROOM = {"old_floor": 0x11000, "old_ceiling": 0x14000, "new_floor": 0x20000, "new_ceiling": 0x23000}

GIVEN = (
    # Two PMDs of the source, one of the destination.
    Given(
        (MOVED,),
        TWO_PAGES,
        {"old_addr": 0x11000, "new_addr": 0x20000, "len": 0x2000},
        (0x11000, 0x12000),
        (0x10000, 0x12000),
    ),
    # One PMD of the source, two of the destination.
    Given(
        (MOVED,),
        TWO_PAGES,
        {"old_addr": 0x10000, "new_addr": 0x21000, "len": 0x2000},
        (0x10000, 0x11000),
        (0x10000,),
    ),
    # No table at all.
    Given((MOVED,), TWO_PAGES, {"old_addr": 0x10000, "new_addr": 0x21000, "len": 0x2000}, (), ()),
    # A table with nothing in it.
    Given((MOVED,), TWO_PAGES, {"old_addr": 0x10000, "new_addr": 0x20000, "len": 0x2000}, (), (0x10000,)),
    # Down by a page.
    Given(
        (SHIFTED,),
        TWO_PAGES,
        {"old_addr": 0x11000, "new_addr": 0x10000, "len": 0x2000},
        (0x12000,),
        (0x10000, 0x12000),
    ),
    # To the end of both PMDs.
    Given(
        (PTES,),
        TWO_PAGES,
        {"old_addr": 0x10000, "old_end": 0x12000, "new_addr": 0x20000},
        (0x10000,),
        (0x10000, 0x20000),
    ),
    # In the last PMD of the word.
    Given(("extent.source_extent",), TWO_PAGES, {"old_addr": 0xFFFFE000, "old_end": 0xFFFFF000}, (), ()),
    Given(
        ("move_vma.move_vma_by_page", "repair.move_vma_repaired"),
        TWO_PAGES,
        {**THREE_PAGES, **ROOM},
        (0x12000, 0x13000),
        (0x12000,),
        (1, 2),
    ),
    # Cut by the destination, the first step has no entry.
    Given(
        ("repair.move_page_tables_repaired",),
        TWO_PAGES,
        {"old_addr": 0x10000, "new_addr": 0x21000, "len": 0x2000},
        (0x11000,),
        (0x10000,),
    ),
    # The table that the only entry needs is refused.
    Given(
        ("by_page.move_one_page",),
        TWO_PAGES,
        {"old_addr": 0x10000, "new_addr": 0x20000},
        (0x10000,),
        (0x10000,),
        (0,),
    ),
)

PAST_TABLES = (
    "accounts",
    "by-page",
    "clamp",
    "folded",
    "frame",
    "hole",
    "move-pte",
    "moved",
    "one-place",
    "overlap",
    "repair",
    "return",
    "source-cut",
    "tables",
    "top",
)
"""What fails where steps run past tables."""

# Those that the tests must notice whatever else they do.
NAMED = (
    Named(
        "the - 1 dropped",
        Fault("step", "words.sub(next, 1) > old_end", "next > old_end", f"{SOURCE}.exact", PAST_TABLES),
    ),
    Named(
        "the destination cut left out",
        Fault(
            "mremap",
            "            extent = destination_cut(extent, new_addr, geometry)\n",
            "",
            f"{MOVED}.ensures.exact",
            ("frame", "moved"),
        ),
    ),
    Named(
        "the source pte not cleared",
        Fault(
            "mremap",
            "mm.ptep_clear_flush(old_pte)",
            "mm.pte[old_pte]",
            f"{MOVED}.ensures.cleared",
            ("accounts", "broken-off", "frame", "moved", "one-place", "overlap", "repair"),
        ),
    ),
    Named(
        "on past a refused table",
        Fault(
            "mremap",
            "                break\n",
            "                old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)\n"
            "                continue\n",
            f"{MOVED}.ensures.complete",
            (
                "accounts",
                "broken-off",
                "by-page",
                "frame",
                "move-back",
                "move-pte",
                "moved",
                "one-place",
                "overlap",
                "return",
                "tables",
                "upper-levels",
            ),
        ),
    ),
)

# Refutations mended: what they refute now holds, and that must not pass for a refutation.
MENDED = (
    Fault(
        EXTENT,
        "refute clamp_unaligned_end(old_addr: word, old_end: word)\n    requires aligned:  page_aligned(old_addr)\n",
        "refute clamp_unaligned_end(old_addr: word, old_end: word)\n"
        "    requires aligned:  page_aligned(old_addr) && page_aligned(old_end)\n",
        "extent.clamp_unaligned_end.refute",
    ),
    Fault(
        EXTENT,
        "refute clamp_with_byte_pages(old_addr: word, old_end: word)\n    without page_shift\n",
        "refute clamp_with_byte_pages(old_addr: word, old_end: word)\n",
        "extent.clamp_with_byte_pages.refute",
    ),
    Fault(
        EXTENT,
        "    ensures  inside:   (if next_pmd(old_addr) > old_end then",
        "    ensures  inside:   (if next_pmd(old_addr) - 1 > old_end then",
        "extent.without_minus_one.refute",
    ),
    Fault(
        EXTENT,
        "forall a: word :: a - old_addr < old_end - old_addr ==>",
        "forall a: word :: a - old_addr < clamped(old_addr, old_end) ==>",
        "extent.without_source_cut.refute",
    ),
    Fault(
        EXTENT,
        "forall a: word :: a - new_addr < clamped(old_addr, old_end) ==>",
        "forall a: word :: a - new_addr < PAGE_SIZE ==>",
        "extent.without_destination_cut.refute",
    ),
    Fault(
        EXTENT,
        "    ensures  latency:  clamped(old_addr, old_end) <= LATENCY_LIMIT;",
        "    ensures  latency:  clamped(old_addr, old_end) <= PMD_SIZE;",
        "extent.without_latency_limit.refute",
    ),
    Fault(
        EXTENT,
        "a - old_addr < folded_pmd_addr_end(old_addr, old_end) - old_addr ==>",
        "a - old_addr < clamped(old_addr, old_end) ==>",
        "extent.folded_step.refute",
    ),
)
