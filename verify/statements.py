"""Elaboration of statements: targets, calls, loops, and that each result is assigned on every path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from verify import core, errors, syntax
from verify.core import BOOL, INT, WORD, Symbol, SymbolKind
from verify.diagnostic import Diagnostic
from verify.names import ERROR, DefineName, RoutineName, describe, redeclared, resolve_type
from verify.sites import direct_expressions, subexpressions
from verify.span import Span
from verify.syntax import RoutineKind
from verify.typing import Expressions, Place, fits

CALLABLE = frozenset({RoutineKind.PROCEDURE, RoutineKind.TRUSTED, RoutineKind.LEMMA})


@dataclass(slots=True)
class Bodies:
    """Elaborates the body of one routine. `modifies` gives the state variables that a callee may change."""

    expressions: Expressions
    routine: RoutineName
    modifies: Mapping[str, tuple[Symbol, ...]]
    labels: set[str] = field(default_factory=set)
    calls: dict[Span, int] = field(default_factory=dict)
    loops: dict[Span, int] = field(default_factory=dict)
    locals_: int = 0

    def elaborate(self, body: Sequence[syntax.Stmt], variables: Mapping[str, Symbol]) -> tuple[core.Stmt, ...]:
        """The statements of a body. `variables` are the parameters and results."""
        self.number(body)
        result = _Block(self, dict(variables)).block(body)
        if not self.routine.results:
            return result
        early = _check_results(result, self.routine, self.expressions)
        # A result that may be read before it is assigned begins as any value, as a variable without one does.
        binders = zip(self.routine.node.results, self.routine.results, strict=True)
        return tuple(core.Havoc(binder.span, symbol) for binder, symbol in binders if symbol in early) + result

    def number(self, body: Sequence[syntax.Stmt]) -> None:
        """Count loops and calls from 1 in the order of the source (the step of a `for` stands before its body)."""
        values = self.expressions.names.values
        for node in walk(body):
            call = called(node)
            if isinstance(node, syntax.Loop):
                self.loops[node.span] = len(self.loops) + 1
            elif call is not None and not isinstance(values.get(call.name.name), DefineName):
                self.calls[call.span] = len(self.calls) + 1


def walk(body: Sequence[syntax.Stmt]) -> Iterator[syntax.Stmt]:
    """Every statement, in the order of the source."""
    for node in body:
        yield node
        match node:
            case syntax.If():
                yield from walk(node.then)
                yield from walk(node.otherwise)
            case syntax.Loop():
                yield from walk(node.init)
                yield from walk(node.step)
                yield from walk(node.body)
            case syntax.Atomic():
                yield from walk(node.body)
            case _:
                pass


def called(node: syntax.Stmt) -> syntax.Call | None:
    """The call that a statement consists of, if it does: a procedure's, or a define's that is the whole right side."""
    value: syntax.Expr | None = None
    match node:
        case syntax.CallStatement():
            return node.call
        case syntax.Assign(op="="):
            value = node.value
        case syntax.Declare():
            value = node.value
        case _:
            return None
    return (
        value
        if isinstance(value, syntax.Call) and value.name.name not in ("min", "max", "int", "word", "old")
        else None
    )


@dataclass(slots=True)
class _Block:
    """Statements of one block; `variables` holds what is in scope, outer blocks included."""

    owner: Bodies
    variables: dict[str, Symbol]
    depth: int = 0

    @property
    def place(self) -> Place:
        return Place("a body", dict(self.variables), state=True, old=True, results=True)

    @property
    def is_lemma(self) -> bool:
        return self.owner.routine.node.kind is RoutineKind.LEMMA

    def report(self, diagnostic: Diagnostic) -> None:
        self.owner.expressions.report.append(diagnostic)

    def block(self, body: Sequence[syntax.Stmt], in_loop: bool = False) -> tuple[core.Stmt, ...]:
        return tuple(stmt for node in body for stmt in self.statement(node, in_loop))

    def inner(self, body: Sequence[syntax.Stmt], in_loop: bool) -> tuple[core.Stmt, ...]:
        return _Block(self.owner, dict(self.variables), self.depth + 1).block(body, in_loop)

    def expr(self, node: syntax.Expr, wanted: core.Type | None, what: str) -> core.Expr:
        return self.owner.expressions.elaborate(node, self.place, wanted, what)

    def statement(self, node: syntax.Stmt, in_loop: bool) -> list[core.Stmt]:
        match node:
            case syntax.Declare():
                return self.declare(node)
            case syntax.Assign():
                return self.assign(node)
            case syntax.CallStatement():
                return self.call(node.span, node.call, (), dropped=True)
            case syntax.Assert():
                if node.label.name in self.owner.labels:
                    self.report(errors.duplicate_label(node.label.span, node.label.name, "assert"))
                self.owner.labels.add(node.label.name)
                expr = self.expr(node.expr, BOOL, "the assertion")
                clause = core.Clause(node.label.name, expr, node.expr.span, node.span, node.doc)
                return [core.Assert(node.span, clause)]
            case syntax.Reveal():
                return self.reveal(node)
            case syntax.If():
                condition = self.expr(node.condition, BOOL, "the condition")
                return [
                    core.If(node.span, condition, self.inner(node.then, in_loop), self.inner(node.otherwise, in_loop))
                ]
            case syntax.Loop():
                return self.loop(node)
            case syntax.Atomic():
                return [core.Atomic(node.span, self.inner(node.body, in_loop))]
            case syntax.Jump(word="return"):
                return [core.Return(node.span)]
            case syntax.Jump():
                if not in_loop:
                    self.report(errors.outside_loop(node.span, node.word))
                return [core.Break(node.span) if node.word == "break" else core.Continue(node.span)]
            case _:
                assert_never(node)

    def declare(self, node: syntax.Declare) -> list[core.Stmt]:
        names = self.owner.expressions.names
        name = node.binder.name
        type_ = resolve_type(node.binder.type, names.types, names.broken, self.owner.expressions.report)
        if name in self.variables:
            kind = self.variables[name].kind.value
            self.report(errors.duplicate_name(node.binder.span, name, f"a {kind} of this name is in scope"))
        elif name in names.values:
            self.report(redeclared(node.binder.span, name, names.values[name]))
        self.owner.locals_ += 1
        symbol = Symbol(SymbolKind.LOCAL, f"{self.owner.routine.qualified}#{self.owner.locals_}", name, type_)
        if node.value is None:
            self.variables[name] = symbol
            return [core.Havoc(node.span, symbol)]
        call = called(node)
        if call is not None and isinstance(names.values.get(call.name.name), RoutineName):
            made = self.call(node.span, call, (symbol,))
            self.variables[name] = symbol
            return made
        value = self.expr(node.value, type_, f"the value of `{name}`")
        self.variables[name] = symbol
        return [core.Assign(node.span, symbol, value)]

    def target(self, node: syntax.Expr) -> Symbol | None:
        """The variable that an assignment to `node` changes; None, with a report, where there is none."""
        while isinstance(node, syntax.Index | syntax.Paren):
            node = node.base if isinstance(node, syntax.Index) else node.inner
        names = self.owner.expressions.names
        if not isinstance(node, syntax.Name):
            self.report(errors.not_assignable(node.span, "this", "value"))
            return None
        found = self.variables.get(node.name) or names.values.get(node.name)
        if found is None:
            if node.name not in names.broken:
                known = [*self.variables, *names.values]
                self.report(errors.unknown_name(node.span, node.name, "variable", known))
            return None
        if not isinstance(found, Symbol) or found.kind in (SymbolKind.PARAM, SymbolKind.CONST):
            self.report(errors.not_assignable(node.span, node.name, describe(found)))
            return None
        if found.kind is SymbolKind.STATE and self.is_lemma:
            self.report(errors.statement_here(node.span, "an assignment to the state", "lemma"))
            return None
        return found

    def stored(self, node: syntax.Expr, value: core.Expr, span: Span) -> core.Expr:
        """The new value of the variable at the root of `node` once `value` stands at `node`."""
        if isinstance(node, syntax.Paren):
            return self.stored(node.inner, value, span)
        if not isinstance(node, syntax.Index):
            return value
        base = self.expr(node.base, None, "the map")
        if not isinstance(base.type, core.MapType | core.SetType):
            self.report(errors.not_indexable(node.span, str(base.type)))
            return core.Literal(span, 0, ERROR)
        key = self.expr(node.key, core.key_type(base.type), "the key")
        return self.stored(node.base, core.Update(span, base, key, value), span)

    def assign(self, node: syntax.Assign) -> list[core.Stmt]:
        names = self.owner.expressions.names
        call = called(node)
        if call is not None and isinstance(names.values.get(call.name.name), RoutineName):
            return self.call_into(node, call)
        if len(node.targets) != 1:
            self.report(errors.one_value(node.span, len(node.targets)))
            return []
        target_node = node.targets[0]
        target = self.target(target_node)
        if target is None:
            self.expr(node.value, ERROR, "the value")
            return []
        current = self.expr(target_node, None, "the target")
        if node.op == "=":
            value = self.expr(node.value, current.type, f"the value of `{target.name}`")
        else:
            right = self.expr(node.value, current.type, f"the right side of `{node.op}`")
            if not (fits(current.type, WORD) or fits(current.type, INT)):
                self.report(errors.operator_type(node.span, node.op, str(current.type), "word and int"))
            op = core.BinaryOp.ADD if node.op == "+=" else core.BinaryOp.SUB
            value = core.Binary(node.span, op, current, right)
        return [core.Assign(node.span, target, self.stored(target_node, value, node.span))]

    def call_into(self, node: syntax.Assign, call: syntax.Call) -> list[core.Stmt]:
        """`a, m[k] = p(...);`: results for elements of maps go through a local each."""
        targets: list[Symbol] = []
        after: list[core.Stmt] = []
        for item in node.targets:
            root = self.target(item)
            if root is None:
                return []
            if isinstance(item, syntax.Name):
                targets.append(root)
                continue
            self.owner.locals_ += 1
            element = self.expr(item, None, "the target").type
            scope = f"{self.owner.routine.qualified}#{self.owner.locals_}"
            taken = Symbol(SymbolKind.LOCAL, scope, f"{root.name}[]", element)
            targets.append(taken)
            after.append(core.Assign(node.span, root, self.stored(item, core.Var(item.span, taken), node.span)))
        for number, target in enumerate(targets):
            if target in targets[:number]:
                self.report(errors.target_twice(node.targets[number].span, target.name))
        return self.call(node.span, call, tuple(targets)) + after

    def call(
        self, span: Span, node: syntax.Call, targets: tuple[Symbol, ...], dropped: bool = False
    ) -> list[core.Stmt]:
        names = self.owner.expressions.names
        meaning = names.values.get(node.name.name)
        if not isinstance(meaning, RoutineName) or not self.may_call(meaning.node.kind):
            if meaning is None and node.name.name not in names.broken:
                known = [n for n, m in names.values.items() if isinstance(m, RoutineName)]
                self.report(errors.unknown_name(node.name.span, node.name.name, "procedure", known))
            elif meaning is not None:
                self.report(errors.not_callable(node.name.span, node.name.name, describe(meaning)))
            return []
        if self.is_lemma and meaning.node.kind is not RoutineKind.LEMMA:
            self.report(errors.statement_here(node.span, f"a call of the procedure `{node.name.name}`", "lemma"))
        if len(node.arguments) != len(meaning.parameters):
            wanted = len(meaning.parameters)
            self.report(errors.argument_count(node.span, node.name.name, wanted, len(node.arguments)))
            return []
        arguments = tuple(
            self.expr(a, p.type, f"the argument `{p.name}`")
            for a, p in zip(node.arguments, meaning.parameters, strict=True)
        )
        if not (dropped and not targets) and len(targets) != len(meaning.results):
            self.report(errors.target_count(span, node.name.name, len(meaning.results), len(targets)))
            return []
        for target, result in zip(targets, meaning.results, strict=False):
            if not fits(target.type, result.type):
                what = f"the result `{result.name}`"
                self.report(errors.type_mismatch(span, what, str(result.type), str(target.type)))
        return [core.Call(span, meaning.qualified, arguments, targets, self.owner.calls.get(node.span, 0))]

    def may_call(self, kind: RoutineKind) -> bool:
        """What a `refute procedure` claims is false, so it can be run, and not relied on: by another of them alone."""
        refutes = RoutineKind.REFUTE_PROCEDURE
        return kind in CALLABLE or kind is self.owner.routine.node.kind is refutes

    def reveal(self, node: syntax.Reveal) -> list[core.Stmt]:
        names = self.owner.expressions.names
        meaning = names.values.get(node.name.name)
        if isinstance(meaning, DefineName):
            if not meaning.node.opaque:
                self.report(errors.not_opaque(node.name.span, node.name.name))
            return [core.Reveal(node.span, meaning.qualified)]
        if node.name.name not in names.broken:
            known = [n for n, m in names.values.items() if isinstance(m, DefineName) and m.node.opaque]
            self.report(errors.unknown_name(node.name.span, node.name.name, "opaque define", known))
        return []

    def loop(self, node: syntax.Loop) -> list[core.Stmt]:
        init = self.block(node.init)
        condition = self.expr(node.condition, BOOL, "the condition")
        invariants: list[core.Clause] = []
        decreases: core.Expr | None = None
        for clause in node.clauses:
            if isinstance(clause, syntax.Decreases):
                if decreases is not None:
                    self.report(errors.twice(clause.span, "decreases"))
                decreases = measure(self.expr(clause.expr, None, "the measure"), self.owner.expressions)
                continue
            if any(clause.label.name == i.label for i in invariants):
                self.report(errors.duplicate_label(clause.label.span, clause.label.name, "invariant"))
            expr = self.expr(clause.expr, BOOL, "the invariant")
            invariants.append(core.Clause(clause.label.name, expr, clause.expr.span, clause.span, clause.doc))
        if decreases is None and self.owner.routine.node.kind is not RoutineKind.REFUTE_PROCEDURE:
            self.report(errors.no_decreases(node.head))
        step = self.block(node.step)
        body = self.inner(node.body, in_loop=True)
        visible = set(self.variables.values())
        assigned = tuple(
            s
            for s in dict.fromkeys(changed((*body, *step), self.owner.modifies))
            if s.kind is SymbolKind.STATE or s in visible
        )
        number = self.owner.loops[node.span]
        loop = core.Loop(node.head, condition, tuple(invariants), decreases, body, step, number, assigned)
        return [*init, loop]


def measure(expr: core.Expr, expressions: Expressions) -> core.Expr:
    """A `decreases` is a word or an int."""
    if not (fits(expr.type, WORD) or fits(expr.type, INT)):
        expressions.report.append(
            errors.type_mismatch(expr.span, "the measure", str(expr.type), "a word or an int", "count something down")
        )
    return expr


def changed(body: Sequence[core.Stmt], modifies: Mapping[str, tuple[Symbol, ...]]) -> Iterator[Symbol]:
    """Every variable that the statements assign, directly or through a callee."""
    for stmt in body:
        match stmt:
            case core.Assign() | core.Havoc():
                yield stmt.target
            case core.Call():
                yield from stmt.targets
                yield from modifies.get(stmt.callee, ())
            case core.If():
                yield from changed(stmt.then, modifies)
                yield from changed(stmt.otherwise, modifies)
            case core.Loop():
                yield from changed((*stmt.body, *stmt.step), modifies)
            case core.Atomic():
                yield from changed(stmt.body, modifies)
            case core.Assert() | core.Reveal() | core.Break() | core.Continue() | core.Return():
                pass
            case _:
                assert_never(stmt)


@dataclass(frozen=True, slots=True)
class _Flow:
    """The results surely assigned where a stretch of code falls through (None: it does not), and at its breaks."""

    through: frozenset[Symbol] | None
    breaks: tuple[frozenset[Symbol], ...] = ()


def _meet(paths: Sequence[frozenset[Symbol] | None]) -> frozenset[Symbol] | None:
    live = [p for p in paths if p is not None]
    return frozenset.intersection(*live) if live else None


def _check_results(body: Sequence[core.Stmt], routine: RoutineName, expressions: Expressions) -> set[Symbol]:
    """Report each result that some path to a `return`, or to the end, leaves unassigned.

    Returns those that some path may read before it has assigned them.
    """
    results = frozenset(routine.results)
    missing: dict[Symbol, Span] = {}
    early: set[Symbol] = set()

    def leave(assigned: frozenset[Symbol], span: Span) -> None:
        for result in routine.results:
            if result not in assigned:
                missing.setdefault(result, span)

    def flow(stmts: Sequence[core.Stmt], assigned: frozenset[Symbol]) -> _Flow:
        here: frozenset[Symbol] | None = assigned
        breaks: tuple[frozenset[Symbol], ...] = ()
        for stmt in stmts:
            if here is None:
                break
            for expr in direct_expressions(stmt):
                read = {e.symbol for e in subexpressions(expr) if isinstance(e, core.Var)}
                early.update((results & read) - here)
            match stmt:
                case core.Assign() | core.Havoc():
                    here |= results & {stmt.target}
                case core.Call():
                    here |= results & set(stmt.targets)
                case core.If():
                    then, otherwise = flow(stmt.then, here), flow(stmt.otherwise, here)
                    breaks += then.breaks + otherwise.breaks
                    here = _meet([then.through, otherwise.through])
                case core.Loop():
                    inner = flow((*stmt.body, *stmt.step), here)
                    forever = isinstance(stmt.condition, core.Literal) and stmt.condition.value is True
                    here = _meet([None if forever else here, *inner.breaks])
                case core.Atomic():
                    inner = flow(stmt.body, here)
                    breaks += inner.breaks
                    here = inner.through
                case core.Return():
                    leave(here, stmt.span)
                    here = None
                case core.Break():
                    breaks += (here,)
                    here = None
                case core.Continue():
                    here = None
                case core.Assert() | core.Reveal():
                    pass
                case _:
                    assert_never(stmt)
        return _Flow(here, breaks)

    end = flow(body, frozenset()).through
    if end is not None:
        leave(end, routine.node.head)
    for result, span in missing.items():
        place = replace(span, end_line=span.line) if span.end_line != span.line else span
        expressions.report.append(errors.unassigned_result(place, result.name))
    return early
