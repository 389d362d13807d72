"""The language, one feature a file: each file of tests/language says below its items what the verdicts are.

A line `//: ID VERDICT` is for one obligation at every scope it has: every geometry at 32 and at 64 bits, unless ` on
NAME ...` names others (32 or 64 alone, or geometries). Where the verdicts differ, each has its scopes: `proved on 32,
refuted on 64`. The lines are the whole report: no obligation is missing, and there is no other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plans import plan_of

from verify.diagnostic import render
from verify.elaborate import elaborate
from verify.entries import Work, in_order, units
from verify.literals import check_literals
from verify.load import Loaded, load
from verify.obligations import obligations
from verify.schedule import RECURSION_LIMIT
from verify.solve import discharge, together
from verify.verdict import Reason, Result, Verdict

HERE = Path(__file__).parent / "language"
CASES = sorted(path for path in HERE.iterdir() if path.is_dir() or path.suffix == ".spec")
SECONDS = 10.0
BOTH = ("32", "64")


def report(loaded: Loaded, seconds: float = SECONDS) -> Iterator[Result]:
    """Every entry of the report, as the command line makes it, in this process."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    program, diagnostics = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, "\n".join(render(d, loaded.sources) for d in (*loaded.diagnostics, *diagnostics))
    assert check_literals(program) == ()
    ids = [obligation.id for obligation in obligations(program)]
    assert len(ids) == len(set(ids))
    tasks = plan_of(program).tasks
    work = Work(discharge, together, program, loaded.sources, seconds)
    made = (pair for unit in units(tasks) for pair in zip(unit, work(tuple(tasks[i] for i in unit)), strict=True))
    return (result for _, result in in_order(tasks, made))


def said(result: Result) -> str:
    """The verdict, with its reason if it is unknown."""
    return result.verdict.value + (f" ({result.reason.value})" if result.reason else "")


def where(result: Result) -> str:
    return str(result.word_bits) if result.geometry == "every" else result.geometry


def table(results: Iterator[Result]) -> dict[str, str]:
    """Id to verdict, as the files have it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for result in results:
        assert not result.defect, result
        found.setdefault(result.id, []).append((where(result), said(result)))
    lines = {}
    for id_, rows in found.items():
        scopes, verdicts = tuple(scope for scope, _ in rows), {verdict for _, verdict in rows}
        if len(verdicts) > 1:
            lines[id_] = ", ".join(f"{verdict} on {scope}" for scope, verdict in rows)
        else:
            lines[id_] = verdicts.pop() + ("" if scopes == BOTH else f" on {' '.join(scopes)}")
    return lines


def expected(loaded: Loaded) -> dict[str, str]:
    lines = [line for source in loaded.sources.values() for line in source.text.split("\n") if line.startswith("//: ")]
    rows = [line.removeprefix("//: ").split(" ", 1) for line in lines]
    assert rows
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_obligation_has_the_verdict_that_the_language_gives_it(path: Path) -> None:
    loaded = load([path])
    assert table(report(loaded)) == expected(loaded)


def test_what_the_solver_does_not_find_out_in_time_is_unknown(tmp_path: Path) -> None:
    text = """module hard;
        geometry g { WORD_BITS = 8; }
        lemma fermat(a: int, b: int, c: int) on g
            requires some: a > 0 && b > 0
            ensures cubes: a * a * a + b * b * b != c * c * c
        { }"""
    (tmp_path / "hard.spec").write_text(text, encoding="utf-8")
    *_, found = report(load([tmp_path / "hard.spec"]), 1.0)
    assert (found.id, found.verdict, found.reason) == ("hard.fermat.ensures.cubes", Verdict.UNKNOWN, Reason.TIMEOUT)
    assert not found.ok


LEVELS = 120
DEEP = {
    "operators": f"lemma l(a: int) ensures e: {'(1 + ' * LEVELS}a{')' * LEVELS} == a + {LEVELS} {{ }}",
    "branches": f"procedure l(a: int) ensures e: true {{ {'if (a > 0) { ' * LEVELS}assert e: a > 0; {'}' * LEVELS} }}",
    "conditions": f"lemma l(a: int) ensures e: {'(if a > 0 then ' * LEVELS}a{' else 1)' * LEVELS} > 0 {{ }}",
    "quantifiers": f"lemma l(a: int) ensures e: {'forall b: int :: b > a ==> ' * LEVELS}a < b {{ }}",
    "defines": "".join(f"define f{n}(a: int): int = f{n + 1}(a) + 1;" for n in range(2 * LEVELS))
    + f"define f{2 * LEVELS}(a: int): int = a; lemma l(a: int) ensures e: f0(a) == a + {2 * LEVELS} {{ }}",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_what_nests_deep_is_proved(text: str, tmp_path: Path) -> None:
    (tmp_path / "deep.spec").write_text(f"module deep; {text}", encoding="utf-8")
    found = table(report(load([tmp_path / "deep.spec"])))
    assert found.pop("deep.l.ensures.e") == "proved"
    assert set(found.values()) == {"proved"}
