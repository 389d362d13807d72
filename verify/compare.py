"""Two procedures compared: equal on every input that meets their preconditions, or an input on which they differ.

Equal is proved turn by turn: see `turns`. A difference is a run of both, one after the other from the same state, that
was executed. Each precondition is left out in turn, so that one sees which of them the two being equal leans on.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing.connection import Connection

from verify import core
from verify.again import breaks, smaller
from verify.confirm import Confirmed
from verify.core import BinaryOp, Symbol, SymbolKind
from verify.evaluate import context_for
from verify.matrix import by_values, executed, told
from verify.passive import Obligation
from verify.present import present_run, telling_inputs
from verify.prove import Encodings, Proof, at_once, prove, prove_generally
from verify.question import ask, params_in, quantified
from verify.rename import conjunction, conjuncts, rename
from verify.run import Violation, find_run, may_start, replay
from verify.schedule import Done, each
from verify.scopes import WIDTHS, Scope, Scopes, named
from verify.seen import geometries, whole
from verify.span import Source
from verify.stated import same_text
from verify.stepwise import ANYWHERE, AT_ENTRY, FAR, NEAR, starts_of
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.turns import Comparison, NotAlike, with_functions
from verify.values import show
from verify.verdict import Counterexample, Shown
from verify.words import AbstractIntegers, AnyIntegers

SHARE = 0.2
"""The share of a case's time that one proof gets."""


