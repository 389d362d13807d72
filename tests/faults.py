"""Faults, and what notices them: for each claim, one in a body of the specification and one in the implementation.

What a fault leaves green does not hold its claim up. So each row names what must fail, and which other claims fail with
it: none where the fault can be told apart from everything else, and where it cannot, the reason is said.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`text`, which stands once in `file`, becomes `by`; then `id` fails: an obligation (`call*`: any call), or a test.

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


EXTENT, MOVE = "extent.spec", "move_page_tables.spec"
STEP, MREMAP = "step", "mremap"
SOURCE, CUT, LATENCY = "extent.source_extent.ensures", "extent.destination_cut.ensures", "extent.latency_cut.ensures"
MOVED, SHIFTED = "move_page_tables.move_page_tables", "move_page_tables.shift_down.ensures"
ALLOCATED = "move_page_tables.alloc_new_pmd.ensures"

PLUS_ONE_TABLE = "    mm.table.add(mm.pmd_offset(mm.geometry.words.add(addr, mm.geometry.PMD_SIZE)))\n"

FAULTS = (
    Row(
        "source-cut",
        Fault(
            MOVE,
            "        extent = destination_cut(extent, new_addr);",
            "        extent = destination_cut(old_end - old_addr, new_addr);",
            f"{MOVED}.call*.move_ptes.old_pmd",
        ),
        # A step that is wrong is not the exact one either, and runs past tables: into holes, out of them, over both.
        Fault(
            STEP,
            "if words.sub(next, 1) > old_end:",
            "if True:",
            f"{SOURCE}.one_pmd",
            ("clamp", "folded", "hole", "moved", "overlap", "top"),
        ),
    ),
    Row(
        "destination-cut",
        Fault(
            MOVE,
            "        extent = destination_cut(extent, new_addr);\n",
            "",
            f"{MOVED}.call*.move_ptes.new_pmd",
        ),
        # The same function slides a stack down, here into tables that are not there.
        Fault(STEP, "        extent = room", "        pass", f"{CUT}.one_pmd", ("overlap", "top")),
    ),
    Row(
        "latency",
        Fault(EXTENT, "    if (cut > LATENCY_LIMIT) {", "    if (false) {", f"{LATENCY}.latency"),
        Fault(STEP, "        extent = geometry.LATENCY_LIMIT", "        pass", f"{LATENCY}.latency"),
    ),
    Row(
        "clamp",
        # The minimum is wrong in the last PMD of the word: one clause, both claims.
        Fault(EXTENT, "    if (next - 1 > old_end) {", "    if (next > old_end) {", f"{SOURCE}.exact", ("top",)),
        # Less than the minimum. With more than that the loop need not end, and everything fails: see `NAMED`.
        Fault(
            STEP,
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
            MREMAP,
            "    while old_addr < old_end:\n        mm.",
            "    while old_addr < old_end or (old_addr and not old_end):\n        mm.",
            f"{MOVED}.ensures.top",
        ),
    ),
    Row(
        "progress",
        Fault(EXTENT, "        cut = LATENCY_LIMIT;", "        cut = PAGE_SIZE;", f"{LATENCY}.exact"),
        Fault(
            STEP, "        extent = geometry.LATENCY_LIMIT", "        extent = geometry.PAGE_SIZE", f"{LATENCY}.exact"
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
        Fault(
            STEP,
            "    next = next_pmd(old_addr, geometry)",
            "    next = old_end",
            f"{SOURCE}.one_pmd",
            ("clamp", "hole", "moved", "overlap", "source-cut", "top"),
        ),
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
            MREMAP,
            "        old_pmd = get_old_pmd(mm, old_addr)\n",
            "        extent = destination_cut(extent, new_addr, geometry)\n"
            "        old_pmd = get_old_pmd(mm, old_addr)\n",
            f"{MOVED}.ensures.over_hole",
        ),
    ),
    Row(
        "return",
        Fault(
            MOVE, "    done = len + old_addr - old_end;", "    done = old_end - old_addr;", f"{MOVED}.assert.difference"
        ),
        # The last byte passed over instead of the end: what is moved is judged by it too, but only at pages.
        Fault(
            STEP,
            "    return words.sub(words.add(len, old_addr), old_end)",
            "    done = words.sub(words.add(len, old_addr), old_end)\n    return done - 1 if done else done",
            f"{MOVED}.ensures.bounded",
            ("broken-off",),
        ),
    ),
    Row(
        "overlap",
        Fault(
            MOVE,
            "    done = move_page_tables(old_addr, new_addr, len);",
            "    done = move_page_tables(new_addr, old_addr, len);",
            "move_page_tables.shift_down.call*.move_page_tables.apart",
        ),
        # From the top downwards. The contract of the move itself allows such ranges.
        Fault(
            MREMAP,
            "    while old_addr < old_end:\n        if",
            "    slots = [(old_pte, old_addr, new_pte, new_addr)]\n"
            "    while words.add(slots[-1][1], page_size) < old_end:\n"
            "        old_pte, old_addr = mm.pte_next(old_pte), words.add(old_addr, page_size)\n"
            "        new_pte, new_addr = mm.pte_next(new_pte), words.add(new_addr, page_size)\n"
            "        slots.append((old_pte, old_addr, new_pte, new_addr))\n"
            "    for old_pte, old_addr, new_pte, new_addr in reversed(slots):\n"
            "        if",
            f"{SHIFTED}.moved",
            ("frame", "moved"),
        ),
    ),
    Row(
        "moved",
        # One clause says what stands at every address, moved to or not.
        Fault(
            MOVE,
            "        pte[old_addr] = none;\n        entry = move_pte(entry, old_addr, new_addr);\n"
            "        pte[new_addr] = entry;                          //",
            "        entry = move_pte(entry, old_addr, new_addr);\n"
            "        pte[new_addr] = entry;                          //",
            "move_page_tables.move_ptes.loop[1].invariant.moved.kept",
            ("frame",),
        ),
        # The last page of each step stays behind. The same function slides a stack down.
        Fault(
            MREMAP,
            "words.add(old_addr, extent), new_pmd, new_addr)",
            "words.sub(words.add(old_addr, extent), geometry.PAGE_SIZE), new_pmd, new_addr)",
            f"{MOVED}.ensures.moved",
            ("overlap",),
        ),
    ),
    Row(
        "frame",
        Fault(
            MOVE,
            "            table[pmd_addr(addr)] = true;",
            "            table[pmd_addr(addr)] = true;\n            table[pmd_addr(addr) + PMD_SIZE] = true;",
            f"{ALLOCATED}.others",
        ),
        Fault(
            MREMAP,
            "    if not mm.pte_alloc(pmd):\n        return None\n",
            "    if not mm.pte_alloc(pmd):\n        return None\n" + PLUS_ONE_TABLE,
            f"{ALLOCATED}.others",
        ),
    ),
    Row(
        "broken-off",
        # A table is asked for that is there, and refused.
        Fault(MOVE, "    if (!(pmd_addr(addr) in table)) {", "    if (true) {", f"{ALLOCATED}.there"),
        Fault(
            MREMAP,
            "    if not mm.pte_alloc(pmd):\n        return None\n",
            "    if not mm.allocator.grants():\n        return None\n    mm.table.add(pmd)\n",
            f"{ALLOCATED}.there",
        ),
    ),
)

# The first four are those that the tests must notice whatever else they do; the fifth is of the same kind.
NAMED = (
    Named(
        "the - 1 dropped",
        Fault(
            STEP,
            "words.sub(next, 1) > old_end",
            "next > old_end",
            f"{SOURCE}.exact",
            ("broken-off", "clamp", "frame", "hole", "moved", "overlap", "progress", "return", "top"),
        ),
    ),
    Named(
        "the destination cut left out",
        Fault(
            MREMAP,
            "            extent = destination_cut(extent, new_addr, geometry)\n",
            "",
            f"{MOVED}.invariant.in_table",
            ("overlap",),
        ),
    ),
    Named(
        "the source pte not cleared",
        Fault(
            MREMAP,
            "mm.ptep_clear_flush(old_pte)",
            "mm.pte[old_pte]",
            f"{MOVED}.ensures.cleared",
            ("frame", "moved", "overlap"),
        ),
    ),
    Named(
        "on past a refused table",
        Fault(
            MREMAP,
            "                break\n",
            "                old_addr, new_addr = words.add(old_addr, extent), words.add(new_addr, extent)\n"
            "                continue\n",
            f"{MOVED}.ensures.complete",
            ("moved", "overlap", "return"),
        ),
    ),
    Named(
        "an empty entry moved over another",
        Fault(
            MREMAP,
            "        if not mm.pte_none(old_pte):\n",
            "        if mm.pte_none(old_pte):\n            mm.set_pte_at(new_pte, None)\n        else:\n",
            f"{MOVED}.ensures.frame",
            ("frame", "moved", "overlap"),
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
