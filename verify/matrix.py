"""Procedures by geometry: on which geometry does each do what its contract says, and where it does not, on which input.

What is proved for every geometry is proved once. What is left is asked of each named geometry, the same question once:
geometries that differ only in params that a procedure does not depend on get the same answer.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from multiprocessing.connection import Connection

from verify import core
from verify.again import breaks
from verify.contract import obligations_of
from verify.core import Symbol
from verify.evaluate import context_for, evaluate
from verify.literals import reached
from verify.passive import Assume, Kind, Obligation
from verify.plan import matches
from verify.present import present_run, telling_inputs
from verify.prove import Encodings, Proof, at_once, prove, prove_generally
from verify.question import ask, params_in, quantified
from verify.run import Violation, find_run, find_run_by_step
from verify.schedule import Died, Done, Late, Raised, each
from verify.scopes import WIDTHS, Scope, Scopes, named
from verify.search import Found, search
from verify.seen import assumptions, geometries, whole
from verify.sites import callees, expressions, statements
from verify.span import Source
from verify.stated import stated
from verify.stepwise import self_evident
from verify.syntax import PROCEDURES, RoutineKind
from verify.terms import forget
from verify.verdict import Counterexample, Shown
from verify.words import AbstractIntegers, AnyIntegers, BitVectors

KINDS = (RoutineKind.PROCEDURE, RoutineKind.REFUTE_PROCEDURE)
"""What has a row: a procedure, and one that is known to go wrong somewhere."""

PROOF = 0.4
"""The share of an entry's time that a proof gets."""


class Mark(Enum):
    """What becomes of a procedure on a geometry. `BEYOND`: its contract holds, and would not without one of its
    preconditions, which is named beside it."""

    HOLDS = "holds"
    FAILS = "fails"
    BEYOND = "fails beyond"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """A procedure, and which of its obligations have no proof that is good for every geometry."""

    routine: str
    open: tuple[str, ...]

    def is_open(self, id_: str, word_bits: int) -> bool:
        """True iff there is no such proof, or it says nothing of words of that size."""
        return id_ in self.open or word_bits not in WIDTHS


@dataclass(frozen=True, slots=True)
class Entry:
    """One procedure on the geometries `names`, which are alike as far as it depends on them.

    `detail`: why it is UNKNOWN, or what the run breaks. The rest is there iff something fails. `broken`: the id of what
    is. `inputs`: the arguments, and the states that are not as plain as can be. `counterexample`: a run that was
    executed, on the first of the geometries.
    """

    routine: str
    names: tuple[str, ...]
    mark: Mark
    detail: str = ""
    broken: str = ""
    inputs: tuple[Shown, ...] = ()
    counterexample: Counterexample | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    """What is asked: these procedures, by qualified name, on these geometries, which each of their modules sees."""

    routines: tuple[str, ...]
    geometries: tuple[str, ...]
    beyond: str | None


def matrix(program: core.Program, only: Sequence[str], beyond: str | None, geometry: str | None) -> Matrix:
    """The procedures of the modules asked for whose name matches one of the patterns (none: all), in the order of the
    patterns, and all geometries that they see, or the one that is named."""
    found: dict[str, core.Routine] = {}
    for pattern in only or ("*",):
        found.update(
            (r.qualified, r) for r in rows(program) if any(matches(n, (pattern,)) for n in (r.name, r.qualified))
        )
    chosen = tuple(found.values())
    seen: dict[str, None] = {}
    for routine in chosen:
        items = program.visible_items(routine.module)
        seen.update((n, None) for n, g in geometries(program, routine.module).items() if whole(g, items))
    names = tuple(n for n in seen if geometry in (None, n))
    return Matrix(tuple(r.qualified for r in chosen), names, beyond)


