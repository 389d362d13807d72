"""The report as a person reads it, whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_cases import INPUTS, RUN, STEP, WITNESS, Case, made

from verify.report import where_text
from verify.terminal import coloured, paint_for
from verify.verdict import Reason, Shown, Verdict


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_report_where_all_is_as_specified() -> None:
    case = made()
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
        old_addr = 0xffeff000, old_end = 0xfff00000, PAGE_SHIFT = 12, PMD_SHIFT = 21

19 obligations: 19 as specified, 0 failed, 0 unknown. 3.1 s on 2 processes
"""
    )


def test_a_counterexample_is_shown_below_its_line_and_the_list_goes_on() -> None:
    case = made("extent.source_extent.*")
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
def test_what_is_not_as_specified_has_a_block(id_: str, change: Mapping[str, Any], block: str, counts: str) -> None:
    case = made(id_)
    scope = case.plan.listed[-1].scope
    text = case.text(case.results({(id_, scope.name or str(scope.word_bits)): change}))
    _, _, rest = text.split("\n", 2)
    rest = rest[rest.index(block[:4]) :]
    assert rest == block + ("" if "defect" in block else "\n") + f"2 obligations: {counts}. 3.1 s on 2 processes\n"


def test_failures_alike_at_each_scope_share_a_block_if_there_are_no_values_to_show() -> None:
    case = made("extent.last_pmd.cover")
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


def test_what_is_vacuous_by_its_requires_points_there_and_has_no_block_of_its_own() -> None:
    case = made("extent.source_extent.requires", "extent.source_extent.ensures.inside")
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


def test_it_has_a_block_where_its_requires_is_not_listed() -> None:
    case = made("extent.source_extent.ensures.inside")
    gone = {
        "verdict": Verdict.VACUOUS,
        "detail": ("nothing meets the preconditions: see extent.source_extent.requires",),
    }
    text = case.text(case.results({(case.plan.listed[0].obligation.id, bits): gone for bits in ("32", "64")}))
    assert "spec/extent.spec:11:24: VACUOUS extent.source_extent.ensures.inside\n" in text


def test_a_long_run_is_shown_by_its_two_ends() -> None:
    case = made("extent.source_extent.ensures.inside", geometry="i386")
    long = replace(RUN, trace=tuple(Shown("i", str(n), n, 1, "i + 1") for n in range(100)))
    change = {"verdict": Verdict.REFUTED, "counterexample": long}
    lines = case.text(case.results({("extent.source_extent.ensures.inside", "i386"): change})).splitlines()
    rows = [line.split()[1] for line in lines if line.startswith("    i  ")]
    assert rows == [str(n) for n in [*range(20), *range(80, 100)]]
    assert lines[lines.index("    i          19          line 1: i + 1") + 1] == (
        "    ... 60 more, which explain shows ..."
    )


def test_a_long_witness_is_cut_within_its_maps() -> None:
    case = made("extent.without_minus_one.refute")
    pte = Shown("pte", "{" + "0x1000: pte#3, " * 30 + "else none}", {})
    long = replace(WITNESS, inputs=(pte, *INPUTS))
    text = case.text(case.results({("extent.without_minus_one.refute", "parisc32"): {"counterexample": long}}))
    line = text.splitlines()[2]
    assert line.startswith("        old_addr = 0xffeff000, old_end = 0xfff00000, pte = {0x1000: pte#3, ")
    assert line.endswith(" ...")
    assert len(line) <= 120


def test_witnesses_that_differ_are_told_apart_by_their_scope() -> None:
    case = made("extent.last_pmd.cover", "extent.everywhere.refute")
    other = replace(WITNESS, inputs=(Shown("old_addr", "0x1", "0x1"),))
    changes = {
        ("extent.last_pmd.cover", "i386"): {"counterexample": other},
        ("extent.everywhere.refute", "64"): {"counterexample": other},
    }
    assert [line.strip() for line in case.text(case.results(changes)).splitlines() if " = " in line] == [
        "parisc32: old_addr = 0xffeff000, old_end = 0xfff00000",
        "i386: old_addr = 0x1",
        "32 bits: old_addr = 0xffeff000, old_end = 0xfff00000, PAGE_SHIFT = 12, PMD_SHIFT = 21",
        "64 bits: old_addr = 0x1, PAGE_SHIFT = 12, PMD_SHIFT = 21",
    ]


def test_a_word_size_without_a_geometry_is_said_for_each_module() -> None:
    narrow = "module m; param P: int; assume p: P == 1 && WORD_BITS == 32;\nlemma l(a: word) ensures k: a == a;\n"
    case = made(m=narrow, n="module n;\nlemma l(a: word) ensures k: a == a;\n")
    assert case.plan.excluded == (("m", (64,)),)
    assert case.text(case.results()).endswith(
        """
module m: no geometry of 64 bits meets the assumptions; left out
6 obligations: 6 as specified, 0 failed, 0 unknown. 3.1 s on 2 processes
"""
    )


def test_an_interrupted_report_says_what_was_not_reached() -> None:
    case = made()
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
        ([(name, 32) for name in "abcdefghijkl"], "a, b, c, d, e, f, g, h, i, j, k, l"),
        ([(name, 32) for name in "abcdefghijklm"], "a, b, c, d and 9 others"),
    ],
)
def test_how_scopes_read(scopes: list[tuple[str, int]], text: str) -> None:
    assert where_text(scopes) == text


def test_marks_are_coloured_on_a_terminal_alone() -> None:
    case = made("machine.geometry.i386")
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
