"""Test vectors: what is found for each goal, what is said to be impossible or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from vectors_text import TEXT, loaded

from verify import core
from verify.evaluate import Context, Table, context_for
from verify.matrix import as_claim
from verify.reached import NoVector, Runner, Vector, runner
from verify.scopes import named
from verify.seen import geometries
from verify.values import MapValue, Member, Value, map_value
from verify.vectors import Case, Covered, Vectors, Why, cases, routines


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def covered(name: str, geometry: str | None, timeout: float = 10.0) -> Covered:
    _, found = loaded()
    outcome = Vectors(found, timeout)(Case(f"m.{name}", geometry))
    assert isinstance(outcome, Covered), outcome
    return outcome


def shown(values: Mapping[core.Symbol, Value]) -> dict[str, Value]:
    return {s.name: v for s, v in values.items()}


def fates(found: Covered) -> dict[str, str]:
    """By goal: reached, impossible or unknown."""
    reached = {g: "reached" for v in found.vectors for g in v.goals}
    missed = {m.goal: m.why.value for m in found.missed}
    assert not reached.keys() & missed.keys()
    return {g.removeprefix(f"{found.routine}.vector."): fate for g, fate in (reached | missed).items()}


# --- what is found -------------------------------------------------------------------------------------------------


def test_each_goal_is_reached_or_proved_impossible() -> None:
    assert fates(covered("cut", "small")) == {
        "path[1]": "reached",
        "path[2]": "reached",
        "condition[1].true": "reached",
        "condition[1].false": "reached",
        "condition[1].equal": "reached",
        "condition[1].below": "impossible",
        "condition[1].above": "impossible",
        "condition[1].below.SIZE": "reached",
        "condition[1].above.SIZE": "reached",
    }


def test_values_are_small_and_a_vector_reaches_what_it_says() -> None:
    found = covered("cut", "small")
    assert [(shown(v.arguments), shown(v.results)) for v in found.vectors] == [
        ({"a": 0x20}, {"r": 0x10}),
        ({"a": 0x0}, {"r": 0x0}),
        ({"a": 0x10}, {"r": 0x10}),
    ]
    assert [v.goals[0] for v in found.vectors] == ["m.cut.vector.path[1]", *["m.cut.vector.path[2]"] * 2]
    assert all(v.geometry == "small" and v.context.word_bits == 32 for v in found.vectors)


def test_without_a_geometry_the_solver_may_take_any_and_impossible_means_on_none() -> None:
    found = covered("cut", None)
    assert fates(found)["condition[1].above"] == "impossible"
    assert {v.geometry for v in found.vectors} <= {"small", "wide", "odd", None}


def test_what_words_of_one_size_do_not_allow_those_of_another_may() -> None:
    _, found = loaded(
        TEXT + "procedure by_size() returns (r: bool) { r = false; if (WORD_BITS == 64) { r = true; } }\n"
    )
    outcome = Vectors(found, 10.0)(Case("m.by_size", None))
    assert isinstance(outcome, Covered)
    assert (fates(outcome)["path[1]"], fates(outcome)["path[2]"]) == ("reached", "reached")


def test_maps_have_few_entries_and_each_question_about_a_define_without_a_body_a_new_answer() -> None:
    found = covered("moves", "small")
    moved = next(v for v in found.vectors if "m.moves.vector.loop[1].path[1]" in v.goals)
    before, after = shown(moved.state)["items"], shown(moved.after)["items"]
    assert isinstance(before, MapValue)
    assert isinstance(after, MapValue)
    assert len(before.entries) == len(after.entries) == 1
    ((row, answer),) = moved.context.tables["m.changed"].entries.items()
    assert isinstance(answer, Member)
    assert row[0] in before.entries.values()
    assert answer in after.entries.values()
    assert answer not in before.entries.values()


def test_there_is_an_input_on_which_each_side_makes_a_difference() -> None:
    found = covered("masks", "small")
    told = {g.removeprefix("m.masks.vector.") for v in found.vectors for g in v.tells}
    sides = ("true", "false", "equal", "below", "above")
    assert told == {f"condition[1].{how}" for how in sides} | {"condition[2].true", "condition[2].false"}
    for vector in found.vectors:
        if "m.masks.vector.condition[1].equal" in vector.tells:
            assert shown(vector.arguments) == {"a": 0x10, "used": True}
            assert shown(vector.after) == {"asked": 1}
    plain = found.vectors[0]
    assert set(plain.tells) <= set(plain.goals)


def test_what_nobody_proves_nor_finds_is_unknown_with_the_reason() -> None:
    found = covered("counts", "small", timeout=2.0)
    assert fates(found)["path[1]"] == "impossible"
    assert fates(found)["loop[1].path[1]"] == "unknown"
    details = {m.goal.removeprefix("m.counts.vector."): m.detail for m in found.missed if m.why is Why.UNKNOWN}
    assert details["loop[1].path[1]"].startswith("searched up to")


def test_a_run_that_never_ends_is_no_vector() -> None:
    found = covered("stands", "small", timeout=2.0)
    assert fates(found)["path[2]"] == "unknown"
    assert fates(found)["path[1]"] == "reached"
    assert next(m for m in found.missed if m.goal.endswith("loop[1].again")).detail != ""


def test_nothing_is_called_impossible_of_a_procedure_whose_claims_are_false() -> None:
    """The invariant does not hold: leaning on it, one could prove that no run gets to 3."""
    text = (
        TEXT
        + """
