"""Whose fault it is that a generated test fails: the implementation's, the specification's, or ours.

Asked on a failure only. The specification's own body is run on the example, with every claim looked at on the way. The
first that it breaks is asked of the prover: what is proved cannot be broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import assert_never

from body import settled
from bridge import Function, Misbehaved, Outcome

from mremap_impl.mm import Mm
from verify import core
from verify.contract import obligations_of
from verify.execute import Finished, Repeats, Stopped, Violated
from verify.scopes import Scopes
from verify.solve import discharge
from verify.span import Source
from verify.strategies.examples import Example
from verify.verdict import Verdict

FUEL = 20_000
"""How many statements the body may take."""

SECONDS = 20.0
"""What the prover may spend on one obligation."""


class Severity(Enum):
    """Where the fault is. `PROOF` and `BINDING` are ours: what is proved, or what is tested, cannot be relied on."""

    IMPLEMENTATION = "implementation"
    SPECIFICATION = "specification"
    PROOF = "proof"
    BINDING = "binding"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Finding:
    """`words`: what a person reads first, one line or more."""

    severity: Severity
    words: str

    @property
    def ours(self) -> bool:
        return self.severity in (Severity.PROOF, Severity.BINDING)


Call = Callable[[Function, Example], Outcome]
"""The binding: what a function leaves behind on an example. Raises Misbehaved."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A claim that is false on an example, of what the binding says that the implementation left behind.

    The context of `example` has tables of what was asked. `call` is None where the specification follows the
    implementation step by step, and so has its states from itself.
    """

    id: str
    routine: core.Routine
    example: Example
    outcome: Outcome | str
    call: Call | None


def finding(program: core.Program, sources: Mapping[str, Source], failure: Failure) -> Finding:
    """Whose fault it is."""
    _, run = settled(program, failure.routine, failure.example, FUEL, lambda _id: True)
    match run:
        case Finished():
            return _of_the_code(failure, Outcome(dict(run.state), dict(run.results)))
        case Violated():
            return _of_the_body(program, sources, failure, run.id)
        case Repeats():
            return _of_the_body(program, sources, failure, f"{run.id}.decreases")
        case Stopped():
            return Finding(
                Severity.UNTOLD,
                f"{failure.id}: whose fault it is cannot be told: the specification's body, on this example, says "
                f"nothing: {run.reason.value}: {run.detail}",
            )
        case _:
            assert_never(run)


def _of_the_code(failure: Failure, meant: Outcome) -> Finding:
    """The body meets every claim on the example, and leaves `meant` behind."""
    if failure.outcome == meant:
        return Finding(
            Severity.BINDING,
            f"WRONG BINDING: {failure.id} is false of what the implementation leaves behind, and true of what the "
            "specification's\nbody does, and the two are equal. So what the binding says was asked or was there "
            "before is not so.",
        )
    bent = None if failure.call is None else _bent(failure.call, failure.example, meant)
    if bent is not None:
        return Finding(
            Severity.BINDING,
            f"WRONG BINDING: {failure.id} is false, and the binding that says so does not tell the truth: of a "
            f"function that\nchanges nothing, and returns what it should, it says: {bent}.",
        )
    return Finding(
        Severity.IMPLEMENTATION,
        f"{failure.id}: the implementation is wrong: the specification's body meets it on this example",
    )


def _bent(call: Call, example: Example, meant: Outcome) -> str | None:
    """What the binding makes of a function that has nothing left to do; None if it is what it should be.

    So it is not noticed that what a function changes is left out: from outside that is a function that does not.
    """

    def idle(mm: Mm) -> object:
        del mm
        values = tuple(meant.results.values())
        return values[0] if len(values) == 1 else values

    try:
        said = call(idle, replace(example, state=meant.state))
    except Misbehaved as error:
        return str(error)
    pairs = [*zip(meant.state, meant.state.values(), said.state.values(), strict=True)]
    pairs += zip(meant.results, meant.results.values(), said.results.values(), strict=True)
    wrong = [symbol.name for symbol, should, is_ in pairs if should != is_]
    return f"{', '.join(wrong)} is another value than it was given" if wrong else None


def _of_the_body(program: core.Program, sources: Mapping[str, Source], failure: Failure, broken: str) -> Finding:
    """The body breaks an obligation on the example, and none before it, so all that its proof assumes is true there."""
    verdict = _verdict(program, sources, failure.example, broken)
    if verdict is Verdict.PROVED:
        return Finding(
            Severity.PROOF,
            f"WRONG PROOF: {broken} is proved, and the specification's own body breaks it on the example of\n"
            f"{failure.id}. The prover is wrong, or what runs bodies is: until it is known which, no proof counts.",
        )
    asked = "not asked of the prover" if verdict is None else verdict.value
    return Finding(
        Severity.SPECIFICATION,
        f"{failure.id}: the specification is wrong: its own body breaks {broken} on this example, "
        f"which is not proved ({asked})",
    )


def _verdict(program: core.Program, sources: Mapping[str, Source], example: Example, id_: str) -> Verdict | None:
    """The verdict on an obligation where the example is; None if there is no such."""
    routine = program.routines()[".".join(id_.split(".")[:2])]
    for obligation in obligations_of(program, routine):
        if obligation.id == id_:
            for scope in Scopes(program, None).of(obligation):
                if scope.word_bits == example.context.word_bits and scope.name in (None, example.geometry):
                    return discharge(program, obligation, scope, sources, SECONDS).verdict
    return None
