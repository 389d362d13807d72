"""A specification, what is planned of it and made-up results: what the tests of the reports are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fake_discharge import EXPECTED, result
from plans import plan_of

from verify import core
from verify.elaborate import elaborate
from verify.load import load
from verify.plan import Plan
from verify.report import TextReport
from verify.span import Source
from verify.verdict import Counterexample, Result, Shown

MACHINE = """\
/// What the machine fixes.
///
/// Not modelled:
/// - caches, and the order in which
///   other processors see stores
/// - huge pages
///
/// Nothing else is left out.
module machine;

param PAGE_SHIFT: int;
param PMD_SHIFT: int;

/// Below a page there is nothing to move.
assume page: 12 <= PAGE_SHIFT && PAGE_SHIFT <= 16;
assume pmd: PAGE_SHIFT + 4 <= PMD_SHIFT && PMD_SHIFT <= 30;

geometry parisc32 { WORD_BITS = 32; PAGE_SHIFT = 12; PMD_SHIFT = 21; }
geometry i386 { WORD_BITS = 32; PAGE_SHIFT = 12; PMD_SHIFT = 22; }

define present(a: word): bool;
opaque define page(a: word): word = a >> PAGE_SHIFT;
trusted procedure flush(a: word) returns (b: word)
    requires low: a < 0x1000
    ensures same: b == a
    ensures last: b < 0x1000;
"""

EXTENT = """\
/// How far one step goes.
module extent;
import machine;

/// The source side of a step.
///
/// claim: progress
procedure source_extent(old_addr: word, old_end: word) returns (extent: word)
    requires nonempty: old_addr < old_end
    ensures  progress: extent > 0
    ensures  inside:   extent <= old_end - old_addr
{
    var next: word = old_addr + (1 << PMD_SHIFT);
    if (next > old_end) {
        next = old_end;
    }
    extent = next - old_addr;
}

refute without_minus_one(old_addr: word, old_end: word)
    on parisc32
    ensures  inside:   old_addr == old_end;

cover last_pmd(old_addr: word)
    on parisc32, i386
    witness  wrap: old_addr + 1 == 0;

refute everywhere(a: word)
    ensures  zero: a == 0;
"""

A, B = "0xffeff000", "0xfff00000"
GEOMETRY = (Shown("WORD_BITS", "32", 32), Shown("PAGE_SHIFT", "12", 12), Shown("PMD_SHIFT", "21", 21))
INPUTS = (Shown("old_addr", A, A), Shown("old_end", B, B))
TRACE = (Shown("next", "0x0", "0x0", 13, "old_addr + (1 << PMD_SHIFT)"), Shown("extent", "0x101000", "0x101000", 17))
RUN = Counterexample(GEOMETRY, INPUTS, TRACE, True)
STEP = Counterexample(GEOMETRY, INPUTS, TRACE, False)
WITNESS = Counterexample(GEOMETRY, INPUTS[:1], (), True)


@dataclass(frozen=True)
class Case:
    """A specification, what is planned of it, and results that are as specified."""

    program: core.Program
    sources: Mapping[str, Source]
    plan: Plan

    def results(self, changes: Mapping[tuple[str, str], Mapping[str, Any]] | None = None) -> list[Result]:
        """The results, with changes by id and scope (a name, or the word size)."""
        found = []
        for task in self.plan.listed:
            obligation, scope = task.obligation, task.scope
            good = result(obligation, scope, EXPECTED[obligation.expected], counterexample=None)
            if obligation.expected != "proved":
                good = replace(good, counterexample=replace(WITNESS, inputs=INPUTS))
            change = (changes or {}).get((obligation.id, scope.name or str(scope.word_bits)), {})
            found.append(replace(good, **change))
        return found

    def text(self, results: list[Result], seconds: float = 3.14, paint: Any = str) -> str:
        """The whole report."""
        report = TextReport(self.plan, self.sources, lambda id_: f"python -m verify explain {id_}", paint)
        groups: dict[str, list[Result]] = {}
        for one in results:
            groups.setdefault(one.id, []).append(one)
        return "".join([*map(report.group, groups.values()), report.summary(results, seconds, 2)])


def made(*only: str, geometry: str | None = None, **texts: str) -> Case:
    """A case of some ids of the specification above, or of other files; they are written to spec/."""
    Path("spec").mkdir()
    for name, text in (texts or {"machine": MACHINE, "extent": EXTENT}).items():
        Path("spec", f"{name}.spec").write_text(text)
    loaded = load([Path("spec")])
    program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, mistakes
    return Case(program, loaded.sources, plan_of(program, only, geometry))