def decide(
    asked: Matrix,
    program: core.Program,
    sources: Mapping[str, Source],
    timeout: float,
    jobs: int,
    limit: float,
    stop: Connection,
) -> Generator[Entry, None, None]:
    """The entries, as they are decided, in `jobs` processes. Each gets about `timeout` seconds for each thing that it
    tries, and is stopped after `limit`."""
    found: list[Row] = []
    names = asked.routines
    for index, outcome in each(Rows(program, asked.beyond, timeout), names, jobs, limit, stop):
        match outcome:
            case Done(value=row):
                found.append(row)
            case _:
                yield Entry(names[index], asked.geometries, Mark.UNKNOWN, told(outcome))
    scopes = {name: tuple(named(geometries(program, module_of(name))[g]) for g in asked.geometries) for name in names}
    first = [Case(row, None, group) for row in found for group in running_alike(program, row, scopes[row.routine])]
    work = Entries(program, sources, timeout)
    held: dict[str, list[str]] = {}
    for entry in _entries(work, first, jobs, limit, stop):
        if entry.mark is Mark.HOLDS and has_precondition(program, entry.routine, asked.beyond):
            held.setdefault(entry.routine, []).extend(entry.names)
        else:
            yield entry
    second = []
    for row in found:
        left = [s for s in scopes[row.routine] if s.shown in held.get(row.routine, ())]
        second += [Case(row, asked.beyond, group) for group in running_alike(program, row, left)]
    for entry in _entries(work, second, jobs, limit, stop):
        yield replace(entry, mark=Mark.BEYOND) if entry.mark is Mark.FAILS else entry


def _entries(work: Entries, cases: Sequence[Case], jobs: int, limit: float, stop: Connection) -> Iterator[Entry]:
    for index, outcome in each(work, cases, jobs, limit, stop):
        match outcome:
            case Done(value=entries):
                yield from entries
            case _:
                yield Entry(cases[index].row.routine, cases[index].names, Mark.UNKNOWN, told(outcome))


def module_of(routine: str) -> str:
    """The module that a qualified name begins with."""
    return routine.rpartition(".")[0]


def has_precondition(program: core.Program, routine: str, label: str | None) -> bool:
    """True iff the routine has a precondition of that label."""
    return any(c.label == label for c in program.routines()[routine].requires)


def told(outcome: Late | Died | Raised) -> str:
    """What became of a worker, in words."""
    match outcome:
        case Late(seconds=seconds):
            return f"stopped after {seconds:.0f} s"
        case Died(what=what):
            return what
        case Raised(what=what, where=where):  # which is a defect of the tool: it can be told by where it is
            return "; ".join((what, *(f"at {w}" for w in where)))


def rows(program: core.Program) -> tuple[core.Routine, ...]:
    """The procedures of the modules asked for, in the order of the source, that have a body and claim something."""
    items = (item for module in program.modules if module.root for item in module.items)
    return tuple(i for i in items if isinstance(i, core.Routine) and i.kind in KINDS and i.body and i.ensures)


def as_claim(program: core.Program, name: str, without: str | None = None) -> tuple[core.Program, core.Routine]:
    """The program in which that routine claims its contract of every geometry, but for one precondition."""
    return _as(program, name, RoutineKind.PROCEDURE, None, without)


def as_refutation(
    program: core.Program, name: str, on: tuple[str, ...], without: str | None = None
) -> tuple[core.Program, core.Routine]:
    """The program in which the contract of that routine is to be refuted on these geometries."""
    return _as(program, name, RoutineKind.REFUTE_PROCEDURE, on, without)


def _as(
    program: core.Program, name: str, kind: RoutineKind, on: tuple[str, ...] | None, without: str | None
) -> tuple[core.Program, core.Routine]:
    routine = program.routines()[name]
    requires = tuple(c for c in routine.requires if c.label != without)
    other = replace(routine, kind=kind, on=on, requires=requires, witnesses=())
    return program.replacing(other), other


