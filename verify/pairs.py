"""Two procedures in one program: what is required of both, and a routine that runs one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from verify import core
from verify.core import BinaryOp, Symbol, SymbolKind
from verify.rename import conjunction, rename
from verify.stated import same_text
from verify.syntax import RoutineKind

MODULE, BOTH, SAME = "one and the other", "both", "same"
"""The names of the routine that runs one after the other, and of what it asserts. No module can be called so."""

ID = f"{MODULE}.{BOTH}.assert.{SAME}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two procedures of a program in which both can be called, by qualified name, and the labels of what is required of
    both: the preconditions of either, those of one text once."""

    one: str
    other: str
    labels: tuple[str, ...]


class CannotCompare(Exception):
    """The two are not to be compared; the message says why."""


def pair(program: core.Program, one: str, other: str) -> tuple[core.Program, Pair]:
    """The program in which both, given by qualified name, require what either does, and a routine that runs one after
    the other. Raises CannotCompare."""
    a, b = program.routines()[one], program.routines()[other]
    for routine in (a, b):
        if routine.kind not in (RoutineKind.PROCEDURE, RoutineKind.REFUTE_PROCEDURE) or routine.body is None:
            raise CannotCompare(f"`{routine.name}` is a {routine.kind.value}: only procedures with a body are compared")
    types = [([p.type for p in r.parameters], [p.type for p in r.results]) for r in (a, b)]
    if types[0] != types[1]:
        raise CannotCompare(f"`{a.name}` and `{b.name}` have parameters or results of different types")
    theirs = dict(zip(b.parameters, a.parameters, strict=True))
    requires = list(a.requires)
    for clause in b.requires:
        said = replace(clause, expr=rename(clause.expr, theirs, {}))
        same = [c for c in requires if c.label == clause.label]
        if not same or not same_text(same[0].expr, said.expr):
            label = clause.label if not same else f"{b.name}.{clause.label}"
            requires.append(replace(said, label=label))
    ours = {q: p for p, q in theirs.items()}
    back = tuple(replace(c, expr=rename(c.expr, ours, {})) for c in requires)
    kind = RoutineKind.PROCEDURE
    changed = {
        one: replace(a, kind=kind, on=None, witnesses=(), requires=tuple(requires)),
        other: replace(b, kind=kind, on=None, witnesses=(), requires=back),
    }
    modules = [
        replace(
            m,
            root=False,
            items=tuple(changed.get(i.qualified, i) if isinstance(i, core.Routine) else i for i in m.items),
        )
        for m in program.modules
    ]
    visible = tuple(
        m.name for m in modules if m.name in {*program.module(a.module).visible, *program.module(b.module).visible}
    )
    both = _in_turn(changed[one], changed[other])
    modules.append(core.Module(MODULE, a.span.file, (), (*visible, MODULE), (both,), True))
    return core.Program(tuple(modules)), Pair(one, other, tuple(c.label for c in requires))


def _in_turn(a: core.Routine, b: core.Routine) -> core.Routine:
    """Runs one, keeps what it leaves, and runs the other from the same state: that both leave the same is asserted."""
    span, scope = a.span, f"{MODULE}.{BOTH}"
    states = sorted({*a.modifies, *b.modifies}, key=str)

    def kept(name: str, type_: core.Type) -> Symbol:
        return Symbol(SymbolKind.LOCAL, scope, name, type_)

    def set_(target: Symbol, value: Symbol) -> core.Stmt:
        return core.Assign(span, target, core.Var(span, value))

    before = {s: kept(f"{s.name} before", s.type) for s in states}
    after = {s: kept(f"{s.name} after {a.name}", s.type) for s in states}
    results_a = tuple(kept(f"{r.name} of {a.name}", r.type) for r in a.results)
    results_b = tuple(kept(f"{r.name} of {b.name}", r.type) for r in b.results)
    arguments = tuple(core.Var(span, p) for p in a.parameters)
    same = [(x, y) for x, y in zip(results_a, results_b, strict=True)] + [(after[s], s) for s in states]
    claim = conjunction(
        span, tuple(core.Binary(span, BinaryOp.EQ, core.Var(span, x), core.Var(span, y)) for x, y in same)
    )
    body = (
        *(set_(before[s], s) for s in states),
        core.Call(span, a.qualified, arguments, results_a, 1),
        *(set_(after[s], s) for s in states),
        *(set_(s, before[s]) for s in states),
        core.Call(span, b.qualified, arguments, results_b, 2),
        core.Assert(span, core.Clause(SAME, claim, span, span)),
    )
    return core.Routine(
        RoutineKind.REFUTE_PROCEDURE,
        MODULE,
        BOTH,
        a.parameters,
        (),
        None,
        (),
        a.requires,
        tuple(states),
        (),
        (),
        None,
        body,
        span,
        (),
        (),
    )


def without(program: core.Program, pair: Pair, label: str | None) -> core.Program:
    """The program in which neither requires that."""
    for name in (pair.one, pair.other, f"{MODULE}.{BOTH}"):
        routine = program.routines()[name]
        requires = tuple(c for c in routine.requires if c.label != label)
        program = program.replacing(replace(routine, requires=requires))
    return program
