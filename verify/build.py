"""From the rules of the grammar to syntax nodes: one method for each rule, called as the parser reduces it.

A method gets what the rule's symbols became, in order: a `Lexeme` for a token, the method's result for a rule. The
parser owes each method exactly the shapes that the grammar gives it. Nothing here recurses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from verify.lexeme import Lexeme, number_value
from verify.span import Span
from verify.syntax import (
    Assert,
    Assign,
    Atomic,
    Binary,
    Binder,
    Boolean,
    Call,
    CallStatement,
    Clause,
    ClauseKind,
    Const,
    Declare,
    Decreases,
    Define,
    EmptySet,
    EnumDecl,
    Expr,
    Extend,
    Geometry,
    If,
    IfThenElse,
    Index,
    Item,
    Jump,
    Labelled,
    Let,
    Loop,
    MapType,
    Modifies,
    Module,
    Name,
    NamedType,
    Number,
    On,
    Param,
    Paren,
    Quantified,
    Reveal,
    Routine,
    RoutineKind,
    SetType,
    StateDecl,
    Stmt,
    Type,
    TypeDecl,
    Unary,
    Update,
    Without,
)


@dataclass(frozen=True, slots=True)
class Header:
    """`module NAME;`"""

    span: Span
    doc: tuple[str, ...]
    name: Name


@dataclass(frozen=True, slots=True)
class Import:
    """`import NAME;`"""

    span: Span
    name: Name


@dataclass(frozen=True, slots=True)
class Block:
    """Statements in braces, with the place of the braces; what follows `else`, with the place of all of it."""

    span: Span
    statements: tuple[Stmt, ...]


Clauses = tuple[Clause, ...]


class Build:
    """One method for each rule of `grammar.lark` that has a node. Holds no state."""

    # --- files and items

    def file(self, header: Header, *rest: Import | Item) -> Module:
        last = rest[-1].span if rest else header.span
        imports = tuple(part.name for part in rest if isinstance(part, Import))
        items = tuple(part for part in rest if not isinstance(part, Import))
        return Module(header.span.to(last), header.doc, header.name, imports, items)

    def header(self, keyword: Lexeme, name: Name, end: Lexeme) -> Header:
        return Header(keyword.span.to(end.span), keyword.doc, name)

    def import_line(self, keyword: Lexeme, name: Name, end: Lexeme) -> Import:
        return Import(keyword.span.to(end.span), name)

    def param(self, keyword: Lexeme, name: Name, _colon: Lexeme, type_: Type, end: Lexeme) -> Param:
        return Param(keyword.span.to(end.span), keyword.doc, name, type_)

    def const(self, keyword: Lexeme, name: Name, _colon: Lexeme, type_: Type, value: Expr | None, end: Lexeme) -> Const:
        return Const(keyword.span.to(end.span), keyword.doc, name, type_, value)

    def condition_item(self, condition: Labelled, _end: Lexeme) -> Labelled:
        return condition

    def geometry(self, keyword: Lexeme, name: Name, _open: Lexeme, *rest: tuple[Name, Expr] | Lexeme) -> Geometry:
        values, close = self._settings(rest)
        return Geometry(keyword.span.to(close.span), keyword.doc, name, values)

    def extend(
        self, keyword: Lexeme, _geometry: Lexeme, name: Name, _open: Lexeme, *rest: tuple[Name, Expr] | Lexeme
    ) -> Extend:
        values, close = self._settings(rest)
        return Extend(keyword.span.to(close.span), keyword.doc, name, values)

    def _settings(self, rest: tuple[tuple[Name, Expr] | Lexeme, ...]) -> tuple[tuple[tuple[Name, Expr], ...], Lexeme]:
        """The values in braces, and the closing brace."""
        *settings, close = rest
        assert isinstance(close, Lexeme)
        return tuple(setting for setting in settings if not isinstance(setting, Lexeme)), close

    def setting(self, name: Name, _equals: Lexeme, value: Expr, _end: Lexeme) -> tuple[Name, Expr]:
        return (name, value)

    def typedecl(self, keyword: Lexeme, name: Name, end: Lexeme) -> TypeDecl:
        return TypeDecl(keyword.span.to(end.span), keyword.doc, name)

    def enum(self, keyword: Lexeme, name: Name, _open: Lexeme, members: tuple[Name, ...], close: Lexeme) -> EnumDecl:
        return EnumDecl(keyword.span.to(close.span), keyword.doc, name, members)

    def statevar(self, keyword: Lexeme, name: Name, _colon: Lexeme, type_: Type, end: Lexeme) -> StateDecl:
        return StateDecl(keyword.span.to(end.span), keyword.doc, name, type_)

    def define(self, first: Lexeme, *rest: object) -> Define:
        opaque = first.text == "opaque"
        name, parameters, _colon, result, value, end = rest[1:] if opaque else rest
        assert isinstance(name, Name)
        assert isinstance(parameters, tuple)
        assert isinstance(end, Lexeme)
        assert isinstance(result, Type)
        assert value is None or isinstance(value, Expr)
        return Define(first.span.to(end.span), first.doc, opaque, name, parameters, result, value)

    def routine(self, first: Lexeme, *rest: object) -> Routine:
        *keywords, name, parameters, results, clauses, ending = rest
        assert isinstance(name, Name)
        assert isinstance(parameters, tuple)
        assert isinstance(results, tuple)
        assert isinstance(clauses, tuple)
        assert isinstance(ending, Block | Lexeme)
        kind = RoutineKind(" ".join([first.text, *(word.text for word in keywords if isinstance(word, Lexeme))]))
        return Routine(
            span=first.span.to(ending.span),
            head=first.span.to(name.span),
            doc=first.doc,
            kind=kind,
            name=name,
            parameters=parameters,
            results=results,
            clauses=clauses,
            body=ending.statements if isinstance(ending, Block) else None,
        )

    def binders(self, *parts: Binder | Lexeme) -> tuple[Binder, ...]:
        return tuple(part for part in parts if isinstance(part, Binder))

    def no_results(self) -> tuple[Binder, ...]:
        return ()

    def binder(self, name: Name, _colon: Lexeme, type_: Type) -> Binder:
        return Binder(name.span, name.name, type_)

    def initial(self, *parts: Lexeme | Expr) -> Expr | None:
        return parts[1] if parts and not isinstance(parts[1], Lexeme) else None

    def names(self, *parts: Name | Lexeme) -> tuple[Name, ...]:
        return tuple(part for part in parts if isinstance(part, Name))

    def name(self, word: Lexeme) -> Name:
        return Name(word.span, word.text)

    def no_body(self, end: Lexeme) -> Lexeme:
        return end

    # --- clauses

    def clauses(self, *clauses: Clause) -> Clauses:
        return clauses

    def condition(self, keyword: Lexeme, label: Name, _colon: Lexeme, expr: Expr) -> Labelled:
        return Labelled(keyword.span.to(expr.span), keyword.doc, ClauseKind(keyword.text), label, expr)

    def modifies(self, keyword: Lexeme, names: tuple[Name, ...]) -> Modifies:
        return Modifies(keyword.span.to(names[-1].span), names)

    def decreases(self, keyword: Lexeme, expr: Expr) -> Decreases:
        return Decreases(keyword.span.to(expr.span), expr)

    def on(self, keyword: Lexeme, names: tuple[Name, ...]) -> On:
        return On(keyword.span.to(names[-1].span), names)

    def without(self, keyword: Lexeme, names: tuple[Name, ...]) -> Without:
        return Without(keyword.span.to(names[-1].span), names)

    # --- types

    def named_type(self, word: Lexeme) -> NamedType:
        return NamedType(word.span, word.text)

    def map_type(self, word: Lexeme, _open: Lexeme, key: Type, _comma: Lexeme, value: Type, close: Lexeme) -> MapType:
        return MapType(word.span.to(close.span), key, value)

    def set_type(self, word: Lexeme, _open: Lexeme, element: Type, close: Lexeme) -> SetType:
        return SetType(word.span.to(close.span), element)

    # --- statements

    def block(self, first: Lexeme, *rest: Stmt | Lexeme) -> Block:
        statements = tuple(part for part in rest if not isinstance(part, Lexeme))
        return Block(first.span.to(rest[-1].span), statements)

    def declare(self, keyword: Lexeme, binder: Binder, value: Expr | None, end: Lexeme) -> Declare:
        return Declare(keyword.span.to(end.span), binder, value)

    def simple_statement(self, statement: Assign | CallStatement, end: Lexeme) -> Assign | CallStatement:
        return replace(statement, span=statement.span.to(end.span))

    def assertion(self, keyword: Lexeme, label: Name, _colon: Lexeme, expr: Expr, end: Lexeme) -> Assert:
        return Assert(keyword.span.to(end.span), label, expr, keyword.doc)

    def reveal(self, keyword: Lexeme, name: Name, end: Lexeme) -> Reveal:
        return Reveal(keyword.span.to(end.span), name)

    def if_statement(
        self, keyword: Lexeme, _open: Lexeme, condition: Expr, _close: Lexeme, then: Block, otherwise: Block | None
    ) -> If:
        last = otherwise or then
        return If(keyword.span.to(last.span), condition, then.statements, otherwise.statements if otherwise else ())

    def otherwise(self, *parts: Lexeme | Block | If) -> Block | None:
        match parts:
            case (_, If() as chained):
                return Block(chained.span, (chained,))
            case (_, Block() as block):
                return block
            case _:
                return None

    def while_loop(
        self, keyword: Lexeme, _open: Lexeme, condition: Expr, close: Lexeme, clauses: Clauses, body: Block
    ) -> Loop:
        return self._loop(keyword, (), condition, (), close, clauses, body)

    def for_loop(
        self,
        keyword: Lexeme,
        _open: Lexeme,
        init: tuple[Stmt, ...],
        _first: Lexeme,
        condition: Expr,
        _second: Lexeme,
        step: tuple[Stmt, ...],
        close: Lexeme,
        clauses: Clauses,
        body: Block,
    ) -> Loop:
        return self._loop(keyword, init, condition, step, close, clauses, body)

    def _loop(
        self,
        keyword: Lexeme,
        init: tuple[Stmt, ...],
        condition: Expr,
        step: tuple[Stmt, ...],
        close: Lexeme,
        clauses: Clauses,
        body: Block,
    ) -> Loop:
        kept = tuple(clause for clause in clauses if isinstance(clause, Labelled | Decreases))
        head = keyword.span.to(close.span)
        return Loop(keyword.span.to(body.span), head, init, condition, step, kept, body.statements)

    def atomic(self, keyword: Lexeme, body: Block) -> Atomic:
        return Atomic(keyword.span.to(body.span), body.statements)

    def jump(self, word: Lexeme, end: Lexeme) -> Jump:
        return Jump(word.span.to(end.span), word.text)

    def simples(self, *parts: Stmt | Lexeme) -> tuple[Stmt, ...]:
        return tuple(part for part in parts if not isinstance(part, Lexeme))

    def assign(self, target: Expr | tuple[Expr, ...], op: Lexeme, value: Expr) -> Assign:
        targets = target if isinstance(target, tuple) else (target,)
        return Assign(targets[0].span.to(value.span), targets, op.text, value)

    def targets(self, *parts: Expr | Lexeme) -> tuple[Expr, ...]:
        return tuple(part for part in parts if not isinstance(part, Lexeme))

    def call_statement(self, call: Call) -> CallStatement:
        return CallStatement(call.span, call)

    # --- expressions

    def binary(self, left: Expr, op: Lexeme, right: Expr) -> Binary:
        return Binary(left.span.to(right.span), op.text, left, right)

    def unary(self, op: Lexeme, operand: Expr) -> Unary:
        return Unary(op.span.to(operand.span), op.text, operand)

    def quantified(self, keyword: Lexeme, *rest: Binder | Lexeme | Expr) -> Quantified:
        body = rest[-1]
        assert isinstance(body, Expr)
        binders = tuple(part for part in rest if isinstance(part, Binder))
        return Quantified(keyword.span.to(body.span), keyword.text == "forall", binders, body)

    def if_then_else(
        self, keyword: Lexeme, condition: Expr, _then: Lexeme, then: Expr, _else: Lexeme, otherwise: Expr
    ) -> IfThenElse:
        return IfThenElse(keyword.span.to(otherwise.span), condition, then, otherwise)

    def let(self, keyword: Lexeme, name: Name, _equals: Lexeme, value: Expr, _colons: Lexeme, body: Expr) -> Let:
        return Let(keyword.span.to(body.span), name, value, body)

    def index(self, base: Expr, _open: Lexeme, key: Expr, close: Lexeme) -> Index:
        return Index(base.span.to(close.span), base, key)

    def update(self, base: Expr, _open: Lexeme, key: Expr, _becomes: Lexeme, value: Expr, close: Lexeme) -> Update:
        return Update(base.span.to(close.span), base, key, value)

    def number(self, word: Lexeme) -> Number:
        """A malformed literal, which the parser has reported, stands as 0."""
        return Number(word.span, number_value(word.text) or 0)

    def boolean(self, word: Lexeme) -> Boolean:
        return Boolean(word.span, word.text == "true")

    def call(self, name: Name, _open: Lexeme, *rest: Expr | Lexeme) -> Call:
        arguments = tuple(part for part in rest if not isinstance(part, Lexeme))
        return Call(name.span.to(rest[-1].span), name, arguments)

    def conversion(self, word: Lexeme, _open: Lexeme, argument: Expr, close: Lexeme) -> Call:
        return Call(word.span.to(close.span), Name(word.span, word.text), (argument,))

    def paren(self, first: Lexeme, inner: Expr, last: Lexeme) -> Paren:
        return Paren(first.span.to(last.span), inner.inner if isinstance(inner, Paren) else inner)

    def empty_set(self, first: Lexeme, last: Lexeme) -> EmptySet:
        return EmptySet(first.span.to(last.span))
