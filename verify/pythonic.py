"""Python's integers in the language's terms: what was noted of a function's runs, as expressions.

An integer of Python's has no bounds, and what was noted says so exactly: a sum is the mathematical sum. It is taken for
a word only where it is one: `low` is the word that equals a number modulo 2^WORD_BITS, and `exact` the number itself.
A number that `is_word` is `int(low)`. That holds of an operand of type word, and of what `&` with one leaves.

What cannot be said of all numbers is said where it can be: `1 << n` is the word for an n below WORD_BITS, `|` that of
two words. The expression is then a partial one, and undefined elsewhere; whoever uses it asks for its `definedness`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from verify import core
from verify.core import INT, WORD, WORD_BITS, BinaryOp, Symbol, UnaryOp
from verify.function import Fails, Forks, Gives, Lost, Tree
from verify.recorded import (
    Choice,
    Constant,
    Input,
    Node,
    Odd,
    Operation,
    Raised,
    Returned,
    Runs,
    Stuck,
    Unseen,
    is_truth,
)
from verify.rename import definedness
from verify.span import Span

LARGEST = 5_000
"""How many nodes an expression may have: what was noted shares its parts, and an expression repeats them."""

_ARITHMETIC = {"add": BinaryOp.ADD, "sub": BinaryOp.SUB, "mul": BinaryOp.MUL}
_BITS = {"and": BinaryOp.BAND, "or": BinaryOp.BOR, "xor": BinaryOp.BXOR}
_DIVISION = {"floordiv": BinaryOp.DIV, "mod": BinaryOp.MOD}


def tree(runs: Runs, inputs: Mapping[str, Symbol], types: Sequence[core.Type], span: Span, least_bits: int) -> Tree:
    """What the runs say of the results, of these types. Everything in it has the place `span`.

    It is so for words of `least_bits` bits and more.
    """
    return _Meaning(inputs, tuple(types), span, 1 << least_bits).tree(runs, frozenset())


class _TooLarge(Exception):
    pass


class _Meaning:
    def __init__(self, inputs: Mapping[str, Symbol], types: tuple[core.Type, ...], span: Span, fits: int) -> None:
        self.inputs = inputs
        self.fits = fits  # what is below is a word
        self.types = types
        self.span = span
        # By identity: what was noted shares its parts. The nodes are held too, so that none takes another's place.
        self.sizes: dict[int, tuple[Node, int]] = {}
        self.lows: dict[int, tuple[Node, core.Expr]] = {}
        self.exacts: dict[int, tuple[Node, core.Expr]] = {}

    # --- runs ------------------------------------------------------------------------------------------------------

    def tree(self, runs: Runs, known: frozenset[core.Expr]) -> Tree:
        """`known`: what has been found to be defined on the way here."""
        try:
            match runs:
                case Choice(condition=condition, yes=yes, no=no):
                    asked = self.truth(self.sized(condition))
                    new = self.defined(asked, known)
                    known |= set(new)
                    return Forks(asked, new, self.tree(yes, known), self.tree(no, known))
                case Returned(nodes=nodes, many=many):
                    return self.returned(nodes, many, known)
        except _TooLarge:
            return Lost(f"it computes an expression of more than {LARGEST} operations", True)
        match runs:
            case Odd(what=what):
                return Fails(f"returns {what}")
            case Raised(what=what):
                return Fails(f"raises {what}")
            case Stuck(what=what):
                return Lost(what, False)
            case Unseen(what=what):
                return Lost(what, True)

    def returned(self, nodes: tuple[Node, ...], many: bool, known: frozenset[core.Expr]) -> Tree:
        kinds = ", ".join("bool" if is_truth(n) else "int" for n in nodes)
        wanted = [type_ == core.BOOL for type_ in self.types]
        if [is_truth(n) for n in nodes] != wanted or many != (len(wanted) != 1):
            return Fails(f"returns ({kinds})" if many else f"returns {kinds}")
        values: list[core.Expr] = []
        for node in nodes:
            self.sized(node)
            values.append(
                self.truth(node) if is_truth(node) else self.low(node) if self.is_word(node) else self.exact(node)
            )
        new: tuple[core.Expr, ...] = ()
        for value in values:
            new += self.defined(value, known | set(new))
        return Gives(tuple(values), new)

    def defined(self, expr: core.Expr, known: frozenset[core.Expr]) -> tuple[core.Expr, ...]:
        return tuple(dict.fromkeys(c for _, c in definedness(expr) if c not in known))

    def sized(self, node: Node) -> Node:
        if self.size(node) > LARGEST:
            raise _TooLarge
        return node

    def size(self, node: Node) -> int:
        if id(node) not in self.sizes:
            below = (self.size(n) for n in node.operands) if isinstance(node, Operation) else ()
            self.sizes[id(node)] = node, 1 + sum(below)
        return self.sizes[id(node)][1]

    # --- expressions -------------------------------------------------------------------------------------------------

    def word(self, value: int) -> core.Expr:
        return core.Literal(self.span, value, WORD)

    def int(self, value: int) -> core.Expr:
        return core.Literal(self.span, value, INT)

    def op(self, op: BinaryOp, left: core.Expr, right: core.Expr) -> core.Expr:
        return core.Binary(self.span, op, left, right)

    def unary(self, op: UnaryOp, operand: core.Expr) -> core.Expr:
        return core.Unary(self.span, op, operand)

    def to_int(self, operand: core.Expr) -> core.Expr:
        return core.ToInt(self.span, operand)

    def highest(self) -> core.Expr:
        """2^WORD_BITS - 1."""
        return self.unary(UnaryOp.INVERT, self.word(0))

    def low(self, node: Node) -> core.Expr:
        return _kept(self.lows, node, self._low)

    def exact(self, node: Node) -> core.Expr:
        return _kept(self.exacts, node, self._exact)

    def is_word(self, node: Node) -> bool:
        """Whether the number is `int(low)`, wherever that is defined."""
        match node:
            case Constant(value=value):
                return 0 <= value < self.fits
            case Input(name=name):
                return self.inputs[name].type == WORD
            case Operation(name="and" | "or" | "xor"):
                return True
            case Operation(name="lshift", operands=(Constant(value=1), count)):
                return not _is_word_bits(count)
            case Operation(
                name="sub", operands=(Operation(name="lshift", operands=(Constant(value=1), _)), Constant(value=1))
            ):
                return True
            case Operation(name="rshift", operands=(a, _)):
                return self.is_word(a)
            case Operation(name="mod", operands=(_, divisor)) if _is_top(divisor):
                return True
            case Operation(name="floordiv" | "mod", operands=(left, right)):
                return self.is_word(left) and self.is_word(right)
            case _:
                return False

    def as_word(self, node: Node) -> core.Expr:
        """The number as a word, undefined where it is none."""
        return self.low(node) if self.is_word(node) else core.ToWord(self.span, self.exact(node))

    def _low(self, node: Node) -> core.Expr:
        match node:
            case Constant(value=value) if 0 <= value < self.fits:
                return self.word(value)
            case Constant(value=value) if -self.fits < value < 0:
                return self.unary(UnaryOp.NEGATE, self.word(-value))
            case Input(name=name) if self.inputs[name].type == WORD:
                return core.Var(self.span, self.inputs[name])
            case Operation(name="sub") if _is_highest(node):
                return self.highest()
            case Operation(name="add" | "sub" | "mul" as name, operands=(left, right)):
                return self.op(_ARITHMETIC[name], self.low(left), self.low(right))
            case Operation(name="neg", operands=(a,)):
                return self.unary(UnaryOp.NEGATE, self.low(a))
            case Operation(name="invert", operands=(a,)):
                return self.unary(UnaryOp.INVERT, self.low(a))
            case Operation(name="and", operands=(left, right)) if self.is_word(left) or self.is_word(right):
                return self.op(BinaryOp.BAND, self.low(left), self.low(right))
            case Operation(name="and" | "or" | "xor" as name, operands=(left, right)):
                return self.op(_BITS[name], self.as_word(left), self.as_word(right))
            case Operation(name="lshift", operands=(_, count)) if _is_word_bits(count):
                return self.word(0)
            case Operation(name="lshift", operands=(a, count)):
                return self.op(BinaryOp.SHL, self.low(a), self.exact(count))
            case Operation(name="rshift", operands=(a, count)) if self.is_word(a):
                return self.op(BinaryOp.SHR, self.low(a), self.exact(count))
            case Operation(name="mod", operands=(a, divisor)) if _is_top(divisor):
                return self.low(a)
            case Operation(name="floordiv" | "mod" as name, operands=(left, right)) if self.is_word(
                left
            ) and self.is_word(right):
                return self.op(_DIVISION[name], self.low(left), self.low(right))
            case _:
                return core.ToWord(self.span, self.exact(node))

    def _exact(self, node: Node) -> core.Expr:
        match node:
            case Constant(value=value):
                return self.int(value)
            case Input(name=name) if self.inputs[name].type == INT:
                return core.Var(self.span, self.inputs[name])
            case _ if self.is_word(node):
                return self.to_int(self.low(node))
            case Operation(name="add" | "sub" | "mul" as name, operands=(left, right)):
                return self.op(_ARITHMETIC[name], self.exact(left), self.exact(right))
            case Operation(name="neg", operands=(a,)):
                return self.unary(UnaryOp.NEGATE, self.exact(a))
            case Operation(name="invert", operands=(a,)):
                return self.op(BinaryOp.SUB, self.unary(UnaryOp.NEGATE, self.exact(a)), self.int(1))
            case Operation(name="lshift", operands=(a, count)):
                return self.op(BinaryOp.MUL, self.exact(a), self.power(count))
            case Operation(name="rshift", operands=(a, count)):
                return self.op(BinaryOp.DIV, self.exact(a), self.power(count))
            case Operation(name="floordiv" | "mod" as name, operands=(left, right)):
                return self.divided(name, left, right)
            case _:
                raise AssertionError(node)

    def power(self, count: Node) -> core.Expr:
        """2^count as an int, for a count up to WORD_BITS where that is what it is, else below."""
        if _is_word_bits(count):
            return self.op(BinaryOp.ADD, self.to_int(self.highest()), self.int(1))
        return self.to_int(self.op(BinaryOp.SHL, self.word(1), self.exact(count)))

    def divided(self, name: str, left: Node, right: Node) -> core.Expr:
        """Python rounds down, and the language so that no remainder is negative: the same for a positive divisor."""
        a, b = self.exact(left), self.exact(right)
        down = self.op(_DIVISION[name], a, b)
        if self.is_word(right):
            return down
        negated = self.op(_DIVISION[name], self.unary(UnaryOp.NEGATE, a), self.unary(UnaryOp.NEGATE, b))
        other = self.unary(UnaryOp.NEGATE, negated) if name == "mod" else negated
        return core.Ite(self.span, self.op(BinaryOp.LT, self.int(0), b), down, other)

    def truth(self, node: Node) -> core.Expr:
        match node:
            case Constant(value=value):
                return core.Literal(self.span, value, core.BOOL)
            case Input(name=name):
                return core.Var(self.span, self.inputs[name])
            case Operation(name="not", operands=(a,)):
                return self.unary(UnaryOp.NOT, self.truth(a))
            case Operation(name=name, operands=(left, right)):
                op = BinaryOp.EQ if name == "eq" else BinaryOp.LT
                if self.is_word(left) and self.is_word(right):
                    return self.op(op, self.low(left), self.low(right))
                return self.op(op, self.exact(left), self.exact(right))
            case _:
                raise AssertionError(node)


def _kept(kept: dict[int, tuple[Node, core.Expr]], node: Node, make: Callable[[Node], core.Expr]) -> core.Expr:
    if id(node) not in kept:
        kept[id(node)] = node, make(node)
    return kept[id(node)][1]


def _is_word_bits(node: Node) -> bool:
    return isinstance(node, Input) and node.name == WORD_BITS.name


def _is_top(node: Node) -> bool:
    """Whether it is 2^WORD_BITS, as `1 << WORD_BITS`."""
    match node:
        case Operation(name="lshift", operands=(Constant(value=1), count)):
            return _is_word_bits(count)
        case _:
            return False


def _is_highest(node: Operation) -> bool:
    """Whether it is 2^WORD_BITS - 1."""
    return _is_top(node.operands[0]) and node.operands[1] == Constant(1)
