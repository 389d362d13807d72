"""Where others act: a call of the interference procedure at each place in a body where they may.

An `interference procedure` says what others do: its `ensures` are what a body may rely on, its `requires` what the body
must see to wherever others may look. Each procedure of a module that imports it is interfered with:

- before each statement, and each condition of an `if`, that reads or changes a state that the interference procedure's
  contract names;
- before each call of a procedure whose contract names such a state, unless others act within that one too;
- before each `return`, and at the end of the body: what a contract promises stands while others go on.

Within `atomic { ... }` nobody acts. What is ghost (calls of lemmas, `reveal`) takes no time. Elsewhere a statement is
one step. Where nothing that others change is read, and nothing that they look at is changed, it makes no difference
when they act: so these places are enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from verify import core, errors
from verify.core import Symbol, SymbolKind
from verify.diagnostic import Diagnostic
from verify.sites import direct_expressions, statements, subexpressions
from verify.span import Span
from verify.syntax import PROCEDURES, RoutineKind


def interfered(program: core.Program) -> tuple[core.Program, tuple[Diagnostic, ...]]:
    """The program with others acting wherever they may, and what is wrong with how it says so."""
    report: list[Diagnostic] = []
    others = {m.name: found for m in program.modules if (found := _interference(program, m, report)) is not None}
    if not others:
        return program, tuple(report)
    meant = frozenset(
        r.qualified
        for r in program.routines().values()
        if r.module in others and r.kind in PROCEDURES and r.body is not None
    )
    modules = tuple(
        replace(m, items=tuple(_item(program, i, others[m.name], meant, report) for i in m.items))
        if m.name in others
        else m
        for m in program.modules
    )
    return core.Program(modules), tuple(report)


def _interference(program: core.Program, module: core.Module, report: list[Diagnostic]) -> core.Routine | None:
    """The interference procedure that a module imports, if it does."""
    seen = program.visible_items(module.name)
    found = [i for i in seen if isinstance(i, core.Routine) and i.kind is RoutineKind.INTERFERENCE]
    for routine in found:
        if routine.module == module.name and (routine.parameters or routine.results):
            report.append(errors.interference_shape(routine.span, routine.name))
    own = [r for r in found if r.module == module.name]
    for second in own[0 if len(found) > len(own) else 1 :]:
        report.append(errors.second_interference(second.span, second.name, found[0].qualified))
    if not own and len(found) > 1:
        first = Span(module.file, 1, 1, 1, 2)
        report.append(errors.second_interference(first, found[1].qualified, found[0].qualified))
    return found[0] if found and not own else None


def _item(
    program: core.Program,
    item: core.Item,
    others: core.Routine,
    meant: frozenset[str],
    report: list[Diagnostic],
) -> core.Item:
    if not (isinstance(item, core.Routine) and item.qualified in meant):
        return item
    return replace(item, body=_Points(program, item, others, meant, report).whole())


@dataclass(slots=True)
class _Points:
    """Puts the calls into the body of one routine. `shared`: the states that it matters for."""

    program: core.Program
    routine: core.Routine
    others: core.Routine
    meant: frozenset[str]
    report: list[Diagnostic]
    shared: frozenset[Symbol] = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.shared = frozenset(named(self.others))

    def whole(self) -> tuple[core.Stmt, ...]:
        body = self.block(self.routine.body or ())
        return body if _leaves(body) else (*body, self.point(self.routine.span))

    def block(self, body: Sequence[core.Stmt]) -> tuple[core.Stmt, ...]:
        found: list[core.Stmt] = []
        for stmt in body:
            if self.touches(stmt):
                found.append(self.point(stmt.span))
            found.append(self.inside(stmt))
        return tuple(found)

    def point(self, span: Span) -> core.Call:
        self.count += 1
        return core.Call(span, self.others.qualified, (), (), self.count, written=False)

    def touches(self, stmt: core.Stmt) -> bool:
        """True iff others may act before it, as far as it is one step."""
        match stmt:
            case core.Return():
                return True
            case core.Atomic():
                inner = tuple(statements(stmt.body))
                return any(self.touches(s) or (isinstance(s, core.Loop) and self.reads(s)) for s in inner)
            case core.Loop():
                return False
            case core.Call():
                callee = self.program.routines()[stmt.callee]
                if callee.kind is RoutineKind.LEMMA:
                    return False
                alone = callee.qualified not in self.meant
                return (alone and not self.shared.isdisjoint(named(callee))) or self.reads(stmt)
            case core.Assign(target=target):
                return target in self.shared or self.reads(stmt)
            case core.Assert() | core.If():
                return self.reads(stmt)
            case core.Havoc() | core.Reveal() | core.Break() | core.Continue():
                return False
            case _:
                assert_never(stmt)

    def reads(self, stmt: core.Stmt) -> bool:
        return any(not self.shared.isdisjoint(_states(e)) for e in direct_expressions(stmt))

    def inside(self, stmt: core.Stmt) -> core.Stmt:
        """The statement with others acting between those within it."""
        match stmt:
            case core.If():
                return replace(stmt, then=self.block(stmt.then), otherwise=self.block(stmt.otherwise))
            case core.Loop():
                self.check_condition(stmt)
                body, step = self.block(stmt.body), self.block(stmt.step)
                acted = any(not s.written for s in statements((*body, *step)) if isinstance(s, core.Call))
                assigned = dict.fromkeys((*stmt.assigned, *(self.others.modifies if acted else ())))
                return replace(stmt, body=body, step=step, assigned=tuple(assigned))
            case core.Atomic():
                for inner in statements(stmt.body):
                    if isinstance(inner, core.Call) and inner.callee in self.meant:
                        self.report.append(errors.not_atomic(inner.span, inner.callee.rpartition(".")[2]))
                return stmt
            case _:
                return stmt

    def check_condition(self, loop: core.Loop) -> None:
        read = self.shared.intersection(_states(loop.condition))
        if read:
            name = min(s.name for s in read)
            self.report.append(errors.shared_condition(loop.condition.span, name))


def named(routine: core.Routine) -> Iterator[Symbol]:
    """The states that a contract names."""
    yield from routine.modifies
    for clause in (*routine.requires, *routine.ensures):
        yield from _states(clause.expr)


def _states(expr: core.Expr) -> Iterator[Symbol]:
    """The states that an expression reads; what a define reads is among its arguments."""
    return (e.symbol for e in subexpressions(expr) if isinstance(e, core.Var) and e.symbol.kind is SymbolKind.STATE)


def _leaves(body: Sequence[core.Stmt]) -> bool:
    """True iff the body ends with a `return`."""
    return bool(body) and isinstance(body[-1], core.Return)
