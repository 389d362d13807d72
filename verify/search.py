"""Finding values that meet a question, and executing them before they are believed.

z3 answers with quantifiers or without them. Where it gives up on an assumption about all values, that assumption is
left out, and put back piece by piece: each candidate that breaks it is answered with what it says at the broken place.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import z3

from verify import core
from verify.confirm import Broken, CannotTell, Confirmed, confirm
from verify.core import Symbol, key_type, value_type
from verify.decode import Undecodable, decode
from verify.instance import Instance
from verify.put import Assertions, assertions, index_terms, put
from verify.question import Question
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


def search(program: core.Program, question: Question, seconds: float, quantified: bool) -> Search:
    """Values that meet the question, over bit-vectors with every define laid open.

    Maps are to be plain where they can be, or plain but for finitely many keys: that is what a person can read, and
    what most often keeps an assumption about all values true.
    """
    deadline = time.monotonic() + seconds
    words = BitVectors(question.scope.word_bits)
    instances: list[Instance] | None = [] if quantified else None
    outcome: Search = Unsure("timeout")
    while time.monotonic() < deadline:
        asked = assertions(program, question, words, None, question.scope.narrow, instances)
        wished = wishes(program, asked, question, instances or [])
        outcome, more = _attempt(program, question, asked, wished, deadline)
        if more is None or instances is None:
            return outcome
        instances.append(more)
        if len(instances) == PATIENCE:
            asked = assertions(program, question, words, None, question.scope.narrow)
            whole, _ = _attempt(program, question, asked, (), (time.monotonic() + deadline) / 2)
            if isinstance(whole, Found | Nothing):
                return whole
    return outcome


def wishes(
    program: core.Program, asked: Assertions, question: Question, instances: Sequence[Instance]
) -> tuple[z3.BoolRef, ...]:
    """What an answer should look like, the strongest last: see `put`."""
    maps = plain_maps(asked, question) if len(instances) < PLAIN else ruled_maps(asked, question, instances[-1])
    return (*familiar_geometry(program, asked, question), *maps)


def familiar_geometry(program: core.Program, asked: Assertions, question: Question) -> tuple[z3.BoolRef, ...]:
    """That the geometry, where it is left open, is one of those that have a name and the right word size."""
    if question.scope.name is not None or question.obligation.without:
        return ()
    encoder, found = asked.encoder, []
    for item in program.visible_items(question.obligation.module):
        if isinstance(item, core.Geometry) and item.word_bits == question.scope.word_bits:
            same = [
                encoder.equal(s.type, encoder.symbol(s), encoder.value(v, s.type))
                for s, v in item.values
                if s != core.WORD_BITS
            ]
            found.append(z3.And(*same))
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
    program: core.Program, question: Question, asked: Assertions, wished: Sequence[z3.BoolRef], deadline: float
) -> tuple[Search, Instance | None]:
    """One call of the solver; with it, what a candidate breaks of an assumption about all values."""
    left = deadline - time.monotonic()
    if left <= 0:
        return Unsure("timeout"), None
    answer = put(asked, int(left * 1000), wished)
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
            return Unsure(f"{what} does not hold for all values"), carried_over(instance, asked, answer.model)


def carried_over(instance: Instance, asked: Assertions, model: z3.ModelRef) -> Instance:
    """The instance with each value replaced by a term that has it in the model, of those that index a map, if one does.

    The next candidate has other values, and is likely to break the assumption at the same term.
    """
    terms = index_terms(asked)
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
