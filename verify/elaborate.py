"""From modules as read to the core program: every name resolved, every type checked, every mistake reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass

from verify import core, errors, syntax
from verify.claims import claims
from verify.core import BOOL, Symbol, SymbolKind
from verify.diagnostic import Diagnostic
from verify.geometries import Geometries, given_twice
from verify.interfere import interfered
from verify.names import DefineName, Names, RoutineName, redeclared, resolve_names, visible_modules
from verify.seen import geometries
from verify.span import Source
from verify.statements import Bodies, called, measure, walk
from verify.syntax import PROCEDURES, ClauseKind, RoutineKind
from verify.typing import Expressions, Place

_REFUTES = frozenset({RoutineKind.REFUTE, RoutineKind.REFUTE_PROCEDURE})


def elaborate(
    modules: Sequence[syntax.Module],
    roots: frozenset[str],
    sources: Mapping[str, Source],
    broken: frozenset[str] = frozenset(),
) -> tuple[core.Program | None, tuple[Diagnostic, ...]]:
    """The core program, or None and every mistake found, in order. `modules` stand after those that they import."""
    report: list[Diagnostic] = []
    names = resolve_names(modules, broken, report)
    elaborator = _Elaborator(names, sources, report)
    visible = visible_modules(modules)
    program = core.Program(())
    for m in modules:
        name = m.name.name
        imported = [i for other in program.modules if other.name in visible[name] for i in other.items]
        items = tuple(elaborator.items(m, imported))
        made = core.Module(name, m.span.file, m.doc, visible[name], items, name in roots)
        program = core.Program((*program.modules, made))
        report.extend(given_twice(m, visible, program))
    elaborator.check_circles(modules)
    if not (report or broken):
        program, mistakes = interfered(program)
        report.extend((*mistakes, *_check_scopes(program)))
    found = tuple(sorted(set(report), key=lambda d: (d.span, d.code, d.what)))
    return (None if found or broken else program), found


@dataclass(slots=True)
class _Elaborator:
    names: Mapping[str, Names]
    sources: Mapping[str, Source]
    report: list[Diagnostic]
    defines: dict[str, core.Define] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)

    def items(self, module: syntax.Module, imported: Sequence[core.Item]) -> Iterator[core.Item]:
        """The items of a module, in the order of the source. Types and named constants leave no item behind.

        `imported`: the items of all that it imports.
        """
        names = self.names[module.name.name]
        labels: set[tuple[ClauseKind, str]] = set()
        for item in module.items:
            match item:
                case syntax.Param():
                    symbol = names.values.get(item.name.name)
                    if isinstance(symbol, Symbol):
                        yield core.Param(symbol, item.span, item.doc)
                case syntax.Const():
                    symbol = names.values.get(item.name.name)
                    if isinstance(symbol, Symbol) and item.value is not None:
                        place = Place("a constant", {}, state=False, old=False, results=False)
                        expressions = self.expressions(names, item.name.name)
                        value = expressions.elaborate(item.value, place, symbol.type, f"the value of `{symbol.name}`")
                        yield core.Const(symbol, value, item.span, item.doc)
                case syntax.Labelled():
                    if (item.kind, item.label.name) in labels:
                        self.report.append(errors.duplicate_label(item.label.span, item.label.name, item.kind.value))
                    labels.add((item.kind, item.label.name))
                    geometric = item.kind is ClauseKind.ASSUME
                    where = "an assumption" if geometric else "an invariant of the module"
                    place = Place(where, {}, state=not geometric, old=False, results=False)
                    expressions = self.expressions(names, f"{item.kind.value}.{item.label.name}")
                    clause = self.clause(item, expressions, place)
                    yield core.Assume(clause) if geometric else core.Invariant(clause)
                case syntax.Geometry():
                    expressions = self.expressions(names, f"geometry.{item.name.name}")
                    geometry = Geometries(names, expressions).elaborate(item)
                    if geometry is not None:
                        yield geometry
                case syntax.Extend():
                    expressions = self.expressions(names, f"geometry.{item.name.name}")
                    extension = Geometries(names, expressions).extend(item, module, imported)
                    if extension is not None:
                        yield extension
                case syntax.StateDecl():
                    symbol = names.values.get(item.name.name)
                    if isinstance(symbol, Symbol):
                        yield core.State(symbol, item.span, item.doc)
                case syntax.Define():
                    meaning = names.values.get(item.name.name)
                    if isinstance(meaning, DefineName) and meaning.node is item:
                        yield self.define(meaning)
                case syntax.Routine():
                    found = names.values.get(item.name.name)
                    if isinstance(found, RoutineName) and found.node is item:
                        yield self.routine(found)
                case syntax.TypeDecl() | syntax.EnumDecl():
                    pass

    def expressions(self, names: Names, item: str) -> Expressions:
        return Expressions(names, item, self.sources, self.reads, self.report)

    def clause(self, node: syntax.Labelled, expressions: Expressions, place: Place) -> core.Clause:
        expr = expressions.elaborate(node.expr, place, BOOL, f"the `{node.kind.value}` clause")
        return core.Clause(node.label.name, expr, node.expr.span, node.span, node.doc)

    # --- defines ---------------------------------------------------------------------------------------------------

    def reads(self, meaning: DefineName) -> tuple[Symbol, ...]:
        """The state variables that a define depends on; nothing for one that is in a circle, which is reported."""
        if meaning.qualified in self.pending:
            circle = [*self.pending[self.pending.index(meaning.qualified) :], meaning.qualified]
            path = [name.split(".")[1] for name in circle]
            self.report.append(errors.recursion(meaning.node.name.span, path))
            return ()
        return self.define(meaning).reads

    def define(self, meaning: DefineName) -> core.Define:
        if meaning.qualified in self.defines:
            return self.defines[meaning.qualified]
        node, names = meaning.node, self.names[meaning.module]
        variables = self.variables(node.parameters, meaning.parameters, names, {})
        place = Place("a definition", variables, state=True, old=False, results=False)
        value: core.Expr | None = None
        reads: tuple[Symbol, ...] = ()
        self.pending.append(meaning.qualified)
        if node.value is not None:
            expressions = self.expressions(names, node.name.name)
            value = expressions.elaborate(node.value, place, meaning.result, f"the value of `{node.name.name}`")
            reads = tuple(sorted(set(states(value)), key=lambda s: (s.scope, s.name)))
        self.pending.pop()
        made = core.Define(
            meaning.module,
            node.name.name,
            node.opaque,
            meaning.parameters,
            reads,
            meaning.result,
            value,
            node.span,
            node.doc,
        )
        self.defines[meaning.qualified] = made
        return made

    def variables(
        self,
        nodes: Sequence[syntax.Binder],
        symbols: Sequence[Symbol],
        names: Names,
        taken: Mapping[str, Symbol],
    ) -> dict[str, Symbol]:
        """Name to symbol, with a report for each that is taken already in the scope or by an item."""
        found = dict(taken)
        for node, symbol in zip(nodes, symbols, strict=True):
            if node.name in found:
                first = f"a {found[node.name].kind.value} of this name stands before it"
                self.report.append(errors.duplicate_name(node.span, node.name, first))
            elif node.name in names.values:
                self.report.append(redeclared(node.span, node.name, names.values[node.name]))
            found[node.name] = symbol
        return found

    # --- routines --------------------------------------------------------------------------------------------------

    def routine(self, meaning: RoutineName) -> core.Routine:
        node, names, kind = meaning.node, self.names[meaning.module], meaning.node.kind
        name = node.name.name
        self.check_shape(node)
        variables = self.variables(node.parameters, meaning.parameters, names, {})
        variables = self.variables(node.results, meaning.results, names, variables)
        expressions = self.expressions(names, name)
        found: dict[ClauseKind, list[core.Clause]] = {k: [] for k in ClauseKind}
        modifies: list[Symbol] = []
        decreases: core.Expr | None = None
        on: list[str] | None = None
        without: list[str] = []
        for clause in node.clauses:
            match clause:
                case syntax.Labelled():
                    ensures = clause.kind is ClauseKind.ENSURES
                    entry = not (ensures and kind in PROCEDURES)
                    where = f"`{clause.kind.value}`"
                    place = Place(where, variables, state=True, old=True, results=ensures, entry=entry)
                    if any(c.label == clause.label.name for c in found[clause.kind]):
                        kind_name = clause.kind.value
                        self.report.append(errors.duplicate_label(clause.label.span, clause.label.name, kind_name))
                    found[clause.kind].append(self.clause(clause, expressions, place))
                case syntax.Modifies():
                    modifies += self.modifies(clause, names)
                case syntax.Decreases():
                    if decreases is not None:
                        self.report.append(errors.twice(clause.span, "decreases"))
                    place = Place("`decreases`", variables, state=True, old=True, results=False, entry=True)
                    decreases = measure(expressions.elaborate(clause.expr, place, None, "the measure"), expressions)
                case syntax.On():
                    on = (on or []) + [n.name for n in clause.names]
                    for n in clause.names:
                        if n.name not in names.geometries and n.name not in names.broken:
                            self.report.append(errors.unknown_name(n.span, n.name, "geometry", names.geometries))
                case syntax.Without():
                    without += [n.name for n in clause.names]
                    for n in clause.names:
                        if n.name not in names.assumes and n.name not in names.broken:
                            self.report.append(errors.unknown_name(n.span, n.name, "assumption", names.assumes))
        body: tuple[core.Stmt, ...] | None = None
        if node.body is not None:
            bodies = Bodies(expressions, meaning, self.modified(names))
            body = bodies.elaborate(node.body, variables)
        return core.Routine(
            kind,
            meaning.module,
            name,
            meaning.parameters,
            meaning.results,
            None if on is None else tuple(dict.fromkeys(on)),
            tuple(dict.fromkeys(without)),
            tuple(found[ClauseKind.REQUIRES]),
            tuple(dict.fromkeys(modifies)),
            tuple(found[ClauseKind.ENSURES]),
            tuple(found[ClauseKind.WITNESS]),
            decreases,
            body,
            node.head,
            node.doc,
            claims(node.doc),
        )

    def modified(self, names: Names) -> dict[str, tuple[Symbol, ...]]:
        """The state variables that each routine in sight may change, by its qualified name."""
        result = {}
        for meaning in names.values.values():
            if isinstance(meaning, RoutineName):
                seen = self.names[meaning.module].values
                clauses = [c for c in meaning.node.clauses if isinstance(c, syntax.Modifies)]
                found = [seen.get(n.name) for c in clauses for n in c.names]
                result[meaning.qualified] = tuple(
                    s for s in found if isinstance(s, Symbol) and s.kind is SymbolKind.STATE
                )
        return result

    def modifies(self, clause: syntax.Modifies, names: Names) -> Iterator[Symbol]:
        for name in clause.names:
            found = names.values.get(name.name)
            if isinstance(found, Symbol) and found.kind is SymbolKind.STATE:
                yield found
            elif name.name not in names.broken:
                known = [n for n, m in names.values.items() if isinstance(m, Symbol) and m.kind is SymbolKind.STATE]
                self.report.append(errors.unknown_name(name.span, name.name, "state variable", known))

    def check_shape(self, node: syntax.Routine) -> None:
        """Which clauses a kind of item has, and whether it has a body."""
        kind, name = node.kind, node.name.name
        labelled = [c.kind for c in node.clauses if isinstance(c, syntax.Labelled)]

        def refuse(clause: syntax.Clause, what: str, help_: str) -> None:
            self.report.append(errors.clause_here(clause.span, what, kind.value, help_))

        for clause in node.clauses:
            match clause:
                case syntax.Labelled(kind=ClauseKind.ENSURES) if kind is RoutineKind.COVER:
                    refuse(clause, "ensures", "say what must be possible with `witness`")
                case syntax.Labelled(kind=ClauseKind.WITNESS) if kind not in _REFUTES | {RoutineKind.COVER}:
                    refuse(clause, "witness", "use `requires`, or make it a `refute` or a `cover`")
                case syntax.Modifies() if kind not in PROCEDURES:
                    refuse(clause, "modifies", "drop it")
                case syntax.Without() if kind not in _REFUTES | {RoutineKind.COVER, RoutineKind.LEMMA}:
                    refuse(clause, "without", "leave assumptions out of a `lemma`, `refute` or `cover`")
                case _:
                    pass
        if node.results and kind not in PROCEDURES:
            self.report.append(
                errors.clause_here(
                    node.results[0].span, "returns", kind.value, "drop it; a lemma's `ensures` is its result"
                )
            )
        if kind in PROCEDURES - {RoutineKind.TRUSTED} and node.body is None:
            self.report.append(errors.body_missing(node.head, kind.value, name))
        if kind in (RoutineKind.TRUSTED, RoutineKind.REFUTE, RoutineKind.COVER) and node.body is not None:
            self.report.append(errors.body_here(node.head, kind.value, name))
        if kind is RoutineKind.REFUTE and ClauseKind.ENSURES not in labelled:
            self.report.append(errors.nothing_to_refute(node.head, name))

    # --- circles ---------------------------------------------------------------------------------------------------

    def check_circles(self, modules: Sequence[syntax.Module]) -> None:
        """Report circles of calls (a lemma calling itself with a `decreases` aside) and of constants."""
        graph: dict[str, list[tuple[str, syntax.Name]]] = {}
        for module in modules:
            names = self.names[module.name.name]
            for item in module.items:
                if isinstance(item, syntax.Routine) and item.body is not None:
                    graph[f"{module.name.name}.{item.name.name}"] = list(self.calls(item, names))
                elif isinstance(item, syntax.Const) and item.value is not None:
                    graph[f"{module.name.name}.{item.name.name}"] = list(self.mentioned(item.value, names, set()))
        reported: set[frozenset[str]] = set()
        for start in graph:
            path: list[str] = []
            self.visit(start, graph, path, set(), reported)

    def calls(self, item: syntax.Routine, names: Names) -> Iterator[tuple[str, syntax.Name]]:
        shrinks = any(isinstance(c, syntax.Decreases) for c in item.clauses)
        for node in walk(item.body or ()):
            call = called(node)
            meaning = names.values.get(call.name.name) if call else None
            if call and isinstance(meaning, RoutineName):
                own = meaning.node is item and item.kind is RoutineKind.LEMMA and shrinks
                if not own:
                    yield meaning.qualified, call.name

    def mentioned(self, node: syntax.Expr, names: Names, seen: set[str]) -> Iterator[tuple[str, syntax.Name]]:
        """The constants that an expression depends on, through defines too."""
        for name in syntax_names(node):
            meaning = names.values.get(name.name)
            if isinstance(meaning, Symbol) and meaning.kind is SymbolKind.CONST:
                yield f"{meaning.scope}.{meaning.name}", name
            elif isinstance(meaning, DefineName) and meaning.qualified not in seen and meaning.node.value is not None:
                seen.add(meaning.qualified)
                yield from self.mentioned(meaning.node.value, self.names[meaning.module], seen)

    def visit(
        self,
        node: str,
        graph: Mapping[str, Sequence[tuple[str, syntax.Name]]],
        path: list[str],
        done: set[str],
        reported: set[frozenset[str]],
    ) -> None:
        if node in done:
            return
        path.append(node)
        for target, name in graph.get(node, ()):
            if target in path:
                circle = path[path.index(target) :]
                if frozenset(circle) not in reported:
                    reported.add(frozenset(circle))
                    self.report.append(errors.recursion(name.span, [n.split(".")[1] for n in [*circle, target]]))
            else:
                self.visit(target, graph, path, done, reported)
        path.pop()
        done.add(node)


def subexpressions(expr: core.Expr) -> Iterator[core.Expr]:
    """The expression and everything below it, outermost first."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(core.children(node)))


