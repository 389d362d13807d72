"""Mutants that no test can kill, as they do what the implementation does; each with the argument why.

`tests/mutation_table.py` runs these too: a row that is killed is wrong, and one that is no mutant any more is stale.
"""

from __future__ import annotations

from dataclasses import dataclass

from mutants import Key


@dataclass(frozen=True, slots=True)
class Equivalent:
    """Why these mutants are the same as what they are mutants of."""

    why: str
    keys: tuple[Key, ...]


ONE_PAGE = "if move_one_page(mm, words.add(old_addr, offset), words.add(new_addr, offset), vma, new_vma)"

OFFSETS = {
    "p4d": "P4d(pgd | addr & mm.geometry.P4D_MASK & ~mm.geometry.PGDIR_MASK)",
    "pud": "Pud(p4d | addr & mm.geometry.PUD_MASK & ~mm.geometry.P4D_MASK)",
    "pmd": "Pmd(pud | addr & mm.geometry.PMD_MASK & ~mm.geometry.PUD_MASK)",
}

HAS = "return 0 <= ptep - self.pmd < geometry.PMD_SIZE"

WELL_FORMED = "if entry & mask != entry or any(entry & upper not in there for there, upper in above):"

FOLDED = {
    "Geometry.p4d_folded": "return self.p4d_shift == self.pgdir_shift",
    "Geometry.pud_folded": "return self.pud_shift == self.p4d_shift",
    "Geometry.pmd_folded": "return self.pmd_shift == self.pud_shift",
}

