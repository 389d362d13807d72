"""What each name of a module means: one table for values, one for types, one for geometries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeVar

from verify import errors, syntax
from verify.core import (
    BOOL,
    INT,
    WORD,
    WORD_BITS,
    Element,
    EnumType,
    MapType,
    OpaqueType,
    SetType,
    Symbol,
    SymbolKind,
    Type,
)
from verify.diagnostic import Diagnostic
from verify.span import Span

_T = TypeVar("_T")

ERROR = OpaqueType("", "?")
"""The type of what could not be elaborated: it fits everywhere, so that one mistake is reported once."""


@dataclass(frozen=True, slots=True)
class DefineName:
    module: str
    node: syntax.Define
    parameters: tuple[Symbol, ...]
    result: Type

    @property
    def qualified(self) -> str:
        return f"{self.module}.{self.node.name.name}"


@dataclass(frozen=True, slots=True)
class RoutineName:
    module: str
    node: syntax.Routine
    parameters: tuple[Symbol, ...]
    results: tuple[Symbol, ...]

    @property
    def qualified(self) -> str:
        return f"{self.module}.{self.node.name.name}"


Meaning = Symbol | Element | DefineName | RoutineName

BUILT_IN = ("min", "max", "WORD_BITS")
"""The names that every module sees and none declares."""


def describe(meaning: Meaning) -> str:
    """What kind of thing a name stands for, in the language's words."""
    match meaning:
        case Symbol():
            return meaning.kind.value
        case Element():
            return "constant" if isinstance(meaning.type, OpaqueType) else "enum member"
        case DefineName():
            return "define"
        case RoutineName():
            return meaning.node.kind.value


def redeclared(span: Span, name: str, meaning: Meaning) -> Diagnostic:
    """That a name cannot be declared within an item, since it has a meaning in the module."""
    if name in BUILT_IN:
        return errors.built_in_name(span, name)
    return errors.duplicate_name(span, name, f"a {describe(meaning)} of this name is in scope")


@dataclass(frozen=True, slots=True)
class Names:
    """All that one module sees. `broken`: names that items with syntax errors seem to declare."""

    module: str
    values: Mapping[str, Meaning]
    types: Mapping[str, Type]
    geometries: Mapping[str, syntax.Geometry]
    assumes: frozenset[str]
    broken: frozenset[str]


@dataclass(slots=True)
class Tables:
    """The tables of one module while they are filled: name to (meaning, place of the declaration)."""

    values: dict[str, tuple[Meaning, Span]] = field(default_factory=dict)
    types: dict[str, tuple[Type, Span]] = field(default_factory=dict)
    geometries: dict[str, tuple[syntax.Geometry, Span]] = field(default_factory=dict)


def resolve_type(
    node: syntax.Type, types: Mapping[str, Type], broken: frozenset[str], report: list[Diagnostic]
) -> Type:
    """The type that `node` names; ERROR, with a report, where a name in it is unknown."""
    match node:
        case syntax.NamedType(name="word"):
            return WORD
        case syntax.NamedType(name="int"):
            return INT
        case syntax.NamedType(name="bool"):
            return BOOL
        case syntax.NamedType(name=name):
            found = types.get(name)
            if found is None and name not in broken:
                report.append(errors.unknown_name(node.span, name, "type", [*types, "word", "int", "bool"]))
            return found or ERROR
        case syntax.MapType():
            return MapType(
                resolve_type(node.key, types, broken, report), resolve_type(node.value, types, broken, report)
            )
        case syntax.SetType():
            return SetType(resolve_type(node.element, types, broken, report))


def visible_modules(modules: Sequence[syntax.Module]) -> dict[str, tuple[str, ...]]:
    """For each module, itself and all that it imports, directly or not, imported ones first.

    `modules` stand after those that they import; an import that is not among them is left out.
    """
    order = [m.name.name for m in modules]
    seen: dict[str, set[str]] = {}
    for module in modules:
        found = {module.name.name}
        for imported in module.imports:
            found |= seen.get(imported.name, set())
        seen[module.name.name] = found
    return {name: tuple(n for n in order if n in found) for name, found in seen.items()}


def _named_constants(
    modules: Sequence[syntax.Module], visible: Mapping[str, tuple[str, ...]]
) -> dict[tuple[str, str], list[str]]:
    """(module, type) to the constants without a value that name members of that type, over all modules."""
    declared = {(m.name.name, i.name.name) for m in modules for i in m.items if isinstance(i, syntax.TypeDecl)}
    found: dict[tuple[str, str], list[str]] = {}
    for module in modules:
        for item in module.items:
            if isinstance(item, syntax.Const) and item.value is None and isinstance(item.type, syntax.NamedType):
                for owner in visible[module.name.name]:
                    if (owner, item.type.name) in declared:
                        names = found.setdefault((owner, item.type.name), [])
                        if item.name.name not in names:
                            names.append(item.name.name)
    return found


