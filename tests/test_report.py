"""The report, whole: as a person reads it, and as programs do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its types are a package of their own
import pytest
from fake_discharge import EXPECTED, result

from verify import core
from verify.audit import audit, audit_text
from verify.elaborate import elaborate
from verify.explain import explain_text, near
from verify.json_report import audit_json, list_json, report_json
from verify.load import load
from verify.plan import Plan, Request, plan
from verify.report import TextReport, list_text, where_text
from verify.span import Source
from verify.terminal import coloured, paint_for
from verify.values import Json
from verify.verdict import Counterexample, Reason, Result, Shown, Verdict

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


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a case of some ids of the specification above, or of other files."""
    monkeypatch.chdir(tmp_path)

    def made(*only: str, geometry: str | None = None, **texts: str) -> Case:
        (tmp_path / "spec").mkdir()
        for name, text in (texts or {"machine": MACHINE, "extent": EXTENT}).items():
            (tmp_path / "spec" / f"{name}.spec").write_text(text)
        loaded = load([Path("spec")])
        program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
        assert program is not None, mistakes
        return Case(program, loaded.sources, plan(Request(program, only, geometry)))

    return made


# --- as a person reads it ------------------------------------------------------------------------------------------


def test_a_report_where_all_is_as_specified(make: Any) -> None:
    case = make()
    changes = {("extent.without_minus_one.refute", "parisc32"): {"counterexample": RUN}}
    assert case.text(case.results(changes)) == (
        """\
spec/machine.spec
  ok  geometry.parisc32   parisc32                            0.01 s
  ok  geometry.i386       i386                                0.01 s
  ok  page.range[1]       every geometry, 32 and 64 bits      0.02 s
  ok  flush.requires      every geometry, 32 and 64 bits      0.02 s

spec/extent.spec
  ok  source_extent.requires           every geometry, 32 and 64 bits             0.02 s
  ok  source_extent.range[1]           every geometry, 32 and 64 bits             0.02 s
  ok  source_extent.ensures.progress   every geometry, 32 and 64 bits             0.02 s
  ok  source_extent.ensures.inside     every geometry, 32 and 64 bits             0.02 s
  ok  without_minus_one                refuted on parisc32, as it says            0.01 s
        old_addr = 0xffeff000, old_end = 0xfff00000: next = 0x0, extent = 0x101000
  ok  last_pmd                         covered on parisc32, i386                  0.02 s
        old_addr = 0xffeff000, old_end = 0xfff00000
  ok  everywhere                       refuted at 32 and 64 bits, as it says      0.02 s
        PAGE_SHIFT = 12, PMD_SHIFT = 21, old_addr = 0xffeff000, old_end = 0xfff00000

19 obligations: 19 as specified, 0 failed, 0 unknown. 3.1 s on 2 processes
"""
    )


def test_a_counterexample_is_shown_below_its_line_and_the_list_goes_on(make: Any) -> None:
    case = make("extent.source_extent.*")
    key = "extent.source_extent.ensures.progress"
    changes = {(key, "32"): {"verdict": Verdict.REFUTED, "counterexample": RUN}}
    assert case.text(case.results(changes)) == (
        """\
spec/extent.spec
  ok  source_extent.requires           every geometry, 32 and 64 bits      0.02 s
  ok  source_extent.range[1]           every geometry, 32 and 64 bits      0.02 s
  NO  source_extent.ensures.progress   REFUTED: every geometry, 32 bits      0.01 s

spec/extent.spec:10:24: REFUTED extent.source_extent.ensures.progress
   10 |     ensures  progress: extent > 0
      |                        ^^^^^^^^^^
  counterexample, confirmed by executing it:
    geometry   WORD_BITS = 32, PAGE_SHIFT = 12, PMD_SHIFT = 21
    old_addr   0xffeff000
    old_end    0xfff00000
    next       0x0         line 13: old_addr + (1 << PMD_SHIFT)
    extent     0x101000    line 17
  again: python -m verify explain extent.source_extent.ensures.progress

  ok  source_extent.ensures.progress   every geometry, 64 bits             0.01 s
  ok  source_extent.ensures.inside     every geometry, 32 and 64 bits      0.02 s

8 obligations: 7 as specified, 1 failed, 0 unknown. 3.1 s on 2 processes
"""
    )


