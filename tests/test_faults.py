"""Every claim is held up by an obligation and by a test that notice a fault: see `faults`."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults import FAULTS, Fault, Row
from generated import suite
from test_generated import MREMAP, ROOT, SPEC, STEP, TABLE, copied, failing, inject

from verify.elaborate import elaborate
from verify.load import load
from verify.obligations import obligations
from verify.passive import Obligation
from verify.scopes import Scopes
from verify.solve import discharge
from verify.verdict import Reason, Result, Verdict

ROWS = [pytest.param(row, id=row.claim) for row in FAULTS]


def verdict(spec: Path, id_: str) -> tuple[Obligation, Result]:
    """The obligation and what becomes of it on one geometry, which is enough for a fault."""
    loaded = load([spec])
    program, mistakes = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, mistakes
    obligation = next(o for o in obligations(program) if o.id == id_)
    (scope,) = Scopes(program, "parisc32").of(obligation)
    return obligation, discharge(program, obligation, scope, loaded.sources, 10.0)


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_in_the_specification_makes_an_obligation_of_the_claim_fail(row: Row, tmp_path: Path) -> None:
    fault: Fault = row.specification
    spec = copied(tmp_path, {fault.file: (fault.text, fault.by)})
    obligation, found = verdict(spec, fault.id)
    assert row.claim in obligation.claims
    assert found.verdict is Verdict.REFUTED or found.reason is Reason.TOO_WEAK, found
    assert found.counterexample is not None


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_in_the_implementation_makes_a_test_of_the_claim_fail(
    row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault: Fault = row.implementation
    inject(monkeypatch, {"step": STEP, "mremap": MREMAP}[fault.file], fault.text, fault.by)
    module, procedure, test = fault.id.split(".", 2)
    made = suite([SPEC], TABLE, ROOT)
    named = next(t for t in made.tests if t.id == fault.id)
    assert named.routine.qualified == f"{module}.{procedure}"
    claims = next(o.claims for o in obligations(made.program) if o.id == fault.id)
    assert row.claim in claims
    assert test in failing(made, procedure)


def test_there_is_a_row_for_each_claim_of_the_specification() -> None:
    made = suite([SPEC], TABLE, ROOT)
    claimed = {claim for o in obligations(made.program) for claim in o.claims}
    assert {row.claim for row in FAULTS} == claimed
    assert len(FAULTS) == len(claimed)
