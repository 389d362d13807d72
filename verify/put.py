"""Putting a question to z3."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import z3

from verify import core
from verify.core import Symbol
from verify.encode import Encoder
from verify.instance import Instance
from verify.minimal import Names, Tried
from verify.passive import Assume, Let, Path
from verify.question import Question
from verify.rename import said_of
from verify.terms import Plain, conjoin, under
from verify.values import MapValue, Member
from verify.words import BitVectors, Integers, Words


@dataclass(frozen=True, slots=True)
class Assertions:
    """A question in the solver's terms: satisfiable iff the question's answer is yes.

    `named` are the conditions that stand for a clause, with its name. `goal` is the negated goal, with the path.
    `weak` are the assumptions that stand here only as far as they quantify over no values: see `more`.
    """

    encoder: Encoder
    terms: Mapping[Symbol, Any]
    plain: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]
    goal: tuple[Any, ...]
    weak: tuple[Assume, ...] = ()

    def term(self, symbol: Symbol) -> Any:
        """The term of a variable."""
        return self.terms[symbol] if symbol in self.terms else self.encoder.symbol(symbol)

    def only(self, names: Iterable[str]) -> tuple[Any, ...]:
        """All that is asserted but the clauses that are not among `names`."""
        kept = frozenset(names)
        return (*self.plain, *(term for name, term in self.named if name in kept), *self.goal)


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
    lax = bool(question.obligation.without)
    return asserted(Encoder.of(program, words, question.scope.values, revealed, narrow, lax), question, instances)


def asserted(encoder: Encoder, question: Question, instances: Sequence[Instance] | None) -> Assertions:
    """The same with an encoder that is new."""
    terms: dict[Symbol, Any] = {}
    plain: list[Any] = []
    named: list[tuple[str, Any]] = []
    weak: list[Assume] = []
    for step in question.steps:
        match step:
            case Let(path=path, symbol=symbol, value=value):
                encoded = encoder.encode(value, terms, {})
                terms[symbol] = encoded.value
                if not isinstance(encoded.defined, Plain):
                    plain.append(under(_taken(path, terms), encoded.defined))
            case Assume(expr=expr, name=name):
                kept = expr if instances is None else weakened(encoder, expr)
                if kept is not expr:
                    weak.append(step)
                condition = _assumed(encoder, terms, step.path, kept)
                if name is None:
                    plain.append(condition)
                else:
                    named.append((name, condition))
    plain += (_instance(encoder, terms, instance) for instance in instances or ())
    goal = [_taken(question.path, terms)]
    if question.goal is not None:
        encoded = encoder.encode(question.goal, terms, {})
        goal += [encoded.defined, z3.Not(encoded.value)]
    for symbol in question.free_symbols():
        encoder.symbol(symbol)
    return Assertions(encoder, terms, (*plain, *encoder.facts), tuple(named), tuple(goal), tuple(weak))


def instantiated(asked: Assertions, instances: Sequence[Instance]) -> Assertions:
    """The same with more instances, and with the facts that they need."""
    known = len(asked.encoder.facts)
    said = [_instance(asked.encoder, asked.terms, instance) for instance in instances]
    return replace(asked, plain=(*asked.plain, *said, *asked.encoder.facts[known:]))


def _instance(encoder: Encoder, terms: Mapping[Symbol, Any], instance: Instance) -> Any:
    bound = {
        symbol: encoder.value(given, symbol.type) if isinstance(given, int | Member | MapValue) else given
        for symbol, given in instance.binding.items()
    }
    return _assumed(encoder, {**terms, **bound}, instance.path, instance.expr)


def more(asked: Assertions) -> Assertions:
    """What `asked` lacks to be the whole question: its `weak` assumptions, and the facts that they need."""
    known = len(asked.encoder.facts)
    conditions = [(s.name, _assumed(asked.encoder, asked.terms, s.path, s.expr)) for s in asked.weak]
    named = tuple((name, condition) for name, condition in conditions if name is not None)
    plain = (condition for name, condition in conditions if name is None)
    return Assertions(asked.encoder, asked.terms, (*plain, *asked.encoder.facts[known:]), named, ())


def joined(a: Assertions, b: Assertions) -> Assertions:
    """Both, of one encoder; as weak as `b`."""
    return replace(b, plain=(*a.plain, *b.plain), named=(*a.named, *b.named), goal=(*a.goal, *b.goal))


def _taken(path: Path, terms: Mapping[Symbol, Any]) -> Any:
    """That the path is taken."""
    return conjoin(*(terms[g.symbol] if g.holds else z3.Not(terms[g.symbol]) for g in path))


def _assumed(encoder: Encoder, terms: Mapping[Symbol, Any], path: Path, expr: core.Expr) -> Any:
    """That `expr` is defined and holds where the path is taken."""
    encoded = encoder.encode(expr, terms, {})
    return under(_taken(path, terms), conjoin(encoded.defined, encoded.value))


def universals(encoder: Encoder, expr: core.Expr) -> Iterator[tuple[tuple[Symbol, ...], core.Expr]]:
    """What `weakened` leaves out, one by one: bound variables, and what holds for all their values."""
    match expr:
        case core.Quantifier(universal=True, symbols=symbols, body=body):
            yield from (((*symbols, *others), said) for others, said in universals(encoder, body))
            yield symbols, weakened(encoder, body)
        case core.Binary(op=core.BinaryOp.AND, left=left, right=right):
            yield from universals(encoder, left)
            yield from universals(encoder, right)
        case core.Binary(op=core.BinaryOp.IMPLIES, left=left, right=right, span=span):
            for symbols, said in universals(encoder, right):
                yield symbols, core.Binary(span, core.BinaryOp.IMPLIES, left, said)
        case core.Let(symbol=symbol, value=value, body=body, span=span):
            for symbols, said in universals(encoder, body):
                yield symbols, core.Let(span, symbol, value, said)
        case core.Apply(function=function):
            define = encoder.defines[function]
            if define.value is None or define.result != core.BOOL or not encoder.laid_open(define):
                return
            for symbols, said in universals(encoder, define.value):
                yield symbols, said_of(expr, define, said)
        case _:
            return


def weakened(encoder: Encoder, expr: core.Expr) -> core.Expr:
    """`expr` with every part that says something of all values taken for true: it follows from `expr`.

    What is hidden says nothing of all values: it stands as it is. The same object if there is no such part.
    """
    match expr:
        case core.Quantifier(universal=True, span=span):
            return core.Literal(span, True, core.BOOL)
        case core.Binary(op=core.BinaryOp.AND, left=left, right=right, span=span):
            a, b = weakened(encoder, left), weakened(encoder, right)
            return expr if a is left and b is right else core.Binary(span, core.BinaryOp.AND, a, b)
        case core.Binary(op=core.BinaryOp.IMPLIES, left=left, right=right, span=span):
            b = weakened(encoder, right)
            return expr if b is right else core.Binary(span, core.BinaryOp.IMPLIES, left, b)
        case core.Let(symbol=symbol, value=value, body=body, span=span):
            inner = weakened(encoder, body)
            return expr if inner is body else core.Let(span, symbol, value, inner)
        case core.Apply(function=function):
            define = encoder.defines[function]
            if define.value is None or define.result != core.BOOL or not encoder.laid_open(define):
                return expr
            inner = weakened(encoder, define.value)
            if inner is define.value:
                return expr
            return said_of(expr, define, inner)
        case _:
            return expr


@dataclass(frozen=True, slots=True)
class Answer:
    """`yes` with a model, `no` with the names of clauses that suffice, or neither, with the solver's reason.

    `effort`: what a `no` took, in the solver's own units.
    """

    yes: bool
    no: bool
    model: Any
    used: tuple[str, ...]
    reason: str
    effort: int = 0


PATIENCE = 2_500_000
"""The effort that the solver gets to meet wishes, before they are all given up: on bits, half a second or so."""


def put(asked: Assertions, milliseconds: int, wishes: Sequence[Any] = (), effort: int = 0, seed: int = 0) -> Answer:
    """One question to the solver. On `no`, `used` holds every clause given: `Tracking` says which suffice.

    `effort` is a limit in the solver's own units, some million a second and more: what ends by it ends so whatever the
    machine and its load (0: none).
    `wishes` are what an answer should look like, the strongest last. Those that cannot be met are given up one by one:
    they change which values are found, never whether.
    """
    solver = _configured(z3.Solver(), asked)
    if seed:
        solver.set("random_seed", seed)
    solver.add(*asked.plain, *(term for _, term in asked.named), *asked.goal)
    kept = {z3.Bool(f"wish!{number}"): wish for number, wish in enumerate(wishes)}
    for literal, wish in kept.items():
        solver.add(z3.Implies(literal, wish))
    deadline = time.monotonic() + milliseconds / 1000
    before = _spent(solver)
    while True:
        left = int(1000 * (deadline - time.monotonic()))
        if left <= 0:
            return Answer(False, False, None, (), "timeout")
        solver.set("timeout", max(1, left // 2 if kept else left))
        solver.set("rlimit", min(PATIENCE, effort or PATIENCE) if kept else effort)
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
            used = tuple(dict.fromkeys(name for name, _ in asked.named))
            return Answer(False, True, None, used, "", _spent(solver) - before)
        del kept[max(given_up, key=lambda literal: int(str(literal).split("!")[1]))]


def _configured(solver: z3.Solver, asked: Assertions) -> z3.Solver:
    if isinstance(asked.encoder.words, Integers):
        # z3's guess at a configuration from the shape of the problem is a bad one for quantifiers over arithmetic:
        # without it the slowest of these questions take a tenth of the time.
        solver.set("auto_config", False)
    return solver


class Tracking:
    """A solver to which assertions are added bit by bit, and which knows what it uses. It only ever says no.

    It starts at once where the other takes time to prepare itself, which pays where the answer is near. Each clause
    stands behind a literal of its own: to leave one out, it is asked again without the literal, and nothing is encoded.
    """

    def __init__(self, asked: Assertions) -> None:
        self.solver = _configured(z3.SimpleSolver(), asked)
        self.exact = isinstance(asked.encoder.words, BitVectors)
        self.solver.set("mbqi", False)  # no candidates for a `yes`: of no use here
        self.clauses: list[tuple[str, Any]] = []
        self.effort = 0
        """What the last answer of `used` took."""
        self.add(asked)

    def add(self, asked: Assertions) -> None:
        self.solver.add(*asked.plain, *asked.goal)
        for name, term in asked.named:
            literal = z3.Bool(f"clause!{len(self.clauses)}")
            self.solver.add(z3.Implies(literal, term))
            self.clauses.append((name, literal))

    def used(self, effort: int, milliseconds: int = 5000) -> tuple[str, ...] | None:
        """Names of clauses that suffice for the answer to be no, not always the fewest; None if it is not found out."""
        before = _spent(self.solver)
        enough = self.attempt(frozenset(name for name, _ in self.clauses), effort, milliseconds).enough
        self.effort = _spent(self.solver) - before
        return None if enough is None else tuple(dict.fromkeys(n for n, _ in self.clauses if n in enough))

    def attempt(self, names: Names, effort: int, milliseconds: int = 5000) -> Tried:
        """Whether these clauses suffice for the answer to be no, as far as so much effort tells."""
        self.solver.set("rlimit", effort)
        self.solver.set("timeout", max(1, milliseconds))
        given = [literal for name, literal in self.clauses if name in names]
        result = self.solver.check(*given)
        if result == z3.unsat:
            numbers = {int(str(c).split("!")[1]) for c in self.solver.unsat_core()}
            return Tried(frozenset(self.clauses[n][0] for n in numbers))
        return Tried(None, result == z3.sat or _settled(self.solver.reason_unknown()))


def alone(asked: Assertions, names: Names, milliseconds: int, effort: int) -> Tried:
    """Whether these clauses suffice for a `no`, where `Tracking` does not find out: as `put` finds one."""
    named = tuple((name, term) for name, term in asked.named if name in names)
    answer = put(replace(asked, named=named), milliseconds, effort=effort)
    return Tried(names if answer.no else None, answer.yes or _settled(answer.reason))


def _settled(reason: str) -> bool:
    """True iff the solver gave up because it had nothing left to try."""
    return "incomplete" in reason


def _spent(solver: z3.Solver) -> int:
    """The effort that the solver's context has taken so far."""
    try:
        return int(solver.statistics().get_key_value("rlimit count"))
    except z3.Z3Exception:
        return 0  # it has not begun