TOO_WEAK = ("too weak: the contract of `next_pmd`, line 13", "no run from the entry breaks it: up to 8 turns")

BLOCKS = [
    (
        "extent.source_extent.ensures.inside",
        {"verdict": Verdict.UNKNOWN, "reason": Reason.TOO_WEAK, "detail": TOO_WEAK, "counterexample": STEP},
        """\
  ??  source_extent.ensures.inside   UNKNOWN (too weak): every geometry, 64 bits      0.01 s

spec/extent.spec:11:24: UNKNOWN extent.source_extent.ensures.inside
   11 |     ensures  inside:   extent <= old_end - old_addr
      |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  too weak: the contract of `next_pmd`, line 13
  no run from the entry breaks it: up to 8 turns
  a step that need not be reachable, confirmed by executing it:
    geometry   WORD_BITS = 32, PAGE_SHIFT = 12, PMD_SHIFT = 21
    old_addr   0xffeff000
    old_end    0xfff00000
    next       0x0         line 13: old_addr + (1 << PMD_SHIFT)
    extent     0x101000    line 17
  again: python -m verify explain extent.source_extent.ensures.inside
""",
        "1 as specified, 0 failed, 1 unknown",
    ),
    (
        "extent.source_extent.ensures.inside",
        {"verdict": Verdict.UNKNOWN, "reason": Reason.TIMEOUT, "detail": ("timeout", "the bit-vectors too")},
        """\
  ??  source_extent.ensures.inside   UNKNOWN (timeout): every geometry, 64 bits      0.01 s

spec/extent.spec:11:24: UNKNOWN extent.source_extent.ensures.inside
   11 |     ensures  inside:   extent <= old_end - old_addr
      |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  reason: timeout; --timeout gives it longer
  the bit-vectors too
  again: python -m verify explain extent.source_extent.ensures.inside
""",
        "1 as specified, 0 failed, 1 unknown",
    ),
    (
        "extent.source_extent.requires",
        {"verdict": Verdict.VACUOUS, "detail": ("no values meet the preconditions together",)},
        """\
  NO  source_extent.requires   VACUOUS: every geometry, 64 bits      0.01 s

spec/extent.spec:8:1: VACUOUS extent.source_extent.requires
    8 | procedure source_extent(old_addr: word, old_end: word) returns (extent: word)
      | ^^^^^^^^^^^^^^^^^^^^^^^
  no values meet the preconditions together
  again: python -m verify explain extent.source_extent.requires
""",
        "1 as specified, 1 failed, 0 unknown",
    ),
    (
        "extent.everywhere.refute",
        {"verdict": Verdict.PROVED, "counterexample": None, "detail": ("the claim holds",)},
        """\
  NO  everywhere   PROVED: every geometry, 64 bits            0.01 s

spec/extent.spec:28:1: PROVED extent.everywhere.refute
   28 | refute everywhere(a: word)
      | ^^^^^^^^^^^^^^^^^
  expected: refuted
  the claim holds
  again: python -m verify explain extent.everywhere.refute
""",
        "1 as specified, 1 failed, 0 unknown",
    ),
    (
        "extent.last_pmd.cover",
        {"verdict": Verdict.UNCOVERED, "counterexample": None},
        """\
  NO  last_pmd   UNCOVERED: i386                0.01 s

spec/extent.spec:24:1: UNCOVERED extent.last_pmd.cover
   24 | cover last_pmd(old_addr: word)
      | ^^^^^^^^^^^^^^
  expected: covered
  again: python -m verify explain extent.last_pmd.cover
""",
        "1 as specified, 1 failed, 0 unknown",
    ),
    (
        "extent.source_extent.requires",
        {"verdict": Verdict.UNKNOWN, "reason": Reason.SOLVER, "defect": True, "detail": ("evaluate says otherwise",)},
        """\
  !!  source_extent.requires   DEFECT: every geometry, 64 bits      0.01 s

spec/extent.spec:8:1: DEFECT extent.source_extent.requires
    8 | procedure source_extent(old_addr: word, old_end: word) returns (extent: word)
      | ^^^^^^^^^^^^^^^^^^^^^^^
  evaluate says otherwise
  again: python -m verify explain extent.source_extent.requires

1 defect of the tool itself: please report what stands at !! above
""",
        "1 as specified, 0 failed, 1 unknown",
    ),
]


