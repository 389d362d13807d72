"""That two bodies are equal: proved turn by turn (see `turns`), with what the proofs use."""

from __future__ import annotations

from dataclasses import dataclass

from verify import core
from verify.passive import Obligation
from verify.prove import Encodings, Proof, at_once, prove, prove_generally
from verify.question import ask, quantified
from verify.scopes import WIDTHS, Scope, Scopes
from verify.terms import forget
from verify.turns import Comparison, with_functions
from verify.words import AbstractIntegers, AnyIntegers

SHARE = 0.2
"""The share of the time that one proof gets."""

Known = dict[core.Clause, tuple[str, ...]]
"""Invariants that hold, each with the names of what its proofs use."""


@dataclass(frozen=True, slots=True)
class Equality:
    """Two routines of a program, with parameters and results of the same types, given what the first one requires."""

    program: core.Program
    one: core.Routine
    other: core.Routine
    timeout: float

    def laid_out(self, scope: Scope | None) -> tuple[Comparison, Known]:
        """The two side by side, and the invariants of the first one's loop that hold, each with what its proofs use.

        Raises NotAlike.
        """
        functions = with_functions(self.program)
        comparison = Comparison(functions, self.one, self.other)
        left = list(comparison.loop.invariants) if comparison.loop is not None else []
        while True:
            found: Known = {}
            for clause in left:
                proofs = [self.proof(functions, o, scope, True) for o in comparison.kept(clause, left)]
                if None not in proofs:
                    found[clause] = tuple(name for used in proofs if used is not None for name in used)
            if len(found) == len(left):
                return comparison, found
            left = list(found)

    def equal(
        self, comparison: Comparison, known: Known, scope: Scope | None, *, quick: bool
    ) -> tuple[str, ...] | None:
        """What a proof uses that they are equal on a geometry (None: on every one); None without a proof.

        What the invariants that it uses were proved from is part of it.
        """
        used: dict[str, None] = {}
        for obligation in comparison.questions(tuple(known)):
            found = self.proof(comparison.program, obligation, scope, quick)
            if found is None:
                return None
            used.update(dict.fromkeys(found))
        behind = {f"{self.one.qualified}.invariant.{clause.label}": names for clause, names in known.items()}
        waiting = list(used)
        while waiting:
            more = [name for name in behind.get(waiting.pop(), ()) if name not in used]
            used.update(dict.fromkeys(more))
            waiting += more
        return tuple(used)

    def proof(
        self, program: core.Program, obligation: Obligation, scope: Scope | None, quick: bool
    ) -> tuple[str, ...] | None:
        """What a proof uses on a geometry, or on every one; if it is to be quick, one that is soon found."""
        forget()
        if scope is not None:
            encodings = Encodings(program, ask(program, obligation, scope))
            found = at_once(encodings, AbstractIntegers(scope.word_bits))
            if found is not None or quick:
                return None if found is None else found.used
            other = prove(encodings, self.timeout * SHARE, quantified(program, encodings.question))
            return other.used if isinstance(other, Proof) else None
        scopes = Scopes(program, None)
        encodings = Encodings(program, ask(program, obligation, scopes.general(obligation, min(WIDTHS))))
        found = at_once(encodings, AnyIntegers(min(WIDTHS)))
        if found is not None or quick:
            found = found or prove_generally(encodings, min(WIDTHS), self.timeout * SHARE)
            return None if found is None else found.used
        used: list[str] = []
        for width in WIDTHS:
            forget()
            encodings = Encodings(program, ask(program, obligation, scopes.general(obligation, width)))
            one = prove(encodings, self.timeout * SHARE, quantified(program, encodings.question))
            if not isinstance(one, Proof):
                return None
            used += one.used
        return tuple(dict.fromkeys(used))