@dataclass(frozen=True, slots=True)
class Rows:
    """What a worker does for a procedure: which of its obligations are not proved for every geometry, `beyond` left out
    of its preconditions."""

    program: core.Program
    beyond: str | None
    timeout: float

    def __call__(self, name: str) -> Row:
        program, claim = as_claim(self.program, name, self.beyond)
        scopes = Scopes(program, None)
        left = []
        for obligation in obligations_of(program, claim):
            if obligation.kind is not Kind.REQUIRES and not self.general(program, scopes, obligation):
                left.append(obligation.id)
        return Row(name, tuple(left))

    def general(self, program: core.Program, scopes: Scopes, obligation: Obligation) -> bool:
        """True iff there is a proof for every geometry, of 32 and of 64 bits, that is soon found."""
        forget()
        question = ask(program, obligation, scopes.general(obligation, WIDTHS[0]))
        if stated(question) is not None:
            return True
        if at_once(Encodings(program, question), AnyIntegers(min(WIDTHS))) is not None:
            return True
        for width in WIDTHS:
            forget()
            encodings = Encodings(program, ask(program, obligation, scopes.general(obligation, width)))
            if at_once(encodings, AbstractIntegers(width)) is None and at_once(encodings, BitVectors(width)) is None:
                left = prove_generally(encodings, min(WIDTHS), self.timeout / 10) if width == WIDTHS[0] else None
                return left is not None
        return True


