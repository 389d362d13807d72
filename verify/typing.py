"""Elaboration of expressions: names resolved, types checked, literals given the type they are used at.

A mistake is reported once and leaves an expression of type `ERROR` behind, which fits everywhere; so one run finds all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from verify import core, errors, syntax
from verify.core import (
    BOOL,
    INT,
    WORD,
    BinaryOp,
    MapType,
    SetType,
    Symbol,
    SymbolKind,
    Type,
    UnaryOp,
    key_type,
    value_type,
)
from verify.diagnostic import Diagnostic
from verify.names import ERROR, DefineName, Names, RoutineName, describe, resolve_type
from verify.span import Source, Span

_BITWISE = frozenset({"&", "|", "^"})
_EQUALITIES = frozenset({"==", "!="})
_ORDERINGS = frozenset({"<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands: what it may mention. `where` names the place in messages.

    `entry`: it speaks of the entry of the procedure, so that `old(e)` is `e`.
    """

    where: str
    variables: Mapping[str, Symbol]
    state: bool
    old: bool
    results: bool
    entry: bool = False


@dataclass(slots=True)
class Expressions:
    """Elaborates the expressions of one item. `reads` gives the state variables that a define depends on."""

    names: Names
    item: str
    sources: Mapping[str, Source]
    reads: Callable[[DefineName], tuple[Symbol, ...]]
    report: list[Diagnostic]
    bound: int = field(default=0)

    def elaborate(self, node: syntax.Expr, place: Place, expected: Type | None, what: str) -> core.Expr:
        """The core expression of `node`, of type `expected` unless that is None (or a mistake was reported)."""
        found = _Walk(self, place).expr(node, expected)
        if expected is not None:
            found = self.demand(found, expected, what)
        return found

    def demand(self, found: core.Expr, wanted: Type, what: str) -> core.Expr:
        """`found` itself if its type is `wanted`; else a report and a poisoned expression of that type."""
        if fits(found.type, wanted):
            return found
        self.report.append(errors.type_mismatch(found.span, what, str(found.type), str(wanted)))
        return core.Literal(found.span, 0, ERROR)

    def fresh(self, binder: syntax.Name | syntax.Binder, type_: Type) -> Symbol:
        """A bound variable unlike every other of the item."""
        self.bound += 1
        return Symbol(SymbolKind.BOUND, f"{self.names.module}.{self.item}@{self.bound}", binder.name, type_)


def fits(left: Type, right: Type) -> bool:
    """True iff the types are one, what could not be elaborated counting as any."""
    if ERROR in (left, right):
        return True
    if isinstance(left, MapType) and isinstance(right, MapType):
        return fits(left.key, right.key) and fits(left.value, right.value)
    if isinstance(left, SetType) and isinstance(right, SetType):
        return fits(left.element, right.element)
    return left == right


def flexible(node: syntax.Expr) -> bool:
    """True iff `node` takes its type from where it is used: numbers, `{}`, and what is made of them alone."""
    match node:
        case syntax.Number() | syntax.EmptySet():
            return True
        case syntax.Paren(inner=e):
            return flexible(e)
        case syntax.Unary(op="-", operand=e):
            return flexible(e)
        case syntax.Binary(op="+" | "-" | "*" | "/" | "%", left=a, right=b):
            return flexible(a) and flexible(b)
        case syntax.IfThenElse(then=a, otherwise=b):
            return flexible(a) and flexible(b)
        case syntax.Let(body=e):
            return flexible(e)
        case syntax.Update(base=e):
            return flexible(e)
        case syntax.Call(name=name, arguments=arguments):
            return name.name in ("min", "max", "old") and all(flexible(a) for a in arguments)
        case _:
            return False


