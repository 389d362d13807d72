"""Mutants of the implementation: its modules, each broken in one place.

`operators` of cosmic-ray say where and how, and those of `mutant_operators`, which it has not. A mutant is the whole
text of a module. What does the same as the module because nothing but a type annotation is another is no mutant, and
neither is what does the same as a mutant before it, or is no Python.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider
from mutant_operators import OPERATORS, Edit, Text, names

PACKAGE = Path(__file__).parent.parent / "mremap_impl"

AT_RANDOM = {"VariableReplacer", "VariableInserter"}
"""Operators that draw at random what they put in, so that no two runs have the same mutants."""

POWER = "_Pow"
"""The end of an operator's name that makes a power of two words: no memory holds it, so it says nothing about tests."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """How a mutant is known, wherever it stands in its file: what it says there, and what it said before.

    `function` is its qualified name, that of a class outside of functions, or empty. `nth` tells those apart that are
    otherwise the same, in the order of the file.
    """

    module: str
    function: str
    was: str
    becomes: str
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one place broken, in its line `line`; `text` is all of it.

    `felt`: all names of the package whose values may be others by it, where that is known: where it is the value of a
    name of the module. Who names none of them feels nothing.
    """

    key: Key
    operator: str
    line: int
    in_function: bool
    felt: frozenset[str] | None
    text: str = field(repr=False)

    def __str__(self) -> str:
        key = self.key
        where = f"mremap_impl/{key.module}.py:{self.line}"
        return f"{where}: in {key.function or 'the module'}, {self.operator}: {key.was} -> {key.becomes}"


def texts(package: Path = PACKAGE) -> dict[str, str]:
    """The modules of a package that have something in them to break, by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(package.glob("[!_]*.py"))}


def mutants(modules: Mapping[str, str], module: str) -> tuple[Mutant, ...]:
    """All mutants of one of these modules, in the order of its lines."""
    text = Text.of(modules[module], names(modules, module))
    seen = {_meaning(text.text)}
    trees = {name: ast.parse(source) for name, source in modules.items()}
    found: list[Mutant] = []
    counted: Counter[tuple[str, ...]] = Counter()
    for operator, edit in sorted(_edits(text), key=lambda e: (e[1].start, e[1].end)):
        mutated = edit.applied(text.text)
        try:
            meaning = _meaning(mutated)
        except SyntaxError:
            continue
        if meaning not in seen:
            seen.add(meaning)
            was, becomes = _lines(text.text, mutated)
            line = text.text.count("\n", 0, edit.start) + 1
            within = _within(text.tree, line)
            parts = (module, ".".join(node.name for node in within), was, becomes)
            counted[parts] += 1
            in_function = bool(within) and isinstance(within[-1], ast.FunctionDef) and line >= within[-1].body[0].lineno
            felt = None if within else _felt(trees, module, line)
            found.append(Mutant(Key(*parts, counted[parts]), operator, line, in_function, felt, mutated))
    return tuple(found)


def _felt(trees: Mapping[str, ast.Module], module: str, line: int) -> frozenset[str] | None:
    """The names of a package that get their values, on import, by way of the names that a line gives theirs.

    None where this is not seen: by other statements than assignments of names.
    """
    (stmt,) = (s for s in trees[module].body if s.lineno <= line <= (s.end_lineno or 0))
    felt, more = set[str](), _assigned(stmt)
    while more is not None and not more <= felt:
        felt |= more
        for other in (s for tree in trees.values() for s in tree.body):
            if felt & _evaluated(other):
                names = _assigned(other)
                if names is None:
                    return None
                more = more | names
    return None if more is None else frozenset(felt)


def _assigned(stmt: ast.stmt) -> frozenset[str] | None:
    """The names that a statement of a module gives values, if that is all that it does."""
    match stmt:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return frozenset({name})
        case ast.ImportFrom(names=aliases):
            return frozenset(alias.asname or alias.name for alias in aliases)
        case _:
            return None


def _evaluated(stmt: ast.stmt) -> frozenset[str]:
    """The names that stand in a statement of a module, but for the bodies of functions."""
    found, left = set[str](), list[ast.AST]([stmt])
    while left:
        match left.pop():
            case ast.FunctionDef(args=args, decorator_list=decorators):
                left += [*decorators, *args.defaults, *(d for d in args.kw_defaults if d is not None)]
            case ast.Name(id=name) | ast.Attribute(attr=name) as node:
                found.add(name)
                left += ast.iter_child_nodes(node)
            case ast.alias(name=name):
                found.add(name)
            case node:
                left += ast.iter_child_nodes(node)
    return frozenset(found)


def _edits(text: Text) -> Iterator[tuple[str, Edit]]:
    """What all operators do, each with its operator's name."""
    for stmt in text.tree.body:
        for node in ast.walk(stmt):
            if isinstance(node, ast.FunctionDef):
                for name, operator in OPERATORS.items():
                    yield from ((name, edit) for edit in operator(text, node))
        yield from _by_cosmic_ray(text, stmt)


