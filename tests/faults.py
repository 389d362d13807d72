"""For each claim, one fault in a body of the specification and one in the implementation.

The first makes an obligation of the claim fail, the second a test of it. A fault that leaves both green would mean that
nothing holds the claim up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`text`, which stands once in `file`, becomes `by`; then `id` fails: an obligation's id, or a test's."""

    file: str
    text: str
    by: str
    id: str


@dataclass(frozen=True, slots=True)
class Row:
    claim: str
    specification: Fault
    implementation: Fault


EXTENT, MOVE = "extent.spec", "move_page_tables.spec"
STEP, MREMAP = "step", "mremap"
SOURCE, CUT, LATENCY = "extent.source_extent.ensures", "extent.destination_cut.ensures", "extent.latency_cut.ensures"
MOVED = "move_page_tables.move_page_tables.ensures"

NOT_EMPTY = "        if (pte[old_addr] == none) {\n            continue;\n        }\n        entry = pte[old_addr];    "

FAULTS = (
    Row(
        "source-cut",
        Fault(EXTENT, "    if (next - 1 > old_end) {", "    if (true) {", f"{SOURCE}.one_pmd"),
        Fault(STEP, "if words.sub(next, 1) > old_end:", "if True:", f"{SOURCE}.one_pmd"),
    ),
    Row(
        "destination-cut",
        Fault(EXTENT, "    if (cut > next - new_addr) {", "    if (false) {", f"{CUT}.one_pmd"),
        Fault(STEP, "        extent = room", "        pass", f"{CUT}.one_pmd"),
    ),
    Row(
        "latency",
        Fault(EXTENT, "    if (cut > LATENCY_LIMIT) {", "    if (false) {", f"{LATENCY}.latency"),
        Fault(STEP, "        extent = geometry.LATENCY_LIMIT", "        pass", f"{LATENCY}.latency"),
    ),
    Row(
        "clamp",
        Fault(EXTENT, "    if (next - 1 > old_end) {", "    if (next > old_end) {", f"{SOURCE}.exact"),
        Fault(STEP, "words.sub(next, 1) > old_end", "next > old_end", f"{SOURCE}.exact"),
    ),
    Row(
        "top",
        Fault(
            EXTENT,
            "    if (cut > next - new_addr) {",
            "    if (next > new_addr && cut > next - new_addr) {",
            f"{CUT}.exact",
        ),
        Fault(
            STEP,
            "    if extent > room:",
            "    if next_pmd(new_addr, geometry) > new_addr and extent > room:",
            f"{CUT}.exact",
        ),
    ),
    Row(
        "progress",
        Fault(EXTENT, "        cut = LATENCY_LIMIT;", "        cut = 0;", f"{LATENCY}.progress"),
        Fault(STEP, "        extent = geometry.LATENCY_LIMIT", "        extent = 0", f"{LATENCY}.progress"),
    ),
    Row(
        "folded",
        Fault(
            EXTENT,
            "    var next: word = (old_addr + PMD_SIZE) & PMD_MASK;",
            "    var next: word = folded_pmd_addr_end(old_addr, old_end);",
            f"{SOURCE}.one_pmd",
        ),
        Fault(STEP, "    next = next_pmd(old_addr, geometry)", "    next = old_end", f"{SOURCE}.one_pmd"),
    ),
    Row(
        "hole",
        Fault(
            MOVE,
            "        present = get_old_pmd(old_addr);",
            "        extent = latency_cut(extent);\n        present = get_old_pmd(old_addr);",
            "move_page_tables.move_page_tables.assert.hole",
        ),
        Fault(
            MREMAP,
            "        old_pmd = get_old_pmd(mm, old_addr)\n",
            "        extent = latency_cut(extent, geometry)\n        old_pmd = get_old_pmd(mm, old_addr)\n",
            f"{MOVED}.over_hole",
        ),
    ),
    Row(
        "return",
        Fault(
            MOVE,
            "    done = len + old_addr - old_end;",
            "    done = len + old_addr - old_end - old_addr;",
            "move_page_tables.move_page_tables.assert.difference",
        ),
        Fault(
            STEP,
            "    return words.sub(words.add(len, old_addr), old_end)",
            "    return words.sub(words.add(len, words.add(old_addr, 1)), old_end)",
            f"{MOVED}.bounded",
        ),
    ),
    Row(
        "overlap",
        Fault(
            MOVE,
            "    done = move_page_tables(old_addr, new_addr, len);",
            "    done = len;",
            "move_page_tables.shift_down.ensures.moved",
        ),
        Fault(
            MREMAP,
            "        if not mm.pte_none(old_pte):\n",
            "        if not mm.pte_none(old_pte) and mm.pte_none(new_pte):\n",
            "move_page_tables.shift_down.ensures.moved",
        ),
    ),
    Row(
        "moved",
        Fault(
            MOVE,
            "// ptep_clear_flush\n        pte[old_addr] = none;\n",
            "\n",
            "move_page_tables.move_ptes.loop[1].invariant.moved.kept",
        ),
        Fault(MREMAP, "mm.ptep_clear_flush(old_pte)", "mm.pte[old_pte]", f"{MOVED}.cleared"),
    ),
    Row(
        "frame",
        Fault(
            MOVE,
            NOT_EMPTY,
            "        entry = pte[old_addr];    ",
            "move_page_tables.move_ptes.loop[1].invariant.moved.kept",
        ),
        Fault(
            MREMAP,
            "        if not mm.pte_none(old_pte):\n",
            "        if mm.pte_none(old_pte):\n            mm.set_pte_at(new_pte, None)\n        else:\n",
            f"{MOVED}.frame",
        ),
    ),
    Row(
        "broken-off",
        Fault(
            MOVE,
            "        if (refuses[asked]) {",
            "        if (false) {",
            "move_page_tables.alloc_new_pmd.ensures.asks",
        ),
        Fault(
            MREMAP,
            "    if not mm.pte_alloc(pmd):\n",
            "    if not mm.pte_alloc(pmd):\n        mm.table.add(pmd)\n",
            "move_page_tables.alloc_new_pmd.ensures.there",
        ),
    ),
)