EQUIVALENT: tuple[Equivalent, ...] = (
    Equivalent(
        "The end is whole pages from the start, so counting pages meets it.",
        (
            Key("mremap", "move_ptes", "while old_addr < old_end:", "while old_addr != old_end:"),
            Key("repair", "holds_entry", "while old_addr < old_end:", "while old_addr != old_end:"),
            Key("by_page", "move_page_tables_by_page", "while offset < len:", "while offset != len:"),
        ),
    ),
    Equivalent(
        "The two are added.",
        tuple(
            Key(
                module,
                function,
                "return how_much_done(len, old_addr, old_end, geometry)",
                "return how_much_done(old_addr, len, old_end, geometry)",
            )
            for module, function in (
                ("mremap", "move_page_tables"),
                ("repair", "move_page_tables_repaired"),
                ("history", "how_much_done_guarded_by_sum"),
                ("history", "how_much_done_guarded_by_start"),
            )
        ),
    ),
    Equivalent(
        "The two are added. The guard of 2024 looks how far the end is from where the move is, not from where it began:"
        " the same, as no step of that form leaves the range.",
        (
            Key(
                "history",
                "move_by_extents_of_both",
                "return done(len, old_addr, old_end, geometry)",
                "return done(old_addr, len, old_end, geometry)",
            ),
        ),
    ),
    Equivalent(
        "Another answer there is only where the two are the same: either may be returned.",
        (
            Key(
                "history",
                "pmd_addr_end",
                "return boundary if words.sub(boundary, 1) < words.sub(end, 1) else end",
                "return boundary if words.sub(boundary, 2) < words.sub(end, 1) else end",
            ),
        ),
    ),
    Equivalent(
        "The walk goes on to the next level and finds no table there either: below an entry that is none, or was bad,"
        " nothing stands (tables.nested, tables.bad_apart). Only after the last level is there nothing to go on to.",
        tuple(Key("mremap", "get_old_pmd", "return None", "pass", nth) for nth in (1, 2, 3)),
    ),
    Equivalent(
        "The table is there already, so none is made: move_ptes is owed it, and get_one_pte_map has looked.",
        (
            Key(
                "mremap",
                "move_ptes",
                "old_pte = pte_offset_map(mm, old_pmd, old_addr)",
                "old_pte = pte_alloc_map(mm, old_pmd, old_addr)",
            ),
            Key(
                "by_page",
                "get_one_pte_map",
                "return pte_offset_map(mm, pmd, addr)",
                "return pte_alloc_map(mm, pmd, addr)",
            ),
        ),
    ),
    Equivalent(
        "No move passes over more than was asked for: move_page_tables.ensures.bounded and its like are proved.",
        (
            Key("trip", "to_and_fro", "if away != len:", "if away < len:"),
            Key("trip", "to_and_fro", "if back != len:", "if back < len:"),
            Key("move_vma", "there_or_back", "if moved.moved_len < len:", "if moved.moved_len != len:"),
            Key(
                "move_vma",
                "there_and_back",
                "back = move(mm, new_addr, old_addr, moved_len, new_vma, vma) if moved_len < len else 0",
                "back = move(mm, new_addr, old_addr, moved_len, new_vma, vma) if moved_len != len else 0",
            ),
        ),
    ),
    Equivalent(
        "What is returned is 0 or -ENOMEM.",
        tuple(
            Key("by_page", "move_page_tables_by_page", f"{ONE_PAGE} < 0:", f"{ONE_PAGE} {other}:")
            for other in ("!= 0", "< -1")
        ),
    ),
    Equivalent(
        "At the end of a whole trip both are len.",
        (Key("trip", "to_and_fro", "return Legs(away, back)", "return Legs(back, away)", 2),),
    ),
    Equivalent(
        "No address is below 0.",
        (
            Key(
                "unmap",
                "between",
                "return floor <= start and (ceiling == 0 or start + size <= ceiling)",
                "return floor <= start and (ceiling <= 0 or start + size <= ceiling)",
            ),
        ),
    ),
    Equivalent(
        "What is joined has no bit in common: an entry is at a multiple of what it maps.",
        (
            *(
                Key("levels", f"{level}_offset", f"return {line}", f"return {line.replace('|', '^')}")
                for level, line in OFFSETS.items()
            ),
            Key(
                "levels",
                "_mapped",
                "return PteP(pmd | addr & ~mm.geometry.PMD_MASK)",
                "return PteP(pmd ^ addr & ~mm.geometry.PMD_MASK)",
            ),
        ),
    ),
    Equivalent(
        "The entry that the bits are put to is the one for the address: it has the bits of the levels above already.",
        (
            Key("levels", "pud_offset", f"return {OFFSETS['pud']}", f"return {OFFSETS['pud'].replace('P4D', 'PGDIR')}"),
            Key(
                "levels",
                "pmd_offset",
                f"return {OFFSETS['pmd']}",
                f"return {OFFSETS['pmd'].replace('~mm.geometry.PUD', '~mm.geometry.P4D')}",
            ),
            Key(
                "levels",
                "_mapped",
                "return PteP(pmd | addr & ~mm.geometry.PMD_MASK)",
                "return PteP(pmd | addr & ~mm.geometry.PUD_MASK)",
            ),
        ),
    ),
    Equivalent(
        "The argument is given by its name.",
        (
            Key(
                "levels",
                "_mapped",
                "def _mapped(mm: Mm, pmd: Pmd, addr: int, *, nested: bool) -> PteP:",
                "def _mapped(mm: Mm, pmd: Pmd, addr: int, /, nested: bool) -> PteP:",
            ),
        ),
    ),
    Equivalent(
        "No slot lies one byte before a table: slots are at multiples of a page.",
        (Key("mm", "Map.has", HAS, HAS.replace("0 <=", "-1 <=")),),
    ),
    Equivalent(
        "At no level both have an element in common: that is looked at just before.",
        (Key("mm", "Mm.well_formed", "for entry in tables | bad:", "for entry in tables ^ bad:"),),
    ),
    Equivalent(
        "A mask makes nothing greater.",
        (Key("mm", "Mm.well_formed", WELL_FORMED, WELL_FORMED.replace("!=", "<")),),
    ),
    Equivalent(
        "No level maps more with an entry than the one above it: no geometry else is made.",
        tuple(Key("geometry", function, line, line.replace("==", ">=")) for function, line in FOLDED.items()),
    ),
    Equivalent(
        "Both are ints below 128, and of each of those the interpreter has one.",
        tuple(Key("geometry", function, line, line.replace("==", "is")) for function, line in FOLDED.items()),
    ),
)
