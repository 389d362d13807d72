"""Making an expression on which something fails smaller, and writing it out with all that it mentions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import assert_never

import core_nodes as nodes
from expressions import Example

from verify import core
from verify.core import BOOL, INT, WORD, Symbol
from verify.rename import rebuilt
from verify.sites import subexpressions
from verify.values import show

ATTEMPTS = 600


def shrunk(example: Example, fails: Callable[[Example], bool]) -> Example:
    """An example as small as was found on which it still fails: the expression shrinks, program and state stay."""
    attempts = ATTEMPTS
    while True:
        for smaller in _smaller(example.expr, frozenset()):
            attempts -= 1
            if attempts < 0:
                return example
            if fails(replace(example, expr=smaller)):
                example = replace(example, expr=smaller)
                break
        else:
            return example


def _smaller(expr: core.Expr, bound: frozenset[Symbol]) -> Iterator[core.Expr]:
    """Expressions of the same type with fewer nodes, the smallest ones first."""
    if core.children(expr):
        if expr.type in (WORD, INT, BOOL):
            yield from (nodes.number(value, expr.type) for value in (0, 1) if expr.type != BOOL)
            yield from (nodes.truth(value) for value in (False, True) if expr.type == BOOL)
        for part in subexpressions(expr):
            if part is not expr and part.type == expr.type and _free(part) <= bound:
                yield part
    children = core.children(expr)
    inside = bound | frozenset(_binds(expr))
    for n, child in enumerate(children):
        scope = bound if isinstance(expr, core.Let) and n == 0 else inside
        for smaller in _smaller(child, scope):
            yield rebuilt(expr, (*children[:n], smaller, *children[n + 1 :]))


def _binds(expr: core.Expr) -> tuple[Symbol, ...]:
    return (expr.symbol,) if isinstance(expr, core.Let) else expr.symbols if isinstance(expr, core.Quantifier) else ()


def _free(expr: core.Expr) -> frozenset[Symbol]:
    """The bound variables that are bound further out."""
    if isinstance(expr, core.Var):
        return frozenset((expr.symbol,)) if expr.symbol.kind is core.SymbolKind.BOUND else frozenset()
    found: frozenset[Symbol] = frozenset().union(*(_free(child) for child in core.children(expr)))
    return found - frozenset(_binds(expr))


# --- in writing ----------------------------------------------------------------------------------------------------


def written(expr: core.Expr) -> str:
    """The expression, fully parenthesised, in the notation of the language."""
    parts = [written(child) for child in core.children(expr)]
    match expr:
        case core.Literal(value=value, type=type_):
            return hex(value) if type_ == WORD else str(value).lower()
        case core.Element(name=name):
            return name
        case core.Var(symbol=symbol):
            return symbol.name
        case core.Old():
            return f"old({parts[0]})"
        case core.Unary(op=op):
            return f"{op.value}({parts[0]})"
        case core.Binary(op=op):
            return f"({parts[0]} {op.value} {parts[1]})"
        case core.Ite():
            return f"(if {parts[0]} then {parts[1]} else {parts[2]})"
        case core.Let(symbol=symbol):
            return f"(let {symbol.name} = {parts[0]} :: {parts[1]})"
        case core.Quantifier(universal=universal, symbols=symbols):
            variables = ", ".join(f"{s.name}: {s.type}" for s in symbols)
            return f"({'forall' if universal else 'exists'} {variables} :: {parts[0]})"
        case core.Apply(function=function):
            return f"{function}({', '.join(parts)})"
        case core.Index():
            return f"{parts[0]}[{parts[1]}]"
        case core.Update():
            return f"{parts[0]}[{parts[1]} := {parts[2]}]"
        case core.EmptySet():
            return "{}"
        case core.ToInt():
            return f"int({parts[0]})"
        case core.ToWord():
            return f"word({parts[0]})"
        case _:
            assert_never(expr)


def report(example: Example) -> str:
    """The expression, and what each variable, constant and define in it is."""
    defines = example.program.defines()
    constants = {i.symbol: i.value for i in example.program.modules[0].items if isinstance(i, core.Const)}
    lines = [f"seed {example.seed}, {example.bits} bits:", f"  {written(example.expr)}", "where"]
    seen: set[object] = set()
    waiting = [example.expr]
    while waiting:
        for part in subexpressions(waiting.pop()):
            if isinstance(part, core.Apply) and part.function not in seen:
                seen.add(part.function)
                define = defines[part.function]
                head = (
                    f"{part.function}({', '.join(f'{p.name}: {p.type}' for p in (*define.parameters, *define.reads))})"
                )
                if define.value is None:
                    lines.append(f"  {head} is given by {example.tables[part.function]}")
                else:
                    lines.append(f"  {head} = {written(define.value)}")
                    waiting.append(define.value)
            elif isinstance(part, core.Var) and part.symbol not in seen:
                seen.add(part.symbol)
                symbol = part.symbol
                if symbol in constants:
                    lines.append(f"  {symbol.name} = {written(constants[symbol])}")
                    waiting.append(constants[symbol])
                for kind, values in (("", {**example.geometry, **example.values}), ("old ", example.entry)):
                    if symbol in values:
                        shown = show(values[symbol], symbol.type, example.bits)
                        lines.append(f"  {kind}{symbol.name}: {symbol.type} = {shown}")
    return "\n".join(lines)