refute procedure wrongly(n: word) returns (r: word)
    on small
    ensures small: r < 2
{
    r = 0;
    while (r < n)
        invariant few: r < 2
        decreases n - r
    {
        if (r == 3) { return; }
        r += 1;
    }
}
"""
    )
    _, found = loaded(text)
    outcome = Vectors(found, 5.0)(Case("m.wrongly", "small"))
    assert isinstance(outcome, Covered)
    assert fates(outcome)["loop[1].path[1]"] == "reached"
    assert "impossible" not in fates(outcome).values()


def test_on_no_geometry_at_all_nothing_is_said() -> None:
    _, found = loaded(
        TEXT.replace("procedure guesses()", "procedure nowhere()\n    on odd\n{ }\n\nprocedure guesses()")
    )
    assert Vectors(found, 5.0)(Case("m.nowhere", None)) == NoVector("m.assume.shift is false on odd")


def test_a_result_that_the_input_does_not_determine_is_not_asked_for() -> None:
    _, found = loaded()
    outcome = Vectors(found, 5.0)(Case("m.guesses", "small"))
    assert outcome == NoVector("it may read a variable that nobody has set, so its result is not determined")


def test_a_geometry_that_meets_no_assumption_has_no_vectors() -> None:
    _, found = loaded()
    assert Vectors(found, 5.0)(Case("m.cut", "odd")) == NoVector("m.assume.shift is false on odd")


def test_which_procedures_and_geometries_are_asked_for() -> None:
    _, found = loaded()
    names = [r.qualified for r in routines(found, ())]
    assert names == ["m.cut", "m.moves", "m.counts", "m.masks", "m.guesses", "m.stands"]
    assert [r.name for r in routines(found, ("*s", "m.cut"))] == [
        "cut",
        "moves",
        "counts",
        "masks",
        "guesses",
        "stands",
    ]
    chosen = routines(found, ("cut", "stands"))
    assert cases(found, chosen, ()) == (Case("m.cut", None), Case("m.stands", None))
    assert cases(found, chosen, ("wide", "small")) == tuple(
        Case(f"m.{name}", g) for name in ("cut", "stands") for g in ("wide", "small")
    )


# --- inputs, without the solver ------------------------------------------------------------------------------------


def made(name: str) -> tuple[Runner, Context]:
    """A procedure to be run, and the geometry `small`."""
    _, found = loaded()
    ready = runner(*as_claim(found, f"m.{name}"))
    assert isinstance(ready, Runner)
    scope = named(geometries(found, "m")["small"])
    items = next(i.symbol for i in found.module("m").items if isinstance(i, core.State) and i.symbol.name == "items")
    assert isinstance(items.type, core.MapType)
    assert isinstance(items.type.value, core.OpaqueType)
    tables = {"m.changed": Table(Member(items.type.value, 0))}
    return ready, context_for(found, scope.values, 32, tables)


def given(ready: Runner, **values: Value) -> dict[core.Symbol, Value]:
    return {s: values[s.name] for s in (*ready.routine.parameters, *ready.states) if s.name in values}


def test_an_input_that_the_preconditions_do_not_allow_is_no_vector() -> None:
    ready, context = made("cut")
    assert ready.vector("small", context, given(ready, a=0x21)) == NoVector(
        "the input does not meet what the procedure requires"
    )


def test_an_input_is_made_smaller_as_long_as_it_is_what_is_wanted() -> None:
    ready, context = made("cut")
    found = ready.vector("small", context, given(ready, a=0x7FF45670))
    assert isinstance(found, Vector)
    least = ready.least(found, lambda v: "m.cut.vector.path[1]" in v.goals)
    assert shown(least.arguments) == {"a": 0x20}
    assert shown(ready.least(found, lambda v: v.arguments == found.arguments).arguments) == {"a": 0x7FF45670}


def test_two_questions_get_two_answers_that_stand_nowhere_else() -> None:
    ready, context = made("moves")
    (items,) = (s for s in ready.states if s.name == "items")
    assert isinstance(items.type, core.MapType)
    assert isinstance(items.type.value, core.OpaqueType)
    none, entry = Member(items.type.value, 0), Member(items.type.value, 1)
    before = map_value(items.type, none, {0: entry, 1: entry}, 32)
    found = ready.telling("small", context, {items: before, **given(ready, **{"from": 0, "to": 8, "count": 2})})
    assert isinstance(found, Vector)
    assert len({*found.context.tables["m.changed"].entries.values(), none, entry}) == 4


def test_words_near_each_other_become_smaller_together() -> None:
    ready, context = made("moves")
    (items,) = (s for s in ready.states if s.name == "items")
    assert isinstance(items.type, core.MapType)
    assert isinstance(items.type.value, core.OpaqueType)
    none, entry = Member(items.type.value, 0), Member(items.type.value, 1)
    before = map_value(items.type, none, {0x50000001: entry, 0x70000000: entry}, 32)
    inputs = {items: before, **given(ready, **{"from": 0x50000000, "to": 0x60000000, "count": 3})}
    found = ready.vector("small", context, inputs)
    assert isinstance(found, Vector)
    least = ready.least(found, lambda v: "m.moves.vector.loop[1].path[1]" in v.goals)
    assert shown(least.arguments) == {"from": 0, "to": 2, "count": 2}
    kept = shown(least.state)["items"]
    assert isinstance(kept, MapValue)
    assert dict(kept.entries) == {1: entry}


def test_boundaries_are_where_they_should_be() -> None:
    """Where each value is allowed, what is equal, below and above can be told from outside."""
    text = TEXT.replace("    requires aligned: (a & (SIZE - 1)) == 0\n", "")
    assert text != TEXT
    _, found = loaded(text)
    outcome = Vectors(found, 10.0)(Case("m.cut", "small"))
    assert isinstance(outcome, Covered)
    sides = {(g.rpartition(".")[2], v) for one in outcome.vectors for v in one.arguments.values() for g in one.goals}
    assert {(how, v) for how, v in sides if how in ("below", "equal", "above")} == {
        ("below", 0xF),
        ("equal", 0x10),
        ("above", 0x11),
    }