def resolve_names(
    modules: Sequence[syntax.Module], broken: frozenset[str], report: list[Diagnostic]
) -> dict[str, Names]:
    """The tables of every module. Reports names declared twice and types that are unknown."""
    visible = visible_modules(modules)
    named = _named_constants(modules, visible)
    own: dict[str, Tables] = {}
    result: dict[str, Names] = {}
    for module in modules:
        name = module.name.name
        tables = Tables()
        report += _clashes(module, own, visible)
        for other in visible[name][:-1]:
            tables.values.update(own[other].values)
            tables.types.update(own[other].types)
            tables.geometries.update(own[other].geometries)
        mine = Tables()
        own[name] = mine
        _declare_types(module, tables, mine, named, report)
        types = {n: t for n, (t, _) in tables.types.items()}
        _declare_values(module, tables, mine, types, broken, report)
        assumes = frozenset(
            i.label.name
            for m in modules
            if m.name.name in visible[name]
            for i in m.items
            if isinstance(i, syntax.Labelled) and i.kind is syntax.ClauseKind.ASSUME
        )
        result[name] = Names(
            name,
            {n: v for n, (v, _) in tables.values.items()},
            types,
            {n: g for n, (g, _) in tables.geometries.items()},
            assumes,
            broken,
        )
    return result


def _clashes(
    module: syntax.Module, own: Mapping[str, Tables], visible: Mapping[str, tuple[str, ...]]
) -> Iterator[Diagnostic]:
    """Names that two of the modules it imports both declare, where no import on its own brings both."""
    for first, second in combinations(visible[module.name.name][:-1], 2):
        bringing = [i for i in module.imports if second in visible.get(i.name, ())]
        if any(first in visible[i.name] for i in bringing):
            continue
        for one, other in (
            (own[first].values, own[second].values),
            (own[first].types, own[second].types),
            (own[first].geometries, own[second].geometries),
        ):
            for name in [n for n in one if n in other]:
                places = (one[name][1], other[name][1])
                where = " and at ".join(f"{place.file}:{place.line}" for place in places)
                yield errors.duplicate_name(bringing[0].span, name, f"it is declared at {where}")


def _put(
    table: dict[str, tuple[_T, Span]],
    mine: dict[str, tuple[_T, Span]],
    name: syntax.Name,
    meaning: _T,
    report: list[Diagnostic],
) -> None:
    """Declare `name` in both tables, or report that it is taken."""
    if name.name in table:
        _, place = table[name.name]
        if name.name in BUILT_IN:
            report.append(errors.built_in_name(name.span, name.name))
        else:
            report.append(errors.duplicate_name(name.span, name.name, f"it is declared at {place.file}:{place.line}"))
        return
    table[name.name] = mine[name.name] = (meaning, name.span)


def _declare_types(
    module: syntax.Module,
    tables: Tables,
    mine: Tables,
    named: Mapping[tuple[str, str], list[str]],
    report: list[Diagnostic],
) -> None:
    for item in module.items:
        match item:
            case syntax.TypeDecl(name=name):
                type_: Type = OpaqueType(
                    module.name.name, name.name, tuple(named.get((module.name.name, name.name), ()))
                )
            case syntax.EnumDecl(name=name):
                type_ = EnumType(module.name.name, name.name, tuple(m.name for m in item.members))
            case _:
                continue
        _put(tables.types, mine.types, name, type_, report)


def _members(module: syntax.Module, tables: Tables, item: syntax.Item) -> Iterator[tuple[syntax.Name, Meaning]]:
    """The enum members that an item declares."""
    if isinstance(item, syntax.EnumDecl):
        declared = tables.types.get(item.name.name)
        for member in item.members:
            if declared and isinstance(declared[0], EnumType) and declared[0].module == module.name.name:
                yield member, Element(member.span, member.name, declared[0])


def _declare_values(
    module: syntax.Module,
    tables: Tables,
    mine: Tables,
    types: Mapping[str, Type],
    broken: frozenset[str],
    report: list[Diagnostic],
) -> None:
    name = module.name.name

    def resolve(node: syntax.Type) -> Type:
        return resolve_type(node, types, broken, report)

    def binders(item: str, nodes: Sequence[syntax.Binder], kind: SymbolKind) -> tuple[Symbol, ...]:
        return tuple(Symbol(kind, f"{name}.{item}", b.name, resolve(b.type)) for b in nodes)

    for builtin in ("min", "max"):
        tables.values.setdefault(builtin, (Element(module.span, builtin, ERROR), module.span))
    tables.values.setdefault("WORD_BITS", (WORD_BITS, module.span))
    for item in module.items:
        for member, element in _members(module, tables, item):
            _put(tables.values, mine.values, member, element, report)
        meaning: Meaning
        match item:
            case syntax.Param(name=declared):
                meaning = Symbol(SymbolKind.PARAM, name, declared.name, resolve(item.type))
            case syntax.Const(name=declared):
                type_ = resolve(item.type)
                if item.value is None and isinstance(type_, OpaqueType):
                    meaning = Element(declared.span, declared.name, type_)
                else:
                    if item.value is None:
                        report.append(errors.const_without_value(declared.span, declared.name, str(type_)))
                    meaning = Symbol(SymbolKind.CONST, name, declared.name, type_)
            case syntax.StateDecl(name=declared):
                meaning = Symbol(SymbolKind.STATE, name, declared.name, resolve(item.type))
            case syntax.Define(name=declared):
                parameters = binders(declared.name, item.parameters, SymbolKind.ARGUMENT)
                meaning = DefineName(name, item, parameters, resolve(item.result))
            case syntax.Routine(name=declared):
                parameters = binders(declared.name, item.parameters, SymbolKind.ARGUMENT)
                results = binders(declared.name, item.results, SymbolKind.RESULT)
                meaning = RoutineName(name, item, parameters, results)
            case syntax.Geometry(name=declared):
                _put(tables.geometries, mine.geometries, declared, item, report)
                continue
            case syntax.Labelled() | syntax.Extend() | syntax.TypeDecl() | syntax.EnumDecl():
                continue
        _put(tables.values, mine.values, declared, meaning, report)
