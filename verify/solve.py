"""One obligation at one scope: from the question to the verdict.

A proof is a `no` of the solver. Everything else that is said, a counterexample, a witness, has been executed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from verify import core
from verify.basis import Basis, Met, Unmet
from verify.confirm import Confirmed
from verify.evaluate import Undecided, Undefined, context_for, evaluate
from verify.execute import Finished
from verify.function import Function
from verify.judge import judge
from verify.minimise import minimised
from verify.passive import Kind, Obligation
from verify.present import present_function, present_run, present_values
from verify.prove import LONG, Encodings, NoProof, Proof, at_once, prove, prove_generally
from verify.question import Question, applied, ask, quantified
from verify.run import FUEL, Runs, Violation, find_run, replay
from verify.scopes import Scope
from verify.search import Found, Nothing, Search, Unsure, familiar, opened, search, search_small
from verify.seen import assumptions
from verify.sites import range_sites, statements
from verify.small import sizes_of
from verify.span import Source
from verify.stated import stated
from verify.syntax import RoutineKind
from verify.terms import forget
from verify.verdict import Counterexample, Reason, Result, Verdict
from verify.words import AbstractIntegers, AnyIntegers, BitVectors

TIMEOUT = 30.0
"""Seconds for one obligation at one scope, if the caller does not say."""

EVALUATION, VERBATIM = "evaluate", "verbatim"
"""What gives a verdict beside the solver, as the report names it: see `evaluate` and `stated`."""

SOON = 0.1
"""The share of its time that a brief search for values may take."""

BRIEF = 150_000
"""The effort of each call of the solver in that search: a tenth of a second or so."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    verdict: Verdict
    reason: Reason | None = None
    used: tuple[str, ...] = ()
    counterexample: Counterexample | None = None
    detail: tuple[str, ...] = ()
    defect: bool = False
    by: str = "z3"
    basis: Basis | None = None


def discharge(
    program: core.Program, obligation: Obligation, scope: Scope, sources: Mapping[str, Source], timeout: float
) -> Result:
    """The verdict on an obligation at a scope, within about `timeout` seconds: whatever was asked before."""
    return discharge_with_basis(program, obligation, scope, sources, timeout)[0]


def discharge_with_basis(
    program: core.Program, obligation: Obligation, scope: Scope, sources: Mapping[str, Source], timeout: float
) -> tuple[Result, Basis | None]:
    """The same with what the verdict rests on, while terms are made as they are there; None where that is no question:
    a run, or nothing."""
    started = time.monotonic()
    forget()
    outcome = _Discharge(program, obligation, scope, sources, timeout, started + timeout).outcome()
    result = Result(
        obligation.id,
        obligation.kind,
        scope.shown,
        scope.word_bits,
        obligation.expected,
        outcome.verdict,
        outcome.reason,
        obligation.location,
        time.monotonic() - started,
        outcome.by,
        outcome.used,
        obligation.claims,
        outcome.counterexample,
        outcome.detail,
        outcome.defect,
        obligation.implemented,
    )
    return result, outcome.basis


def together(
    program: core.Program, obligation: Obligation, scopes: tuple[Scope, ...], timeout: float = TIMEOUT
) -> tuple[Result, ...] | None:
    """A result for each scope, all word sizes of every geometry, if one proof that fixes no word size is found.

    It takes at most half of `timeout` seconds.
    """
    found = together_with_basis(program, obligation, scopes, timeout)
    return None if found is None else found[0]


def together_with_basis(
    program: core.Program, obligation: Obligation, scopes: tuple[Scope, ...], timeout: float = TIMEOUT
) -> tuple[tuple[Result, ...], Basis] | None:
    """The same with what the verdicts rest on, while terms are made as they are there."""
    started = time.monotonic()
    forget()
    question = ask(program, obligation, scopes[0])
    if question.wanted or any(scope.empty for scope in scopes) or obligation.kind is Kind.GEOMETRY:
        return None
    if obligation.function is not None and obligation.function.trouble:
        return None
    used = stated(question)
    least = min(scope.word_bits for scope in scopes)
    if used is not None:
        proof: Proof | Unmet | None = Unmet(question, AnyIntegers(least), obligation.revealed, used)
    else:
        proof = at_once(Encodings(program, question), AnyIntegers(least))
    bent = proof is None and quantified(program, question)
    if proof is None and bent and _soon_found(program, question, timeout * SOON, bent) is None:
        left = timeout / 2 - (time.monotonic() - started)
        proof = prove_generally(Encodings(program, question), least, left)
    if proof is None:
        return None
    seconds = (time.monotonic() - started) / len(scopes)
    results = tuple(
        Result(
            obligation.id,
            obligation.kind,
            scope.shown,
            scope.word_bits,
            obligation.expected,
            Verdict.PROVED,
            None,
            obligation.location,
            seconds,
            "z3" if used is None else VERBATIM,
            proof.used,
            obligation.claims,
            None,
            ("one proof for every word size",),
            function=obligation.implemented,
        )
        for scope in scopes
    )
    return results, proof