@dataclass(slots=True)
class _Walk:
    """One pass over one expression. `locals_` are the bound variables in scope, innermost last."""

    owner: Expressions
    place: Place
    locals_: dict[str, Symbol] = field(default_factory=dict)
    in_old: bool = False

    def poison(self, diagnostic: Diagnostic) -> core.Expr:
        self.owner.report.append(diagnostic)
        return core.Literal(diagnostic.span, 0, ERROR)

    def typed(self, node: syntax.Expr, wanted: Type, what: str) -> core.Expr:
        return self.owner.demand(self.expr(node, wanted), wanted, what)

    def expr(self, node: syntax.Expr, expected: Type | None) -> core.Expr:
        match node:
            case syntax.Number():
                return self.number(node, expected)
            case syntax.Boolean():
                return core.Literal(node.span, node.value, BOOL)
            case syntax.Name():
                return self.name(node)
            case syntax.Paren():
                return self.expr(node.inner, expected)
            case syntax.Unary():
                return self.unary(node, expected)
            case syntax.Binary():
                return self.binary(node, expected)
            case syntax.IfThenElse():
                condition = self.typed(node.condition, BOOL, "the condition")
                then, otherwise = self.pair(node.then, node.otherwise, expected, node.span, "if")
                return core.Ite(node.span, condition, then, otherwise)
            case syntax.Let():
                value = self.expr(node.value, None)
                symbol = self.owner.fresh(node.name, value.type)
                return core.Let(node.span, symbol, value, self.under({symbol.name: symbol}).expr(node.body, expected))
            case syntax.Quantified():
                return self.quantified(node)
            case syntax.Call():
                return self.call(node, expected)
            case syntax.Index():
                return self.index(node)
            case syntax.Update():
                return self.update(node, expected)
            case syntax.EmptySet():
                if isinstance(expected, SetType):
                    return core.EmptySet(node.span, expected)
                if expected is ERROR:
                    return core.Literal(node.span, 0, ERROR)
                return self.poison(errors.empty_set_type(node.span))
            case _:
                assert_never(node)

    def under(self, symbols: Mapping[str, Symbol]) -> _Walk:
        return _Walk(self.owner, self.place, {**self.locals_, **symbols}, self.in_old)

    def number(self, node: syntax.Number, expected: Type | None) -> core.Expr:
        if expected is None or expected == INT:
            return core.Literal(node.span, node.value, INT)
        if expected == WORD:
            return core.Literal(node.span, node.value, WORD)
        if expected is ERROR:
            return core.Literal(node.span, 0, ERROR)
        return self.poison(errors.number_type(node.span, str(expected)))

    def name(self, node: syntax.Name) -> core.Expr:
        name, report = node.name, self.owner.report
        if name in self.locals_:
            return core.Var(node.span, self.locals_[name])
        symbol = self.place.variables.get(name)
        if symbol is not None:
            kind = symbol.kind
            if self.in_old and kind in (SymbolKind.LOCAL, SymbolKind.RESULT):
                report.append(errors.inside_old(node.span, name, kind.value))
            elif kind is SymbolKind.RESULT and not self.place.results:
                report.append(errors.result_here(node.span, name, self.place.where))
            return core.Var(node.span, symbol)
        meaning = self.owner.names.values.get(name)
        match meaning:
            case Symbol():
                if meaning.kind is SymbolKind.STATE and not self.place.state:
                    report.append(errors.state_here(node.span, name, self.place.where))
                return core.Var(node.span, meaning)
            case core.Element(type=type_) if type_ is not ERROR:
                return core.Element(node.span, name, type_)
            case None:
                if name in self.owner.names.broken:
                    return core.Literal(node.span, 0, ERROR)
                known = [*self.locals_, *self.place.variables, *self.owner.names.values]
                return self.poison(errors.unknown_name(node.span, name, "name", known))
            case DefineName() | RoutineName():
                return self.poison(errors.not_a_value(node.span, name, describe(meaning)))
            case core.Element():
                return self.poison(errors.not_a_value(node.span, name, "define"))

    def unary(self, node: syntax.Unary, expected: Type | None) -> core.Expr:
        match node.op:
            case "!":
                operand = self.expr(node.operand, BOOL)
                if not fits(operand.type, BOOL):
                    return self.poison(errors.operator_type(node.span, "!", str(operand.type), "bool"))
                return core.Unary(node.span, UnaryOp.NOT, operand)
            case "~":
                operand = self.expr(node.operand, WORD)
                if not fits(operand.type, WORD):
                    return self.poison(errors.operator_type(node.span, "~", str(operand.type), "word"))
                return core.Unary(node.span, UnaryOp.INVERT, operand)
            case _:
                operand = self.expr(node.operand, expected if expected in (WORD, INT) else None)
                if not (fits(operand.type, WORD) or fits(operand.type, INT)):
                    return self.poison(errors.operator_type(node.span, "-", str(operand.type), "word and int"))
                return core.Unary(node.span, UnaryOp.NEGATE, operand)

    def pair(
        self, left: syntax.Expr, right: syntax.Expr, expected: Type | None, span: Span, op: str
    ) -> tuple[core.Expr, core.Expr]:
        """Both sides at one type: the one expected, or else that of the side that has one of its own."""
        if flexible(left) and not flexible(right):
            b = self.expr(right, expected)
            a = self.expr(left, b.type)
        else:
            a = self.expr(left, expected)
            b = self.expr(right, a.type)
        if not fits(a.type, b.type):
            bad = self.poison(errors.operand_types(span, op, str(a.type), str(b.type)))
            return bad, bad
        return (b, b) if a.type is ERROR and b.type is ERROR else (a, b)

    def binary(self, node: syntax.Binary, expected: Type | None) -> core.Expr:
        op = node.op
        if op in ("&&", "||", "==>", "<==>"):
            left = self.typed(node.left, BOOL, f"the left side of `{op}`")
            right = self.typed(node.right, BOOL, f"the right side of `{op}`")
            return core.Binary(node.span, BinaryOp(op), left, right)
        if op in _EQUALITIES or op in _ORDERINGS:
            self.check_grouping(node)
            left, right = self.pair(node.left, node.right, None, node.span, op)
            if op in _ORDERINGS and not (fits(left.type, WORD) or fits(left.type, INT)):
                self.owner.report.append(errors.operator_type(node.span, op, str(left.type), "word and int"))
            return core.Binary(node.span, BinaryOp(op), left, right)
        if op == "in":
            # `{}` on the right takes its type from the left.
            element = self.expr(node.left, None) if flexible(node.right) else None
            base = self.expr(node.right, SetType(element.type) if element is not None else None)
            if base.type is not ERROR and not isinstance(base.type, SetType):
                return self.poison(errors.operator_type(node.span, "in", str(base.type), "sets"))
            if not isinstance(base.type, SetType):
                return core.Literal(node.span, False, BOOL)
            if element is None:
                element = self.typed(node.left, base.type.element, "the left side of `in`")
            return core.Index(node.span, base, element)
        if op in _BITWISE:
            left, right = self.expr(node.left, WORD), self.expr(node.right, WORD)
            for side in (left, right):
                if not fits(side.type, WORD):
                    return self.poison(errors.operator_type(side.span, op, str(side.type), "word"))
            return core.Binary(node.span, BinaryOp(op), left, right)
        if op in ("<<", ">>"):
            left, right = self.expr(node.left, WORD), self.expr(node.right, None)
            if not fits(left.type, WORD):
                return self.poison(errors.operator_type(left.span, op, str(left.type), "word"))
            if not (fits(right.type, WORD) or fits(right.type, INT)):
                help_ = "count in a word or an int"
                return self.poison(
                    errors.type_mismatch(right.span, "the shift count", str(right.type), "a word or an int", help_)
                )
            return core.Binary(node.span, BinaryOp(op), left, right)
        left, right = self.pair(node.left, node.right, expected if expected in (WORD, INT) else None, node.span, op)
        if not (fits(left.type, WORD) or fits(left.type, INT)):
            return self.poison(errors.operator_type(node.span, op, str(left.type), "word and int"))
        return core.Binary(node.span, BinaryOp(op), left, right)

    def check_grouping(self, node: syntax.Binary) -> None:
        """Refuse what C would group otherwise: a comparison beside an unparenthesised `&`, `^` or `|`."""

        def text(e: syntax.Expr) -> str:
            source = self.owner.sources.get(e.span.file)
            return source.cut(e.span) if source else "..."

        left, right, cmp = node.left, node.right, node.op
        if isinstance(left, syntax.Binary) and left.op in _BITWISE:
            here = f"`({text(left)}) {cmp} {text(right)}`"
            in_c = f"`{text(left.left)} {left.op} ({text(left.right)} {cmp} {text(right)})`"
            self.owner.report.append(errors.c_grouping(node.span, left.op, cmp, here, in_c))
        elif isinstance(right, syntax.Binary) and right.op in _BITWISE:
            inner = right
            while isinstance(inner.left, syntax.Binary) and inner.left.op in _BITWISE:
                inner = inner.left
            rest = text(right)[len(text(inner.left)) :].strip()
            here = f"`{text(left)} {cmp} ({text(right)})`"
            in_c = f"`({text(left)} {cmp} {text(inner.left)}) {rest}`"
            self.owner.report.append(errors.c_grouping(node.span, right.op, cmp, here, in_c))

    def quantified(self, node: syntax.Quantified) -> core.Expr:
        walk, symbols = self, []
        for binder in node.binders:
            symbol = self.owner.fresh(binder, self.resolve(binder.type))
            symbols.append(symbol)
            walk = walk.under({symbol.name: symbol})
        body = walk.typed(node.body, BOOL, "the body of a quantifier")
        return core.Quantifier(node.span, node.universal, tuple(symbols), body)

    def resolve(self, node: syntax.Type) -> Type:
        return resolve_type(node, self.owner.names.types, self.owner.names.broken, self.owner.report)

    def call(self, node: syntax.Call, expected: Type | None) -> core.Expr:
        name, arguments = node.name.name, node.arguments
        wanted = {"min": 2, "max": 2, "int": 1, "word": 1, "old": 1}.get(name)
        if wanted is not None and len(arguments) != wanted:
            return self.poison(errors.argument_count(node.span, name, wanted, len(arguments)))
        match name:
            case "min" | "max":
                number = expected if expected in (WORD, INT) else None
                left, right = self.pair(arguments[0], arguments[1], number, node.span, name)
                if not (fits(left.type, WORD) or fits(left.type, INT)):
                    return self.poison(errors.operator_type(node.span, name, str(left.type), "word and int"))
                return core.Binary(node.span, BinaryOp(name), left, right)
            case "int":
                return core.ToInt(node.span, self.typed(arguments[0], WORD, "what `int` converts"))
            case "word":
                return core.ToWord(node.span, self.typed(arguments[0], INT, "what `word` converts"))
            case "old":
                if not self.place.old:
                    return self.poison(errors.old_here(node.span, self.place.where))
                inner = _Walk(self.owner, self.place, self.locals_, True).expr(arguments[0], expected)
                return inner if self.in_old or self.place.entry else core.Old(node.span, inner)
        return self.apply(node)

    def apply(self, node: syntax.Call) -> core.Expr:
        name, names = node.name.name, self.owner.names
        meaning = None if name in self.locals_ or name in self.place.variables else names.values.get(name)
        if not isinstance(meaning, DefineName):
            for argument in node.arguments:
                self.expr(argument, ERROR)
            if name in names.broken:
                return core.Literal(node.span, 0, ERROR)
            known = [n for n, m in names.values.items() if isinstance(m, DefineName | RoutineName)]
            if meaning is None and name not in self.locals_ and name not in self.place.variables:
                return self.poison(errors.unknown_name(node.name.span, name, "define", [*known, "min", "max"]))
            kind = "variable" if meaning is None else describe(meaning)
            return self.poison(errors.not_a_function(node.name.span, name, kind))
        if len(node.arguments) != len(meaning.parameters):
            return self.poison(errors.argument_count(node.span, name, len(meaning.parameters), len(node.arguments)))
        arguments = [
            self.typed(a, p.type, f"the argument `{p.name}` of `{name}`")
            for a, p in zip(node.arguments, meaning.parameters, strict=True)
        ]
        reads = self.owner.reads(meaning)
        if reads and not self.place.state:
            self.owner.report.append(errors.state_here(node.span, reads[0].name, self.place.where))
        arguments += [core.Var(node.span, symbol) for symbol in reads]
        return core.Apply(node.span, meaning.qualified, tuple(arguments), meaning.result)

    def index(self, node: syntax.Index) -> core.Expr:
        base = self.expr(node.base, None)
        if not isinstance(base.type, MapType | SetType):
            self.expr(node.key, ERROR)
            return base if base.type is ERROR else self.poison(errors.not_indexable(node.span, str(base.type)))
        return core.Index(node.span, base, self.typed(node.key, key_type(base.type), "the key"))

    def update(self, node: syntax.Update, expected: Type | None) -> core.Expr:
        if not isinstance(expected, MapType | SetType):
            # Of `{}[k := true]`, the key says what set it is.
            expected = SetType(self.expr(node.key, None).type) if flexible(node.base) else None
        base = self.expr(node.base, expected)
        if not isinstance(base.type, MapType | SetType):
            return base if base.type is ERROR else self.poison(errors.not_indexable(node.span, str(base.type)))
        key = self.typed(node.key, key_type(base.type), "the key")
        value = self.typed(node.value, value_type(base.type), "the value")
        return core.Update(node.span, base, key, value)
