"""All obligations of a program, in the order of the source, and the geometries and word sizes that each is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from verify import core
from verify.contract import obligations_of
from verify.core import Symbol, SymbolKind
from verify.implementation import Functions, implementation_of
from verify.passive import Assume, Kind, Obligation, Step
from verify.rename import conjunction, definedness
from verify.seen import module_invariants
from verify.sites import range_sites, subexpressions
from verify.span import Span
from verify.syntax import RoutineKind


def obligations(program: core.Program, functions: Functions = ()) -> tuple[Obligation, ...]:
    """The obligations of the modules that were asked for, by module, then in the order of the source.

    `functions`: those that implement items.
    """
    items = ((m, item) for m in program.modules if m.root for item in m.items)
    return tuple(o for m, item in items for o in (*_of_item(program, m, item), *_bound(program, item, functions)))


def _bound(program: core.Program, item: core.Item, functions: Functions) -> Iterator[Obligation]:
    if isinstance(item, core.Routine | core.Define):
        yield from implementation_of(program, item, functions)


def _of_item(program: core.Program, module: core.Module, item: core.Item) -> Iterator[Obligation]:
    match item:
        case core.Param() | core.State():
            return
        case core.Geometry() | core.Extension():
            yield _obligation(
                f"{module.name}.geometry.{item.name}", Kind.GEOMETRY, module, item.name, item.span, (), None
            )
        case core.Const():
            yield from _ranges(program, module, item, item.symbol.name, item.value)
        case core.Assume(clause=clause):
            yield from _ranges(program, module, item, f"assume.{clause.label}", clause.expr)
        case core.Invariant(clause=clause):
            yield from _ranges(program, module, item, f"invariant.{clause.label}", clause.expr)
        case core.Define():
            if item.value is not None:
                yield from _ranges(program, module, item, item.name, item.value)
        case core.Routine():
            yield from _of_routine(program, module, item)
        case _:
            assert_never(item)


def _ranges(
    program: core.Program, module: core.Module, item: core.Item, name: str, expr: core.Expr
) -> Iterator[Obligation]:
    """That each partial operation of an item is defined, whatever its free variables.

    A module's invariants stand one after the other: each is defined where those before it hold.
    """
    sites = range_sites(item)
    steps: list[Step] = []
    if isinstance(item, core.Invariant):
        for qualified, clause in module_invariants(program, module.name):
            if clause is item.clause:
                break
            steps.append(Assume((), clause.expr, qualified))
    for span, goal in definedness(expr):
        id_ = f"{module.name}.{name}.range[{sites[span]}]"
        yield _obligation(id_, Kind.RANGE, module, name, span, tuple(steps), goal)


def _obligation(
    id_: str, kind: Kind, module: core.Module, item: str, span: Span, steps: tuple[Step, ...], goal: core.Expr | None
) -> Obligation:
    return Obligation(id_, kind, module.name, item, span, (), steps, (), goal, (), frozenset(), None, ())


def _of_routine(program: core.Program, module: core.Module, routine: core.Routine) -> Sequence[Obligation]:
    match routine.kind:
        case RoutineKind.PROCEDURE | RoutineKind.TRUSTED | RoutineKind.INTERFERENCE | RoutineKind.LEMMA:
            return obligations_of(program, routine)
        case RoutineKind.REFUTE | RoutineKind.COVER | RoutineKind.REFUTE_PROCEDURE:
            return (existence(program, module, routine),)
        case _:
            assert_never(routine.kind)


def existence(program: core.Program, module: core.Module, routine: core.Routine) -> Obligation:
    """That some values meet `requires` and every `witness`, and for a `refute`, break an `ensures`.

    For a `refute procedure` the steps are those at its entry; what breaks after it is for the search to find.
    """
    prefix = routine.qualified
    steps: list[Step] = []
    if routine.kind is not RoutineKind.REFUTE:
        # A situation, or an entry: what holds between procedures holds there.
        steps += [Assume((), clause.expr, name) for name, clause in module_invariants(program, module.name)]
    steps += [Assume((), c.expr, f"{prefix}.requires.{c.label}") for c in routine.requires]
    steps += [Assume((), c.expr, f"{prefix}.witness.{c.label}") for c in routine.witnesses]
    goal: core.Expr | None = None
    if routine.kind is RoutineKind.REFUTE:
        goal = conjunction(routine.span, tuple(c.expr for c in routine.ensures))
    kind = Kind.COVER if routine.kind is RoutineKind.COVER else Kind.REFUTE
    return Obligation(
        f"{prefix}.{kind.value}",
        kind,
        module.name,
        routine.name,
        routine.span,
        routine.claims,
        tuple(steps),
        (),
        goal,
        (),
        frozenset(),
        routine.on,
        routine.without,
    )


def free_symbols(expr: core.Expr) -> Iterator[Symbol]:
    """The variables of an expression that are not bound in it; a variable as often as it stands there."""
    for node in subexpressions(expr):
        if isinstance(node, core.Var) and node.symbol.kind is not SymbolKind.BOUND:
            yield node.symbol
