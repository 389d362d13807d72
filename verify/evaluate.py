"""The meaning of the language on concrete values: one of its two meanings, beside `encode`, case for case.

An expression is evaluated from left to right, and what does not count is not evaluated: the right side of `&&`, `||`
and `==>`, and the branch of an `if` that is not taken. All else is strict. A quantifier is defined iff its body is
defined for every value of the bound variables, whatever its truth: no order of going through them makes a difference.
So one that is false somewhere and undefined elsewhere is undefined.

Under a quantifier a number may be a `Form`, which knows how it moves with the bound variables; see `form` and `reach`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, NoReturn, TypeAlias, assert_never

from verify import core
from verify.context import Context, Table, Undecided, Undefined
from verify.core import BinaryOp, Symbol, SymbolKind, UnaryOp
from verify.form import Form, Path, Variable, arithmetic, compared, looked_up, pin, scaled, standing, within
from verify.reach import Budget, Range, find, room
from verify.sites import subexpressions
from verify.span import Span
from verify.traits import Traits
from verify.values import MapValue, Member, Value, map_value, members_in

__all__ = ["Context", "Table", "Undecided", "Undefined", "context_for", "evaluate"]

PIECES = 20_000
"""How many stretches of values one evaluation looks at, if the caller does not say."""

Result: TypeAlias = "Value | Form"
Scope: TypeAlias = Mapping[Symbol, Result]
Code: TypeAlias = "Callable[[Evaluation, Scope, Scope], Result]"
"""An expression, ready to be evaluated on any values, on those on entry, as `evaluate` has them."""
Combine: TypeAlias = Callable[[Any, Any], int]
"""What an operator is of its two operands."""


def evaluate(
    expr: core.Expr,
    context: Context,
    values: Mapping[Symbol, Value],
    entry: Mapping[Symbol, Value],
    *,
    hints: Mapping[Symbol, tuple[Value, ...]] | None = None,
    pieces: int = PIECES,
) -> Value:
    """The value of an expression.

    `values` has every variable that is free in it but params and consts; `entry` the state variables and parameters as
    on entry, for `Old`. `hints` are values of bound variables to look at first, and change the cost alone: where the
    body is defined for all values, one at which it is false (for `exists`, true) decides the quantifier at once, else
    all values are still gone through, since one may be undefined. Raises Undefined or Undecided. A variable without
    a value is a KeyError.
    """
    return plain(code_of(expr, context)(Evaluation(context, hints or {}, pieces), values, entry))


# --- the operations on plain values --------------------------------------------------------------------------------


def unary(op: UnaryOp, operand: int, type_: core.Type, word_bits: int) -> int:
    """`op operand`; -w on a word wraps."""
    match op:
        case UnaryOp.NOT:
            return not operand
        case UnaryOp.INVERT:
            return (1 << word_bits) - 1 - operand
        case UnaryOp.NEGATE:
            return -operand % (1 << word_bits) if isinstance(type_, core.WordType) else -operand
        case _:
            assert_never(op)


def binary(op: BinaryOp, left: Any, right: Any, type_: core.Type, word_bits: int, span: Span) -> int:
    """`left op right`, both evaluated; `type_` is that of the left operand. Raises Undefined."""
    return combining(op, type_, word_bits, span)(left, right)


def combining(op: BinaryOp, type_: core.Type, word_bits: int, span: Span) -> Combine:
    """What `binary` does with these, ready for any two operands."""
    size = 1 << word_bits
    wrap = isinstance(type_, core.WordType)
    match op:
        case BinaryOp.ADD:
            return (lambda left, right: (left + right) % size) if wrap else operator.add
        case BinaryOp.SUB:
            return (lambda left, right: (left - right) % size) if wrap else operator.sub
        case BinaryOp.MUL:
            return (lambda left, right: left * right % size) if wrap else operator.mul
        case BinaryOp.DIV:
            return lambda left, right: (left - _remainder(left, right, span)) // right
        case BinaryOp.MOD:
            return lambda left, right: _remainder(left, right, span)
        case BinaryOp.BAND:
            return operator.and_
        case BinaryOp.BOR:
            return operator.or_
        case BinaryOp.BXOR:
            return operator.xor
        case BinaryOp.SHL:
            return lambda left, right: (left << _count(right, word_bits, span)) % size
        case BinaryOp.SHR:
            return lambda left, right: left >> _count(right, word_bits, span)
        case BinaryOp.EQ | BinaryOp.IFF:
            return operator.eq
        case BinaryOp.NE:
            return operator.ne
        case BinaryOp.LT:
            return operator.lt
        case BinaryOp.LE:
            return operator.le
        case BinaryOp.GT:
            return operator.gt
        case BinaryOp.GE:
            return operator.ge
        case BinaryOp.AND | BinaryOp.OR | BinaryOp.IMPLIES:
            raise AssertionError(f"the right side of {op.value} may not count")
        case BinaryOp.MIN:
            return min
        case BinaryOp.MAX:
            return max
        case _:
            assert_never(op)


def _remainder(left: int, right: int, span: Span) -> int:
    """The Euclidean one: at least 0, and below |right|."""
    if right == 0:
        raise Undefined(span, "the divisor is 0")
    return left % abs(right)


def _count(right: int, word_bits: int, span: Span) -> int:
    if not 0 <= right < word_bits:
        raise Undefined(span, f"a word of {word_bits} bits is shifted by {right}")
    return right


def to_word(operand: int, word_bits: int, span: Span) -> int:
    """`word(operand)`. Raises Undefined."""
    if not 0 <= operand < 1 << word_bits:
        raise Undefined(span, f"{operand} does not fit a word of {word_bits} bits")
    return operand


# --- expressions ---------------------------------------------------------------------------------------------------


def code_of(expr: core.Expr, context: Context) -> Code:
    """What evaluates the expression in that context, whatever its tables: made once, and kept with the context."""
    kept = context.codes.made.get(id(expr))
    if kept is not None:
        return kept[1]
    code: Code
    bits = context.word_bits
    match expr:
        case core.Literal(span=span, value=value, type=type_):
            fits = not isinstance(type_, core.WordType) or 0 <= value < 1 << bits
            code = _known(value) if fits else _as_word(_known(value), bits, span)

        case core.Element(name=name, type=type_):
            names = type_.members if isinstance(type_, core.EnumType) else type_.named
            code = _known(Member(type_, names.index(name)))

        case core.Var(symbol=symbol):
            if symbol.kind is SymbolKind.PARAM or symbol.kind is SymbolKind.CONST:
                code = _constant(symbol, context.constants)
            else:
                code = _variable(symbol)

        case core.Old(body=body):
            code = _on_entry(code_of(body, context))

        case core.Unary(op=op, operand=operand):
            code = _unary(op, code_of(operand, context), operand.type, bits)

        case core.Binary(op=BinaryOp.AND | BinaryOp.OR | BinaryOp.IMPLIES, left=left, right=right):
            code = _connective(expr, code_of(left, context), code_of(right, context))

        case core.Binary(span=span, op=op, left=left, right=right):
            code = _binary(op, code_of(left, context), code_of(right, context), left.type, bits, span)

        case core.Ite(condition=condition, then=then, otherwise=otherwise):
            code = _choice(code_of(condition, context), code_of(then, context), code_of(otherwise, context))

        case core.Let(symbol=symbol, value=bound, body=body):
            code = _let(symbol, code_of(bound, context), code_of(body, context))

        case core.Quantifier():
            code = _quantifier(expr)

        case core.Apply(span=span, function=function, arguments=arguments):
            code = _apply(function, [code_of(argument, context) for argument in arguments], span)

        case core.Index(base=base, key=key):
            code = _index(code_of(base, context), code_of(key, context))

        case core.Update(base=base, key=key, value=new):
            code = _update(code_of(base, context), code_of(key, context), code_of(new, context))

        case core.EmptySet(type=type_):
            code = _known(map_value(type_, False, {}, bits))

        case core.ToInt(operand=operand):
            code = code_of(operand, context)

        case core.ToWord(span=span, operand=operand):
            code = _as_word(code_of(operand, context), bits, span)

        case _:
            assert_never(expr)

    context.codes.made[id(expr)] = (expr, code)
    return code


def _known(value: Value) -> Code:
    return lambda _run, _values, _entry: value


def _constant(symbol: Symbol, constants: Mapping[Symbol, Value | Undefined | Undecided]) -> Code:
    """A param or const. That it has no value shows when it is evaluated, and not before."""
    if symbol not in constants:
        return lambda _run, _values, _entry: _raise(KeyError(symbol))
    constant = constants[symbol]
    if isinstance(constant, Undefined | Undecided):
        why = constant
        return lambda _run, _values, _entry: _raise(type(why)(why.span, why.reason))
    return _known(constant)


def _raise(reason: Exception) -> NoReturn:
    raise reason


def _variable(symbol: Symbol) -> Code:
    return lambda _run, values, _entry: values[symbol]


def _on_entry(body: Code) -> Code:
    return lambda run, _values, entry: body(run, entry, entry)


def _unary(op: UnaryOp, operand: Code, type_: core.Type, word_bits: int) -> Code:
    size = 1 << word_bits if isinstance(type_, core.WordType) else None

    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        a = operand(run, values, entry)
        if isinstance(a, Form):
            return within(scaled(unary(op, a.value, type_, word_bits), a, -1), size, run.path)
        assert isinstance(a, int)
        return unary(op, a, type_, word_bits)

    return code


def _connective(expr: core.Binary, left: Code, right: Code) -> Code:
    """`&&`, `||` and `==>`: one truth of the left side settles it."""
    settling = expr.op is BinaryOp.OR
    settled = expr.op is not BinaryOp.AND

    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        if run.variable is not None:
            return run.connective(expr, left, right, values, entry)
        return settled if left(run, values, entry) == settling else right(run, values, entry)

    return code


def _binary(op: BinaryOp, left: Code, right: Code, type_: core.Type, word_bits: int, span: Span) -> Code:
    combine = combining(op, type_, word_bits, span)
    bits = word_bits if isinstance(type_, core.WordType) else None

    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        if run.variable is None:  # nothing moves
            return combine(left(run, values, entry), right(run, values, entry))
        a = left(run, values, entry)
        b = right(run, values, entry)
        if isinstance(a, Form) or isinstance(b, Form):
            return run.moving(op, a, b, combine, bits)
        return combine(a, b)

    return code


def _choice(condition: Code, then: Code, otherwise: Code) -> Code:
    return lambda run, values, entry: (then if condition(run, values, entry) else otherwise)(run, values, entry)


def _let(symbol: Symbol, bound: Code, body: Code) -> Code:
    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        held = bound(run, values, entry)
        return body(run, {**values, symbol: held}, {**entry, symbol: held})

    return code


def _quantifier(expr: core.Quantifier) -> Code:
    return lambda run, values, entry: (run.find(expr, 0, dict(values), dict(entry)) is None) == expr.universal


def _apply(function: str, arguments: list[Code], span: Span) -> Code:
    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        held_by = [argument(run, values, entry) for argument in arguments]
        define = run.context.defines[function]
        if define.value is None:
            return run.tabled(function, held_by, span)
        scope = dict(zip(define.parameters + define.reads, held_by, strict=True))
        return code_of(define.value, run.context)(run, scope, {})

    return code


def _index(base: Code, key: Code) -> Code:
    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        table = base(run, values, entry)
        at = key(run, values, entry)
        assert isinstance(table, MapValue)
        return looked_up(table, at, run.path) if isinstance(at, Form) else table.get(at)

    return code


def _update(base: Code, key: Code, new: Code) -> Code:
    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        table = base(run, values, entry)
        at = run.still(key(run, values, entry))
        assert isinstance(table, MapValue)
        return table.set(at, run.still(new(run, values, entry)))

    return code


def _as_word(operand: Code, word_bits: int, span: Span) -> Code:
    def code(run: Evaluation, values: Scope, entry: Scope) -> Result:
        number = operand(run, values, entry)
        assert isinstance(number, int | Form)
        to_word(standing(number), word_bits, span)
        return within(number, 1 << word_bits, run.path)

    return code


# --- one evaluation ------------------------------------------------------------------------------------------------


class Evaluation:
    """One evaluation: the path so far, the innermost variable that is swept, and what is left of the budget."""

    variable: Variable | None = None
    swept = 0

    def __init__(self, context: Context, hints: Mapping[Symbol, tuple[Value, ...]], pieces: int) -> None:
        self.context = context
        self.hints = hints
        self.pieces = pieces
        self.path: Path = []

    @property
    def bits(self) -> int:
        return self.context.word_bits

    @cached_property
    def _waits(self) -> dict[int, tuple[int, int]]:
        return {}

    @cached_property
    def budget(self) -> Budget:
        return Budget(self.pieces)

    @cached_property
    def traits(self) -> Traits:
        return Traits(self.context, self._works)

    def value(self, expr: core.Expr, values: Scope, entry: Scope) -> Result:
        """The value of an expression; a Form only under a quantifier. Its conditions go to the path."""
        return code_of(expr, self.context)(self, values, entry)

    def still(self, result: Result) -> Value:
        """The value, from here on the only one: a map holds no moving numbers."""
        return pin(result, self.path) if isinstance(result, Form) else result

    def moving(self, op: BinaryOp, left: Result, right: Result, combine: Combine, word_bits: int | None) -> Result:
        """`left op right`, one of which moves; `word_bits` is None for ints."""
        assert isinstance(left, int | Form)
        assert isinstance(right, int | Form)
        now = combine(standing(left), standing(right))
        if isinstance(now, bool):
            compared(op, left, right, self.path)
            return now
        return arithmetic(op, left, right, now, word_bits, self.path)

    def connective(self, expr: core.Binary, left: Code, right: Code, values: Scope, entry: Scope) -> Result:
        """`&&`, `||` and `==>`: one truth of the left side settles it, and one of the right side does.

        While a variable is swept, the side that settles it for longer gives the path: the left side may be left out of
        it where the right one settles it, if it is defined for all values. To look for the longer stretch costs time,
        and is given up for a while where it was in vain.
        """
        settling = expr.op is BinaryOp.OR
        settled = expr.op is not BinaryOp.AND
        assert self.variable is not None
        path = self.path
        self.path = first = _empty()
        truth = left(self, values, entry)
        if truth == settling:
            if first and self.traits.safe(expr.left) and self.traits.simple(expr.right) and self._due(expr.right):
                second = self._attempt(right, settled, values, entry)
                if second is not None and self._longer(expr.right, second, first):
                    first = second
            self.path = path
            path += first
            return settled
        if (
            self.swept == 1
            and room(first, self.variable) == 0
            and not (self.traits.safe(expr.left) and self._due(expr.right))
        ):
            # No step further is possible: this value alone counts, and a plain evaluation is enough.
            truth = self._standing(right, values, entry)
            self.path = path
            path += first
            return truth
        self.path = second = _empty()
        truth = right(self, values, entry)
        self.path = path
        if truth != settled or not self.traits.safe(expr.left):
            path += first
        else:
            self._longer(expr.right, second, first)
        path += second
        return truth

    def _attempt(self, code: Code, truth: bool, values: Scope, entry: Scope) -> Path | None:
        """A path on which an expression, whose value is not asked for, has that truth; None if it has not."""
        self.path = []
        try:
            return self.path if code(self, values, entry) == truth else None
        except (Undefined, Undecided):
            return None

    def find(
        self, expr: core.Quantifier, at: int, values: dict[Symbol, Result], entry: dict[Symbol, Result]
    ) -> Value | None:
        """A value of the quantifier's variable number `at` that decides it, those before it given; None iff none does.

        The two scopes are changed: they are the caller's own copies. Variables are bound in `entry` too, for `Old`.
        """
        symbol = expr.symbols[at]
        holds = code_of(expr.body, self.context)

        def body(value: Result, variable: Variable | None) -> tuple[bool, Path]:
            values[symbol] = entry[symbol] = value
            path, outer = self.path, self.variable
            self.path = here = _empty()
            self.variable = variable or outer
            self.swept += variable is not None
            if at + 1 < len(expr.symbols):
                truth = (self.find(expr, at + 1, values, entry) is None) == expr.universal
            else:
                truth = bool(holds(self, values, entry))
            self.path, self.variable = path, outer
            self.swept -= variable is not None
            return truth, here

        def mentioned() -> frozenset[Member]:
            free = {e.symbol for e in subexpressions(expr.body) if isinstance(e, core.Var)} - {symbol}
            seen = [scope[s] for scope in (values, entry) for s in free if s in scope]
            for constant in self.context.constants.values():
                if not isinstance(constant, Undefined | Undecided):
                    seen.append(constant)
            for table in self.context.tables.values():
                seen += [table.default, *table.entries.values(), *(a for row in table.entries for a in row)]
            return frozenset(m for value in seen if not isinstance(value, Form) for m in members_in(value))

        wanted = Range(
            expr.span,
            symbol.type,
            self.bits,
            sought=not expr.universal,
            safe=self.traits.safe(expr.body),
            body=body,
            hints=tuple(self.hints.get(symbol, ())),
            mentioned=mentioned,
        )
        return find(wanted, self.path, self.budget)

    def _standing(self, code: Code, values: Scope, entry: Scope) -> Result:
        """The value where the one variable that is swept stands, without any conditions."""
        variable, self.variable, self.swept = self.variable, None, 0
        still = {s: v.value if isinstance(v, Form) else v for s, v in values.items()}
        then = {s: v.value if isinstance(v, Form) else v for s, v in entry.items()}
        result = code(self, still, then)
        self.variable, self.swept = variable, 1
        return result

    def _longer(self, expr: core.Expr, path: Path, other: Path) -> bool:
        """True iff the path goes further than the other one; the expression that gave it is then worth attempting."""
        assert self.variable is not None
        longer = room(path, self.variable) > room(other, self.variable)
        if longer:
            self._waits[id(expr)] = (0, 0)
        return longer

    def _due(self, expr: core.Expr) -> bool:
        """Whether to attempt a side again: attempts in vain are made ever more rarely, down to one time in 32."""
        left, wait = self._waits.get(id(expr), (0, 0))
        if left:
            self._waits[id(expr)] = (left - 1, wait)
            return False
        wait = min(2 * wait + 1, 31)
        self._waits[id(expr)] = (wait, wait)
        return True

    def _works(self, expr: core.Binary) -> bool:
        """True iff a partial operation with a constant right operand is defined for every left one."""
        try:
            by = plain(self.value(expr.right, {}, {}))
            binary(expr.op, 0, by, expr.left.type, self.bits, expr.span)
        except (Undefined, Undecided):
            return False
        return True

    def tabled(self, function: str, arguments: list[Result], span: Span) -> Value:
        """An uninterpreted define. Raises Undecided where nothing says what it is."""
        table = self.context.tables.get(function)
        if table is None:
            raise Undecided(span, f"nothing says what {function} is here")
        row = tuple(a.value if isinstance(a, Form) else a for a in arguments)
        moving = [(i, a) for i, a in enumerate(arguments) if isinstance(a, Form)]
        if moving and row in table.entries:
            for _, argument in moving:
                pin(argument, self.path)
        elif moving:
            still = [i for i, a in enumerate(arguments) if not isinstance(a, Form)]
            for other in table.entries:
                if all(row[i] == other[i] for i in still):
                    argument, known = next((a, other[i]) for i, a in moving if a.value != other[i])
                    assert isinstance(known, int)
                    compared(BinaryOp.NE, argument, known, self.path)
        return table.entries.get(row, table.default)


def plain(result: Result) -> Value:
    assert not isinstance(result, Form), "a number that moves has left its quantifier"
    return result


def _empty() -> Path:
    return []


# --- the context ---------------------------------------------------------------------------------------------------


def context_for(
    program: core.Program,
    geometry: Mapping[Symbol, Value],
    word_bits: int,
    tables: Mapping[str, Table],
) -> Context:
    """The context of a program on one geometry: `geometry` has a value for each param but WORD_BITS.

    Computes the consts. One whose value is undefined or undecided holds the `Undefined` or `Undecided`. One that needs
    a param without a value, of a module that the geometry does not see, is left out, and using it is a KeyError.
    """
    constants: dict[Symbol, Value | Undefined | Undecided] = {**geometry, core.WORD_BITS: word_bits}
    context = Context(word_bits, constants, program.defines(), tables)
    waiting = {i.symbol: i.value for m in program.modules for i in m.items if isinstance(i, core.Const)}

    def compute(symbol: Symbol) -> None:
        expr = waiting.pop(symbol, None)
        if expr is None:
            return
        for needed in _constants_in(expr, context.defines):
            compute(needed)
        try:
            constants[symbol] = evaluate(expr, context, {}, {})
        except (Undefined, Undecided) as reason:
            constants[symbol] = reason
        except KeyError:
            pass

    for symbol in tuple(waiting):
        compute(symbol)
    return context


def _constants_in(expr: core.Expr, defines: Mapping[str, core.Define]) -> Iterator[Symbol]:
    """The consts that the value of an expression may need, through defines too."""
    for part in subexpressions(expr):
        if isinstance(part, core.Var) and part.symbol.kind is SymbolKind.CONST:
            yield part.symbol
        elif isinstance(part, core.Apply) and (body := defines[part.function].value) is not None:
            yield from _constants_in(body, defines)
