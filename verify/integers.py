"""Integers in the solver: z3's own, or two's-complement bit-vectors wide enough to be exact.

A term made of words by `+ - *`, comparisons and the like is bounded, so it needs no arithmetic theory: each operation
here widens its result until nothing can overflow. A numeral goes with either kind. Where an unbounded integer takes
part, all becomes z3's own. Either way the value is the mathematical one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import z3

from verify import terms

Term: TypeAlias = Any  # z3 comes without types: an ExprRef

WIDEST = 1024
"""Past this many bits a product goes to z3's own integers: still exact, and no slower."""


def literal(value: int) -> Term:
    """A numeral, which goes with both kinds."""
    return z3.IntVal(value)


def is_bits(a: Term) -> bool:
    """True iff the term is held in a bit-vector."""
    return isinstance(a, z3.BitVecRef)


def is_numeral(a: Term) -> bool:
    """True iff the term is a numeral of z3's own integers."""
    return isinstance(a, z3.IntNumRef)


def unsigned(a: Term) -> Term:
    """The value of a word held in a bit-vector."""
    return z3.ZeroExt(1, a)


def unbounded(a: Term) -> Term:
    """The term as one of z3's own integers."""
    return z3.BV2Int(a, is_signed=True) if is_bits(a) else a


def to_bits(a: Term, bits: int) -> Term:
    """The term modulo 2**bits, as a word."""
    if not is_bits(a):
        return z3.BitVecVal(a.as_long(), bits) if is_numeral(a) else z3.Int2BV(a, bits)
    if a.size() < bits:
        return z3.SignExt(bits - a.size(), a)
    return z3.Extract(bits - 1, 0, a) if a.size() > bits else a


def _width(value: int) -> int:
    return (value if value >= 0 else ~value).bit_length() + 1


def _meet(a: Term, b: Term, extra: Callable[[int, int], int]) -> tuple[Term, Term]:
    """Both terms as one kind; if bit-vectors, `extra(width, width)` wide."""
    if not (is_bits(a) or is_bits(b)):
        return a, b
    wide = []
    for term in (a, b):
        if not is_bits(term) and not is_numeral(term):
            return unbounded(a), unbounded(b)
        wide.append(term.size() if is_bits(term) else _width(term.as_long()))
    bits = extra(wide[0], wide[1])
    if bits > WIDEST:
        return unbounded(a), unbounded(b)
    return to_bits(a, bits), to_bits(b, bits)


def _one_more(a: int, b: int) -> int:
    return max(a, b) + 1


def _as_wide(a: int, b: int) -> int:
    return max(a, b)


def _sum(a: int, b: int) -> int:
    return a + b


def _fold(result: Term, a: Term, b: Term) -> Term:
    """The result, a numeral again if both operands are."""
    return z3.simplify(result) if is_numeral(a) and is_numeral(b) else result


def add(a: Term, b: Term) -> Term:
    x, y = _meet(a, b, _one_more)
    return _fold((terms.bits_plus if is_bits(x) else terms.plus)(x, y), a, b)


def sub(a: Term, b: Term) -> Term:
    x, y = _meet(a, b, _one_more)
    return _fold((terms.bits_minus if is_bits(x) else terms.minus)(x, y), a, b)


def neg(a: Term) -> Term:
    return sub(literal(0), a)


def mul(a: Term, b: Term) -> Term:
    x, y = _meet(a, b, _sum)
    return _fold((terms.bits_times if is_bits(x) else terms.times)(x, y), a, b)


def div(a: Term, b: Term) -> Term:
    """Euclidean: the remainder is never negative. Any value where b is 0."""
    x, y = _meet(a, b, _one_more)
    if not is_bits(x):
        return x / y
    quotient, remainder = x / y, z3.SRem(x, y)
    one = z3.BitVecVal(1, x.size())
    return z3.If(remainder >= 0, quotient, z3.If(y > 0, quotient - one, quotient + one))


def mod(a: Term, b: Term) -> Term:
    """Euclidean: 0 <= result < |b|. Any value where b is 0."""
    x, y = _meet(a, b, _one_more)
    if not is_bits(x):
        return x % y
    remainder = z3.SRem(x, y)
    return z3.If(remainder >= 0, remainder, z3.If(y > 0, remainder + y, remainder - y))


def lt(a: Term, b: Term) -> z3.BoolRef:
    x, y = _meet(a, b, _as_wide)
    return (terms.bits_less if is_bits(x) else terms.less)(x, y)


def le(a: Term, b: Term) -> z3.BoolRef:
    x, y = _meet(a, b, _as_wide)
    return (terms.bits_at_most if is_bits(x) else terms.at_most)(x, y)


def eq(a: Term, b: Term) -> z3.BoolRef:
    x, y = _meet(a, b, _as_wide)
    return terms.equal(x, y)


def ite(condition: z3.BoolRef, a: Term, b: Term) -> Term:
    if not (is_bits(a) or is_bits(b)):
        return terms.choice(condition, a, b)
    x, y = _meet(a, b, _as_wide)
    return terms.choice(condition, x, y)