@pytest.mark.parametrize(("id_", "change", "block", "counts"), BLOCKS, ids=[b[0] + b[2][4:7] for b in BLOCKS])
def test_what_is_not_as_specified_has_a_block(
    make: Any, id_: str, change: Mapping[str, Any], block: str, counts: str
) -> None:
    case = make(id_)
    scope = case.plan.listed[-1].scope
    text = case.text(case.results({(id_, scope.name or str(scope.word_bits)): change}))
    _, _, rest = text.split("\n", 2)
    rest = rest[rest.index(block[:4]) :]
    assert rest == block + ("" if "defect" in block else "\n") + f"2 obligations: {counts}. 3.1 s on 2 processes\n"


def test_failures_alike_at_each_scope_share_a_block_if_there_are_no_values_to_show(make: Any) -> None:
    case = make("extent.last_pmd.cover")
    bare = {"verdict": Verdict.UNCOVERED, "counterexample": None}
    changes = {
        ("extent.last_pmd.cover", "parisc32"): {**bare, "detail": ("no values on parisc32",)},
        ("extent.last_pmd.cover", "i386"): {**bare, "detail": ("no values on i386",)},
    }
    assert case.text(case.results(changes)) == (
        """\
spec/extent.spec
  NO  last_pmd   UNCOVERED: parisc32, i386      0.02 s

spec/extent.spec:24:1: UNCOVERED extent.last_pmd.cover
   24 | cover last_pmd(old_addr: word)
      | ^^^^^^^^^^^^^^
  expected: covered
  no values on parisc32
  no values on i386
  again: python -m verify explain extent.last_pmd.cover

2 obligations: 0 as specified, 2 failed, 0 unknown. 3.1 s on 2 processes
"""
    )
    shown = {"verdict": Verdict.REFUTED, "counterexample": RUN}
    other = make_again(case, "extent.last_pmd.cover", shown)
    assert other.count("REFUTED extent.last_pmd.cover") == 2


def make_again(case: Case, id_: str, change: Mapping[str, Any]) -> str:
    """The report with the same change at each scope."""
    return case.text(case.results({(id_, t.scope.name or ""): change for t in case.plan.listed}))


def test_what_is_vacuous_by_its_requires_points_there_and_has_no_block_of_its_own(make: Any) -> None:
    case = make("extent.source_extent.requires", "extent.source_extent.ensures.inside")
    gone = {
        "verdict": Verdict.VACUOUS,
        "detail": ("nothing meets the preconditions: see extent.source_extent.requires",),
    }
    ids = [t.obligation.id for t in case.plan.listed]
    text = case.text(case.results({(i, bits): gone for i in ids for bits in ("32", "64")}))
    assert text.endswith(
        """\
  again: python -m verify explain extent.source_extent.requires

  NO  source_extent.ensures.inside   VACUOUS: every geometry, 32 and 64 bits      0.02 s
        nothing meets the preconditions: see extent.source_extent.requires

4 obligations: 0 as specified, 4 failed, 0 unknown. 3.1 s on 2 processes
"""
    )


def test_it_has_a_block_where_its_requires_is_not_listed(make: Any) -> None:
    case = make("extent.source_extent.ensures.inside")
    gone = {
        "verdict": Verdict.VACUOUS,
        "detail": ("nothing meets the preconditions: see extent.source_extent.requires",),
    }
    text = case.text(case.results({(case.plan.listed[0].obligation.id, bits): gone for bits in ("32", "64")}))
    assert "spec/extent.spec:11:24: VACUOUS extent.source_extent.ensures.inside\n" in text


def test_a_long_run_is_shown_by_its_two_ends(make: Any) -> None:
    case = make("extent.source_extent.ensures.inside", geometry="i386")
    long = replace(RUN, trace=tuple(Shown("i", str(n), n, 1, "i + 1") for n in range(100)))
    change = {"verdict": Verdict.REFUTED, "counterexample": long}
    lines = case.text(case.results({("extent.source_extent.ensures.inside", "i386"): change})).splitlines()
    rows = [line.split()[1] for line in lines if line.startswith("    i  ")]
    assert rows == [str(n) for n in [*range(20), *range(80, 100)]]
    assert lines[lines.index("    i          19          line 1: i + 1") + 1] == (
        "    ... 60 more, which explain shows ..."
    )


