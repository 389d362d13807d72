"""For each claim, one fault in a body of the specification and one in the implementation: see `faults`."""

from __future__ import annotations

from faults import (
    ALLOCATED,
    BACK_BY_PAGE,
    BY_PAGE,
    CUT,
    EXTENT,
    LATENCY,
    LEVELS,
    MOVE,
    MOVE_VMA,
    MOVED,
    ONE_PAGE,
    PAGES,
    PAST_TABLES,
    PTES,
    REPAIR,
    REPAIRED,
    SHIFTED,
    SOURCE,
    TABLES,
    Fault,
    Row,
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
        # A step that is wrong is not the exact one either, and runs past tables: into holes, out of them, over both.
        Fault("step", "if words.sub(next, 1) > old_end:", "if True:", f"{SOURCE}.one_pmd", PAST_TABLES),
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
        Fault("step", "        extent = room", "        pass", f"{CUT}.one_pmd", ("repair", "top")),
    ),
    Row(
        "latency",
        Fault(EXTENT, "    if (cut > LATENCY_LIMIT) {", "    if (false) {", f"{LATENCY}.latency"),
        Fault("step", "        extent = geometry.LATENCY_LIMIT", "        pass", f"{LATENCY}.latency", ("locks",)),
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
        # A range that wraps is then moved in part, and less is returned.
        Fault(
            "mremap",
            "    while old_addr < old_end:\n        cond",
            "    while old_addr < old_end or (old_addr and not old_end):\n        cond",
            f"{MOVED}.ensures.top",
            ("frame", "move-pte", "moved", "tables"),
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
        Fault(
            "step", "    next = next_pmd(old_addr, geometry)", "    next = old_end", f"{SOURCE}.one_pmd", PAST_TABLES
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
            ("broken-off", "move-back-succeeds", "overlap", "repair", "tables"),
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
        Fault("mremap", "    pte_unmap(mm, mm.pte_plus(old_pte, -1))\n", "", f"{PTES}.ensures.maps", ("locks",)),
    ),
    Row(
        "overlap",
        # Moved once more: what has landed in the old range moves on.
        Fault(
            MOVE,
            "    done = move_page_tables(old_addr, new_addr, len);\n",
            2 * "    done = move_page_tables(old_addr, new_addr, len);\n",
            f"{SHIFTED}.ensures.arrived",
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
            ("frame", "move-pte", "moved", "none-skipped", "repair"),
        ),
    ),
    Row(
        "moved",
        # One clause says what stands at every address, moved to or not.
        Fault(MOVE, "        pte[old_addr] = none;\n", "", f"{PTES}.loop[1].invariant.moved.kept", ("frame",)),
        # The last page of each step stays behind.
        Fault(
            "mremap",
            "words.add(old_addr, extent), new_pmd, new_addr,",
            "words.sub(words.add(old_addr, extent), geometry.PAGE_SIZE), new_pmd, new_addr,",
            f"{MOVED}.ensures.arrived",
            ("accounts", "frame", "move-pte", "one-place", "overlap", "repair"),
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
            "            pte_unmap(mm, pte)\n",
            "            pte_unmap(mm, pte)\n"
            "            mm.table.add(mm.geometry.words.add(pmd, mm.geometry.PMD_SIZE))\n",
            f"{ALLOCATED}.ensures.others",
            # The specification, which follows each step, knows of no such table when it comes to be mapped.
            ("accounts", "broken-off", "pointer", "repair", "tables"),
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
            ("frame", "moved", "overlap", "repair"),
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
            ("accounts", "frame", "moved", "overlap", "repair"),
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
        # After a trip by extents all tables stand again, it is said under that claim.
        Fault(
            "mremap",
            "        if old_pmd is not None:  #",
            "        if old_pmd is not None and any(words.sub(addr, old_addr) < extent for addr in mm.pte):  #",
            f"{MOVED}.ensures.there",
            ("by-page",),
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
        # Where it is refused that stops nothing.
        Fault(
            "by_page",
            "    error = 0\n",
            "    error = 0\n"
            "    if get_old_pmd(mm, new_addr) is None:\n"
            "        early = alloc_one_pte_map(mm, new_addr)\n"
            "        if early is not None:\n"
            "            pte_unmap(mm, early)\n",
            f"{ONE_PAGE}.ensures.needed",
            # And out of turn: before the locks are taken.
            ("broken-off", "locks"),
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
        # In the implementation the pte tables below stay, in no pmd table: the way back does not find them.
        Fault(MOVE, DONE, DONE + "    pmd_table[pud_addr(old(old_addr))] = false;\n", f"{MOVED}.ensures.grown"),
        Fault(
            "mremap",
            "    return how_much_done(len, old_addr, old_end, geometry)\n",
            "    mm.pmd_table.discard(words.sub(old_end, len) & geometry.PUD_MASK)\n"
            "    return how_much_done(len, old_addr, old_end, geometry)\n",
            f"{MOVED}.ensures.grown",
            ("broken-off", "move-back-succeeds", "one-place"),
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
            ("by-page", "frame", "move-back", "moved", "one-place"),
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
            ("repair",),
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
            "back = move(mm, new_addr, old_addr, moved_len, new_vma, vma)",
            "back = move_page_tables(mm, new_addr, old_addr, moved_len, new_vma, vma)",
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
