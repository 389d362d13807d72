"""What a verdict rests on, and that as terms: what other solvers are asked.

The terms are made where they are wanted: a run that asks no other solver makes none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import z3

from verify import core
from verify.confirm import Confirmed
from verify.context import Table
from verify.core import SymbolKind
from verify.encode import Encoder
from verify.evaluate import Undecided, Undefined
from verify.prove import Proof
from verify.put import Assertions, asserted, assertions
from verify.question import Question
from verify.reads import read_out
from verify.verdict import Answer
from verify.words import BitVectors, Words


@dataclass(frozen=True, slots=True)
class Unmet:
    """No values meet the question over `words`, with the defines `revealed` laid open (None: all). `used`: clauses of
    it that suffice. The terms are still to be made; a `Proof` is the same with terms."""

    question: Question
    words: Words
    revealed: frozenset[str] | None
    used: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Met:
    """These values meet the question: they have been executed."""

    question: Question
    values: Confirmed


Basis = Proof | Unmet | Met


@dataclass(frozen=True, slots=True)
class Claim:
    """That `terms` together are satisfiable (SAT) or not (UNSAT)."""

    answer: Answer
    terms: tuple[Any, ...]


def claim(program: core.Program, basis: Basis) -> Claim:
    """Of a proof: that no values meet the question, of whose clauses only those that it used are there; so none meet
    all of it. Of values: that they meet the whole question, on the bits, with every define laid open."""
    match basis:
        case Proof() | Unmet():
            return Claim(Answer.UNSAT, asked_by(program, basis).only(basis.used))
        case Met():
            return _met(program, basis)


def asked_by(program: core.Program, basis: Proof | Unmet) -> Assertions:
    """What the solver was asked for a proof, or would have been, with all clauses."""
    if isinstance(basis, Proof):
        return basis.asked
    question = basis.question
    return assertions(program, question, basis.words, basis.revealed, question.scope.narrow)


def _met(program: core.Program, met: Met) -> Claim:
    """The values are written into the question. What they leave open, if anything, is left to the solver."""
    question, found = met.question, met.values
    params = {
        s: v
        for s, v in found.context.constants.items()
        if s.kind is SymbolKind.PARAM and not isinstance(v, Undefined | Undecided)
    }
    fixed = replace(question, scope=replace(question.scope, values={**question.scope.values, **params}, narrow={}))
    words, lax = BitVectors(question.scope.word_bits), bool(question.obligation.without)
    encoder = _Tabled.of(program, words, fixed.scope.values, None, {}, lax)
    encoder.tables = found.context.tables
    for symbol in (s for s in question.free_symbols() if s in found.values):
        encoder.symbols[symbol] = encoder.value(found.values[symbol], symbol.type)
    asked = asserted(encoder, fixed, None)
    # Not simplified: what these values make of the question is for the other solver to find out.
    return Claim(Answer.SAT, read_out(asked.only(question.clauses())))


@dataclass(slots=True)
class _Tabled(Encoder):
    """To it uninterpreted defines are what `tables` has, where it has them."""

    tables: Mapping[str, Table] = field(default_factory=dict)

    def function(self, define: core.Define) -> Callable[..., Any]:
        table = self.tables.get(define.qualified)
        if table is None:
            unknown: Callable[..., Any] = Encoder.function(self, define)
            return unknown

        def held(*arguments: Any) -> Any:
            found = self.value(table.default, define.result)
            for row, value in table.entries.items():
                given = zip(arguments, row, (*define.parameters, *define.reads), strict=True)
                there = z3.And(*(argument == self.value(v, p.type) for argument, v, p in given))
                found = z3.If(there, self.value(value, define.result), found)
            return found

        return held

    def function_constant(self, define: core.Define) -> Any:
        table = self.tables.get(define.qualified)
        return Encoder.function_constant(self, define) if table is None else self.value(table.default, define.result)