def test_a_long_witness_is_cut(make: Any) -> None:
    case = make("extent.without_minus_one.refute")
    long = replace(WITNESS, inputs=(Shown("pte", "{" + "0x1000: pte#3, " * 30 + "else none}", {}),))
    text = case.text(case.results({("extent.without_minus_one.refute", "parisc32"): {"counterexample": long}}))
    line = text.splitlines()[2]
    assert line.startswith("        pte = {0x1000: pte#3, ")
    assert line.endswith(" ...")
    assert len(line) <= 120


def test_witnesses_that_differ_are_told_apart_by_their_scope(make: Any) -> None:
    case = make("extent.last_pmd.cover", "extent.everywhere.refute")
    other = replace(WITNESS, inputs=(Shown("old_addr", "0x1", "0x1"),))
    changes = {
        ("extent.last_pmd.cover", "i386"): {"counterexample": other},
        ("extent.everywhere.refute", "64"): {"counterexample": other},
    }
    assert [line.strip() for line in case.text(case.results(changes)).splitlines() if " = " in line] == [
        "parisc32: old_addr = 0xffeff000, old_end = 0xfff00000",
        "i386: old_addr = 0x1",
        "32 bits: PAGE_SHIFT = 12, PMD_SHIFT = 21, old_addr = 0xffeff000, old_end = 0xfff00000",
        "64 bits: PAGE_SHIFT = 12, PMD_SHIFT = 21, old_addr = 0x1",
    ]


def test_a_word_size_without_a_geometry_is_said_for_each_module(make: Any) -> None:
    narrow = "module m; param P: int; assume p: P == 1 && WORD_BITS == 32;\nlemma l(a: word) ensures k: a == a;\n"
    case = make(m=narrow, n="module n;\nlemma l(a: word) ensures k: a == a;\n")
    assert case.plan.excluded == (("m", (64,)),)
    assert case.text(case.results()).endswith(
        """
module m: no geometry of 64 bits meets the assumptions; left out
6 obligations: 6 as specified, 0 failed, 0 unknown. 3.1 s on 2 processes
"""
    )


def test_an_interrupted_report_says_what_was_not_reached(make: Any) -> None:
    case = make()
    assert case.text(case.results()[:3]).endswith(
        """
interrupted: 16 of 19 obligations were not reached
3 obligations: 3 as specified, 0 failed, 0 unknown. 3.1 s on 2 processes
"""
    )
    assert case.text([]) == (
        """\
interrupted: 19 of 19 obligations were not reached
0 obligations: 0 as specified, 0 failed, 0 unknown. 3.1 s on 2 processes
"""
    )


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        ([("every", 32), ("every", 64)], "every geometry, 32 and 64 bits"),
        ([("every", 64)], "every geometry, 64 bits"),
        ([("every", 0)], "every geometry, every word size"),
        ([("i386", 32), ("s390x", 64)], "i386, s390x"),
    ],
)
def test_how_scopes_read(scopes: list[tuple[str, int]], text: str) -> None:
    assert where_text(scopes) == text


def test_marks_are_coloured_on_a_terminal_alone(make: Any) -> None:
    case = make("machine.geometry.i386")
    assert "\x1b[" not in case.text(case.results())
    assert "  \x1b[32mok\x1b[0m  geometry.i386" in case.text(case.results(), paint=coloured)

    class Terminal:
        def isatty(self) -> bool:
            return True

    class File:
        def isatty(self) -> bool:
            return False

    def painted(stream: Any, environment: Mapping[str, str]) -> bool:
        return paint_for(stream, environment)("ok") != "ok"

    assert painted(Terminal(), {})
    assert not painted(Terminal(), {"NO_COLOR": "1"})
    assert not painted(Terminal(), {"TERM": "dumb"})
    assert not painted(File(), {})
    assert not painted(None, {})


# --- list, audit, explain ------------------------------------------------------------------------------------------