@dataclass(frozen=True, slots=True)
class Case:
    """A row on geometries on which it runs alike, all preconditions required but for one (None: all of them)."""

    row: Row
    without: str | None
    scopes: tuple[Scope, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(s.shown for s in self.scopes)


@dataclass(frozen=True, slots=True)
class Entries:
    """What a worker does for a case: an entry for the geometries of which it is the same. None is BEYOND."""

    program: core.Program
    sources: Mapping[str, Source]
    timeout: float

    def __call__(self, case: Case) -> tuple[Entry, ...]:
        found: list[tuple[Entry, Violation | None]] = []
        for scopes in alike(self.program, case.row, case.without, case.scopes):
            names = tuple(s.shown for s in scopes)
            again = next((pair for pair in found if pair[1] and self.breaks_too(case, scopes, pair[1])), None)
            if again is not None:
                found[found.index(again)] = (replace(again[0], names=again[0].names + names), again[1])
            else:
                found.append(self.decided(case, scopes))
        return tuple(entry for entry, _ in found)

    def decided(self, case: Case, scopes: tuple[Scope, ...]) -> tuple[Entry, Violation | None]:
        """The entry for geometries that are alike, the first standing for all; and the run, if something fails."""
        name, names, scope = case.row.routine, tuple(s.shown for s in scopes), scopes[0]

        def unknown(why: str) -> tuple[Entry, None]:
            return Entry(name, names, Mark.UNKNOWN, why), None

        module = module_of(name)
        broken = next((b for b in (not_a_geometry(self.program, module, s) for s in scopes) if b), None)
        if broken is not None:
            return unknown(broken)
        claims, claim = as_claim(self.program, name, case.without)
        obligations = obligations_of(claims, claim)
        why = unprovable(self.program, claim)
        asked = tuple(o for o in obligations if case.row.is_open(o.id, scope.word_bits) and o.kind is not Kind.REQUIRES)
        left = tuple(o for o in asked if why or not self_evident(claims, ask(claims, o, scope)))
        if left or why:
            program, routine = as_refutation(self.program, name, case.names, case.without)
            forget()
            run = find_run_by_step(program, routine, scope, self.timeout, frozenset(o.id for o in left))
            if run is None and (why or not all(self.proved(claims, o, scope) for o in left)):
                forget()
                runs = find_run(program, routine, scope, None, self.timeout, None)
                if runs.violation is None:
                    return unknown(f"neither a proof{f' ({why})' if why else ''} nor a run: {runs.bound}")
                run = runs.violation
            if run is not None:
                return self.failed(name, names, program, run), run
        if not self.possible(claims, next(o for o in obligations if o.kind is Kind.REQUIRES), scope):
            return unknown("no values were found that meet the preconditions")
        return Entry(name, names, Mark.HOLDS), None

    def failed(self, name: str, names: tuple[str, ...], program: core.Program, run: Violation) -> Entry:
        """The entry for a run that breaks something."""
        found = present_run(program, run, self.sources)
        return Entry(name, names, Mark.FAILS, run.what, run.id, telling_inputs(run), found)

    def breaks_too(self, case: Case, scopes: Sequence[Scope], known: Violation) -> bool:
        """True iff a run that was found on one geometry may begin on these too, and breaks the same there."""
        program, routine = as_refutation(self.program, case.row.routine, case.names, case.without)
        return all(
            not_a_geometry(program, routine.module, s) is None and breaks(program, routine, s, known) for s in scopes
        )

    def proved(self, program: core.Program, obligation: Obligation, scope: Scope) -> bool:
        """True iff it is proved."""
        forget()
        question = ask(program, obligation, scope)
        found = prove(Encodings(program, question), self.timeout * PROOF, quantified(program, question))
        return isinstance(found, Proof)

    def possible(self, program: core.Program, obligation: Obligation, scope: Scope) -> bool:
        """True iff some values meet the preconditions."""
        forget()
        question = ask(program, obligation, scope)
        return isinstance(search(program, question, self.timeout * PROOF, quantified(program, question)), Found)


def not_a_geometry(program: core.Program, module: str, scope: Scope) -> str | None:
    """Which assumption that a module sees a geometry does not meet."""
    context = context_for(program, scope.values, scope.word_bits, {})
    for assumption, clause in assumptions(program, module, ()):
        if not evaluate(clause.expr, context, {}, {}):
            return f"{assumption} is false on {scope.shown}"
    return None


def unprovable(program: core.Program, routine: core.Routine) -> str | None:
    """Why proofs of its obligations say too little of a routine's runs, if they do. Both are for a `refute procedure`
    alone: loops that nobody has said to end, and calls of another one, whose contract is false somewhere."""
    routines = program.routines()
    for statement in statements(routine.body or ()):
        if isinstance(statement, core.Loop) and statement.decreases is None:
            return "it has a loop without `decreases`"
        if isinstance(statement, core.Call) and routines[statement.callee].kind is RoutineKind.REFUTE_PROCEDURE:
            return f"it calls the refute procedure `{routines[statement.callee].name}`"
    return None


def alike(
    program: core.Program, row: Row, without: str | None, scopes: Sequence[Scope]
) -> tuple[tuple[Scope, ...], ...]:
    """The geometries in groups: of a group each question that is open has the same text, once params are values."""
    claims, claim = as_claim(program, row.routine, without)
    exprs = [*reached(claims, claim.module, replace(claim, kind=RoutineKind.REFUTE_PROCEDURE))]
    for obligation in obligations_of(claims, claim):
        if obligation.kind is Kind.REQUIRES or any(row.is_open(obligation.id, s.word_bits) for s in scopes):
            exprs += [step.expr if isinstance(step, Assume) else step.value for step in obligation.steps]
            exprs += [obligation.goal] if obligation.goal is not None else []
    return by_values(params_in(program, exprs), scopes)


def running_alike(program: core.Program, row: Row, scopes: Sequence[Scope]) -> tuple[tuple[Scope, ...], ...]:
    """The geometries in larger groups: of a group each run goes the same way, if it may begin."""
    routine = program.routines()[row.routine]
    body = replace(routine, requires=(), ensures=(), witnesses=())
    return by_values(params_in(program, executed(program, body)), scopes)


def executed(program: core.Program, routine: core.Routine) -> Iterator[core.Expr]:
    """The expressions that a run evaluates: of the routine and of the procedures that it calls. Lemmas do nothing."""
    yield from expressions(routine)
    routines = program.routines()
    for name in sorted(callees(routine)):
        if routines[name].kind in PROCEDURES:
            yield from executed(program, routines[name])


def by_values(params: Collection[Symbol], scopes: Sequence[Scope]) -> tuple[tuple[Scope, ...], ...]:
    """The geometries in groups that have the same values for these params; within a group, lesser values first."""
    groups: dict[object, list[Scope]] = {}
    for scope in sorted(scopes, key=lambda s: str(sorted((p.name, str(v)) for p, v in s.values.items()))):
        key = (scope.word_bits, tuple((s, v) for s, v in scope.values.items() if s in params))
        groups.setdefault(key, []).append(scope)
    return tuple(tuple(group) for group in groups.values())