class Outcome(Enum):
    EQUAL = "equal"
    DIFFER = "differ"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two procedures of a program in which both can be called, by qualified name, and the labels of what is required of
    both: the preconditions of either, those of one text once."""

    one: str
    other: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A pair without one of its preconditions (None: with all), on geometries on which it runs alike; on every geometry
    if there are none."""

    without: str | None
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of a case on the geometries `names` (none: every geometry, of 32 and of 64 bits).

    `used`: preconditions and other clauses that the proof leans on. `detail`: why it is UNKNOWN. `differs`: what the
    two leave that is not the same, by name, each with both values. `inputs`: the arguments, and the states that are not
    as plain as can be.
    """

    without: str | None
    names: tuple[str, ...]
    outcome: Outcome
    used: tuple[str, ...] = ()
    detail: str = ""
    counterexample: Counterexample | None = None
    differs: tuple[tuple[str, str, str], ...] = ()
    inputs: tuple[Shown, ...] = ()


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


MODULE, BOTH, SAME = "one and the other", "both", "same"
"""The names of the routine that runs one after the other, and of what it asserts. No module can be called so."""

ID = f"{MODULE}.{BOTH}.assert.{SAME}"


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


def _differing(both: core.Routine, run: Violation) -> Iterator[tuple[str, str, str]]:
    """What is not the same after a run of both, with both values."""
    claim = next(s for s in both.body or () if isinstance(s, core.Assert)).clause.expr
    for part in conjuncts(claim):
        if isinstance(part, core.Binary) and isinstance(part.left, core.Var) and isinstance(part.right, core.Var):
            one, other = run.values[part.left.symbol], run.values[part.right.symbol]
            if one != other:
                name, bits = part.right.symbol.name.split(" ")[0], run.context.word_bits
                yield name, show(one, part.left.type, bits), show(other, part.left.type, bits)


def without(program: core.Program, pair: Pair, label: str | None) -> core.Program:
    """The program in which neither requires that."""
    names = {pair.one, pair.other, f"{MODULE}.{BOTH}"}

    def changed(item: core.Item) -> core.Item:
        if not isinstance(item, core.Routine) or item.qualified not in names:
            return item
        return replace(item, requires=tuple(c for c in item.requires if c.label != label))

    return core.Program(tuple(replace(m, items=tuple(changed(i) for i in m.items)) for m in program.modules))


@dataclass(frozen=True, slots=True)
class Compare:
    """What a worker does for a case: an outcome for each set of its geometries that has the same."""

    program: core.Program
    pair: Pair
    sources: Mapping[str, Source]
    timeout: float

    def __call__(self, case: Case) -> tuple[Compared, ...]:
        program = without(self.program, self.pair, case.without)
        if not case.scopes:
            return (self.everywhere(program, case),)
        found: list[tuple[Compared, Violation | None]] = []
        for scopes in by_values(self.params(program), case.scopes):
            names = tuple(s.shown for s in scopes)
            both = program.routines()[f"{MODULE}.{BOTH}"]
            again = next((n for n, (_, run) in enumerate(found) if run and breaks(program, both, scopes[0], run)), None)
            if again is not None:
                compared, run = found[again]
                found[again] = (replace(compared, names=compared.names + names), run)
            else:
                found.append(self.on(program, case, scopes[0], names))
        return tuple(compared for compared, _ in found)

    def params(self, program: core.Program) -> frozenset[Symbol]:
        """The params that anything here depends on."""
        routines = [program.routines()[n] for n in (self.pair.one, self.pair.other, f"{MODULE}.{BOTH}")]
        exprs = [e for r in routines for e in executed(program, r)]
        lemmas = [r for r in program.routines().values() if r.kind is RoutineKind.LEMMA]
        exprs += [c.expr for r in (*routines, *lemmas) for c in (*r.requires, *r.ensures)]
        return params_in(program, exprs)

    def everywhere(self, program: core.Program, case: Case) -> Compared:
        """A proof for every geometry, or UNKNOWN."""
        try:
            used = self.equal(*self.laid_out(program, None), None)
        except NotAlike as error:
            return Compared(case.without, (), Outcome.UNKNOWN, detail=str(error))
        if used is None:
            return Compared(case.without, (), Outcome.UNKNOWN, detail="no proof for every geometry was found")
        return Compared(case.without, (), Outcome.EQUAL, used)

    def on(
        self, program: core.Program, case: Case, scope: Scope, names: tuple[str, ...]
    ) -> tuple[Compared, Violation | None]:
        """The outcome on one geometry, and the run, if they differ."""
        both = replace(program.routines()[f"{MODULE}.{BOTH}"], on=(scope.shown,))
        try:
            comparison, known = self.laid_out(program, scope)
            used, why = self.equal(comparison, known, scope), "there is no proof turn by turn"
            if used is not None:
                return Compared(case.without, names, Outcome.EQUAL, used), None
            run = self.by_turn(program, both, comparison, known, scope)
        except NotAlike as error:
            run, why = None, str(error)
        if run is None:
            forget()
            runs = find_run(program, both, scope, frozenset({ID}), self.timeout / 2, None)
            if runs.violation is None:
                detail = f"{why}, and no difference was found: {runs.bound}"
                return Compared(case.without, names, Outcome.UNKNOWN, detail=detail), None
            run = runs.violation
        run = smaller(program, both, scope, run)
        shown, differs = present_run(program, run, self.sources), tuple(_differing(both, run))
        return Compared(case.without, names, Outcome.DIFFER, (), "", shown, differs, telling_inputs(run)), run

    def by_turn(
        self,
        program: core.Program,
        both: core.Routine,
        comparison: Comparison,
        known: Sequence[core.Clause],
        scope: Scope,
    ) -> Violation | None:
        """A run of both that comes to a turn in which they differ."""
        if comparison.loop is None:
            return None
        functions, deadline = comparison.program, time.monotonic() + self.timeout / 2
        asked = [ask(functions, o, scope) for o in comparison.questions(known)]
        context = context_for(program, scope.values, scope.word_bits, {})
        distances = (AT_ENTRY, NEAR, FAR, ANYWHERE)
        for start in starts_of(functions, comparison.one, asked, scope, deadline, distances):
            values = start.confirmed.values
            if may_start(program, context, both, values):
                run = replay(program, both, Confirmed(context, values), (), lambda id_: id_ == ID, 2 * start.fuel)
                if isinstance(run, Violation):
                    return run
        return None

    def laid_out(self, program: core.Program, scope: Scope | None) -> tuple[Comparison, list[core.Clause]]:
        """The two side by side, and the invariants of the first one's loop that hold. Raises NotAlike."""
        functions = with_functions(program)
        routines = functions.routines()
        comparison = Comparison(functions, routines[self.pair.one], routines[self.pair.other])
        known = list(comparison.loop.invariants) if comparison.loop is not None else []
        while True:
            left = [c for c in known if all(self.proof(functions, o, scope, True) for o in comparison.kept(c, known))]
            if left == known:
                return comparison, known
            known = left

    def equal(
        self, comparison: Comparison, known: Sequence[core.Clause], scope: Scope | None
    ) -> tuple[str, ...] | None:
        """What a proof uses that they are equal on a geometry (None: on every one); None without a proof."""
        used: list[str] = []
        for obligation in comparison.questions(known):
            found = self.proof(comparison.program, obligation, scope, False)
            if found is None:
                return None
            used += found.used
        return tuple(dict.fromkeys(used))

    def proof(self, program: core.Program, obligation: Obligation, scope: Scope | None, quick: bool) -> Proof | None:
        """A proof on a geometry, or on every one; if it is to be quick, one that is soon found."""
        forget()
        if scope is not None:
            encodings = Encodings(program, ask(program, obligation, scope))
            found = at_once(encodings, AbstractIntegers(scope.word_bits))
            if found is not None or quick:
                return found
            other = prove(encodings, self.timeout * SHARE, quantified(program, encodings.question))
            return other if isinstance(other, Proof) else None
        scopes = Scopes(program, None)
        encodings = Encodings(program, ask(program, obligation, scopes.general(obligation, min(WIDTHS))))
        found = at_once(encodings, AnyIntegers(min(WIDTHS)))
        if found is not None or quick:
            return found or prove_generally(encodings, min(WIDTHS), self.timeout * SHARE)
        used: list[str] = []
        for width in WIDTHS:
            forget()
            encodings = Encodings(program, ask(program, obligation, scopes.general(obligation, width)))
            one = prove(encodings, self.timeout * SHARE, quantified(program, encodings.question))
            if not isinstance(one, Proof):
                return None
            used += one.used
        return Proof(tuple(dict.fromkeys(used)))