def states(expr: core.Expr) -> Iterator[Symbol]:
    """The state variables that an expression mentions, those that its defines read included."""
    for node in subexpressions(expr):
        if isinstance(node, core.Var) and node.symbol.kind is SymbolKind.STATE:
            yield node.symbol


def syntax_names(node: object) -> Iterator[syntax.Name]:
    """Every name in a piece of surface syntax."""
    stack: list[object] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, syntax.Name):
            yield item
        elif isinstance(item, tuple):
            stack.extend(item)
        elif is_dataclass(item):
            stack.extend(getattr(item, f.name) for f in fields(item))


def _check_scopes(program: core.Program) -> Iterator[Diagnostic]:
    """Each geometry that a claim names gives a value to every param that the claim's module sees."""
    for routine in program.routines().values():
        seen = program.visible_items(routine.module)
        known = geometries(program, routine.module)
        params = [i.symbol for i in seen if isinstance(i, core.Param)]
        for name in routine.on or ():
            given = {symbol for symbol, _ in known[name].values}
            for param in params:
                if param not in given:
                    why = f"no value for {param.name}, which module `{routine.module}` sees"
                    help_ = f"add `extend geometry {name} {{ {param.name} = ...; }}` where the param is declared"
                    yield errors.geometry_value(routine.span, name, why, help_)
