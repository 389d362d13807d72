"""The constructors of terms that are used most.

z3's own operators look at the kind of every operand, convert it, and make sure of it, at each call; here the caller
knows the sorts. The terms are the same. Operands that do not go together are a z3.Z3Exception all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeAlias

import z3
from z3 import z3core

Term: TypeAlias = Any  # z3 comes without types: an ExprRef


def forget() -> None:
    """Make a new context the one in which terms are made from here on.

    What z3 answers depends on all that its context has seen. With a new one, a question gets the answer that it gets in
    a new process. Terms from before do not go together with those made after.
    """
    z3.z3._main_ctx = None  # z3 makes the next one when it is asked for


class Plain(z3.BoolRef):  # type: ignore[misc]  # z3 comes without types
    """What is plainly true: told by its class, which is cheap."""


def true() -> Plain:
    context = z3.main_ctx()
    return Plain(z3core.Z3_mk_true(context.ctx), context)


_GENERAL = (z3.BoolRef, z3.ArithRef, z3.BitVecRef, z3.ArrayRef, z3.DatatypeRef)


def _same(a: Term) -> Any:
    """The class of terms of the sort of `a`: not the narrower one of numerals, quantifiers or what is plainly true."""
    return next(kind for kind in _GENERAL if isinstance(a, kind))


def _truth(a: Term) -> Any:  # noqa: ARG001  # in place of `_same`, where the sort does not matter
    return z3.BoolRef


def _binary(make: Callable[..., Any], kind: Callable[[Term], Any]) -> Callable[[Term, Term], Term]:
    def made(a: Term, b: Term) -> Term:
        context = a.ctx
        return kind(a)(make(context.ctx, a.ast, b.ast), context)

    return made


def _array(terms: tuple[Term, ...]) -> Any:
    array = (z3.Ast * len(terms))()
    for number, term in enumerate(terms):
        array[number] = term.ast
    return array


def _several(make: Callable[..., Any], kind: Callable[[Term], Any]) -> Callable[..., Term]:
    def made(*terms: Term) -> Term:
        context = terms[0].ctx
        return kind(terms[0])(make(context.ctx, len(terms), _array(terms)), context)

    return made


conjunction = _several(z3core.Z3_mk_and, _truth)
disjunction = _several(z3core.Z3_mk_or, _truth)
implies = _binary(z3core.Z3_mk_implies, _truth)
equal = _binary(z3core.Z3_mk_eq, _truth)
distinct = _several(z3core.Z3_mk_distinct, _truth)

# Of z3's own integers.
plus = _several(z3core.Z3_mk_add, _same)
minus = _several(z3core.Z3_mk_sub, _same)
times = _several(z3core.Z3_mk_mul, _same)
less = _binary(z3core.Z3_mk_lt, _truth)
at_most = _binary(z3core.Z3_mk_le, _truth)
at_least = _binary(z3core.Z3_mk_ge, _truth)

# Of bit-vectors of one width: `unsigned` as words, else as two's complement.
bits_plus = _binary(z3core.Z3_mk_bvadd, _same)
bits_minus = _binary(z3core.Z3_mk_bvsub, _same)
bits_times = _binary(z3core.Z3_mk_bvmul, _same)
bits_less = _binary(z3core.Z3_mk_bvslt, _truth)
bits_at_most = _binary(z3core.Z3_mk_bvsle, _truth)
unsigned_less = _binary(z3core.Z3_mk_bvult, _truth)
unsigned_at_most = _binary(z3core.Z3_mk_bvule, _truth)


def negation(a: Term) -> Term:
    return z3.BoolRef(z3core.Z3_mk_not(a.ctx.ctx, a.ast), a.ctx)


def choice(condition: Term, then: Term, otherwise: Term) -> Term:
    """`then` where the condition holds, else `otherwise`: of one sort."""
    context = condition.ctx
    return _same(then)(z3core.Z3_mk_ite(context.ctx, condition.ast, then.ast, otherwise.ast), context)


def integer(function: z3.FuncDeclRef, *arguments: Term) -> Term:
    """What a function gives, whose values are z3's own integers."""
    made = z3core.Z3_mk_app(function.ctx.ctx, function.ast, len(arguments), _array(arguments))
    return z3.ArithRef(made, function.ctx)


_TERMS = {
    z3.BoolSortRef: z3.BoolRef,
    z3.ArithSortRef: z3.ArithRef,
    z3.BitVecSortRef: z3.BitVecRef,
    z3.ArraySortRef: z3.ArrayRef,
    z3.DatatypeSortRef: z3.DatatypeRef,
}


def class_of(sort: z3.SortRef) -> Any:
    """The class of terms of a sort."""
    return _TERMS[type(sort)]


def select(array: Term, key: Term, kind: Any) -> Term:
    """What an array holds at a key: a term of that class."""
    context = array.ctx
    return kind(z3core.Z3_mk_select(context.ctx, array.ast, key.ast), context)


def store(array: Term, key: Term, value: Term) -> Term:
    """An array that differs at a key."""
    context = array.ctx
    return z3.ArrayRef(z3core.Z3_mk_store(context.ctx, array.ast, key.ast, value.ast), context)


def nothing_beyond(array: Term, bound: Collection[int]) -> bool:
    """Whether an array may be taken to hold a fixed value (false, in a set) wherever its map has no key.

    So it may if it is free, or changed or chosen from such, or the empty set: whatever maps there are, arrays that do
    so stand for them. Not so if it is bound (`bound` has the ids of such constants): what is said of all arrays is said
    of others too. And not if it is the same everywhere without being empty.
    """
    return all(
        z3.is_false(term.arg(0)) if z3.is_K(term) else z3.is_const(term) and term.get_id() not in bound
        for term in origins(array)
    )


def origins(array: Term) -> Iterator[Term]:
    """The arrays of which an array is made by changes and choices; itself if it is not made so."""
    stack, seen = [array], set[int]()
    while stack:
        term = stack.pop()
        if term.get_id() in seen:
            continue
        seen.add(term.get_id())
        below = made_from(term)
        stack += below
        if not below:
            yield term


def made_from(array: Term) -> tuple[Term, ...]:
    """The arrays that an array is a change of, or a choice between; none if it is neither."""
    if z3.is_store(array):
        return (array.arg(0),)
    if z3.is_app_of(array, z3.Z3_OP_ITE):
        return array.arg(1), array.arg(2)
    return ()


def conjoin(*conditions: Term) -> Term:
    """The conjunction, without the parts that are plainly true."""
    parts = [c for c in conditions if not isinstance(c, Plain)]
    if not parts:
        return conditions[0] if conditions else true()
    return parts[0] if len(parts) == 1 else conjunction(*parts)


def under(guard: Term, condition: Term) -> Term:
    """`guard` implies `condition`, said shortly where either is plain."""
    if isinstance(condition, Plain) or isinstance(guard, Plain):
        return condition
    return implies(guard, condition)


def choose(guard: Term, then: Term, otherwise: Term) -> Term:
    """`then` where the guard holds and `otherwise` where it does not."""
    if isinstance(then, Plain) and isinstance(otherwise, Plain):
        return then
    return choice(guard, then, otherwise)
