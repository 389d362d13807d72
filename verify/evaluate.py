"""The meaning of the language on concrete values: one of its two meanings, beside `encode`, case for case.

An expression is evaluated from left to right, and what does not count is not evaluated: the right side of `&&`, `||`
and `==>`, and the branch of an `if` that is not taken. All else is strict. A quantifier is defined iff its body is
defined for every value of the bound variables, whatever its truth: no order of going through them makes a difference.
So one that is false somewhere and undefined elsewhere is undefined.

Under a quantifier a number may be a `Form`, which knows how it moves with the bound variables; see `form` and `reach`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias, assert_never

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
    return plain(Evaluation(context, hints or {}, pieces).value(expr, values, entry))


# --- the operations on plain values --------------------------------------------------------------------------------


def unary(op: UnaryOp, operand: Value, type_: core.Type, word_bits: int) -> Value:
    """`op operand`; -w on a word wraps."""
    assert isinstance(operand, int)
    match op:
        case UnaryOp.NOT:
            return not operand
        case UnaryOp.INVERT:
            return (1 << word_bits) - 1 - operand
        case UnaryOp.NEGATE:
            return -operand % (1 << word_bits) if isinstance(type_, core.WordType) else -operand
        case _:
            assert_never(op)


def binary(op: BinaryOp, left: Value, right: Value, type_: core.Type, word_bits: int, span: Span) -> Value:
    """`left op right`, both evaluated; `type_` is that of the left operand. Raises Undefined."""
    if op is BinaryOp.EQ:
        return left == right
    if op is BinaryOp.NE:
        return left != right
    assert isinstance(left, int)
    assert isinstance(right, int)
    wrap = isinstance(type_, core.WordType)
    match op:
        case BinaryOp.ADD:
            return (left + right) % (1 << word_bits) if wrap else left + right
        case BinaryOp.SUB:
            return (left - right) % (1 << word_bits) if wrap else left - right
        case BinaryOp.MUL:
            return left * right % (1 << word_bits) if wrap else left * right
        case BinaryOp.DIV | BinaryOp.MOD:
            if right == 0:
                raise Undefined(span, "the divisor is 0")
            remainder = left % abs(right)  # Euclidean: 0 <= remainder < |right|
            return remainder if op is BinaryOp.MOD else (left - remainder) // right
        case BinaryOp.BAND:
            return left & right
        case BinaryOp.BOR:
            return left | right
        case BinaryOp.BXOR:
            return left ^ right
        case BinaryOp.SHL | BinaryOp.SHR:
            if not 0 <= right < word_bits:
                raise Undefined(span, f"a word of {word_bits} bits is shifted by {right}")
            return (left << right) % (1 << word_bits) if op is BinaryOp.SHL else left >> right
        case BinaryOp.LT:
            return left < right
        case BinaryOp.LE:
            return left <= right
        case BinaryOp.GT:
            return left > right
        case BinaryOp.GE:
            return left >= right
        case BinaryOp.AND:
            return left and right
        case BinaryOp.OR:
            return left or right
        case BinaryOp.IMPLIES:
            return not left or right
        case BinaryOp.IFF:
            return left == right
        case BinaryOp.MIN:
            return min(left, right)
        case BinaryOp.MAX:
            return max(left, right)
        case _:
            assert_never(op)


def to_word(operand: int, word_bits: int, span: Span) -> int:
    """`word(operand)`. Raises Undefined."""
    if not 0 <= operand < 1 << word_bits:
        raise Undefined(span, f"{operand} does not fit a word of {word_bits} bits")
    return operand


# --- expressions ---------------------------------------------------------------------------------------------------


class Evaluation:
    """One evaluation: the path so far, the innermost variable that is swept, and what is left of the budget."""

    def __init__(self, context: Context, hints: Mapping[Symbol, tuple[Value, ...]], pieces: int) -> None:
        self.context = context
        self.bits = context.word_bits
        self.size = 1 << context.word_bits
        self.hints = hints
        self.budget = Budget(pieces)
        self.path: Path = []
        self.variable: Variable | None = None
        self.swept = 0
        self.traits = Traits(context, self._works)
        self._waits: dict[int, tuple[int, int]] = {}

    def value(self, expr: core.Expr, values: Scope, entry: Scope) -> Result:
        """The value of an expression; a Form only under a quantifier. Its conditions go to the path."""
        match expr:
            case core.Literal(span=span, value=value, type=type_):
                return to_word(value, self.bits, span) if isinstance(type_, core.WordType) else value

            case core.Element(name=name, type=type_):
                names = type_.members if isinstance(type_, core.EnumType) else type_.named
                return Member(type_, names.index(name))

            case core.Var(symbol=symbol):
                if symbol.kind is SymbolKind.PARAM or symbol.kind is SymbolKind.CONST:
                    constant = self.context.constants[symbol]
                    if isinstance(constant, Undefined | Undecided):
                        raise type(constant)(constant.span, constant.reason)
                    return constant
                return values[symbol]

            case core.Old(body=body):
                return self.value(body, entry, entry)

            case core.Unary(op=op, operand=operand):
                moving = self.value(operand, values, entry)
                type_ = operand.type
                if isinstance(moving, Form):
                    now = unary(op, moving.value, type_, self.bits)
                    assert isinstance(now, int)
                    return within(scaled(now, moving, -1), self._size(type_), self.path)
                return unary(op, moving, type_, self.bits)

            case core.Binary(span=span, op=op, left=left, right=right):
                if op is BinaryOp.AND or op is BinaryOp.OR or op is BinaryOp.IMPLIES:
                    return self._connective(op, left, right, values, entry)
                a = self.value(left, values, entry)
                b = self.value(right, values, entry)
                if isinstance(a, Form) or isinstance(b, Form):
                    return self._moving(op, a, b, left.type, span)
                return binary(op, a, b, left.type, self.bits, span)

            case core.Ite(condition=condition, then=then, otherwise=otherwise):
                return self.value(then if self.value(condition, values, entry) else otherwise, values, entry)

            case core.Let(symbol=symbol, value=bound, body=body):
                held = {symbol: self.value(bound, values, entry)}
                return self.value(body, {**values, **held}, {**entry, **held})

            case core.Quantifier(universal=universal):
                return (self.find(expr, 0, dict(values), dict(entry)) is None) == universal

            case core.Apply(span=span, function=function, arguments=arguments):
                held_by = [self.value(argument, values, entry) for argument in arguments]
                define = self.context.defines[function]
                if define.value is None:
                    return self._tabled(function, held_by, span)
                scope = dict(zip(define.parameters + define.reads, held_by, strict=True))
                return self.value(define.value, scope, {})

            case core.Index(base=base, key=key):
                table = self.value(base, values, entry)
                at = self.value(key, values, entry)
                assert isinstance(table, MapValue)
                return looked_up(table, at, self.path) if isinstance(at, Form) else table.get(at)

            case core.Update(base=base, key=key, value=new):
                table = self.value(base, values, entry)
                at = self._still(self.value(key, values, entry))
                assert isinstance(table, MapValue)
                return table.set(at, self._still(self.value(new, values, entry)))

            case core.EmptySet(type=type_):
                return map_value(type_, False, {}, self.bits)

            case core.ToInt(operand=operand):
                return self.value(operand, values, entry)

            case core.ToWord(span=span, operand=operand):
                number = self.value(operand, values, entry)
                if isinstance(number, Form):
                    to_word(number.value, self.bits, span)
                    return within(number, self.size, self.path)
                assert isinstance(number, int)
                return to_word(number, self.bits, span)

            case _:
                assert_never(expr)

    def _size(self, type_: core.Type) -> int | None:
        return self.size if isinstance(type_, core.WordType) else None

    def _still(self, result: Result) -> Value:
        """The value, from here on the only one: a map holds no moving numbers."""
        return pin(result, self.path) if isinstance(result, Form) else result

    def _moving(self, op: BinaryOp, left: Result, right: Result, type_: core.Type, span: Span) -> Result:
        assert isinstance(left, int | Form)
        assert isinstance(right, int | Form)
        now = binary(op, standing(left), standing(right), type_, self.bits, span)
        if isinstance(now, bool):
            compared(op, left, right, self.path)
            return now
        assert isinstance(now, int)
        return arithmetic(op, left, right, now, self.bits if isinstance(type_, core.WordType) else None, self.path)

    def _connective(self, op: BinaryOp, left: core.Expr, right: core.Expr, values: Scope, entry: Scope) -> Result:
        """`&&`, `||` and `==>`: one truth of the left side settles it, and one of the right side does.

        While a variable is swept, the side that settles it for longer gives the path: the left side may be left out of
        it where the right one settles it, if it is defined for all values. To look for the longer stretch costs time,
        and is given up for a while where it was in vain.
        """
        settling = op is BinaryOp.OR
        settled = op is not BinaryOp.AND
        if self.variable is None:
            return settled if self.value(left, values, entry) == settling else self.value(right, values, entry)
        path = self.path
        self.path = first = _empty()
        truth = self.value(left, values, entry)
        if truth == settling:
            if first and self.traits.safe(left) and self.traits.simple(right) and self._due(right):
                second = self._attempt(right, settled, values, entry)
                if second is not None and self._longer(right, second, first):
                    first = second
            self.path = path
            path += first
            return settled
        if self.swept == 1 and room(first, self.variable) == 0 and not (self.traits.safe(left) and self._due(right)):
            # No step further is possible: this value alone counts, and a plain evaluation is enough.
            truth = self._standing(right, values, entry)
            self.path = path
            path += first
            return truth
        self.path = second = _empty()
        truth = self.value(right, values, entry)
        self.path = path
        if truth != settled or not self.traits.safe(left):
            path += first
        else:
            self._longer(right, second, first)
        path += second
        return truth

    def _attempt(self, expr: core.Expr, truth: bool, values: Scope, entry: Scope) -> Path | None:
        """A path on which an expression, whose value is not asked for, has that truth; None if it has not."""
        self.path = []
        try:
            return self.path if self.value(expr, values, entry) == truth else None
        except (Undefined, Undecided):
            return None

    def find(
        self, expr: core.Quantifier, at: int, values: dict[Symbol, Result], entry: dict[Symbol, Result]
    ) -> Value | None:
        """A value of the quantifier's variable number `at` that decides it, those before it given; None iff none does.

        The two scopes are changed: they are the caller's own copies. Variables are bound in `entry` too, for `Old`.
        """
        symbol = expr.symbols[at]

        def body(value: Result, variable: Variable | None) -> tuple[bool, Path]:
            values[symbol] = entry[symbol] = value
            path, outer = self.path, self.variable
            self.path = here = _empty()
            self.variable = variable or outer
            self.swept += variable is not None
            if at + 1 < len(expr.symbols):
                truth = (self.find(expr, at + 1, values, entry) is None) == expr.universal
            else:
                truth = bool(self.value(expr.body, values, entry))
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

    def _standing(self, expr: core.Expr, values: Scope, entry: Scope) -> Result:
        """The value where the one variable that is swept stands, without any conditions."""
        variable, self.variable, self.swept = self.variable, None, 0
        still = {s: v.value if isinstance(v, Form) else v for s, v in values.items()}
        then = {s: v.value if isinstance(v, Form) else v for s, v in entry.items()}
        result = self.value(expr, still, then)
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

    def _tabled(self, function: str, arguments: list[Result], span: Span) -> Value:
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
