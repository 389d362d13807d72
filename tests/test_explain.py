"""The list of obligations, the audit, and one obligation explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_cases import RUN, made

from verify.absent import near
from verify.audit import audit, audit_text
from verify.explain import explain_text
from verify.json_report import audit_json, list_json
from verify.report import list_text
from verify.verdict import Verdict


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_list() -> None:
    assert list_text(made().plan) == (
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


def test_the_list_as_json() -> None:
    found = json.loads(list_json(made("extent.source_extent.ensures.progress").plan, {"verify": "1", "z3": "2"}))
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


def test_the_audit_has_all_that_is_taken_on_trust() -> None:
    case = made()
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


def test_the_audit_as_json() -> None:
    case = made()
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


def test_an_audit_of_nothing_says_so() -> None:
    case = made(m="module m;\nlemma l(a: word) ensures k: a == a;\n")
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
def test_which_lines_say_what_the_model_leaves_out(doc: str, left_out: list[str]) -> None:
    case = made(m=f"{doc}\nmodule m;\nlemma l(a: word) ensures k: a == a;\n")
    trusted = audit(case.program, case.sources)
    assert [t.text for t in trusted] == left_out
    lines = case.sources["spec/m.spec"].text.split("\n")
    for found in trusted:
        assert lines[found.location.line - 1][found.location.column - 1 :].lstrip().startswith("-")


def test_a_proof_explained() -> None:
    case = made("extent.source_extent.ensures.progress")
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


@pytest.mark.parametrize(
    ("used", "said"),
    [
        ("machine.pmd_floor.ensures.near", True),
        ("extent.source_extent.assert.near", True),
        ("machine.assume.ensures", False),
        ("extent.source_extent.requires.nonempty", False),
        ("extent.source_extent.loop[1].invariant.near", False),
    ],
)
def test_what_has_a_proof_of_its_own_is_said_to_be_explained_by_its_name(used: str, said: bool) -> None:
    case = made("extent.source_extent.ensures.progress")
    changes = {("extent.source_extent.ensures.progress", "32"): {"used": (used,)}}
    text = explain_text(case.program, case.plan.listed, case.results(changes), case.sources)
    assert ("rests on itself: explain it by the name above\n" in text) is said


def test_a_counterexample_explained_step_by_step() -> None:
    case = made("extent.source_extent.ensures.inside", geometry="parisc32")
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