def compare(
    program: core.Program,
    pair: Pair,
    sources: Mapping[str, Source],
    geometry: str | None,
    timeout: float,
    jobs: int,
    limit: float,
    stop: Connection,
) -> Generator[Compared, None, None]:
    """The outcomes, with all preconditions first and then without each. Where there is a proof for every geometry there
    is one outcome; else one for each set of named geometries that has the same."""
    work = Compare(program, pair, sources, timeout)
    there = geometries(program, MODULE)
    items = program.visible_items(MODULE)
    scopes = tuple(named(g) for g in there.values() if whole(g, items) and geometry in (None, g.name))
    wanted: list[str | None] = [None, *pair.labels]
    if geometry is None:
        left: list[str | None] = []
        for label, found in _outcomes(work, [Case(w, ()) for w in wanted], jobs, limit, stop):
            if found.outcome is Outcome.EQUAL:
                yield found
            else:
                left.append(label)
        wanted = [w for w in wanted if w in left]
    running = params_in(program, [e for n in (pair.one, pair.other) for e in _run(program, n)])
    cases = [Case(label, group) for label in wanted for group in by_values(running, scopes)]
    for _, found in _outcomes(work, cases, jobs, limit, stop):
        yield found


def _run(program: core.Program, name: str) -> Iterator[core.Expr]:
    """What a run of a routine evaluates, whatever is required of it."""
    return executed(program, replace(program.routines()[name], requires=(), ensures=()))


def _outcomes(
    work: Compare, cases: Sequence[Case], jobs: int, limit: float, stop: Connection
) -> Iterator[tuple[str | None, Compared]]:
    for index, outcome in each(work, cases, jobs, limit, stop):
        case = cases[index]
        match outcome:
            case Done(value=found):
                yield from ((case.without, one) for one in found)
            case _:
                names = tuple(s.shown for s in case.scopes)
                yield case.without, Compared(case.without, names, Outcome.UNKNOWN, detail=told(outcome))
