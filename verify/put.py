"""Putting a question to z3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from verify import core
from verify.core import Symbol
from verify.encode import Encoder, conjoin, under
from verify.instance import Instance
from verify.passive import Assume, Let, Path
from verify.question import Question
from verify.values import MapValue, Member
from verify.words import TRUE, Integers, Words


@dataclass(frozen=True, slots=True)
class Assertions:
    """A question in the solver's terms: satisfiable iff the question's answer is yes.

    `named` are the conditions that stand for a clause, with its name. `goal` is the negated goal, with the path.
    """

    encoder: Encoder
    terms: Mapping[Symbol, Any]
    plain: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]
    goal: tuple[Any, ...]


def assertions(
    program: core.Program,
    question: Question,
    words: Words,
    revealed: frozenset[str] | None,
    narrow: Mapping[Symbol, int],
    instances: Sequence[Instance] | None = None,
) -> Assertions:
    """The question over one representation of words. `revealed`: opaque defines laid open, or None for all.

    With `instances`, assumptions that quantify over all values are left out, and these stand in for them: what is
    unsatisfiable then is unsatisfiable anyway.
    """
    encoder = Encoder.of(program, words, question.scope.values, revealed, narrow)
    terms: dict[Symbol, Any] = {}
    plain: list[Any] = []
    named: list[tuple[str, Any]] = []

    def taken(path: Path) -> Any:
        parts = [terms[g.symbol] if g.holds else z3.Not(terms[g.symbol]) for g in path]
        return conjoin(*parts)

    for step in question.steps:
        match step:
            case Let(path=path, symbol=symbol, value=value):
                encoded = encoder.encode(value, terms, {})
                terms[symbol] = encoded.value
                if encoded.defined is not TRUE:
                    plain.append(under(taken(path), encoded.defined))
            case Assume(path=path, expr=expr, name=name):
                kept = expr if instances is None else weakened(program, expr)
                encoded = encoder.encode(kept, terms, {})
                condition = under(taken(path), conjoin(encoded.defined, encoded.value))
                if name is None:
                    plain.append(condition)
                else:
                    named.append((name, condition))
    for instance in instances or ():
        bound = {
            symbol: encoder.value(given, symbol.type) if isinstance(given, int | Member | MapValue) else given
            for symbol, given in instance.binding.items()
        }
        encoded = encoder.encode(instance.expr, {**terms, **bound}, {})
        plain.append(under(taken(instance.path), conjoin(encoded.defined, encoded.value)))
    goal = [taken(question.path)]
    if question.goal is not None:
        encoded = encoder.encode(question.goal, terms, {})
        goal += [encoded.defined, z3.Not(encoded.value)]
    for symbol in question.free_symbols():
        encoder.symbol(symbol)
    return Assertions(encoder, terms, (*plain, *encoder.facts), tuple(named), tuple(goal))


def weakened(program: core.Program, expr: core.Expr) -> core.Expr:
    """`expr` with every part that says something of all values taken for true: it follows from `expr`."""
    match expr:
        case core.Quantifier(universal=True, span=span):
            return core.Literal(span, True, core.BOOL)
        case core.Binary(op=core.BinaryOp.AND, left=left, right=right, span=span):
            return core.Binary(span, core.BinaryOp.AND, weakened(program, left), weakened(program, right))
        case core.Binary(op=core.BinaryOp.IMPLIES, left=left, right=right, span=span):
            return core.Binary(span, core.BinaryOp.IMPLIES, left, weakened(program, right))
        case core.Apply(function=function, arguments=arguments, span=span):
            define = program.defines()[function]
            if define.value is None or define.result != core.BOOL:
                return expr
            inner = weakened(program, define.value)
            if inner == define.value:
                return expr
            for symbol, argument in reversed(list(zip((*define.parameters, *define.reads), arguments, strict=True))):
                inner = core.Let(span, symbol, argument, inner)
            return inner
        case _:
            return expr


@dataclass(frozen=True, slots=True)
class Answer:
    """`yes` with a model, `no` with the names of clauses that suffice, or neither, with the solver's reason."""

    yes: bool
    no: bool
    model: Any
    used: tuple[str, ...]
    reason: str


PATIENCE = 500
"""How many milliseconds the solver gets to meet wishes, before they are all given up."""


def put(asked: Assertions, milliseconds: int, wishes: Sequence[Any] = ()) -> Answer:
    """One question to the solver. On `no`, `used` holds every clause given: narrowing it is `narrowed_use`.

    `wishes` are what an answer should look like, the strongest last. Those that cannot be met are given up one by one:
    they change which values are found, never whether.
    """
    solver = _solver(asked, milliseconds)
    solver.add(*asked.plain, *(term for _, term in asked.named), *asked.goal)
    kept = {z3.Bool(f"wish!{number}"): wish for number, wish in enumerate(wishes)}
    for literal, wish in kept.items():
        solver.add(z3.Implies(literal, wish))
    while True:
        solver.set("timeout", max(1, min(milliseconds, PATIENCE) if kept else milliseconds))
        result = solver.check(*kept)
        if kept and result == z3.unknown:
            kept.clear()
            continue
        if result == z3.sat:
            return Answer(True, False, solver.model(), (), "")
        if result != z3.unsat:
            return Answer(False, False, None, (), solver.reason_unknown())
        given_up = [literal for literal in solver.unsat_core() if literal in kept]
        if not given_up:
            return Answer(False, True, None, tuple(dict.fromkeys(name for name, _ in asked.named)), "")
        del kept[max(given_up, key=lambda literal: int(str(literal).split("!")[1]))]


def _solver(asked: Assertions, milliseconds: int) -> Any:
    solver = z3.Solver()
    solver.set("timeout", max(1, milliseconds))
    if isinstance(asked.encoder.words, Integers):
        # z3's guess at a configuration from the shape of the problem is a bad one for quantifiers over arithmetic:
        # without it the slowest of these questions take a tenth of the time.
        solver.set("auto_config", False)
    return solver


def narrowed_use(asked: Assertions, milliseconds: int) -> tuple[str, ...] | None:
    """Names of clauses that suffice for a question whose answer is no; None if that is not found out in time.

    The solver that keeps track of what it uses is slower, so this is a question of its own.
    """
    solver = _solver(asked, milliseconds)
    solver.add(*asked.plain, *asked.goal)
    for number, (_, term) in enumerate(asked.named):
        solver.assert_and_track(term, f"clause!{number}")
    if solver.check() != z3.unsat:
        return None
    numbers = {int(str(c).split("!")[1]) for c in solver.unsat_core()}
    return tuple(dict.fromkeys(name for number, (name, _) in enumerate(asked.named) if number in numbers))


def index_terms(asked: Assertions) -> list[Any]:
    """The terms at which maps are looked into or changed, those under a quantifier left out."""
    found: dict[int, Any] = {}
    seen: set[int] = set()
    stack = [*asked.plain, *(term for _, term in asked.named), *asked.goal]
    while stack:
        term = stack.pop()
        if term.get_id() in seen or z3.is_quantifier(term):
            continue
        seen.add(term.get_id())
        if z3.is_select(term) or z3.is_store(term):
            found[term.arg(1).get_id()] = term.arg(1)
        stack.extend(term.children())
    return list(found.values())
