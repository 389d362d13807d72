"""Values on which a function was not seen to do as its item says: both are run on them, and then it is said."""

from __future__ import annotations

from dataclasses import dataclass

from verify import core
from verify.actual import Did, Failed, Values, done, inputs_of, said
from verify.child import NoAnswer
from verify.confirm import Confirmed
from verify.core import SymbolKind
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.execute import Finished, Trace, execute
from verify.function import Function, Lost
from verify.run import FUEL
from verify.values import Value, some_value
from verify.verdict import Reason


@dataclass(frozen=True, slots=True)
class Judged:
    """What the item says of each result, and what the function really does, on these inputs.

    `reason`: why that refutes nothing. It is None iff the two differ, and the function does what it was seen to do.
    `specified` is empty, and `real` None, where that is not known. `trace`: of a run of the item, if it is a procedure.
    """

    context: Context
    inputs: Values
    trace: Trace
    specified: tuple[Value, ...]
    real: Did | Failed | None
    reason: Reason | None
    detail: tuple[str, ...]


def judge(
    program: core.Program,
    function: Function,
    routine: core.Routine | None,
    confirmed: Confirmed,
    leans: bool,
    seconds: float,
) -> Judged:
    """`routine` is None for a define. `leans`: what the item says was known by contracts alone."""
    context, bits, place = confirmed.context, confirmed.context.word_bits, function.binding.place
    arguments = {
        s: confirmed.values.get(s, some_value(s.type, bits)) for s in function.inputs if s.kind is SymbolKind.ARGUMENT
    }
    inputs = inputs_of(function, context, arguments)
    try:
        specified, trace = _specified(program, function, routine, confirmed, arguments)
    except (Undefined, Undecided) as error:
        what = f"what is specified cannot be executed: {error.reason}"
        return Judged(context, inputs, (), (), None, Reason.NOT_EXECUTABLE, (what,))

    def judged(real: Did | Failed | None, reason: Reason | None, *detail: str) -> Judged:
        return Judged(context, inputs, trace, specified, real, reason, detail)

    seen = said(function.tree, context, inputs, tuple(e.type for e in function.wanted))
    lost = (f"{place} was not followed: {seen.what}",) if isinstance(seen, Lost) else ()
    try:
        real = done(function, inputs, bits, seconds)
    except NoAnswer as error:
        reason = Reason.TIMEOUT if error.late else Reason.NOT_EXECUTABLE
        return judged(None, reason, *lost, f"{place}, run on the values below: {error.what}")
    if not lost and seen != real:
        what = f"{place}, run on the values below, does not do what it did on unknown ones"
        return judged(real, Reason.NOT_EXECUTABLE, what)
    if real != Did(specified):
        return judged(real, None)
    if isinstance(seen, Lost):
        reason = Reason.BOUND if seen.bound else Reason.NOT_EXECUTABLE
        return judged(real, reason, *lost, "on the values below it does as is specified")
    if leans:
        what = "what the callees' contracts and the loops' invariants say does not suffice"
        return judged(real, Reason.TOO_WEAK, f"too weak: {what}", "on the values below the two agree")
    return judged(real, Reason.SOLVER, "on the values below, which the solver found, the two agree")


def _specified(
    program: core.Program,
    function: Function,
    routine: core.Routine | None,
    confirmed: Confirmed,
    arguments: Values,
) -> tuple[tuple[Value, ...], Trace]:
    """What the item says of each result, and the run that says so. Raises Undefined and Undecided."""
    context, bits = confirmed.context, confirmed.context.word_bits
    if routine is None:
        return tuple(evaluate(e, context, arguments, {}) for e in function.wanted), ()
    states = program.states(routine.module)
    state = {s: some_value(s.type, bits) for s in states}
    run = execute(
        program,
        context,
        routine,
        arguments,
        state,
        watch=lambda _: False,
        choose=lambda chosen: confirmed.values.get(chosen.target, some_value(chosen.target.type, bits)),
        fuel=FUEL,
    )
    if not isinstance(run, Finished):
        raise Undecided(routine.span, "its body does not come to an end")
    return tuple(run.results[r] for r in routine.results), run.trace