def _soon_found(program: core.Program, question: Question, seconds: float, bent: bool) -> Found | None:
    """Values that meet the question, if little effort finds some: before long proofs, which a false claim has not.

    Of every geometry those with a name stand in for all: with numbers in place of symbols the solver is quick. What is
    asked afterwards is asked in a new context: it gets the answer that it gets without this.
    """
    deadline = time.monotonic() + seconds
    for scope in familiar(program, question) or (question.scope,):
        found = _values(program, replace(question, scope=scope), deadline - time.monotonic(), bent, BRIEF)
        forget()
        if isinstance(found, Found):
            return found
        if isinstance(found, Unsure):
            break  # hard for one is hard for all
    return None


def _values(program: core.Program, question: Question, seconds: float, bent: bool, effort: int = 0) -> Search:
    """A search for values. Where the goal says that some value is so, that none is stands among its assumptions."""
    return search(program, opened(program, question) if bent else question, seconds, bent, effort)


@dataclass(frozen=True, slots=True)
class _Discharge:
    program: core.Program
    obligation: Obligation
    scope: Scope
    sources: Mapping[str, Source]
    timeout: float
    deadline: float

    def at_most(self, share: float) -> float:
        """Seconds: that share of all there were, or what is left."""
        return max(0.0, min(self.timeout * share, self.deadline - time.monotonic()))

    def outcome(self) -> _Outcome:
        if self.obligation.kind is Kind.GEOMETRY:
            return self.geometry()
        function = self.obligation.function
        if function is not None and function.trouble:
            reason = Reason.TIMEOUT if function.late else Reason.NOT_EXECUTABLE
            return _Outcome(Verdict.UNKNOWN, reason, detail=(f"{function.binding.place}: {function.trouble}",))
        routine = self.program.routines().get(f"{self.obligation.module}.{self.obligation.item}")
        if routine is None and self.scope.empty:
            return _Outcome(Verdict.VACUOUS, detail=("no geometry meets the assumptions",))
        question = ask(self.program, self.obligation, self.scope)
        if routine is not None and routine.kind is RoutineKind.REFUTE_PROCEDURE:
            return self.refute_procedure(routine)
        if question.wanted:
            return self.wanted(question)
        return self.claimed(question, routine)

    def geometry(self) -> _Outcome:
        """A named geometry meets every assumption that its module sees: by evaluation alone."""
        context = context_for(self.program, self.scope.values, self.scope.word_bits, {})
        broken = []
        for name, clause in assumptions(self.program, self.obligation.module, ()):
            try:
                if not evaluate(clause.expr, context, {}, {}):
                    broken.append(f"{name} is false on {self.scope.shown}")
            except Undefined as error:
                broken.append(f"{name} is undefined on {self.scope.shown}: {error.reason}")
            except Undecided as error:
                what = f"{name}: {error.reason}"
                return _Outcome(Verdict.UNKNOWN, Reason.NOT_EXECUTABLE, detail=(what,), by=EVALUATION)
        if not broken:
            used = tuple(name for name, _ in assumptions(self.program, self.obligation.module, ()))
            question = ask(self.program, self.obligation, self.scope)
            return _Outcome(Verdict.PROVED, used=used, by=EVALUATION, basis=Met(question, Confirmed(context, {})))
        shown = present_values(self.program, context, {}, (), (), self.sources, True)
        return _Outcome(Verdict.REFUTED, counterexample=shown, detail=tuple(broken), by=EVALUATION)

    # --- values are wanted -------------------------------------------------------------------------------------------

    def wanted(self, question: Question) -> _Outcome:
        """requires, cover, refute: some values are to be found."""
        good, bad = {
            Kind.REQUIRES: (Verdict.PROVED, Verdict.VACUOUS),
            Kind.COVER: (Verdict.COVERED, Verdict.UNCOVERED),
        }.get(self.obligation.kind, (Verdict.REFUTED, Verdict.PROVED))
        bent = quantified(self.program, question)
        found: Search | None = _soon_found(self.program, question, self.at_most(SOON), bent) or self.small(question)
        if found is None:
            found = _values(self.program, question, self.at_most(0.7), bent)
        match found:
            case Found():
                if good is not Verdict.PROVED:  # then they are shown
                    found = minimised(question, found)
                confirmed = found.confirmed
                shown = present_values(
                    self.program,
                    confirmed.context,
                    confirmed.values,
                    found.symbols,
                    question.steps,
                    self.sources,
                    True,
                )
                basis = Met(question, confirmed)
                return _Outcome(good, counterexample=None if good is Verdict.PROVED else shown, basis=basis)
            case Nothing():
                return _Outcome(bad, detail=self.why_nothing(), basis=self.unmet(question, bent))
            case Unsure():
                encodings = Encodings(self.program, question)
                if at_once(encodings, AbstractIntegers(self.scope.word_bits)) is not None or isinstance(
                    prove(encodings, self.at_most(0.3), bent), Proof
                ):
                    return _Outcome(bad, detail=self.why_nothing())
                if found.defect:
                    return _Outcome(Verdict.UNKNOWN, Reason.SOLVER, detail=(found.reason,), defect=not bent)
                reason = Reason.NOT_EXECUTABLE if found.undecided else _reason(found.reason)
                return _Outcome(Verdict.UNKNOWN, reason, detail=(found.reason,))

    def small(self, question: Question) -> Found | None:
        """Small values at a geometry that has a name, if there are some and no more than much effort finds them."""
        for scope in familiar(self.program, question)[:2]:
            sizes = sizes_of(context_for(self.program, scope.values, scope.word_bits, {}))
            found = search_small(self.program, replace(question, scope=scope), self.at_most(SOON), LONG, sizes)
            forget()
            if isinstance(found, Found):
                return found
        return None

    def why_nothing(self) -> tuple[str, ...]:
        where = f"{self.scope.shown} at {self.scope.word_bits} bits" if self.scope.name is None else self.scope.name
        match self.obligation.kind:
            case Kind.REQUIRES:
                return (f"no values meet the preconditions, invariants and assumptions together ({where})",)
            case Kind.COVER:
                return (f"no values meet the requires and witness clauses ({where})",)
            case _:
                return (f"the claim holds: every value that meets requires and witness meets the ensures ({where})",)

    def unmet(self, question: Question, bent: bool) -> Unmet:
        """What `Nothing` rests on."""
        asked = opened(self.program, question) if bent else question
        return Unmet(asked, BitVectors(self.scope.word_bits), None, asked.clauses())

    # --- a claim -----------------------------------------------------------------------------------------------------

    def claimed(self, question: Question, routine: core.Routine | None) -> _Outcome:
        """A claim: no values may break it."""
        used = stated(question)
        if used is not None:
            basis = Unmet(question, AbstractIntegers(self.scope.word_bits), self.obligation.revealed, used)
            return _Outcome(Verdict.PROVED, used=used, by=VERBATIM, basis=basis)
        bent = quantified(self.program, question)
        quick = at_once(Encodings(self.program, question), AbstractIntegers(self.scope.word_bits))
        if quick is not None:
            return _Outcome(Verdict.PROVED, used=quick.used, basis=quick)
        soon = _soon_found(self.program, question, self.at_most(SOON), bent)
        if soon is not None:
            return self.broken(question, soon, routine)
        proof = prove(Encodings(self.program, question), self.at_most(0.5), bent)
        if isinstance(proof, Proof):
            return _Outcome(Verdict.PROVED, used=proof.used, basis=proof)
        found = _values(self.program, question, self.at_most(0.25), bent)
        match found:
            case Found():
                return self.broken(question, found, routine)
            case Nothing():
                names = self.hidden(question)
                if names:
                    what = f"the claim holds with {names} laid open, and not without: reveal what it needs"
                    return _Outcome(Verdict.UNKNOWN, Reason.TOO_WEAK, detail=(what,))
                every = "which clauses this needs is not known: all that there are stand there"
                basis = self.unmet(question, bent)
                return _Outcome(Verdict.PROVED, used=question.clauses(), detail=(every,), basis=basis)
            case Unsure():
                return self.unsure(proof, found, routine)

    def hidden(self, question: Question) -> str:
        """The opaque defines that the question uses and the body does not reveal, for a message; empty for none."""
        opaque = {d.qualified: d.name for d in self.program.defines().values() if d.opaque}
        used = {f for e in question.expressions() for f in applied(self.program, e)}
        names = sorted(opaque[f] for f in used & opaque.keys() if f not in question.obligation.revealed)
        return ", ".join(f"`{n}`" for n in names)

    def broken(self, question: Question, found: Found, routine: core.Routine | None) -> _Outcome:
        """Values break the claim, executed. Whether a run from the entry does is a question of its own."""
        found = minimised(question, found)
        confirmed, function = found.confirmed, self.obligation.function
        if function is not None:
            return self.differs(function, confirmed, routine)
        step = present_values(
            self.program,
            confirmed.context,
            confirmed.values,
            found.symbols,
            question.steps,
            self.sources,
            not self.obligation.leans,
        )
        if not self.obligation.leans:
            return replace(self.run_as_well(step, confirmed, routine), basis=Met(question, confirmed))
        assert routine is not None
        run = find_run(
            self.program, routine, self.scope, frozenset({self.obligation.id}), self.at_most(0.25), confirmed
        )
        if run.violation is not None:
            return self.run_found(run.violation)
        leans = " or ".join(self.obligation.leans)
        detail = (
            f"too weak: {leans}",
            "the step below breaks the claim and agrees with what is known there; it need not be reachable",
            f"no run from the entry breaks it: {run.bound}",
        )
        return _Outcome(Verdict.UNKNOWN, Reason.TOO_WEAK, counterexample=step, detail=detail)

    def run_found(self, run: Violation) -> _Outcome:
        """A run from the entry, executed."""
        shown = present_run(self.program, run, self.sources)
        return _Outcome(Verdict.REFUTED, counterexample=shown, basis=run.basis)

    def differs(self, function: Function, confirmed: Confirmed, routine: core.Routine | None) -> _Outcome:
        """On these values a function was not seen to do as the item says: it is run, and then does so or does not."""
        seconds = max(1.0, self.at_most(0.25))
        judged = judge(self.program, function, routine, confirmed, bool(self.obligation.leans), seconds)
        shown = present_function(self.program, function, judged, self.obligation.location, self.sources)
        verdict = Verdict.REFUTED if judged.reason is None else Verdict.UNKNOWN
        return _Outcome(verdict, judged.reason, counterexample=shown, detail=judged.detail)

    def run_as_well(self, step: Counterexample, confirmed: Confirmed, routine: core.Routine | None) -> _Outcome:
        """The steps from the entry on break the claim: so must a run of the body, or the tool contradicts itself."""
        if routine is None or not self.runs(routine):
            return _Outcome(Verdict.REFUTED, counterexample=step)
        run = replay(self.program, routine, confirmed, (), lambda id_: id_ == self.obligation.id, FUEL)
        if isinstance(run, Violation):
            return _Outcome(Verdict.REFUTED, counterexample=present_run(self.program, run, self.sources))
        what = "the steps break the claim and a run of the body on the same values does not"
        defect = isinstance(run, Finished) and not self.chooses(routine)
        return _Outcome(Verdict.REFUTED, counterexample=step, detail=(what,) if defect else (), defect=defect)

    def runs(self, routine: core.Routine) -> bool:
        """True iff a run of the routine can meet the claim: not within a constant or a define, nor without a body."""
        if self.obligation.kind is Kind.RANGE:
            own = {f"{routine.qualified}.range[{number}]" for number in range_sites(routine).values()}
            if self.obligation.id not in own:
                return False
        return routine.body is not None or routine.kind is RoutineKind.LEMMA

    def chooses(self, routine: core.Routine) -> bool:
        """True iff the body has a variable of any value: a run may have chosen another."""
        return any(isinstance(s, core.Havoc) for s in statements(routine.body or ()))

    def unsure(self, proof: NoProof, found: Unsure, routine: core.Routine | None) -> _Outcome:
        """Neither a proof nor values. A run from the entry may still break the claim."""
        if found.defect:
            bent = quantified(self.program, ask(self.program, self.obligation, self.scope))
            return _Outcome(Verdict.UNKNOWN, Reason.SOLVER, detail=(found.reason,), defect=not bent)
        if routine is not None and routine.body is not None and self.obligation.function is None:
            run = find_run(self.program, routine, self.scope, frozenset({self.obligation.id}), self.at_most(0.25), None)
            if run.violation is not None:
                return self.run_found(run.violation)
        reasons = tuple(dict.fromkeys((*proof.reasons, found.reason)))
        reason = Reason.NOT_EXECUTABLE if found.undecided else _reason(" ".join(reasons))
        return _Outcome(Verdict.UNKNOWN, reason, detail=reasons)

    # --- refute procedure --------------------------------------------------------------------------------------------

    def refute_procedure(self, routine: core.Routine) -> _Outcome:
        """Some run of the body breaks something, or never ends."""
        run: Runs = find_run(self.program, routine, self.scope, None, self.at_most(1.0), None)
        if run.violation is not None:
            return replace(self.run_found(run.violation), detail=(run.violation.what,))
        return _Outcome(Verdict.UNKNOWN, run.reason, detail=(run.bound,))


def _reason(text: str) -> Reason:
    if "memory" in text:
        return Reason.MEMORY
    return Reason.TIMEOUT if "timeout" in text or "canceled" in text or "max." in text else Reason.SOLVER
