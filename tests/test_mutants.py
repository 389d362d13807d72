"""The implementation broken one way at a time: what is broken, what the tests make of it, and what the table says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import mutant_run
import pytest
from equivalent_mutants import EQUIVALENT, Equivalent
from generated import Suite
from mutant_run import Killed, Prepared, Survived, TimedOut, Verdict, judge, prepared
from mutants import Key, Mutant, mutants, texts
from mutation_table import DOCUMENT, Row, found, in_document, table, unknown_modules
from test_generated import TABLE

FUTURE = "from __future__ import annotations\n\n\n"

SMALL = {
    "small": FUTURE
    + '''class Mm:
    """Tables."""

    asked: int = 0

    def grants(self, old_addr: int, new_addr: int) -> int | None:
        if old_addr < new_addr and self.asked:
            return None  # nothing
        return self.geometry.words.add(old_addr, 1)


def pud_none(mm: Mm, addr: int) -> bool:
    return mm.pud_table is None


def pmd_none(mm: Mm, addr: int) -> bool:
    pud_none(mm, addr)
    return addr in mm.pmd_table
'''
}

MUTANTS = """\
4 Mm NumberReplacer: asked: int = 0 -> asked: int = 1
"""


def made(module: str) -> list[str]:
    sources = SMALL if module in SMALL else texts()
    return [f"{m.key.function}, {m.operator}: {m.key.was} -> {m.key.becomes}" for m in mutants(sources, module)]


# --- what is broken ------------------------------------------------------------------------------------------------


def test_the_mutants_of_a_small_module_are_these() -> None:
    assert made("small") == []
