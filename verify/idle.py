"""Preconditions that no proof needs: what is required in vain makes a claim weaker than it could be."""

from __future__ import annotations

from collections.abc import Sequence

from verify import core
from verify.diagnostic import Diagnostic
from verify.sites import callees
from verify.span import Span
from verify.syntax import RoutineKind
from verify.verdict import Result

_CODE = "idle"


def idle(
    program: core.Program, names: Sequence[str], results: Sequence[Result], closed: bool
) -> tuple[Diagnostic, ...]:
    """What there is to warn of in these routines, all of whose obligations are among the results.

    A precondition of a lemma is there for its proof. One of a procedure may be there for the callers, who have to prove
    it: it is idle if none of its own proofs uses it, and nothing calls the procedure, which is known if the program is
    `closed`: all that might call is in it. Nothing is said of a routine that is not proved in all.
    """
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(".".join(result.id.split(".")[:2]), []).append(result)
    proved = [name for name in names if name in found and all(r.ok for r in found[name])]
    items = (item for module in program.modules for item in module.items)
    called = frozenset(name for i in items if isinstance(i, core.Routine) for name in callees(i))
    return tuple(
        _idle(clause.line)
        for name in proved
        for routine in (program.routines()[name],)
        if routine.kind is RoutineKind.LEMMA
        or (routine.kind is RoutineKind.PROCEDURE and closed and name not in called)
        for clause in routine.requires
        if not any(f"{name}.requires.{clause.label}" in result.used for result in found[name])
    )


def _idle(span: Span) -> Diagnostic:
    return Diagnostic(
        _CODE,
        span,
        "no proof uses this, and no call has to meet it",
        "what is claimed holds without it, as far as it is proved",
        "leave it out; or see whether the claim says what is meant",
    )
