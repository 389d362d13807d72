"""Why a condition has the truth it has: the values of bound variables that decide it."""

from __future__ import annotations

from collections.abc import Mapping

from verify import core
from verify.core import BinaryOp, Symbol
from verify.evaluate import PIECES, Context, Evaluation, plain
from verify.values import Value


def failing_binding(
    expr: core.Expr,
    context: Context,
    values: Mapping[Symbol, Value],
    entry: Mapping[Symbol, Value],
    *,
    hints: Mapping[Symbol, tuple[Value, ...]] | None = None,
    pieces: int = PIECES,
) -> Mapping[Symbol, Value]:
    """The values of bound variables that show why a bool expression has the truth it has.

    For a universal that is false, one counterexample; for an existential that is true, one witness; in a conjunction
    and the like, those of the parts that decide; in a define, those of its body. Empty where no quantifier decides.
    Raises what `evaluate` raises.
    """
    why: dict[Symbol, Value] = {}
    _explain(Evaluation(context, hints or {}, pieces), expr, values, entry, why)
    return why


def _explain(
    run: Evaluation,
    expr: core.Expr,
    values: Mapping[Symbol, Value],
    entry: Mapping[Symbol, Value],
    why: dict[Symbol, Value],
) -> None:
    match expr:
        case core.Old(body=body):
            _explain(run, body, entry, entry, why)
        case core.Unary(operand=operand):
            _explain(run, operand, values, entry, why)
        case core.Binary(op=BinaryOp.AND | BinaryOp.OR | BinaryOp.IMPLIES as op, left=left, right=right):
            truth = run.value(left, values, entry)
            if truth == (op is BinaryOp.OR):
                _explain(run, left, values, entry, why)
                return
            settled = run.value(right, values, entry) == (op is not BinaryOp.AND)
            if not settled:
                _explain(run, left, values, entry, why)
            _explain(run, right, values, entry, why)
        case core.Binary(op=BinaryOp.IFF, left=left, right=right):
            _explain(run, left, values, entry, why)
            _explain(run, right, values, entry, why)
        case core.Ite(condition=condition, then=then, otherwise=otherwise):
            branch = then if run.value(condition, values, entry) else otherwise
            _explain(run, branch, values, entry, why)
        case core.Let(symbol=symbol, value=bound, body=body):
            held = {symbol: plain(run.value(bound, values, entry))}
            _explain(run, body, {**values, **held}, {**entry, **held}, why)
        case core.Quantifier(symbols=symbols, body=body):
            bound_to: dict[Symbol, Value] = {}
            for at, symbol in enumerate(symbols):
                found = run.find(expr, at, {**values, **bound_to}, {**entry, **bound_to})
                if found is None:
                    return
                bound_to[symbol] = found
            why.update(bound_to)
            _explain(run, body, {**values, **bound_to}, {**entry, **bound_to}, why)
        case core.Apply(function=function, arguments=arguments):
            define = run.context.defines[function]
            if define.value is not None:
                held_by = [plain(run.value(argument, values, entry)) for argument in arguments]
                _explain(run, define.value, dict(zip(define.parameters + define.reads, held_by, strict=True)), {}, why)
        case _:
            pass