def test_the_list(make: Any) -> None:
    assert list_text(make().plan) == (
        """\
spec/machine.spec
  machine.geometry.parisc32               geometry   parisc32
  machine.geometry.i386                   geometry   i386
  machine.page.range[1]                   range      every geometry, 32 and 64 bits
  machine.flush.requires                  requires   every geometry, 32 and 64 bits

spec/extent.spec
  extent.source_extent.requires           requires   every geometry, 32 and 64 bits
  extent.source_extent.range[1]           range      every geometry, 32 and 64 bits
  extent.source_extent.ensures.progress   ensures    every geometry, 32 and 64 bits
  extent.source_extent.ensures.inside     ensures    every geometry, 32 and 64 bits
  extent.without_minus_one.refute         refute     parisc32
  extent.last_pmd.cover                   cover      parisc32, i386
  extent.everywhere.refute                refute     every geometry, 32 and 64 bits

19 obligations, counted for each geometry or word size
"""
    )


def test_the_list_as_json(make: Any) -> None:
    found = json.loads(list_json(make("extent.source_extent.ensures.progress").plan, {"verify": "1", "z3": "2"}))
    assert found == {
        "schema": "verify-list/1",
        "versions": {"verify": "1", "z3": "2"},
        "obligations": [
            {
                "id": "extent.source_extent.ensures.progress",
                "kind": "ensures",
                "expected": "proved",
                "scopes": [{"geometry": "every", "word_bits": 32}, {"geometry": "every", "word_bits": 64}],
                "location": {"file": "spec/extent.spec", "line": 10, "column": 24},
                "claims": ["progress"],
            }
        ],
    }


def test_the_audit_has_all_that_is_taken_on_trust(make: Any) -> None:
    case = make()
    assert audit_text(audit(case.program, case.sources)) == (
        """\
assume
  spec/machine.spec:15:1: machine.assume.page
      12 <= PAGE_SHIFT && PAGE_SHIFT <= 16
  spec/machine.spec:16:1: machine.assume.pmd
      PAGE_SHIFT + 4 <= PMD_SHIFT && PMD_SHIFT <= 30

trusted procedure
  spec/machine.spec:23:1: machine.flush
      ensures same: b == a; ensures last: b < 0x1000

define without a body
  spec/machine.spec:21:1: machine.present
      define present(a: word): bool;

not modelled
  spec/machine.spec:4:5: machine
      caches, and the order in which other processors see stores
  spec/machine.spec:6:5: machine
      huge pages

Beside the specification: that z3 is right where it says unsatisfiable, and that this tool asks it right.
"""
    )


def test_the_audit_as_json(make: Any) -> None:
    case = make()
    found = json.loads(audit_json(audit(case.program, case.sources), {"verify": "1", "z3": "2"}))
    assert found["schema"] == "verify-audit/1"
    assert [(t["kind"], t["name"], t["location"]["line"]) for t in found["trusted"]] == [
        ("not modelled", "machine", 4),
        ("not modelled", "machine", 6),
        ("assume", "machine.assume.page", 15),
        ("assume", "machine.assume.pmd", 16),
        ("define without a body", "machine.present", 21),
        ("trusted procedure", "machine.flush", 23),
    ]


def test_an_audit_of_nothing_says_so(make: Any) -> None:
    case = make(m="module m;\nlemma l(a: word) ensures k: a == a;\n")
    assert audit_text(audit(case.program, case.sources)).startswith("The specification takes nothing on trust.\n")


@pytest.mark.parametrize(
    ("doc", "left_out"),
    [
        ("/// Not modelled:\n/// - a\n/// - b", ["a", "b"]),
        ("/// Not modelled:\n///\n/// - a\n///\n/// - b", ["a", "b"]),
        ("/// Not modelled:\n/// - a\n/// more of a\n///\n/// Other text.\n/// - no such thing", ["a more of a"]),
        ("/// - before\n/// Not modelled:\n///   - a", ["a"]),
        ("/// Not modelled: - a", []),
        ("/// Not modelled:\n/// - a\n/// Not modelled:\n/// - b", ["a", "b"]),
        ("// Not modelled:\n// - a", []),
    ],
)
def test_which_lines_say_what_the_model_leaves_out(make: Any, doc: str, left_out: list[str]) -> None:
    case = make(m=f"{doc}\nmodule m;\nlemma l(a: word) ensures k: a == a;\n")
    trusted = audit(case.program, case.sources)
    assert [t.text for t in trusted] == left_out
    lines = case.sources["spec/m.spec"].text.split("\n")
    for found in trusted:
        assert lines[found.location.line - 1][found.location.column - 1 :].lstrip().startswith("-")


