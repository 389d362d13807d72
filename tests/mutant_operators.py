"""Operators of mutation that no maintained tool has: those for code that consists of calls.

What cosmic-ray has is about operators, comparisons, numbers and loops. The implementation adds words by a method, and
most of what it does is to call something with addresses of two sides. So these drop a statement, or part of a
condition, swap arguments, and put one name in another's place where its type would let it stand.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

LEVELS = ("pgd", "p4d", "pud", "pmd", "pte")
COMMUTES = ("words.add", "words.mul", "min")
LEVEL = re.compile("PGDIR|pgdir|" + "|".join(f"{level}|{level.upper()}" for level in LEVELS))


@dataclass(frozen=True, slots=True)
class Edit:
    """The characters `start` .. `end` of a text become `by`."""

    start: int
    end: int
    by: str

    def applied(self, text: str) -> str:
        return text[: self.start] + self.by + text[self.end :]


@dataclass(frozen=True, slots=True)
class Names:
    """What a module may name: its functions and those that it imports, each with the types of its parameters; and the
    attributes that are there anywhere."""

    functions: Mapping[str, tuple[str, ...]]
    attributes: frozenset[str]


@dataclass(slots=True)
class Text:
    """A module, as text and as a tree."""

    text: str
    names: Names
    tree: ast.Module
    starts: list[int]

    @classmethod
    def of(cls, text: str, names: Names) -> Text:
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        return cls(text, names, ast.parse(text), starts)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """From where to where a node stands. Its columns count bytes, which here are characters."""
        assert self.text.isascii(), "columns are counted in bytes"
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.lineno - 1] + node.col_offset, self.starts[node.end_lineno - 1] + node.end_col_offset

    def of_node(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def instead(self, node: ast.expr | ast.stmt, by: str) -> Edit:
        return Edit(*self.span(node), by)


Operator: TypeAlias = Callable[[Text, ast.FunctionDef], Iterator[Edit]]
"""The edits that an operator makes in a function, which may stand in a class; functions within it are part of it."""


# --- statements and conditions -------------------------------------------------------------------------------------


def drop_statement(text: Text, function: ast.FunctionDef) -> Iterator[Edit]:
    """A statement that has no body of its own is left out."""
    for node in _within(function):
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass  # a documentation string
            case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Return() | ast.Raise() | ast.Break():
                yield text.instead(node, "pass")
            case _:
                pass


def fix_condition(text: Text, function: ast.FunctionDef) -> Iterator[Edit]:
    """A condition is always true, or always false. (Of a loop, always false.)"""
    for node in _within(function):
        match node:
            case ast.If(test=test) | ast.IfExp(test=test):
                yield from (text.instead(test, value) for value in ("True", "False"))
            case ast.While(test=test):
                yield text.instead(test, "False")
            case ast.comprehension(ifs=tests):
                yield from (text.instead(test, value) for test in tests for value in ("True", "False"))
            case _:
                pass


def drop_operand(text: Text, function: ast.FunctionDef) -> Iterator[Edit]:
    """One of the conditions that `and` or `or` joins is left out."""
    for node in _within(function):
        if isinstance(node, ast.BoolOp):
            word = " and " if isinstance(node.op, ast.And) else " or "
            for left_out in range(len(node.values)):
                kept = [text.of_node(v) for n, v in enumerate(node.values) if n != left_out]
                yield text.instead(node, f"({word.join(kept)})")


# --- calls and names -----------------------------------------------------------------------------------------------


def swap_arguments(text: Text, function: ast.FunctionDef) -> Iterator[Edit]:
    """Two arguments that stand side by side change places, unless their types are known to be others, or their order
    says nothing."""
    for node in _within(function):
        if isinstance(node, ast.Call) and not any(isinstance(a, ast.Starred) for a in node.args):
            called = text.of_node(node.func)
            if called.endswith(COMMUTES):
                continue
            takes = text.names.functions.get(called, ())
            for number, (left, right) in enumerate(zip(node.args, node.args[1:], strict=False)):
                if number + 1 < len(takes) and takes[number] != takes[number + 1]:
                    continue
                (start, middle), (after, end) = text.span(left), text.span(right)
                yield Edit(start, end, text.text[after:end] + text.text[middle:after] + text.text[start:middle])


def other_function(text: Text, function: ast.FunctionDef) -> Iterator[Edit]:
    """Another function is called that takes the same types; `add` and `sub` of a word change places."""
    for node in _within(function):
        match node:
            case ast.Call(func=ast.Name(id=name) as called) if name in text.names.functions:
                takes = text.names.functions[name]
                for other, types in text.names.functions.items():
                    if other != name and types == takes and other != function.name:
                        yield text.instead(called, other)
            case ast.Call(func=ast.Attribute(value=value, attr="add" | "sub" as name) as called):
                words = text.of_node(value)
                if words.endswith("words"):
                    yield text.instead(called, f"{words}.{'sub' if name == 'add' else 'add'}")
            case _:
                pass


def other_variable(text: Text, function: ast.FunctionDef) -> Iterator[Edit]:
    """Another variable stands there: that of the other side, `new_addr` for `old_addr`, or another parameter of the
    same type."""
    types = {a.arg: ast.unparse(a.annotation) for a in _parameters(function) if a.annotation is not None}
    bound = {n.id for n in _within(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} | set(types)
    for node in _within(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            side = node.id.replace("old_", "new_") if "old_" in node.id else node.id.replace("new_", "old_")
            same = [name for name, type_ in types.items() if type_ == types.get(node.id)]
            for other in dict.fromkeys([side, *same]):
                if other != node.id and other in bound:
                    yield text.instead(node, other)


def other_level(text: Text, function: ast.FunctionDef) -> Iterator[Edit]:
    """What belongs to the next level of the tables, up or down, stands there: a table, a mask, a function."""
    for node in _within(function):
        match node:
            case ast.Attribute(value=value, attr=name):
                for other in _other_levels(name):
                    if other in text.names.attributes:
                        yield text.instead(node, f"{text.of_node(value)}.{other}")
            case ast.Name(id=name, ctx=ast.Load()):
                known = {n.id for n in _within(function) if isinstance(n, ast.Name)} | set(text.names.functions)
                for other in _other_levels(name):
                    if other in known and other != function.name:
                        yield text.instead(node, other)
            case _:
                pass


def _other_levels(name: str) -> Iterator[str]:
    """The same name one level up and down, for each level that it names."""
    for found in LEVEL.finditer(name):
        upper = found[0].isupper()
        at = LEVELS.index(found[0].lower().replace("pgdir", "pgd"))
        for other in LEVELS[max(at - 1, 0) : at + 2]:
            for form in (other, "pgdir") if other == "pgd" else (other,):
                changed = name[: found.start()] + (form.upper() if upper else form) + name[found.end() :]
                if changed != name:
                    yield changed


OPERATORS: Mapping[str, Operator] = {
    "statement dropped": drop_statement,
    "condition fixed": fix_condition,
    "operand dropped": drop_operand,
    "arguments swapped": swap_arguments,
    "other function": other_function,
    "other variable": other_variable,
    "other level": other_level,
}


def names(texts: Mapping[str, str], module: str) -> Names:
    """What a module may name; `texts` has all modules of the package, by name."""
    trees = {name: ast.parse(text) for name, text in texts.items()}
    everywhere = {f.name: _takes(f) for tree in trees.values() for f in tree.body if isinstance(f, ast.FunctionDef)}
    own = {f.name for f in trees[module].body if isinstance(f, ast.FunctionDef)}
    imported = {a.name for n in ast.walk(trees[module]) if isinstance(n, ast.ImportFrom) for a in n.names}
    nodes = [n for tree in trees.values() for n in ast.walk(tree)]
    attributes = {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    return Names({f: t for f, t in everywhere.items() if f in own | imported}, frozenset(attributes))


def _takes(function: ast.FunctionDef) -> tuple[str, ...]:
    return tuple(ast.unparse(a.annotation) if a.annotation else "" for a in _parameters(function))


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _within(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """All nodes of a function's body."""
    for stmt in function.body:
        yield from ast.walk(stmt)
