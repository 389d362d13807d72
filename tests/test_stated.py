"""What is proved by its text alone: nothing that need not be so, and what a reader would see at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from plans import plan_of

from verify.elaborate import elaborate
from verify.load import load
from verify.passive import Kind
from verify.prove import Encodings, at_once
from verify.question import Question, ask
from verify.stated import stated
from verify.terms import forget
from verify.words import AnyIntegers

ROOT = Path(__file__).parent.parent

HEAD = """\
module m;

state table: map[word, word];
define full(a: word): bool;
define near(a: word, b: word): bool;
"""


def questions(folder: Path, text: str) -> dict[str, Question]:
    (folder / "m.spec").write_text(HEAD + text)
    loaded = load([folder / "m.spec"])
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None, (loaded.diagnostics, found)
    tasks = plan_of(program).tasks
    return {t.obligation.id: ask(program, t.obligation, t.scope) for t in tasks}


STATED = {
    "as it is": ("requires a: full(x)", "", "ensures e: full(x)", ("m.p.requires.a",)),
    "a part of a clause": ("requires a: x > 1 && full(x) && y > x", "", "ensures e: full(x)", ("m.p.requires.a",)),
    "parts of several": (
        "requires a: full(x)\n requires b: x > y\n requires c: x > 9",
        "",
        "ensures e: x > y && full(x)",
        ("m.p.requires.a", "m.p.requires.b"),
    ),
    "by more than need be": (
        "requires a: x > y\n requires b: full(x) && y > 1\n requires c: x > y && full(x)",
        "",
        "ensures e: x > y && full(x) && y > 1",
        ("m.p.requires.b", "m.p.requires.c"),
    ),
    "by what is proved, and by a precondition": (
        "requires a: full(x)",
        "assert b: full(x);",
        "ensures e: full(x)",
        ("m.p.assert.b",),
    ),
    "by the branch taken, and by a precondition": (
        "requires a: full(x)",
        "if (full(x)) { assert a: full(x); }",
        "ensures e: x == x",
        (),
    ),
    "of a variable that has the value": (
        "requires a: full(x + 1)",
        "var z: word = x + 1; z = z + y; z = z - y; z = y; x2 = x + 1;",
        "ensures e: full(x2)",
        ("m.p.requires.a",),
    ),
    "of all values, under another name": (
        "requires a: forall i: word, j: word :: near(i, j)",
        "",
        "ensures e: forall j: word, k: word :: near(j, k)",
        ("m.p.requires.a",),
    ),
    "with a name for a part": (
        "requires a: near(x + y, x + y)",
        "",
        "ensures e: let s = x + y :: near(s, s)",
        ("m.p.requires.a",),
    ),
    "what was left as it was": ("", "", "ensures e: table == old(table)", ()),
    "the branch taken": ("", "if (x > 5) { assert a: x > 5; }", "ensures e: x == x", ()),
}

NOT_STATED = {
    "of another value": ("requires a: full(x)", "", "ensures e: full(y)"),
    "a part is missing": ("requires a: full(x)", "", "ensures e: full(x) && full(y)"),
    "only where a condition holds": ("requires a: y > 3 ==> full(x)", "", "ensures e: full(x)"),
    "of an earlier value": (
        "requires a: full(x)",
        "x2 = x2 + 1;",
        "ensures e: full(x2)",
    ),
    "bound the other way round": (
        "requires a: forall i: word :: exists j: word :: near(i, j)",
        "",
        "ensures e: forall i: word :: exists j: word :: near(j, i)",
    ),
    "exists for forall": (
        "requires a: exists i: word :: full(i)",
        "",
        "ensures e: forall i: word :: full(i)",
    ),
    "another number": ("requires a: x > 1", "", "ensures e: x > 2"),
    "another operator": ("requires a: x > y", "", "ensures e: x >= y"),
    "another define": ("requires a: near(x, x)", "", "ensures e: full(x)"),
    "in a branch that is not taken here": (
        "requires s: x < 7",
        "if (y > 3) { x2 = 1; assert a: x < 7; } else { x2 = 2; }",
        "ensures e: y > 3",
    ),
}


def procedure(requires: str, body: str, ensures: str) -> str:
    return f"procedure p(x: word, y: word) returns (x2: word)\n {requires}\n {ensures}\n{{\n x2 = x;\n {body}\n}}\n"


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated_is_seen_with_its_clauses(tmp_path: Path, name: str) -> None:
    requires, body, ensures, used = STATED[name]
    found = questions(tmp_path, procedure(requires, body, ensures))
    assert stated(found["m.p.ensures.e"]) == used
    if "m.p.assert.a" in found:
        assert stated(found["m.p.assert.a"]) == ()


@pytest.mark.parametrize("name", NOT_STATED)
def test_what_is_not_stated_is_not_seen(tmp_path: Path, name: str) -> None:
    found = questions(tmp_path, procedure(*NOT_STATED[name]))
    assert stated(found["m.p.ensures.e"]) is None


def test_the_solver_agrees_with_what_is_seen_in_the_specification() -> None:
    """On every sixth: where a loop, a call, a lemma or a body claims what is assumed already.

    It is asked at 32 bits, so each obligation is taken once, though it is one at 64 bits too.
    """
    loaded = load([ROOT / "spec"], ROOT)
    program, _ = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert program is not None
    claims = (Kind.CALL, Kind.ENSURES, Kind.ASSERT, Kind.INVARIANT_ENTRY, Kind.INVARIANT_KEPT, Kind.MODIFIES)
    every = (t for t in plan_of(program).tasks if t.scope.name is None and t.scope.word_bits == 32)
    asked = [ask(program, t.obligation, t.scope) for t in every if t.obligation.kind in claims]
    seen = [q for q in asked if stated(q) is not None]
    assert len(seen) > 300
    for question in seen[::6]:
        forget()
        assert at_once(Encodings(program, question), AnyIntegers(32)) is not None, question.obligation.id
