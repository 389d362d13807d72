"""What of a body is for the prover alone: without it each run does the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from verify import core
from verify.core import Symbol, SymbolKind
from verify.rename import variables
from verify.sites import statements
from verify.syntax import PROCEDURES, RoutineKind


def telling(program: core.Program, body: Sequence[core.Stmt]) -> frozenset[Symbol]:
    """The variables that results, states, or the way that a run takes may depend on. The others are for the prover."""
    found: set[Symbol] = set()
    while True:
        more = {s for stmt in statements(tuple(body)) for s in _needed(program, stmt, found)} - found
        if not more:
            return frozenset(found)
        found |= more


def _needed(program: core.Program, stmt: core.Stmt, known: set[Symbol]) -> Iterator[Symbol]:
    """The variables whose values a statement uses for what tells, where the `known` ones tell."""
    match stmt:
        case core.Assign(target=target, value=value):
            if _tells(target, known):
                yield target
                yield from variables(value)
        case core.Havoc(target=target):
            if _tells(target, known):
                yield target
        case core.Call(callee=callee, arguments=arguments):
            if program.routines()[callee].kind in PROCEDURES:
                for argument in arguments:
                    yield from variables(argument)
        case core.If(condition=test, then=then, otherwise=otherwise):
            if any(is_code(program, s, frozenset(known)) for s in (*then, *otherwise)):
                yield from variables(test)
        case core.Loop(condition=test):
            yield from variables(test)
        case core.Assert() | core.Reveal() | core.Break() | core.Continue() | core.Return() | core.Atomic():
            pass
        case _:
            assert_never(stmt)


def _tells(symbol: Symbol, known: frozenset[Symbol] | set[Symbol]) -> bool:
    return symbol.kind in (SymbolKind.STATE, SymbolKind.RESULT) or symbol in known


def is_code(program: core.Program, stmt: core.Stmt, known: frozenset[Symbol]) -> bool:
    """True iff a run may depend on a statement, `known` being the variables that tell."""
    match stmt:
        case core.Assign(target=target) | core.Havoc(target=target):
            return _tells(target, known)
        case core.Call(callee=callee):
            return program.routines()[callee].kind in PROCEDURES
        case core.If(then=then, otherwise=otherwise):
            return any(is_code(program, s, known) for s in (*then, *otherwise))
        case core.Atomic(body=body):
            return any(is_code(program, s, known) for s in body)
        case core.Loop() | core.Break() | core.Continue() | core.Return():
            return True
        case core.Assert() | core.Reveal():
            return False
        case _:
            assert_never(stmt)


def own_steps(program: core.Program, routine: core.Routine) -> tuple[str, ...]:
    """How the ids begin of what a proof claims only on its way: preconditions of lemmas, and invariants of loops."""
    routines, name = program.routines(), routine.qualified
    found: list[str] = []
    for stmt in statements(routine.body or ()):
        if isinstance(stmt, core.Call) and routines[stmt.callee].kind is RoutineKind.LEMMA:
            found.append(f"{stmt.place(name)}.")
        elif isinstance(stmt, core.Loop):
            found.append(f"{name}.loop[{stmt.number}].invariant.")
    return tuple(found)
