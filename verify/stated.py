"""Whether a claim stands, word for word, among what is assumed.

Most of what a call asks for does, and much of what a loop keeps: it was stated of the same values just before. To see
that takes no solver, and gives no expression a meaning: the same text about the same values says the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field

from verify import core
from verify.core import BinaryOp, Symbol
from verify.minimal import Names, Tried, minimal
from verify.passive import Assume, Let
from verify.question import Question
from verify.rename import conjuncts


def stated(question: Question) -> tuple[str, ...] | None:
    """The names of clauses that state the goal, none of which can be left out; None if part of it is not stated.

    Each condition of the goal is then assumed on the question's path, or says of a value that it equals itself: no
    values meet the question. It has a goal. Without one of the clauses some condition is not stated; that the solver
    could prove it is another matter.
    """
    shapes = _Shapes({s.symbol: s.value for s in question.steps if isinstance(s, Let)})
    path = frozenset(question.path)
    assumed: dict[int, set[str | None]] = {shapes.of(shapes.lets[g.symbol]): {None} for g in question.path if g.holds}
    for step in question.steps:
        if isinstance(step, Assume) and path.issuperset(step.path):
            for part in conjuncts(step.expr):
                assumed.setdefault(shapes.of(part), set()).add(step.name)
    wholes: list[list[set[str | None]]] = []  # of each form of the goal: what states each condition
    for goal in dict.fromkeys((question.obligation.goal, question.goal)):
        if goal is not None:
            found = [shapes.of(part) for part in conjuncts(goal) if not shapes.reflexive(part)]
            if assumed.keys() >= set(found):
                wholes.append([assumed[shape] for shape in found])
    if not wholes:
        return None

    def without_others(names: Names, _: bool) -> Tried:
        known = {None, *names}
        return Tried(names if any(all(known & part for part in whole) for whole in wholes) else None)

    clauses = {name for whole in wholes for part in whole for name in part}
    return minimal([name for name in question.clauses() if name in clauses], without_others)


def same_text(a: core.Expr, b: core.Expr) -> bool:
    """True iff two expressions say the same of the same variables, word for word, wherever they stand."""
    shapes = _Shapes({})
    return shapes.of(a) == shapes.of(b)


@dataclass(slots=True)
class _Shapes:
    """A number for each expression, equal iff they are the same once variables stand for their values.

    A bound variable is known by its place, so that its name does not count. `lets` are the variables with a value.
    """

    lets: Mapping[Symbol, core.Expr]
    values: dict[Symbol, int] = field(default_factory=dict)
    numbers: dict[tuple[Hashable, ...], int] = field(default_factory=dict)

    def of(self, expr: core.Expr) -> int:
        return self.shape(expr, {}, 0)

    def reflexive(self, expr: core.Expr) -> bool:
        """True iff it says that something equals itself."""
        match expr:
            case core.Binary(op=BinaryOp.EQ, left=left, right=right):
                return self.of(left) == self.of(right)
            case _:
                return False

    def shape(self, expr: core.Expr, bound: Mapping[Symbol, int], depth: int) -> int:
        """`bound` are the shapes of the variables bound around, `depth` how many quantifiers bound them."""
        match expr:
            case core.Var(symbol=symbol):
                return bound[symbol] if symbol in bound else self.variable(symbol)
            case core.Let(symbol=symbol, value=value, body=body):
                return self.shape(body, {**bound, symbol: self.shape(value, bound, depth)}, depth)
            case core.Quantifier(symbols=symbols, body=body):
                places = {s: self.number("place", depth, n, s.type) for n, s in enumerate(symbols)}
                inner = self.shape(body, {**bound, **places}, depth + 1)
                return self.number("quantifier", expr.universal, *places.values(), inner)
            case _:
                inner_shapes = (self.shape(child, bound, depth) for child in core.children(expr))
                return self.number(type(expr).__name__, *_own(expr), *inner_shapes)

    def variable(self, symbol: Symbol) -> int:
        if symbol not in self.values:
            value = self.lets.get(symbol)
            self.values[symbol] = self.number("free", symbol) if value is None else self.of(value)
        return self.values[symbol]

    def number(self, *parts: Hashable) -> int:
        return self.numbers.setdefault(parts, len(self.numbers))


def _own(expr: core.Expr) -> Iterator[Hashable]:
    """What an expression has beside its sub-expressions and its place."""
    match expr:
        case core.Literal(value=value, type=type_):
            yield from (value, type_)
        case core.Element(name=name, type=type_):
            yield from (name, type_)
        case core.EmptySet(type=type_):
            yield type_
        case core.Unary(op=unary):
            yield unary
        case core.Binary(op=binary):
            yield binary
        case core.Apply(function=function):
            yield function
        case _:
            return
