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
    `also`: the other claims of what fails, over all obligations of the same routine, or over all tests: these and no
    more. (A routine that calls a faulty one knows it by its contract. A test of it runs it.)
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
    """An entry given by hand, for `routines`. What is not named is 0, or empty; the hook leaves entries as they are."""

    routines: tuple[str, ...]
    geometry: Mapping[str, int]
    arguments: Mapping[str, int]
    entries: tuple[int, ...]
    tables: tuple[int, ...]
    refused: tuple[int, ...] = ()


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

ONE_PAGE_MOVES = "        error = move_one_page(old_addr + offset, new_addr + offset);\n"
CUTS = """        uncut = extent;
        extent = destination_cut(extent, new_addr);
        cut = extent;
        extent = latency_cut(extent);
        shorter_in_one_pmd(old_addr, uncut, extent);
        shorter_in_one_pmd(new_addr, cut, extent);
        aligned_sum(old_addr, extent);
        aligned_sum(new_addr, extent);
"""
LOOK = "        found = holds_entry(old_addr, extent);\n"
DONE = "    done = len + old_addr - old_end;\n"

FAULTS = (
    Row(
        "source-cut",
        # The steps that end with a source PMD are not counted right where one runs past it.
        Fault(
            MOVE,
            "        extent = destination_cut(extent, new_addr);",
            "        extent = destination_cut(old_end - old_addr, new_addr);",
            f"{MOVED}.call*.move_ptes.old_pmd",
            ("progress",),
        ),
        Fault("step", "if words.sub(next, 1) > old_end:", "if True:", f"{SOURCE}.one_pmd"),
    ),
    Row(
        "destination-cut",
        # What is past the end of the destination PMD has no table.
        Fault(
            MOVE,
            "        extent = destination_cut(extent, new_addr);\n",
            "",
            f"{MOVED}.call*.move_ptes.new_pmd",
            ("tables",),
        ),
        Fault("step", "        extent = room", "        pass", f"{CUT}.one_pmd"),
    ),
    Row(
        "latency",
        Fault(EXTENT, "    if (cut > LATENCY_LIMIT) {", "    if (false) {", f"{LATENCY}.latency"),
        Fault("step", "        extent = geometry.LATENCY_LIMIT", "        pass", f"{LATENCY}.latency"),
    ),
    Row(
        "clamp",
        # The minimum is wrong in the last PMD of the word: one clause, both claims.
        Fault(EXTENT, "    if (next - 1 > old_end) {", "    if (next > old_end) {", f"{SOURCE}.exact", ("top",)),
        # Less than the minimum. With more than that the loop need not end, and everything fails: see `NAMED`.
        Fault(
            "step",
            "    return words.sub(next, old_addr)\n",
            "    return min(words.sub(next, old_addr), geometry.LATENCY_LIMIT)\n",
            f"{SOURCE}.exact",
            ("hole", "top"),
        ),
    ),
    Row(
        "top",
        # The wrap is taken for a boundary below the address. A cut left out is left out, wherever it is.
        Fault(
            EXTENT,
            "    if (cut > next - new_addr) {",
            "    if (next > new_addr && cut > next - new_addr) {",
            f"{CUT}.exact",
            ("destination-cut",),
        ),
        Fault(
            "mremap",
            "    while old_addr < old_end:\n        mm.",
            "    while old_addr < old_end or (old_addr and not old_end):\n        mm.",
            f"{MOVED}.ensures.top",
        ),
    ),
    Row(
        "progress",
        Fault(EXTENT, "        cut = LATENCY_LIMIT;", "        cut = PAGE_SIZE;", f"{LATENCY}.exact"),
        Fault(
            "step", "        extent = geometry.LATENCY_LIMIT", "        extent = geometry.PAGE_SIZE", f"{LATENCY}.exact"
        ),
    ),
    Row(
        "folded",
        # Where the helper returns its end there is no source cut, and the boundary is not the one that is compared.
        Fault(
            EXTENT,
            "    var next: word = (old_addr + PMD_SIZE) & PMD_MASK;",
            "    var next: word = folded_pmd_addr_end(old_addr, old_end);",
            f"{SOURCE}.one_pmd",
            ("clamp", "source-cut", "top"),
        ),
        Fault("step", "    next = next_pmd(old_addr, geometry)", "    next = old_end", f"{SOURCE}.one_pmd"),
    ),
    Row(
        "hole",
        Fault(
            MOVE,
            "        present = get_old_pmd(old_addr);",
            "        extent = destination_cut(extent, new_addr);\n        present = get_old_pmd(old_addr);",
            f"{MOVED}.assert.hole",
        ),
        Fault(
            "mremap",
            "        old_pmd = get_old_pmd(mm, old_addr)\n",
            "        extent = destination_cut(extent, new_addr, geometry)\n"
            "        old_pmd = get_old_pmd(mm, old_addr)\n",
            f"{MOVED}.ensures.over_hole",
        ),
    ),
    Row(
        "return",
        # The last byte passed over instead of the end. What is less than all of it has been broken off.
        Fault(
            MOVE,
            DONE,
            DONE + "    if (0 < done && done == len) {\n        done -= 1;\n    }\n",
            f"{MOVED}.assert.difference",
            ("broken-off", "tables"),
        ),
        Fault(
            "step",
            "    return words.sub(words.add(len, old_addr), old_end)",
            "    done = words.sub(words.add(len, old_addr), old_end)\n    return done - 1 if done else done",
            f"{MOVED}.ensures.bounded",
        ),
    ),
    Row(
        "pointer",
        # At the end of a PMD the pointer is past its table.
        Fault(
            MOVE,
            "    pte_unmap(new_pte - int(PAGE_SIZE));",
            "    pte_unmap(new_pte);",
            f"{PTES}.call*.pte_unmap.last",
        ),
        # A map that is undone wrongly is a crash, of which every test fails. So one that is not undone.
        Fault("mremap", "    pte_unmap(mm, mm.pte_plus(old_pte, -1))\n", "", f"{PTES}.ensures.maps"),
    ),
    Row(
        "overlap",
        # That the ranges lie so is asked by the move of all its callers. And the way from the new range may be bad.
        Fault(
            MOVE,
            "move_page_tables(old_addr, new_addr, len)",
            "move_page_tables(new_addr, old_addr, len)",
            f"{SHIFTED}.ensures.arrived",
            ("upper-levels",),
        ),
        # From the top downwards. The contract of the move itself allows such ranges.
        Fault(
            "mremap",
            "    while old_addr < old_end:\n        if",
            "    slots = [(old_pte, old_addr, new_pte, new_addr)]\n"
            "    while words.add(slots[-1][1], page_size) < old_end:\n"
            "        old_pte, old_addr = mm.pte_plus(old_pte, 1), words.add(old_addr, page_size)\n"
            "        new_pte, new_addr = mm.pte_plus(new_pte, 1), words.add(new_addr, page_size)\n"
            "        slots.append((old_pte, old_addr, new_pte, new_addr))\n"
            "    for old_pte, old_addr, new_pte, new_addr in reversed(slots):\n"
            "        if",
            f"{SHIFTED}.ensures.arrived",
        ),
    ),
    Row(
        "moved",
        # One clause says what stands at every address, moved to or not.
        Fault(MOVE, "        pte[old_addr] = none;\n", "", f"{PTES}.loop[1].invariant.moved.kept", ("frame",)),
        # The last page of each step stays behind.
        Fault(
            "mremap",
            "words.add(old_addr, extent), new_pmd, new_addr)",
            "words.sub(words.add(old_addr, extent), geometry.PAGE_SIZE), new_pmd, new_addr)",
            f"{MOVED}.ensures.arrived",
        ),
    ),
    Row(
        "frame",
        # One clause, both claims.
        Fault(
            TABLES,
            "    pte_unmap(ptep);\n",
            "    pte_unmap(ptep);\n    table[pmd_addr(addr) + PMD_SIZE] = true;\n",
            f"{ALLOCATED}.ensures.others",
            ("tables",),
        ),
        Fault(
            "mremap",
            "    pte_unmap(mm, pte)\n",
            "    pte_unmap(mm, pte)\n    mm.table.add(mm.geometry.words.add(pmd, mm.geometry.PMD_SIZE))\n",
            f"{ALLOCATED}.ensures.others",
        ),
    ),
    Row(
        "none-skipped",
        # What stands at every address is one clause, and says that too.
        Fault(
            BY_PAGE,
            ONE_PAGE_MOVES,
            "        if (pte[old_addr + offset] == none) {\n            pte[new_addr + offset] = none;\n        }\n"
            + ONE_PAGE_MOVES,
            f"{PAGES}.ensures.skipped",
            ("by-page", "frame", "moved"),
        ),
        Fault(
            "mremap",
            "        if not mm.pte_none(old_pte):\n",
            "        if mm.pte_none(old_pte):\n            mm.set_pte_at(new_pte, None)\n        else:\n",
            f"{MOVED}.ensures.skipped",
        ),
    ),
    Row(
        "move-pte",
        # Applied a second time. The same clause says that too.
        Fault(
            BY_PAGE,
            ONE_PAGE_MOVES,
            ONE_PAGE_MOVES + "        if (!error && was_pte[old_addr + offset] != none) {\n"
            "            pte[new_addr + offset] =\n"
            "                move_pte(pte[new_addr + offset], old_addr + offset, new_addr + offset);\n"
            "        }\n",
            f"{PAGES}.ensures.hooked",
            ("by-page", "frame", "moved"),
        ),
        # With the addresses swapped.
        Fault(
            "mremap",
            "mm.move_pte(pte, old_addr, new_addr)",
            "mm.move_pte(pte, new_addr, old_addr)",
            f"{MOVED}.ensures.hooked",
        ),
    ),
    Row(
        "tables",
        # A table with no entry in the step counts as none.
        Fault(
            MOVE,
            "        present = get_old_pmd(old_addr);\n",
            "        present = get_old_pmd(old_addr);\n"
            "        if (present && vacant(pte, old_addr, extent)) {\n            continue;\n        }\n",
            f"{MOVED}.ensures.there",
        ),
        Fault(
            "mremap",
            "        if old_pmd is not None:  #",
            "        if old_pmd is not None and any(words.sub(addr, old_addr) < extent for addr in mm.pte):  #",
            f"{MOVED}.ensures.there",
        ),
    ),
    Row(
        "by-page",
        # The table is made before the source is looked at.
        Fault(
            BY_PAGE,
            "    if (src) {\n        dst = get_one_pte(new_addr);\n",
            "    dst = get_one_pte(new_addr);\n"
            "    if (!dst) {\n        dst = alloc_new_pmd(new_addr);\n    }\n"
            "    if (src) {\n",
            f"{ONE_PAGE}.ensures.needed",
        ),
        Fault(
            "by_page",
            "    error = 0\n",
            "    error = 0\n"
            "    if get_old_pmd(mm, new_addr) is None:\n"
            "        early = alloc_one_pte_map(mm, new_addr)\n"
            "        if early is not None:\n"
            "            pte_unmap(mm, early)\n",
            f"{ONE_PAGE}.ensures.needed",
        ),
    ),
    Row(
        "upper-levels",
        Fault(
            LEVELS,
            "        bad_p4d[p4d_addr(addr)] = false;\n",
            "",
            "levels.p4d_none_or_clear_bad.ensures.cleared",
        ),
        # One that is not cleared is met again, and taken for a table: a crash, of which every test fails.
        Fault("levels", "    mm.reported += 1\n", "", "tables.get_old_pmd.ensures.reports"),
    ),
    Row(
        "never-freed",
        Fault(MOVE, DONE, DONE + "    pmd_table[pud_addr(old(old_addr))] = false;\n", f"{MOVED}.ensures.grown"),
        Fault(
            "mremap",
            "    return how_much_done(len, old_addr, old_end, geometry)\n",
            "    mm.pmd_table.discard(words.sub(old_end, len) & geometry.PUD_MASK)\n"
            "    return how_much_done(len, old_addr, old_end, geometry)\n",
            f"{MOVED}.ensures.grown",
        ),
    ),
    Row(
        "accounts",
        Fault(LEVELS, "            nr_ptes += 1;\n", "", "levels.pte_alloc.ensures.counted"),
        Fault("levels", "        mm.nr_ptes += 1\n", "", "levels.pte_alloc.ensures.counted"),
    ),
    Row(
        "broken-off",
        # The entry that could not go is gone.
        Fault(
            BY_PAGE,
            "                error = true;\n",
            "                pte[old_addr] = none;\n                error = true;\n",
            f"{ONE_PAGE}.ensures.refused",
        ),
        Fault(
            "by_page",
            "                error = -ENOMEM\n",
            "                mm.ptep_clear_flush(src)\n                error = -ENOMEM\n",
            f"{ONE_PAGE}.ensures.refused",
        ),
    ),
    Row(
        "move-back",
        # The place unmapped is the one that was moved back to.
        Fault(
            MOVE_VMA,
            "        unmap(new_addr, len, new_floor, new_ceiling);\n",
            "        unmap(old_addr, len, old_floor, old_ceiling);\n",
            f"{BACK_BY_PAGE}.ensures.undone",
        ),
        Fault(
            "move_vma",
            "        unmap(mm, new_addr, len, *new_room)\n",
            "        unmap(mm, old_addr, len, *old_room)\n",
            f"{BACK_BY_PAGE}.ensures.undone",
        ),
    ),
    Row(
        "move-back-succeeds",
        # There page by page, and back by extents.
        Fault(
            MOVE_VMA,
            "back = move_page_tables_by_page(new_addr, old_addr, moved_len);",
            "back = move_page_tables(new_addr, old_addr, moved_len);",
            f"{BACK_BY_PAGE}.ensures.succeeds",
        ),
        # The repaired move does not fare better.
        Fault(
            "move_vma",
            "back = move(mm, new_addr, old_addr, moved_len)",
            "back = move_page_tables(mm, new_addr, old_addr, moved_len)",
            f"{BACK_BY_PAGE}.ensures.succeeds",
            ("repair",),
        ),
    ),
    Row(
        "repair",
        # The look is made before the cut.
        Fault(REPAIR, CUTS + LOOK, LOOK + CUTS, f"{REPAIRED}.ensures.needed"),
        Fault(
            "repair",
            "            extent = destination_cut(extent, new_addr, geometry)\n"
            "            extent = latency_cut(extent, geometry)\n"
            "            if holds_entry(mm, old_pmd, old_addr, words.add(old_addr, extent)):\n",
            "            holds = holds_entry(mm, old_pmd, old_addr, words.add(old_addr, extent))\n"
            "            extent = destination_cut(extent, new_addr, geometry)\n"
            "            extent = latency_cut(extent, geometry)\n"
            "            if holds:\n",
            f"{REPAIRED}.ensures.needed",
        ),
    ),
)

# Those that the tests must notice whatever else they do.
NAMED = (
    Named("the - 1 dropped", Fault("step", "words.sub(next, 1) > old_end", "next > old_end", f"{SOURCE}.exact")),
    Named(
        "the destination cut left out",
        Fault(
            "mremap",
            "            extent = destination_cut(extent, new_addr, geometry)\n",
            "",
            f"{MOVED}.ensures.there",
        ),
    ),
    Named(
        "the source pte not cleared",
        Fault("mremap", "mm.ptep_clear_flush(old_pte)", "mm.pte[old_pte]", f"{MOVED}.ensures.cleared"),
    ),
    Named(
        "on past a refused table",
        Fault(
            "mremap",
            "                break\n",
            "                old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)\n"
            "                continue\n",
            f"{MOVED}.ensures.complete",
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
