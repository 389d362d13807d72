"""Which goals a body has, what they say, and that an input reaches what it is said to reach."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from verify import core
from verify.elaborate import elaborate
from verify.evaluate import context_for
from verify.execute import Finished, Violated, execute
from verify.goals import MOST_PATHS, Goal, asking, goals, note, noting
from verify.load import load
from verify.span import Source
from verify.turning import turning
from verify.values import Value, some_value
from verify.vectors_report import says, short

HEAD = "module m;\ngeometry g { WORD_BITS = 32; }\ntype t;\nconst none: t;\nstate s: map[word, t];\n"


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[core.Program, Source]]:
    monkeypatch.chdir(tmp_path)

    def read(text: str) -> tuple[core.Program, Source]:
        Path("m.spec").write_text(HEAD + text)
        found = load((Path("m.spec"),), tmp_path)
        program, mistakes = elaborate(found.modules, found.roots, found.sources, found.broken)
        assert program is not None, mistakes
        return program, found.sources["m.spec"]

    return read


Loaded = Callable[[str], tuple[core.Program, Source]]

BODIES: dict[str, tuple[str, list[str]]] = {
    "straight": (
        "procedure p(a: word) returns (r: word) { r = a; }",
        ["path[1] = from the beginning to the end"],
    ),
    "a comparison": (
        "procedure p(a: word) returns (r: word) { r = 0;\nif (a > 4) {\nr = 1; } }",
        [
            "path[1] = line 7: a > 4: true",
            "path[2] = line 7: a > 4: false",
            "condition[1].true = line 7: a > 4: true",
            "condition[1].false = line 7: a > 4: false",
            "condition[1].equal = line 7: a > 4: equal",
            "condition[1].below = line 7: a > 4: below",
            "condition[1].above = line 7: a > 4: above",
        ],
    ),
    "equality has no equal side of its own, and of what has no order there is no boundary": (
        "procedure p(a: int) returns (r: bool) { r = a == 3 && s[0] != none; }",
        [
            "path[1] = from the beginning to the end",
            "condition[1].true = line 6: a == 3: true",
            "condition[1].false = line 6: a == 3: false",
            "condition[1].below = line 6: a == 3: below",
            "condition[1].above = line 6: a == 3: above",
            "condition[2].true = line 6: s[0] != none: true",
            "condition[2].false = line 6: s[0] != none: false",
        ],
    ),
    "two ways out": (
        "procedure p(a: bool) { if (a) {\nreturn; }\nif (!a) { s[0] = none; } }",
        [
            "path[1] = line 6: a: true; line 7: return",
            "path[2] = line 6: a: false; line 8: !a: true",
            "path[3] = line 6: a: false; line 8: !a: false",
            "condition[1].true = line 6: a: true",
            "condition[1].false = line 6: a: false",
            "condition[2].true = line 8: a: true",
            "condition[2].false = line 8: a: false",
        ],
    ),
    "a loop": (
        "procedure p(n: int) returns (r: int) { r = 0;\nwhile (r != n) decreases n - r {\nif (r == 9) { break; }\n"
        "r += 1; } }",
        [
            "path[1] = line 7: r != n: not entered",
            "path[2] = line 7: r != n: entered",
            "condition[1].true = line 7: r != n: true",
            "condition[1].false = line 7: r != n: false",
            "condition[1].below = line 7: r != n: below",
            "condition[1].above = line 7: r != n: above",
            "loop[1].path[1] = line 8: r == 9: true; line 8: break",
            "loop[1].path[2] = line 8: r == 9: false",
            "condition[2].true = line 8: r == 9: true",
            "condition[2].false = line 8: r == 9: false",
            "condition[2].below = line 8: r == 9: below",
            "condition[2].above = line 8: r == 9: above",
            "loop[1].again = line 7: r != n: again",
        ],
    ),
    "sums of words, and choices within expressions": (
        "procedure p(a: word, b: bool) returns (r: word) { r = (if b then a + 1 else a) - 2; }",
        [
            "path[1] = from the beginning to the end",
            "condition[1].true = line 6: b: true",
            "condition[1].false = line 6: b: false",
            "sum[1].wraps = line 6: a + 1: wraps",
            "sum[1].zero = line 6: a + 1: zero",
            "sum[2].wraps = line 6: (if b then a + 1 else a) - 2: wraps",
            "sum[2].zero = line 6: (if b then a + 1 else a) - 2: zero",
        ],
    ),
    "a define is looked into, each time that it is used": (
        "define small(x: int): bool = x < 3;\nprocedure p(a: int) returns (r: bool) { r = small(a)\n|| small(-a); }",
        [
            "path[1] = from the beginning to the end",
            *(f"condition[1].{how} = line 6: x < 3: {how}" for how in ("true", "false", "equal", "below", "above")),
            *(f"condition[2].{how} = line 6: x < 3: {how}" for how in ("true", "false", "equal", "below", "above")),
        ],
    ),
    "what is ghost has none": (
        "lemma l(x: int) ensures k: x == x { }\nprocedure p(a: int) { assert k: a == a; l(if a == 1 then 2 else 3); }",
        ["path[1] = from the beginning to the end"],
    ),
}


def routine_of(program: core.Program) -> core.Routine:
    return program.routines()["m.p"]


@pytest.mark.parametrize("name", BODIES)
def test_the_goals_of_a_body(name: str, loaded: Loaded) -> None:
    text, expected = BODIES[name]
    program, source = loaded(text)
    found = goals(program, routine_of(program))
    assert [f"{short(g)} = {says(g, {'m.spec': source})}" for g in found.goals] == expected
    assert found.omitted == 0
    assert len({g.id for g in found.goals}) == len(found.goals)


def test_paths_that_are_too_many_are_counted(loaded: Loaded) -> None:
    ifs = "if (a == b) { a += 1; } " * 10
    program, _ = loaded(f"procedure p(a: int, b: int) {{ {ifs} }}")
    found = goals(program, routine_of(program))
    assert sum("path[" in g.id for g in found.goals) == MOST_PATHS
    assert found.omitted == 2**10 - MOST_PATHS


# --- reaching them -------------------------------------------------------------------------------------------------


def run(
    program: core.Program, routine: core.Routine, given: dict[str, Value], watched: tuple[str, ...] = ()
) -> Finished | Violated:
    found = execute(
        program.replacing(routine),
        context_for(program, {}, 32, {}),
        routine,
        {p: given[p.name] for p in routine.parameters},
        {
            i.symbol: some_value(i.symbol.type, 32)
            for m in program.modules
            for i in m.items
            if isinstance(i, core.State)
        },
        watch=lambda id_: id_ in watched,
        choose=lambda stmt: some_value(stmt.target.type, 32),
        fuel=1000,
    )
    assert isinstance(found, Finished | Violated)
    return found


RUNS: dict[str, tuple[str, dict[str, Value], set[str]]] = {
    "one below": (
        BODIES["a comparison"][0],
        {"a": 3},
        {"path[2]", "condition[1].false", "condition[1].below"},
    ),
    "one above": (
        BODIES["a comparison"][0],
        {"a": 5},
        {"path[1]", "condition[1].true", "condition[1].above"},
    ),
    "nothing is below 0": (
        "procedure p(a: word) returns (r: word) { r = 0; if (a > 0) { r = 1; } }",
        {"a": 0xFFFFFFFF},
        {"path[1]", "condition[1].true"},
    ),
    "out by the first way": (BODIES["two ways out"][0], {"a": True}, {"path[1]", "condition[1].true"}),
    "out by the other": (
        BODIES["two ways out"][0],
        {"a": False},
        {"path[2]", "condition[1].false", "condition[2].false"},
    ),
    "no turn": (BODIES["a loop"][0], {"n": 0}, {"path[1]", "condition[1].false"}),
    "one turn": (
        BODIES["a loop"][0],
        {"n": 1},
        {"path[2]", "loop[1].path[2]", "condition[2].false"}
        | {f"condition[1].{h}" for h in ("true", "false", "below")},
    ),
    "ten turns, and out by the break": (
        BODIES["a loop"][0],
        {"n": -1},
        {"path[2]", "loop[1].path[1]", "loop[1].path[2]", "loop[1].again", "condition[1].true", "condition[1].above"}
        | {f"condition[2].{h}" for h in ("true", "false", "below")},
    ),
    "what is not evaluated is not reached": (
        "procedure p(a: int, b: int) returns (r: bool) { r = a == 1 && b == 2; }",
        {"a": 0, "b": 2},
        {"path[1]", "condition[1].false", "condition[1].below"},
    ),
    "nor what stands behind an || that holds": (
        "procedure p(a: int, b: int) returns (r: bool) { r = a == 1 || b == 2; }",
        {"a": 1, "b": 2},
        {"path[1]", "condition[1].true"},
    ),
    "nor the other choice of an if": (
        BODIES["sums of words, and choices within expressions"][0],
        {"a": 0xFFFFFFFF, "b": False},
        {"path[1]", "condition[1].false"},
    ),
    "a sum that wraps to 0": (
        BODIES["sums of words, and choices within expressions"][0],
        {"a": 0xFFFFFFFF, "b": True},
        {"path[1]", "condition[1].true", "sum[1].wraps", "sum[1].zero", "sum[2].wraps"},
    ),
    "left by a return within two loops": (
        "procedure p(n: int) { var i: int = 0; var j: int = 0; while (i < n) decreases n - i {\n"
        "while (j < n) decreases n - j { if (j == 1) { return; } j += 1; } i += 1; } }",
        {"n": 2},
        {"path[3]", "loop[1].path[3]", "loop[2].path[1]", "loop[2].path[2]", "loop[2].again"}
        | {"condition[1].true", "condition[2].true", "condition[2].below"}
        | {f"condition[3].{h}" for h in ("true", "false", "below")},
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_notes_the_goals_that_it_reaches_and_breaks_the_asserts_of_these_alone(name: str, loaded: Loaded) -> None:
    text, given, expected = RUNS[name]
    program, _ = loaded(text)
    routine = routine_of(program)
    every = goals(program, routine).goals
    found = run(program, noting(program, routine), given)
    assert isinstance(found, Finished)
    assert {short(g) for g in every if found.locals[note(g)]} == expected

    def broken(goal: Goal) -> bool:
        asked, ids = asking(program, routine, goal)
        assert ids
        return isinstance(run(program, asked, given, ids), Violated)

    assert {short(g) for g in every if broken(g)} == expected


def test_notes_change_nothing_of_what_a_body_does(loaded: Loaded) -> None:
    program, _ = loaded(BODIES["a loop"][0])
    routine = routine_of(program)
    for n in (-1, 0, 1, 5, 12):
        plain, noted = run(program, routine, {"n": n}), run(program, noting(program, routine), {"n": n})
        assert isinstance(plain, Finished)
        assert isinstance(noted, Finished)
        assert (plain.results, plain.state) == (noted.results, noted.state)
        assert plain.locals.items() <= noted.locals.items()


# --- deciding it the other way -------------------------------------------------------------------------------------

TURNED: dict[str, tuple[str, str, dict[int, int]]] = {
    "at the boundary": (
        "procedure p(a: word) returns (r: word) { r = 0; if (a > 4) { r = 1; } }",
        "condition[1].equal",
        {3: 0, 4: 1, 5: 1, 6: 1},
    ),
    "below it": (
        "procedure p(a: word) returns (r: word) { r = 0; if (a > 4) { r = 1; } }",
        "condition[1].below",
        {2: 0, 3: 1, 4: 0, 5: 1},
    ),
    "in a define, where it is used there": (
        "define small(x: word): bool = x < 3;\n"
        "procedure p(a: word) returns (r: word) { r = 0; if (small(a)) { r = 1; } if (small(a)) { r += 2; } }",
        "condition[2].equal",
        {2: 3, 3: 2, 4: 0},
    ),
    "in a loop": (
        "procedure p(a: word) returns (r: word) { r = 0; while (r < a) decreases a - r { r += 2; } }",
        "condition[1].above",
        {2: 2, 3: 6, 4: 4},
    ),
    "at the right of a connective": (
        "procedure p(a: word) returns (r: word) { r = 0; if (a == 0 || a == 3) { r = 1; } }",
        "condition[2].below",
        {0: 1, 2: 1, 3: 1, 4: 0},
    ),
}


@pytest.mark.parametrize("name", TURNED)
def test_a_condition_comes_out_the_other_way_just_where_its_goal_is_reached(name: str, loaded: Loaded) -> None:
    text, which, results = TURNED[name]
    program, _ = loaded(text)
    routine = routine_of(program)
    goal = next(g for g in goals(program, routine).goals if short(g) == which)
    other = turning(program, routine, goal)
    assert other is not None
    for a, result in results.items():
        found, plain = run(program, other, {"a": a}), run(program, noting(program, routine), {"a": a})
        assert isinstance(found, Finished)
        assert isinstance(plain, Finished)
        assert list(found.results.values()) == [result]
        assert plain.locals[note(goal)] or found.results == plain.results


def test_paths_and_sums_have_no_other_way(loaded: Loaded) -> None:
    program, _ = loaded(BODIES["sums of words, and choices within expressions"][0])
    routine = routine_of(program)
    others = {short(g): turning(program, routine, g) for g in goals(program, routine).goals}
    assert {name for name, other in others.items() if other is not None} == {"condition[1].true", "condition[1].false"}