def test_a_proof_explained(make: Any) -> None:
    case = make("extent.source_extent.ensures.progress")
    used = ("machine.assume.pmd", "extent.source_extent.requires.nonempty", "extent.of_another_day")
    changes = {("extent.source_extent.ensures.progress", "32"): {"used": used}}
    assert explain_text(case.program, case.plan.listed, case.results(changes), case.sources) == (
        """\
extent.source_extent.ensures.progress
  place      spec/extent.spec:10:24
  kind       ensures, of procedure source_extent
  expected   proved
  about      every geometry, 32 and 64 bits
  claims     progress
  /// The source side of a step.
  ///
  /// claim: progress
   10 |     ensures  progress: extent > 0

every geometry, 32 bits: PROVED, as specified, 0.01 s (z3)
  the proof used:
    machine.assume.pmd                       spec/machine.spec:16: PAGE_SHIFT + 4 <= PMD_SHIFT && PMD_SHIFT <= 30
    extent.source_extent.requires.nonempty   spec/extent.spec:9: old_addr < old_end
    extent.of_another_day

every geometry, 64 bits: PROVED, as specified, 0.01 s (z3)
  the proof used no clause: the claim follows from what the code and the definitions say
"""
    )


def test_a_counterexample_explained_step_by_step(make: Any) -> None:
    case = make("extent.source_extent.ensures.inside", geometry="parisc32")
    change = {"verdict": Verdict.REFUTED, "counterexample": RUN}
    results = case.results({("extent.source_extent.ensures.inside", "parisc32"): change})
    text = explain_text(case.program, case.plan.listed, results, case.sources)
    assert text[text.index("parisc32: ") :] == (
        """\
parisc32: REFUTED, 0.01 s (z3)
  counterexample, confirmed by executing it:
    name         value        where
    WORD_BITS    32           geometry
    PAGE_SHIFT   12           geometry
    PMD_SHIFT    21           geometry
    old_addr     0xffeff000   given
    old_end      0xfff00000   given
    next         0x0          line 13: old_addr + (1 << PMD_SHIFT)
    extent       0x101000     line 17
"""
    )


IDS = ["extent.source_extent.requires", "extent.source_extent.ensures.inside", "extent.cover_all.cover"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("source_extent.ensures.inside", [IDS[1]]),
        ("extent.source_extent.ensures.insid", [IDS[1], IDS[0]]),
        ("cover_all", [IDS[2]]),
        ("source_extent", [IDS[0], IDS[1]]),
        ("ALL", [IDS[2]]),
        ("nothing like it", []),
    ],
)
def test_which_ids_are_near(wanted: str, found: list[str]) -> None:
    assert near(wanted, IDS) == found


# --- as programs read it -------------------------------------------------------------------------------------------

VERSIONS = {"verify": "0.1.0", "z3": "5.4.1"}


def schema() -> Any:
    return json.loads(files("verify").joinpath("report.schema.json").read_text(encoding="utf-8"))


def check(report: Any) -> None:
    jsonschema.Draft202012Validator(schema()).validate(report)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_report_as_json(make: Any) -> None:
    case = make("extent.source_extent.ensures.progress", geometry="i386")
    change = {"verdict": Verdict.UNKNOWN, "reason": Reason.TOO_WEAK, "detail": ("why",), "counterexample": STEP}
    results = case.results({("extent.source_extent.ensures.progress", "i386"): change})
    report = json.loads(report_json(results, VERSIONS, 1.23456))
    check(report)
    assert report == {
        "schema": "verify-report/1",
        "versions": {"verify": "0.1.0", "z3": "5.4.1"},
        "summary": {"obligations": 1, "ok": 0, "failed": 0, "unknown": 1, "cached": 0, "seconds": 1.235},
        "obligations": [
            {
                "id": "extent.source_extent.ensures.progress",
                "kind": "ensures",
                "geometry": "i386",
                "word_bits": 32,
                "expected": "proved",
                "verdict": "unknown",
                "reason": "too weak",
                "ok": False,
                "location": {"file": "spec/extent.spec", "line": 10, "column": 24},
                "seconds": 0.01,
                "solver": "z3",
                "cached": False,
                "used": [],
                "claims": ["progress"],
                "counterexample": {
                    "geometry": {"WORD_BITS": 32, "PAGE_SHIFT": 12, "PMD_SHIFT": 21},
                    "inputs": {"old_addr": "0xffeff000", "old_end": "0xfff00000"},
                    "trace": [
                        {"name": "next", "value": "0x0", "line": 13, "text": "old_addr + (1 << PMD_SHIFT)"},
                        {"name": "extent", "value": "0x101000", "line": 17, "text": ""},
                    ],
                },
                "detail": ["why"],
            }
        ],
    }


