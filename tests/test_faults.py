"""Every claim is held up by an obligation and by a test that notice a fault: see the tables in `faults`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from bridge import function_at
from faults import FAULTS, MENDED, NAMED, Fault, Row
from generated import Ran, Suite, broken, drawn, message, ran_on, suite
from test_generated import FEW, MREMAP, ROOT, SPEC, STEP, TABLE, copied, inject

from verify import core
from verify.elaborate import elaborate
from verify.load import load
from verify.obligations import obligations
from verify.passive import Obligation
from verify.plan import matches
from verify.run import find_run
from verify.scopes import Scopes
from verify.solve import discharge, together
from verify.span import Source
from verify.syntax import RoutineKind
from verify.verdict import Verdict

ON = "i386"
"""The geometry that faults of the specification are looked for on: one is enough."""

FOUND, NOT_FOUND = 20.0, 2.0
"""Seconds for the search for a run that there is, which takes a tenth of one, and for one that there is not."""

ROWS = [pytest.param(row, id=row.claim) for row in FAULTS]


class Spec:
    """A specification, elaborated."""

    def __init__(self, folder: Path) -> None:
        loaded = load([folder])
        program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
        assert program is not None, mistakes
        self.program: core.Program = program
        self.sources: dict[str, Source] = dict(loaded.sources)
        self.obligations: tuple[Obligation, ...] = tuple(obligations(program))

    def named(self, pattern: str) -> Obligation:
        """The one obligation whose id matches."""
        (found,) = (o for o in self.obligations if matches(o.id, (pattern,)))
        return found

    def routine(self, obligation: Obligation) -> core.Routine:
        return self.program.routines()[f"{obligation.module}.{obligation.item}"]

    def verdicts(self, obligation: Obligation) -> set[Verdict]:
        """At each of its scopes, by one proof where there is one."""
        scopes = Scopes(self.program, None).of(obligation)
        found = together(self.program, obligation, scopes)
        if found is None:
            found = tuple(discharge(self.program, obligation, s, self.sources, 20.0) for s in scopes)
        return {result.verdict for result in found}

    def broken_by_a_run(self, routine: core.Routine, ids: frozenset[str], seconds: float) -> str | None:
        """Which of these obligations a run of the routine breaks, found by the solver and executed, if any."""
        scope = Scopes(self.program, ON).of(self.named(f"{routine.qualified}.requires"))[0]
        run = find_run(self.program, routine, scope, ids, seconds, None)
        return None if run.violation is None else run.violation.id


@cache
def whole() -> Spec:
    return Spec(SPEC)


@cache
def unharmed() -> Suite:
    """The generated tests, and what the implementation without a fault makes of their examples."""
    return suite([SPEC], TABLE, ROOT)


# --- in the specification ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_in_a_body_of_the_specification_breaks_an_obligation_of_the_claim(row: Row, tmp_path: Path) -> None:
    fault = row.specification
    before = whole().named(fault.id)
    assert row.claim in before.claims
    assert whole().verdicts(before) == {Verdict.PROVED}
    assert stands_in_the_body(fault, whole().routine(before))

    spec = Spec(copied(tmp_path, {fault.file: (fault.text, fault.by)}))
    after = spec.named(fault.id)
    routine = spec.routine(after)
    assert spec.broken_by_a_run(routine, frozenset({after.id}), FOUND) == after.id

    claims = {o.id: set(o.claims) for o in spec.obligations if (o.module, o.item) == (after.module, after.item)}
    for claim in set(fault.also) - set(after.claims):
        ids = frozenset(id_ for id_, its in claims.items() if claim in its)
        assert spec.broken_by_a_run(routine, ids, FOUND) in ids, claim
    failing = {row.claim, *fault.also}
    others = frozenset(id_ for id_, its in claims.items() if not its <= failing)
    assert set(after.claims) <= failing
    assert spec.broken_by_a_run(routine, others, NOT_FOUND) is None


def stands_in_the_body(fault: Fault, routine: core.Routine) -> bool:
    """Whether the text lies within the braces of the routine: what the routine claims stays as it was."""
    lines = (SPEC / fault.file).read_text(encoding="utf-8").splitlines()
    assert routine.body
    first = routine.body[0].span.line
    body = lines[first - 1 : lines.index("}", first)]
    return fault.text.rstrip("\n") in "\n".join(body)


@pytest.mark.parametrize("fault", [pytest.param(f, id=f.id) for f in MENDED])
def test_a_refutation_that_holds_is_noticed(fault: Fault, tmp_path: Path) -> None:
    mended = Spec(copied(tmp_path, {fault.file: (fault.text, fault.by)}))
    for spec, verdict in ((whole(), Verdict.REFUTED), (mended, Verdict.PROVED)):
        obligation = spec.named(fault.id)
        assert obligation.expected == Verdict.REFUTED.value
        assert spec.routine(obligation).kind is RoutineKind.REFUTE
        scope = Scopes(spec.program, None).of(obligation)[0]
        assert discharge(spec.program, obligation, scope, spec.sources, 20.0).verdict is verdict


# --- in the implementation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_in_the_implementation_breaks_a_test_of_the_claim(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = row.implementation
    assert row.claim in whole().named(fault.id).claims
    assert broken_claims(fault, monkeypatch) <= {row.claim, *fault.also}


@pytest.mark.parametrize("fault", [pytest.param(named.fault, id=named.name) for named in NAMED])
def test_a_fault_that_is_known_by_name_breaks_a_test(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken_claims(fault, monkeypatch) <= set(fault.also)


def broken_claims(fault: Fault, patch: pytest.MonkeyPatch) -> set[str]:
    """The claims of all tests that fail once the fault is in the implementation; the one it names must be among them.

    That one says so under its id, and does not fail without the fault.
    """
    made = unharmed()
    before = {name: drawn(made, made.program.routines()[name], FEW, 0).ran for name in TABLE}
    inject(patch, {"step": STEP, "mremap": MREMAP}[fault.file], fault.text, fault.by)
    faulty = replace(made, functions={name: function_at(place) for name, place in TABLE.items()})
    after = {name: rerun(faulty, made.program.routines()[name], runs) for name, runs in before.items()}
    failing = {}
    for test in made.tests:
        found = next((ran for ran in after[test.routine.qualified] if broken(test, ran) is not None), None)
        if found is not None:
            failing[test.id] = message(faulty, test, found)
    assert fault.id in failing
    assert fault.id in failing[fault.id].splitlines()[0]
    named = next(test for test in made.tests if test.id == fault.id)
    assert all(broken(named, ran) is None for ran in before[named.routine.qualified])
    return {claim for o in whole().obligations if o.id in failing for claim in o.claims}


def rerun(faulty: Suite, routine: core.Routine, runs: tuple[Ran, ...]) -> list[Ran]:
    """What becomes of the examples now, where that is not what it was."""
    again = ((ran, ran_on(faulty, routine, ran.example)) for ran in runs)
    return [now for was, now in again if (now.outcome, now.context.tables) != (was.outcome, was.context.tables)]


# --- the table -----------------------------------------------------------------------------------------------------


def test_there_is_a_row_for_each_claim_of_the_specification() -> None:
    claimed = {claim for o in whole().obligations for claim in o.claims}
    assert sorted(row.claim for row in FAULTS) == sorted(claimed)
