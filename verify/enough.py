"""Proofs done once more, from what they name alone: whether the clauses that a proof `used` are enough for it.

What a report says that a proof uses is what a person goes by who wants to change the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from verify import core
from verify.basis import Basis, Met, asked_by
from verify.diagnostic import Diagnostic
from verify.passive import Obligation
from verify.put import Tracking, alone
from verify.scopes import Scope
from verify.solve import discharge_with_basis, together_with_basis
from verify.span import Source
from verify.verdict import Result


@dataclass(frozen=True, slots=True)
class Enough:
    """Discharges as `solve` does, and then proves what is proved again with the clauses alone that its proof used; for
    that it takes as long as for the first proof, at most."""

    def discharge(
        self, program: core.Program, obligation: Obligation, scope: Scope, sources: Mapping[str, Source], timeout: float
    ) -> Result:
        result, basis = discharge_with_basis(program, obligation, scope, sources, timeout)
        return replace(result, enough=basis is None or enough(program, basis, timeout))

    def together(
        self, program: core.Program, obligation: Obligation, scopes: tuple[Scope, ...], timeout: float
    ) -> tuple[Result, ...] | None:
        found = together_with_basis(program, obligation, scopes, timeout)
        if found is None:
            return None
        results, basis = found
        checked = enough(program, basis, timeout)
        return tuple(replace(result, enough=checked) for result in results)


def enough(program: core.Program, basis: Basis, seconds: float) -> bool:
    """Whether the solver finds a proof again, without the clauses that the first one did not use, within so long. What
    rests on values rests on nothing else."""
    if isinstance(basis, Met):
        return True
    names, asked = frozenset(basis.used), asked_by(program, basis)
    left = replace(asked, named=tuple((name, term) for name, term in asked.named if name in names))
    milliseconds = int(seconds * 500)
    if Tracking(left).attempt(names, 0, milliseconds).enough is not None:
        return True
    return alone(left, names, milliseconds, 0).enough is not None


def not_enough(results: Sequence[Result]) -> tuple[Diagnostic, ...]:
    """What there is to warn of, once for each obligation."""
    found = {result.id: result for result in results if not result.enough}
    return tuple(
        Diagnostic(
            "not-enough",
            result.location,
            f"{id_}: its proof was not found again from what it is said to use",
            "the solver gave up, or time was up: what the report names is not sure to be enough",
            "--timeout gives it longer; or see whether the proof is found with other seeds: --stability",
        )
        for id_, result in found.items()
    )
