"""Executing what the solver found: the question's steps, one by one, by `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verify import core
from verify.core import BinaryOp, Symbol
from verify.decode import Decoded
from verify.evaluate import Context, Undecided, Undefined, context_for, evaluate
from verify.instance import Instance
from verify.passive import Assume, Let, Path
from verify.question import Question
from verify.rename import said_of
from verify.values import Value, some_value
from verify.why import failing_binding


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The values meet the question. `values` has every symbol, those that the steps define included."""

    context: Context
    values: Mapping[Symbol, Value]


@dataclass(frozen=True, slots=True)
class Broken:
    """The values do not meet the question. `instance`: what they break of an assumption about all values."""

    context: Context
    values: Mapping[Symbol, Value]
    what: str
    instance: Instance | None


@dataclass(frozen=True, slots=True)
class CannotTell:
    """`evaluate` does not decide it, for the reason given."""

    reason: str


Confirmation = Confirmed | Broken | CannotTell


def confirm(program: core.Program, question: Question, found: Decoded) -> Confirmation:
    """Whether the values found meet the question: every assumption true, the goal (if any) defined and false."""
    return executed(question, context_for(program, found.params, question.scope.word_bits, found.tables), found.values)


def executed(question: Question, context: Context, given: Mapping[Symbol, Value]) -> Confirmation:
    """The same, of values in a context. What the steps define is computed, whatever is given for it."""
    values: dict[Symbol, Value] = dict(given)

    def taken(path: Path) -> bool:
        return all(values[g.symbol] == g.holds for g in path)

    try:
        for step in question.steps:
            live = taken(step.path)
            match step:
                case Let(symbol=symbol, value=expr):
                    values[symbol] = (
                        evaluate(expr, context, values, {}) if live else some_value(symbol.type, context.word_bits)
                    )
                case Assume(expr=expr, name=name):
                    if live and not evaluate(expr, context, values, {}):
                        instance = _instance(step.path, expr, context, values)
                        return Broken(context, values, name or str(expr.span), instance)
        if not taken(question.path):
            return Broken(context, values, "the way to the place", None)
        if question.goal is not None and evaluate(question.goal, context, values, {}):
            return Broken(context, values, "the goal, which holds", None)
    except Undefined as undefined:
        return Broken(context, values, f"{undefined.span}: {undefined.reason}", None)
    except Undecided as undecided:
        return CannotTell(f"{undecided.span}: {undecided.reason}")
    return Confirmed(context, values)


def _instance(path: Path, expr: core.Expr, context: Context, values: Mapping[Symbol, Value]) -> Instance | None:
    """What an assumption that is false says at the values at which it fails; None if no quantifier is the cause."""
    binding: dict[Symbol, Value] = {}

    def go(e: core.Expr, scope: dict[Symbol, Value]) -> core.Expr | None:
        match e:
            case core.Binary(op=BinaryOp.AND, left=left, right=right):
                return go(left, scope) if not evaluate(left, context, scope, {}) else go(right, scope)
            case core.Binary(op=BinaryOp.IMPLIES, left=left, right=right, span=span):
                inner = go(right, scope)
                return None if inner is None else core.Binary(span, BinaryOp.IMPLIES, left, inner)
            case core.Quantifier(universal=True, body=body):
                failing = failing_binding(e, context, scope, {})
                if not failing:
                    return None
                binding.update(failing)
                return go(body, {**scope, **failing}) or body
            case core.Let(symbol=symbol, value=value, body=body, span=span):
                inner = go(body, {**scope, symbol: evaluate(value, context, scope, {})})
                return None if inner is None else core.Let(span, symbol, value, inner)
            case core.Apply(function=function, arguments=arguments):
                define = context.defines[function]
                if define.value is None:
                    return None
                parameters = (*define.parameters, *define.reads)
                given = {p: evaluate(a, context, scope, {}) for p, a in zip(parameters, arguments, strict=True)}
                inner = go(define.value, given)
                return None if inner is None else said_of(e, define, inner)
            case _:
                return None

    found = go(expr, dict(values))
    return None if found is None else Instance(path, found, binding)
