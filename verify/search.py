"""Finding values that meet a question, and executing them before they are believed.

z3 answers with quantifiers or without them. Where it gives up on an assumption about all values, that assumption is
left out, and put back piece by piece: each candidate that breaks it is answered with what it says at the broken place.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import z3

from verify import core
from verify.confirm import Broken, CannotTell, Confirmed, confirm
from verify.core import Symbol, key_type, value_type
from verify.decode import Undecodable, decode
from verify.encode import Term
from verify.finite import put_finite
from verify.instance import Instance
from verify.looks import Looks
from verify.passive import Assume
from verify.put import (
    Assertions,
    asserted,
    assertions,
    instantiated,
    put,
    universals,
)
from verify.question import Question
from verify.rename import negation, variables
from verify.scopes import Scope
from verify.seen import geometries
from verify.sites import subexpressions
from verify.small import FREE, SmallEncoder
from verify.values import some_value
from verify.words import BitVectors


@dataclass(frozen=True, slots=True)
class Found:
    """Values that meet the question, executed."""

    confirmed: Confirmed
    symbols: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Nothing:
    """No values meet the question: the solver says so with every define laid open."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """Neither was found in time. `undecided`: the solver had values, and `evaluate` does not decide them."""

    reason: str
    undecided: bool = False
    defect: bool = False


Search = Found | Nothing | Unsure

PLAIN = 4
"""After so many instances, plain maps are not asked for any more."""

PATIENCE = 12
"""After so many instances of assumptions about all values, these are put to the solver whole, once."""


MOST = 400
"""So many instances are made at once of one assumption that binds several variables."""

FAMILIAR = 4
"""So many geometries with a name are tried in place of every one."""

ROUNDS = 2
"""So many instances are looked for in a search with limited effort."""


def search(program: core.Program, question: Question, seconds: float, quantified: bool, effort: int = 0) -> Search:
    """Values that meet the question, over bit-vectors with every define laid open.

    `effort`: the most of each call of the solver, in its own units, and then few calls: to be asked before something
    long, and with the same outcome on any machine (0: any). Maps are to be plain where they
    can be, or plain but for finitely many keys: that is what a person can read, and what most often keeps an assumption
    about all values true.
    """
    deadline = time.monotonic() + seconds
    words = BitVectors(question.scope.word_bits)
    instances: list[Instance] | None = [] if quantified else None
    outcome: Search = Unsure("timeout")
    while time.monotonic() < deadline:
        asked = assertions(program, question, words, None, question.scope.narrow, instances)
        wished = wishes(program, asked, question, instances or [])
        outcome, more = _attempt(program, question, asked, wished, deadline, effort)
        if more is None or instances is None:
            return outcome
        instances.append(more)
        if effort and len(instances) == ROUNDS:
            return outcome
        if len(instances) == PATIENCE:
            asked = assertions(program, question, words, None, question.scope.narrow)
            whole, _ = _attempt(program, question, asked, (), (time.monotonic() + deadline) / 2)
            if isinstance(whole, Found | Nothing):
                return whole
    return outcome


def search_small(
    program: core.Program, question: Question, seconds: float, effort: int = 0, near: Sequence[int] = ()
) -> Search:
    """Values that meet the question, integers and maps among them small: see `small`. `Nothing`: no such values.

    With `near`, words too: sums of a few times each of these, and if there are none, of those and one. Every assumption
    about all values is left out, and put back where the question looks: at each value that one of its terms has in a
    candidate. Elsewhere maps are plain.
    """
    deadline = time.monotonic() + seconds
    question = opened(program, question)
    symbols = question.free_symbols()
    ints = (s for s in symbols if isinstance(s.type, core.IntType))
    narrow = {**dict.fromkeys(ints, FREE), **question.scope.narrow}
    words = BitVectors(question.scope.word_bits)
    lax = bool(question.obligation.without)
    encoder = SmallEncoder.of(program, words, question.scope.values, None, narrow, lax)
    asked = asserted(encoder, question, ())
    asked = replace(asked, plain=(*asked.plain, *encoder.near((s for s in symbols if s.type == core.WORD), near)))
    said: set[tuple[int, ...]] = set()
    looks = Looks()
    plain: tuple[z3.BoolRef, ...] = ()
    candidates = 0
    while candidates < PATIENCE:
        left = int(1000 * (deadline - time.monotonic()))
        if left <= 0:
            return Unsure("timeout")
        answer = put_finite(asked, left, effort, plain)
        if answer.no and plain:
            plain = ()
            continue
        if answer.no and near and 1 not in near:
            return search_small(program, question, deadline - time.monotonic(), effort, (*near, 1))
        if answer.no:
            return Nothing()
        if not answer.yes:
            return Unsure(answer.reason)
        try:
            candidates += 1
            looks.add(asked)
            found = decode(asked, answer.model, symbols, visible_params(program, question), looks)
        except Undecodable as error:
            return Unsure(f"the solver's answer cannot be read: {error}")
        match confirm(program, question, found):
            case Confirmed() as confirmed:
                return Found(confirmed, symbols)
            case CannotTell(reason=reason):
                return Unsure(reason, undecided=True)
            case Broken(what=what, instance=instance):
                more = list(_instances(asked, answer.model, said, looks))
                if instance is not None:
                    more.append(carried_over(instance, asked, answer.model, looks))
                    plain = emptied(asked, question, instance)
                if not more:
                    return Unsure(f"{what} does not hold")
                asked = instantiated(asked, more)
    return Unsure("too many candidates")


def emptied(asked: Assertions, question: Question, instance: Instance) -> tuple[z3.BoolRef, ...]:
    """That the free maps of which an assumption speaks are plain everywhere."""
    free = frozenset(s for s in question.free_symbols() if isinstance(s.type, core.MapType | core.SetType))
    encoder = asked.encoder
    return tuple(
        encoder.symbol(s) == encoder.value(some_value(s.type, question.scope.word_bits), s.type)
        for s in dict.fromkeys(variables(instance.expr))
        if s in free
    )


def opened(program: core.Program, question: Question) -> Question:
    """The same question, what its goal says of all values said of free symbols, through defines too.

    What the goal says of some value is an assumption then: that no value is so.
    """
    defines, steps, goal = program.defines(), list(question.steps), question.goal
    lets: list[core.Let] = []

    def closed(expr: core.Expr) -> core.Expr:
        for let in reversed(lets):
            expr = core.Let(let.span, let.symbol, let.value, expr)
        return expr

    if goal is None:
        return question
    positive = True
    while True:
        match goal:
            case core.Unary(op=core.UnaryOp.NOT, operand=operand):
                goal, positive = operand, not positive
            case core.Quantifier(universal=universal, body=body) if universal == positive:
                goal = body
            case core.Binary(op=core.BinaryOp.IMPLIES, left=left, right=right) if positive:
                steps.append(Assume(question.path, closed(left), None))
                goal = right
            case core.Binary(op=core.BinaryOp.AND, left=left, right=right) if not positive:
                steps.append(Assume(question.path, closed(left), None))
                goal = right
            case core.Quantifier(symbols=symbols, body=body, span=span):
                said = core.Quantifier(span, True, symbols, negation(body) if positive else body)
                steps.append(Assume(question.path, closed(said), None))
                return replace(question, steps=tuple(steps), goal=core.Literal(span, False, core.BOOL))
            case core.Let(body=body):
                lets.append(goal)
                goal = body
            case core.Apply(function=function, arguments=arguments, span=span):
                define = defines[function]
                if define.value is None:
                    break
                given = zip((*define.parameters, *define.reads), arguments, strict=True)
                lets += (core.Let(span, p, a, a) for p, a in given)  # the body does not matter
                goal = define.value
            case _:
                break
    return replace(question, steps=tuple(steps), goal=closed(goal if positive else negation(goal)))


def _instances(asked: Assertions, model: z3.ModelRef, said: set[tuple[int, ...]], looks: Looks) -> Iterator[Instance]:
    """What is assumed of all values, at one term for each value at which a candidate looks into the maps it is about.

    `said` has those that were made before, and gets those that are made.
    """
    values: dict[int, int] = {}

    def different(terms: Iterable[Term], sort: z3.SortRef) -> tuple[Term, ...]:
        found: dict[int, Term] = {}
        for term in terms:
            if term.sort() == sort:
                if term.get_id() not in values:
                    values[term.get_id()] = model.eval(term, model_completion=True).get_id()
                found.setdefault(values[term.get_id()], term)
        return tuple(found.values())

    number = 0
    for step in asked.weak:
        for symbols, expr in universals(asked.encoder, step.expr):
            number += 1
            choices = []
            for symbol in symbols:
                maps = {m.get_id() for map_ in read_at(expr, symbol) for m in looks.free(asked.term(map_))}
                looked = [looks.by_map.get(map_, []) for map_ in maps]
                terms = looks.every if not maps or None in looked else [t for at in looked for t in at or ()]
                choices.append(different(terms, asked.encoder.sort(symbol.type)))
            for chosen in islice(product(*choices), MOST):
                key = (number, *(t.get_id() for t in chosen))
                if key not in said:
                    said.add(key)
                    yield Instance(step.path, expr, dict(zip(symbols, chosen, strict=True)))


def read_at(expr: core.Expr, bound: Symbol) -> frozenset[Symbol]:
    """The maps that an expression looks into at just the value of a bound variable."""
    parts = tuple(subexpressions(expr))
    same = {e.symbol: e.value.symbol for e in parts if isinstance(e, core.Let) and isinstance(e.value, core.Var)}

    def stands_for(symbol: Symbol) -> Symbol:
        while same.get(symbol, symbol) != symbol:
            symbol = same[symbol]
        return symbol

    return frozenset(
        stands_for(e.base.symbol)
        for e in parts
        if isinstance(e, core.Index)
        and isinstance(e.base, core.Var)
        and isinstance(e.key, core.Var)
        and stands_for(e.key.symbol) == bound
    )


def wishes(
    program: core.Program, asked: Assertions, question: Question, instances: Sequence[Instance]
) -> tuple[z3.BoolRef, ...]:
    """What an answer should look like, the strongest last: see `put`."""
    maps = plain_maps(asked, question) if len(instances) < PLAIN else ruled_maps(asked, question, instances[-1])
    return (*familiar_geometry(program, asked, question), *maps)


def familiar(program: core.Program, question: Question) -> tuple[Scope, ...]:
    """Where the geometry is left open: some that have a name and the right word size, the first of all first."""
    if question.scope.name is not None or question.obligation.without:
        return ()
    bits = question.scope.word_bits
    named = geometries(program, question.obligation.module).values()
    return different(tuple(Scope(g.name, bits, dict(g.values), {}) for g in named if g.word_bits == bits), FAMILIAR)


def different(scopes: Sequence[Scope], most: int) -> tuple[Scope, ...]:
    """All, where there are no more; else the first, and one by one whichever differs in most params from those before.

    Where the values of one lead to nothing, those of a port much like it seldom do.
    """
    if len(scopes) <= most:
        return tuple(scopes)
    chosen, left = [scopes[0]], list(scopes[1:])
    while len(chosen) < most:

        def apart(scope: Scope) -> int:
            return min(sum(scope.values.get(s) != v for s, v in other.values.items()) for other in chosen)

        chosen.append(max(left, key=apart))
        left.remove(chosen[-1])
    return tuple(chosen)


def familiar_geometry(program: core.Program, asked: Assertions, question: Question) -> tuple[z3.BoolRef, ...]:
    """That the geometry is a familiar one, where there is one."""
    encoder = asked.encoder
    found = [
        z3.And(
            *(
                encoder.equal(s.type, encoder.symbol(s), encoder.value(v, s.type))
                for s, v in scope.values.items()
                if s != core.WORD_BITS
            )
        )
        for scope in familiar(program, question)
    ]
    return (z3.Or(*found),) if found else ()


def plain_maps(asked: Assertions, question: Question) -> tuple[z3.BoolRef, ...]:
    """That each free map has the plainest value (false, 0, the first member) but for finitely many keys; and at all."""
    encoder = asked.encoder
    mostly, wholly = [], []
    for symbol in question.free_symbols():
        if isinstance(symbol.type, core.MapType | core.SetType):
            type_ = value_type(symbol.type)
            if not isinstance(type_, core.MapType | core.SetType):
                default = encoder.value(some_value(type_, question.scope.word_bits), type_)
                term = encoder.symbol(symbol)
                mostly.append(z3.Default(term) == default)
                wholly.append(term == z3.K(term.sort().domain(), default))
    return (*mostly, *wholly)


def ruled_maps(asked: Assertions, question: Question, last: Instance) -> tuple[z3.BoolRef, ...]:
    """That each free map has, but for finitely many keys, the value that it has where an assumption was broken last."""
    encoder, found = asked.encoder, []
    for bound, value in last.binding.items():
        at = value if isinstance(value, z3.ExprRef) else encoder.value(value, bound.type)
        for symbol in question.free_symbols():
            if isinstance(symbol.type, core.MapType | core.SetType) and key_type(symbol.type) == bound.type:
                term = encoder.symbol(symbol)
                found.append(z3.Default(term) == z3.Select(term, at))
    return tuple(found)


def _attempt(
    program: core.Program,
    question: Question,
    asked: Assertions,
    wished: Sequence[z3.BoolRef],
    deadline: float,
    effort: int = 0,
) -> tuple[Search, Instance | None]:
    """One call of the solver; with it, what a candidate breaks of an assumption about all values."""
    left = deadline - time.monotonic()
    if left <= 0:
        return Unsure("timeout"), None
    answer = put(asked, int(left * 1000), wished, effort)
    if answer.no:
        return Nothing(), None
    if not answer.yes:
        return Unsure(answer.reason), None
    symbols = question.free_symbols()
    params = visible_params(program, question)
    try:
        found = decode(asked, answer.model, symbols, params)
    except Undecodable as error:
        return Unsure(f"the solver's answer cannot be read: {error}"), None
    match confirm(program, question, found):
        case Confirmed() as confirmed:
            return Found(confirmed, symbols), None
        case CannotTell(reason=reason):
            return Unsure(reason, undecided=True), None
        case Broken(instance=None, what=what):
            return Unsure(f"evaluate does not agree with the solver on {what}", defect=True), None
        case Broken(instance=instance, what=what):
            assert instance is not None
            return Unsure(f"{what} does not hold for all values"), carried_over(
                instance, asked, answer.model, Looks.of(asked)
            )


def carried_over(instance: Instance, asked: Assertions, model: z3.ModelRef, looks: Looks) -> Instance:
    """The instance with each value replaced by a term that has it in the model, of those that index a map, if one does.

    The next candidate has other values, and is likely to break the assumption at the same term.
    """
    terms = [*looks.every, *asked.terms.values()]
    binding = dict(instance.binding)
    for symbol, value in instance.binding.items():
        if isinstance(symbol.type, core.WordType | core.OpaqueType):
            wanted = asked.encoder.value(value, symbol.type)
            for term in terms:
                if term.sort() == wanted.sort() and model.eval(term, model_completion=True).eq(wanted):
                    binding[symbol] = term
                    break
    return Instance(instance.path, instance.expr, binding)


def visible_params(program: core.Program, question: Question) -> tuple[Symbol, ...]:
    """The params that the question's module sees, and those that its expressions mention."""
    items = program.visible_items(question.obligation.module)
    found = {i.symbol: None for i in items if isinstance(i, core.Param)}
    return tuple(found)
