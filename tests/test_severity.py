"""A claim that is proved and yet false is told apart from a fault of the implementation, and said loudly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import bridge
import generated
import pytest
import severity
from bridge import Function, Misbehaved, Outcome
from generated import Broken, Contradicted, Suite, inputs, ran_on, run, suite
from lockstep import interference
from severity import Failure, Severity, finding
from test_generated import LATENCY, TABLE, copied

from mremap_impl.geometry import Geometry
from verify import core
from verify.solve import discharge
from verify.strategies.examples import Example
from verify.strategies.hooks import Answers
from verify.values import Value
from verify.verdict import Verdict

CUT, ALLOC = "extent.latency_cut", "levels.pte_alloc"
FALSE = "    ensures  short: cut < 3\n"
FEW = 20
HONEST = 1
"""On how many examples of each procedure the binding is looked at."""

pytestmark = pytest.mark.xdist_group("severity")
"""All in one process: they draw the same examples."""


def failure(made: Suite, id_: str) -> Broken:
    with pytest.raises(Broken) as error:
        run(made, next(t for t in made.tests if t.id == id_), count=FEW)
    return error.value


def with_a_false_clause(folder: Path) -> Suite:
    return suite([copied(folder, {"extent.spec": (LATENCY, FALSE + LATENCY)})], {CUT: TABLE[CUT]}, folder)


def believing(*args: Any) -> Any:
    """A prover that has no doubts."""
    return replace(discharge(*args), verdict=Verdict.PROVED)


# --- the fault is ours ---------------------------------------------------------------------------------------------


def test_what_is_proved_and_false_of_the_body_itself_is_a_wrong_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(severity, "discharge", believing)
    error = failure(with_a_false_clause(tmp_path), f"{CUT}.ensures.short")
    assert type(error) is Contradicted
    assert str(error).splitlines()[:3] == [
        f"WRONG PROOF: {CUT}.ensures.short is proved, and the specification's own body breaks it on the example of",
        f"{CUT}.ensures.short. The prover is wrong, or what runs bodies is: until it is known which, no proof counts.",
        "spec/extent.spec:88:5: extent.latency_cut.ensures.short, as mremap_impl.step.latency_cut has it: it is false",
    ]


def one_more(of: str) -> Any:
    """A binding that hands back a number one higher than the function left it, or twice as much of what it returned."""

    def lying(routine: core.Routine, function: Function, example: Example, answers: Mapping[str, Answers]) -> Outcome:
        outcome = bridge.call(routine, function, example, answers)

        def bent(values: Mapping[Any, Value]) -> dict[Any, Value]:
            return {s: (v * 2 if s.name == of == "cut" else v + 1) if s.name == of else v for s, v in values.items()}  # type: ignore[operator]

        return Outcome(bent(outcome.state), bent(outcome.results))

    return lying


@pytest.mark.parametrize(
    ("id_", "of"), [(f"{CUT}.ensures.exact", "cut"), (f"{ALLOC}.ensures.counted", "nr_ptes")], ids=["result", "state"]
)
def test_a_binding_that_hands_back_what_nobody_left_is_a_wrong_binding(
    id_: str, of: str, specification: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated, "call", one_more(of))
    error = failure(specification.running({}), id_)
    assert type(error) is Contradicted
    assert str(error).splitlines()[:2] == [
        f"WRONG BINDING: {id_} is false, and the binding that says so does not tell the truth: of a function that",
        f"changes nothing, and returns what it should, it says: {of} is another value than it was given.",
    ]


def test_a_claim_that_is_false_where_nothing_differs_is_a_wrong_binding(specification: Suite) -> None:
    made = specification
    example = inputs(made, made.program.routines()[CUT], FEW, 0).examples[0]
    routine = made.program.routines()[CUT]
    outcome = ran_on(made, routine, example).outcome
    found = finding(made.program, made.sources, Failure(f"{CUT}.ensures.exact", routine, example, outcome, None))
    assert found.severity is Severity.BINDING
    assert "and the two are equal" in found.words


def test_the_binding_of_an_honest_bridge_is_not_called_wrong(specification: Suite) -> None:
    """A function that does something else is a wrong implementation, whatever procedure it is bound to."""
    made = specification
    looked_at = 0
    for name in TABLE:
        routine = made.program.routines()[name]
        if interference(made.program, routine) is not None:
            continue
        for example in inputs(made, routine, HONEST, 0).examples:
            ran = ran_on(made, routine, example)
            test = next(t for t in made.tests if t.routine is routine)
            settled = replace(example, context=ran.context)
            bound = generated.binding(routine)
            found = finding(made.program, made.sources, Failure(test.id, routine, settled, "it crashed", bound))
            if found.severity is Severity.UNTOLD:
                assert "out of fuel" in found.words  # a long range; those that tests fail on are made small
                continue
            assert found.severity is Severity.IMPLEMENTATION, found.words
            looked_at += 1
    assert looked_at > 20


# --- it is not -----------------------------------------------------------------------------------------------------


def uncut(extent: int, geometry: Geometry) -> int:
    del geometry
    return extent


def test_a_fault_of_the_implementation_is_one(specification: Suite) -> None:
    error = failure(specification.running({CUT: uncut}), f"{CUT}.ensures.latency")
    assert type(error) is Broken
    assert str(error).splitlines()[0] == (
        f"{CUT}.ensures.latency: the implementation is wrong: the specification's body meets it on this example"
    )


def test_an_implementation_that_crashes_is_wrong(specification: Suite) -> None:
    def crashes(extent: int, geometry: Geometry) -> int:
        raise Misbehaved(f"{extent}, {geometry}")

    error = failure(specification.running({CUT: crashes}), f"{CUT}.ensures.latency")
    assert type(error) is Broken
    assert "the implementation is wrong" in str(error).splitlines()[0]


def test_what_the_body_breaks_and_is_not_proved_is_a_fault_of_the_specification(tmp_path: Path) -> None:
    error = failure(with_a_false_clause(tmp_path), f"{CUT}.ensures.short")
    assert type(error) is Broken
    assert str(error).splitlines()[0] == (
        f"{CUT}.ensures.short: the specification is wrong: its own body breaks {CUT}.ensures.short on this example, "
        "which is not proved (refuted)"
    )


def test_whose_fault_it_is_may_not_be_told(tmp_path: Path) -> None:
    claim = "    ensures  every: forall m: map[word, bool] :: m[cut] || !m[cut]\n"
    spec = copied(tmp_path, {"extent.spec": (LATENCY, claim + LATENCY)})
    error = failure(suite([spec], {CUT: TABLE[CUT]}, tmp_path), f"{CUT}.ensures.every")
    assert type(error) is Broken
    assert "whose fault it is cannot be told" in str(error).splitlines()[0]