MAP: Json = {"default": "none", "entries": {"0x1000": "pte#3"}}

FITTING: list[tuple[str, Mapping[str, Any]]] = [
    ("proved", {"used": ("machine.assume.page",)}),
    ("every word size", {"word_bits": 0}),
    ("refuted", {"verdict": Verdict.REFUTED, "counterexample": RUN}),
    ("a map", {"counterexample": replace(RUN, inputs=(Shown("pte", "...", MAP), Shown("b", "true", True)))}),
    ("a state of maps", {"counterexample": replace(RUN, inputs=(Shown("s", "", {"default": False, "entries": {}}),))}),
    ("vacuous", {"verdict": Verdict.VACUOUS}),
    ("uncovered", {"verdict": Verdict.UNCOVERED}),
    ("defect", {"verdict": Verdict.UNKNOWN, "reason": Reason.SOLVER, "defect": True}),
    *((f"unknown, {r.value}", {"verdict": Verdict.UNKNOWN, "reason": r}) for r in Reason),
]


@pytest.mark.parametrize("change", [c for _, c in FITTING], ids=[name for name, _ in FITTING])
def test_every_result_fits_the_schema(make: Any, change: Mapping[str, Any]) -> None:
    case = make()
    results = [replace(r, **change) for r in case.results()]
    report = json.loads(report_json(results, VERSIONS, 1.0))
    check(report)
    word_bits = {o["word_bits"] for o in report["obligations"]}
    assert word_bits == ({"every"} if "word_bits" in change else {32, 64})


def test_the_report_of_an_interrupted_run_fits_the_schema(make: Any) -> None:
    report = json.loads(report_json(make().results()[:3], VERSIONS, 1.0, 16))
    check(report)
    assert report["summary"]["not_reached"] == 16
    assert report["summary"]["obligations"] == 3


def test_keys_that_are_new_fit_the_schema(make: Any) -> None:
    report = json.loads(report_json(make().results(), VERSIONS, 1.0))
    report["new"] = report["summary"]["new"] = report["obligations"][0]["new"] = report["versions"]["cvc5"] = "1.2"
    check(report)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every key of an object, at any depth."""
    found = []
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += [(*at, key)] if isinstance(value, dict) else []
        found += paths(inner, (*at, key))
    return found


def test_nothing_that_is_published_may_be_missing_or_of_another_type(make: Any) -> None:
    case = make("extent.source_extent.ensures.progress", geometry="i386")
    change = {"verdict": Verdict.UNKNOWN, "reason": Reason.BOUND, "counterexample": RUN, "used": ("m.assume.x",)}
    results = case.results({("extent.source_extent.ensures.progress", "i386"): change})
    text = report_json(results, VERSIONS, 1.0)
    # Which params and inputs there are is the specification's business.
    free = {"PAGE_SHIFT", "PMD_SHIFT", "old_addr", "old_end"}
    checked = [p for p in paths(json.loads(text)) if p[-1] not in free]
    assert len(checked) > 30
    for path in checked:
        for breaks in ("missing", "null"):
            report = json.loads(text)
            holder = report
            for key in path[:-1]:
                holder = holder[key]
            if breaks == "missing":
                del holder[path[-1]]
            elif path[-1] == "counterexample":
                continue  # null is what it is without values
            else:
                holder[path[-1]] = None
            with pytest.raises(jsonschema.ValidationError):
                check(report)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "proven"},
        {"kind": "lemma"},
        {"reason": "timeout"},
        {"verdict": "unknown"},
        {"word_bits": "64"},
        {"word_bits": 0},
        {"verdict": "unknown", "reason": "timeout", "ok": True},
        {"verdict": "unknown", "reason": "tired", "ok": False},
    ],
)
def test_what_is_not_of_the_format_does_not_fit_the_schema(make: Any, change: Mapping[str, Any]) -> None:
    report = json.loads(report_json(make("machine.geometry.i386").results(), VERSIONS, 1.0))
    report["obligations"][0] |= change
    with pytest.raises(jsonschema.ValidationError):
        check(report)
