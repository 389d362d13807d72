"""Numbers that know how they move when a bound variable moves: what lets a quantifier be decided without trying all.

While a quantifier is decided, its variable stands at one value, and every number that depends on it is a `Form`: the
number it is there, and its slopes. With each step of the evaluation goes a condition on the variables under which the
step would have gone the same way: forms that are not negative (a `Path`). Where all of them hold, the expression is
defined and its value is what the form says. So one evaluation decides a whole stretch of values.

The numbers themselves are computed by the operations in `evaluate`, and nowhere else: each function here is handed
the value, and adds how it moves.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from verify.core import BinaryOp
from verify.values import MapValue, Value


class Variable:
    """One bound variable of type word or int while it is swept over. Two are the same iff they are one object.

    `direction` is +1 while its values are gone through upwards, -1 downwards.
    """

    __slots__ = ("direction",)

    def __init__(self) -> None:
        self.direction = 1


class Floor(NamedTuple):
    """`base / divisor`, rounded down, less a constant by which it is 0 where the variables stand now.

    So 0 <= base.value < divisor. The divisor is above 1, and the base has variables only, no floors.
    """

    base: Form
    divisor: int


Atom: TypeAlias = Variable | Floor


class Form(NamedTuple):
    """value + the sum of slope * (atom - atom as it stands now). At least one term; no atom twice, no slope 0."""

    value: int
    terms: tuple[tuple[Atom, int], ...]


Number: TypeAlias = int | Form
Constraint: TypeAlias = tuple[int, tuple[tuple[Variable, int], ...]]
"""(slack, terms), slack >= 0: slack + the sum of slope * (variable - variable as it stands now) >= 0."""
Path: TypeAlias = list[Constraint]


# --- sums ----------------------------------------------------------------------------------------------------------


def standing(number: Number) -> int:
    """The number where the variables stand now."""
    return number.value if isinstance(number, Form) else number


def total(value: int, left: Number, right: Number, scale: int) -> Number:
    """The number that is `value` now and moves as left + scale * right; scale is not 0."""
    if not isinstance(right, Form):
        return Form(value, left.terms) if isinstance(left, Form) else value
    if not isinstance(left, Form):
        return scaled(value, right, scale)
    terms = dict(left.terms)
    for atom, slope in right.terms:
        terms[atom] = terms.get(atom, 0) + scale * slope
    kept = tuple((atom, slope) for atom, slope in terms.items() if slope)
    return Form(value, kept) if kept else value


def scaled(value: int, number: Number, scale: int) -> Number:
    """The number that is `value` now and moves as scale * number."""
    if not isinstance(number, Form) or scale == 0:
        return value
    terms = number.terms
    if scale == 1:
        return Form(value, terms)
    if len(terms) == 1:
        return Form(value, ((terms[0][0], scale * terms[0][1]),))
    return Form(value, tuple([(atom, scale * slope) for atom, slope in terms]))


def quotient(value: int, number: Number, divisor: int, path: Path) -> Number:
    """The number that is `value` now and moves as number / divisor rounded down; divisor > 0."""
    if divisor == 1 or not isinstance(number, Form):
        return scaled(value, number, 1)
    whole = tuple((atom, slope // divisor) for atom, slope in number.terms if slope % divisor == 0)
    rest = tuple((atom, slope) for atom, slope in number.terms if slope % divisor)
    moved: Number = Form(value, whole) if whole else value
    if not rest:
        return moved
    atom, slope = rest[0]
    if len(rest) == 1 and isinstance(atom, Floor) and slope > 0 and divisor % slope == 0:
        # floor((slope * floor(g / m) + c) / n) is floor((g + floor(c/slope) * m) / (m * n/slope)): slope divides n.
        base = Form(atom.base.value + number.value // slope * atom.divisor, atom.base.terms)
        return total(value, moved, _floor(base, atom.divisor * (divisor // slope)), 1)
    fixed = without_floors(Form(number.value, rest), path)
    return total(value, moved, _floor(fixed, divisor), 1) if isinstance(fixed, Form) else moved


def _floor(base: Form, divisor: int) -> Form:
    return Form(0, ((Floor(Form(base.value % divisor, base.terms), divisor), 1),))


def masked(value: int, number: Form, mask: int, bits: int, path: Path) -> Number:
    """The word that is `value` now and moves as the word `number` & mask; mask < 2**bits."""
    result: Number = value
    low = 0
    while mask >> low:
        if not mask >> low & 1:
            low += 1
            continue
        high = low
        while mask >> high & 1:
            high += 1
        # The bits from low up to high: what is above low, less what is above high.
        result = total(value, result, scaled(0, quotient(0, number, 1 << low, path), 1 << low), 1)
        if high < bits:
            result = total(value, result, scaled(0, quotient(0, number, 1 << high, path), 1 << high), -1)
        low = high
    return result


# --- conditions ----------------------------------------------------------------------------------------------------


def require(number: Number, path: Path) -> None:
    """Adds to the path that `number >= 0`, which holds now. Exact, unless floors stand beside other atoms."""
    if not isinstance(number, Form):
        return
    if len(number.terms) == 1:
        atom, slope = number.terms[0]
        if isinstance(atom, Variable):
            path.append((number.value, ((atom, slope),)))
            return
        # A bound on the floor, value // |slope| away from where it stands, is a bound on its base.
        room = number.value // abs(slope) * atom.divisor
        if slope > 0:
            path.append((room + atom.base.value, _terms(atom.base, 1)))
        else:
            path.append((room + atom.divisor - 1 - atom.base.value, _terms(atom.base, -1)))
        return
    fixed = without_floors(number, path)
    if isinstance(fixed, Form):
        path.append((fixed.value, _terms(fixed, 1)))


def pin(number: Number, path: Path) -> int:
    """The number where the variables stand; adds to the path that it stays that."""
    if not isinstance(number, Form):
        return number
    fixed = number if len(number.terms) == 1 else without_floors(number, path)
    require(scaled(0, fixed, 1), path)
    require(scaled(0, fixed, -1), path)
    return number.value


def without_floors(number: Number, path: Path) -> Number:
    """The same number with variables only; adds to the path that its floors stay where they stand."""
    if not isinstance(number, Form):
        return number
    kept = tuple(term for term in number.terms if isinstance(term[0], Variable))
    if len(kept) == len(number.terms):
        return number
    for atom, _ in number.terms:
        if isinstance(atom, Floor):
            path.append((atom.base.value, _terms(atom.base, 1)))
            path.append((atom.divisor - 1 - atom.base.value, _terms(atom.base, -1)))
    return Form(number.value, kept) if kept else number.value


def _terms(number: Form, scale: int) -> tuple[tuple[Variable, int], ...]:
    return tuple((atom, scale * slope) for atom, slope in number.terms if isinstance(atom, Variable))


def within(number: Number, size: int | None, path: Path) -> Number:
    """The number; adds to the path that 0 <= number < size, which holds now. A size of None asks nothing (an int)."""
    if size is None or not isinstance(number, Form):
        return number
    value, terms = number
    if len(terms) == 1 and isinstance(variable := terms[0][0], Variable):
        # The usual case, spelt out, since it dominates the cost of a sweep.
        slope = terms[0][1]
        path.append((value, ((variable, slope),)))
        path.append((size - 1 - value, ((variable, -slope),)))
    else:
        require(number, path)
        require(scaled(size - 1 - value, number, -1), path)
    return number


# --- the operations ------------------------------------------------------------------------------------------------


def negated(operand: Form, value: int, size: int | None, path: Path) -> Number:
    """-operand or ~operand, which is `value` now; `size` is 2**WORD_BITS for a word, None for an int."""
    return within(scaled(value, operand, -1), size, path)


def compared(op: BinaryOp, left: Number, right: Number, path: Path) -> None:
    """Adds to the path that the comparison keeps the outcome it has now."""
    apart = total(standing(left) - standing(right), left, right, -1)
    now = standing(apart)
    match op:
        case BinaryOp.EQ | BinaryOp.NE if now == 0:
            pin(apart, path)
        case BinaryOp.LE | BinaryOp.GT if now <= 0:
            require(scaled(-now, apart, -1), path)
        case BinaryOp.GE | BinaryOp.LT if now >= 0:
            require(apart, path)
        case _ if now > 0:
            require(scaled(now - 1, apart, 1), path)
        case _:
            require(scaled(-now - 1, apart, -1), path)


def arithmetic(op: BinaryOp, left: Number, right: Number, value: int, bits: int | None, path: Path) -> Number:
    """`left op right`, which is defined and `value` now; `bits` is WORD_BITS for words, None for ints."""
    size = None if bits is None else 1 << bits
    match op:
        case BinaryOp.ADD:
            return within(total(value, left, right, 1), size, path)
        case BinaryOp.SUB:
            return within(total(value, left, right, -1), size, path)
        case BinaryOp.MUL:
            if isinstance(right, Form):
                left, right = right, left
            return within(scaled(value, left, pin(right, path)), size, path)
        case BinaryOp.DIV:
            by = pin(right, path)
            return scaled(value, quotient(0, left, abs(by), path), 1 if by > 0 else -1)
        case BinaryOp.MOD:
            by = abs(pin(right, path))
            return total(value, left, scaled(0, quotient(0, left, by, path), by), -1)
        case BinaryOp.BAND | BinaryOp.BOR | BinaryOp.BXOR:
            return _bitwise(op, left, right, value, bits, path)
        case BinaryOp.SHL:
            return within(scaled(value, left, 1 << pin(right, path)), size, path)
        case BinaryOp.SHR:
            return quotient(value, left, 1 << pin(right, path), path)
        case BinaryOp.MIN | BinaryOp.MAX:
            compared(BinaryOp.LE, left, right, path)
            first = (standing(left) <= standing(right)) == (op is BinaryOp.MIN)
            return left if first else right
        case _:
            raise AssertionError(f"{op.value} is no arithmetic")


def _bitwise(op: BinaryOp, left: Number, right: Number, value: int, bits: int | None, path: Path) -> Number:
    if isinstance(right, Form):
        left, right = right, left
    assert bits is not None
    mask = pin(right, path)
    if not isinstance(left, Form):
        return value
    common = masked(0, left, mask, bits, path)
    match op:
        case BinaryOp.BAND:
            return scaled(value, common, 1)
        case BinaryOp.BOR:  # a + mask - (a & mask)
            return total(value, left, common, -1)
        case _:  # a + mask - 2 * (a & mask)
            return total(value, left, common, -2)


def looked_up(base: MapValue, key: Form, path: Path) -> Value:
    """base[key]; adds to the path that the key stays between, or at, the exceptions where it stands."""
    if key.value in base.entries:
        pin(key, path)
        return base.entries[key.value]
    below, above = base.around(key.value)
    if below is not None:
        require(scaled(key.value - below - 1, key, 1), path)
    if above is not None:
        require(scaled(above - 1 - key.value, key, -1), path)
    return base.default
