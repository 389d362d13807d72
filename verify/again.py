"""A run that is known, once more: on another geometry, or from smaller values."""

from __future__ import annotations

from verify import core
from verify.confirm import Confirmed
from verify.evaluate import context_for
from verify.lessen import lessened, nearer
from verify.run import FUEL, Values, Violation, may_start, replay
from verify.scopes import Scope
from verify.stepwise import LONG_RUN


def breaks(program: core.Program, routine: core.Routine, scope: Scope, known: Violation) -> bool:
    """True iff a run with the same inputs may begin on a geometry, and breaks the same there."""
    return _run(program, routine, scope, known, {**known.inputs, **known.binding}, LONG_RUN) is not None


def smaller(program: core.Program, routine: core.Routine, scope: Scope, known: Violation) -> Violation:
    """A run that breaks the same from smaller values, and is not much longer.

    The arguments as small as they get, one by one and two by two with the same sum, the last first; then the rest.
    """
    fuel = min(FUEL, 4 * len(known.trace) + 100)

    def run(values: Values) -> Violation | None:
        return _run(program, routine, scope, known, values, fuel)

    words = [p for p in routine.parameters if p.type == core.WORD]
    values = nearer({**known.inputs, **known.binding}, words, lambda v: run(v) is not None, scope.word_bits)
    return run(lessened(values, lambda v: run(v) is not None)) or known


def _run(
    program: core.Program, routine: core.Routine, scope: Scope, known: Violation, values: Values, fuel: int
) -> Violation | None:
    start = Confirmed(context_for(program, scope.values, scope.word_bits, {}), values)
    if not may_start(program, start.context, routine, values):
        return None
    found = replay(program, routine, start, (), lambda id_: id_ == known.id, fuel)
    return found if isinstance(found, Violation) else None