class _Count(Visitor):  # type: ignore[misc]  # cosmic-ray has no types
    """Counts the places at which each operator applies."""

    def __init__(self) -> None:
        self.places: Counter[str] = Counter()

    def visit(self, node: Any) -> Any:
        for name, operator in COSMIC_RAY.items():
            self.places[name] += len(list(operator.mutation_positions(node)))
        return node


COSMIC_RAY: Mapping[str, Any] = {
    name: OperatorProvider()[name]()
    for name in OperatorProvider()
    if name not in AT_RANDOM and not name.endswith(POWER)
}


def _by_cosmic_ray(text: Text, stmt: ast.stmt) -> Iterator[tuple[str, Edit]]:
    """What cosmic-ray's operators do in a statement of the module. It is taken alone, as each mutant is parsed anew."""
    first = _first(stmt)
    start, end = text.starts[first - 1], text.span(stmt)[1]
    source = text.text[start:end] + "\n"
    count = _Count()
    count.walk(get_ast(source))
    for name, places in count.places.items():
        for place in range(places):
            mutated = mutate_code(source, COSMIC_RAY[name], place)
            assert mutated is not None
            yield name, _difference(source, mutated, start)


def _difference(before: str, after: str, offset: int) -> Edit:
    """The edit that makes one text of another, which begins at `offset`."""
    start = _common(before, after)
    same = _common(before[start:][::-1], after[start:][::-1])
    return Edit(offset + start, offset + len(before) - same, after[start : len(after) - same])


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _lines(before: str, after: str) -> tuple[str, str]:
    """The lines in which two texts differ, each on one line and without a comment."""
    edit = _difference(before, after, 0)
    start = before.rfind("\n", 0, edit.start) + 1
    rest = len(before) - (before + "\n").index("\n", edit.end)
    return _plain(before[start : len(before) - rest]), _plain(after[start : len(after) - rest])


def _plain(lines: str) -> str:
    return " ".join(word for line in lines.splitlines() for word in line.partition("  # ")[0].split())


def _within(tree: ast.Module, line: int) -> list[ast.FunctionDef | ast.ClassDef]:
    """The functions and classes that a line stands in, from the outside."""
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    return sorted((n for n in nodes if _first(n) <= line <= (n.end_lineno or 0)), key=_first)


def _first(stmt: ast.stmt) -> int:
    first: int = min([stmt.lineno, *(d.lineno for d in getattr(stmt, "decorator_list", ()))])
    return first


class _WithoutAnnotations(ast.NodeTransformer):
    """Leaves out what is never evaluated where annotations are not."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)


def _meaning(text: str) -> str:
    tree = ast.parse(text)
    assert any(isinstance(s, ast.ImportFrom) and s.module == "__future__" for s in tree.body), "annotations count"
    return ast.dump(_WithoutAnnotations().visit(tree))
