"""Inputs built from contracts meet them, whatever the contract: none is drawn and thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from bridge import affordable
from generated import EXAMPLES, Suite, implementations, inputs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FailedHealthCheck, Unsatisfiable

from verify import core
from verify.classes import input_classes
from verify.core import Symbol
from verify.diagnostic import render
from verify.elaborate import elaborate
from verify.evaluate import evaluate
from verify.execute import holds_requires
from verify.load import load
from verify.seen import assumptions, geometries
from verify.strategies.conditions import Impossible
from verify.strategies.examples import Example, Maker, from_contract
from verify.strategies.hooks import Hook, Style
from verify.strategies.scalars import Keep
from verify.strategies.shrink import shrunk
from verify.values import MapValue, Member, Value

ROOT = Path(__file__).parent.parent

GROUND = """
module small;
param SHIFT: int;
assume shift: 0 < SHIFT && SHIFT < WORD_BITS;
const SIZE: word = 1 << SHIFT;
const MASK: word = ~(SIZE - 1);
geometry narrow { WORD_BITS = 8; SHIFT = 2; }
geometry wide { WORD_BITS = 64; SHIFT = 12; }
type thing;
const nothing: thing;
const special: thing;
enum colour { RED, GREEN, BLUE }
state at: map[word, thing];
state home: set[word];
state refuses: map[int, bool];
state asked: int;
invariant lives: forall a: word :: at[a] != nothing ==> (a & MASK) in home;
define aligned(a: word): bool = (a & (SIZE - 1)) == 0;
define both(a: word, b: word): bool = aligned(a) && aligned(b);
define hook(what: thing, a: word): thing;
"""


def program(folder: Path, text: str) -> core.Program:
    path = folder / "small.spec"
    path.write_text(GROUND + text, encoding="utf-8")
    loaded = load([path], folder)
    made, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert made is not None, "\n".join(render(d, loaded.sources) for d in (*loaded.diagnostics, *found))
    return made


def drawn(
    made: core.Program, routine: core.Routine, count: int = 60, keep: Keep = lambda _c, _v: True
) -> list[Example]:
    """Examples; some aim at the procedure's classes."""
    kept: list[Example] = []
    aims = [c for c in input_classes(made) if c.procedure == routine.qualified]

    @seed(1)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=(HealthCheck.too_slow,),
    )
    @given(from_contract(made, routine, aims=aims, keep=keep))
    def each(example: Example) -> None:
        kept.append(example)

    each()
    return kept


def met(made: core.Program, routine: core.Routine, example: Example) -> bool:
    return holds_requires(made, example.context, routine, example.arguments, example.state)


def named(values: Sequence[tuple[Symbol, Value]]) -> dict[str, Value]:
    return {s.name: v for s, v in values}


# --- the contracts of the specification ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    # With the generated tests of the procedure: these are the examples that they run it on, drawn once.
    [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in implementations(ROOT / "pyproject.toml")],
)
def test_no_input_of_a_procedure_of_the_specification_is_rejected_and_each_meets_its_contract(
    name: str, specification: Suite
) -> None:
    routine = specification.program.routines()[name]
    found = inputs(specification, routine, EXAMPLES, 0)
    assert found.rejected == 0
    assert len(found.examples) == EXAMPLES
    assert all(met(specification.program, routine, example) for example in found.examples)
    assert all(affordable(example.context, example.arguments) for example in found.examples)
    assert len({(e.context.word_bits, *e.arguments.values()) for e in found.examples}) >= EXAMPLES / 2


def test_every_geometry_that_has_a_name_is_drawn_and_others_of_8_to_64_bits_that_meet_the_assumptions(
    specification: Suite,
) -> None:
    routine = specification.program.routines()["extent.latency_cut"]
    kept = drawn(specification.program, routine, 200)
    names = geometries(specification.program, "extent").keys()
    assert {e.geometry for e in kept if e.geometry is not None} == names
    assert {e.context.word_bits for e in kept if e.geometry is None} >= {8, 16, 32, 64}
    for example in kept:
        clauses = (clause for _, clause in assumptions(specification.program, "extent", ()))
        assert all(evaluate(clause.expr, example.context, {}, {}) for clause in clauses)


# --- contracts of all kinds ----------------------------------------------------------------------------------------

CONTRACTS = {
    "nothing asked": "procedure p(a: word, n: int, b: bool, c: colour, t: thing) { }",
    "aligned one by one": "procedure p(a: word, b: word) requires r: aligned(a) && aligned(b) { }",
    "aligned in a define": "procedure p(a: word, b: word) requires r: both(a, b) && a < b { }",
    "aligned together": "procedure p(a: word, b: word, c: word) requires r: ((a | b | c) & (SIZE - 1)) == 0 { }",
    "a range": "procedure p(a: word, b: word) requires r: aligned(a) && b - a == 3 * SIZE { }",
    "a narrow range": "procedure p(a: word, b: word) requires r: a < b && b - a < 2 { }",
    "disjoint": "procedure p(a: word, b: word, n: word) requires r: b - a >= n && a - b >= n && n > 0 { }",
    "across an edge": "procedure p(a: word, n: word) requires r: ((a + n) & MASK) != (a & MASK) && n < SIZE { }",
    "at the top": "procedure p(a: word, n: word) requires r: a + n == 0 && n > 0 { }",
    "later one decides": "procedure p(a: word, b: word) requires r: a == b + SIZE && b > SIZE { }",
    "integers": "procedure p(n: int, m: int) requires r: n > 2 && m == n + asked { }",
    "a colour": "procedure p(c: colour, b: bool) requires r: b <==> c == GREEN { }",
    "something else": "procedure p(t: thing, u: thing) requires r: t != u && t != nothing { }",
    "an entry": "procedure p(a: word) requires r: at[a] != nothing { }",
    "a special entry": "procedure p(a: word) requires r: at[a] == special { }",
    "no home": "procedure p(a: word) requires r: !((a & MASK) in home) { }",
    "home and none": "procedure p(a: word, b: word) requires r: (a & MASK) in home && !((b & MASK) in home) { }",
    "empty range": "procedure p(a: word, n: word) requires r: forall x: word :: x - a < n ==> at[x] == nothing { }",
    "all refused": "procedure p() requires r: forall i: int :: asked <= i && i < asked + 3 ==> refuses[i] { }",
    "all but one refused": "procedure p() requires r: forall i: int :: i != asked ==> !refuses[i] { }",
    "each once": "procedure p(a: word) requires r: forall x: word, y: word :: at[x] != nothing && at[x] == at[y]"
    " ==> x == y { }",
    "a map passed": "procedure p(m: map[word, word], k: word) requires r: m[k] == 2 && m[k + 1] == 0 { }",
    "a set passed": "procedure p(s: set[colour]) requires r: RED in s && !(BLUE in s) { }",
}


@pytest.mark.parametrize("text", CONTRACTS.values(), ids=CONTRACTS)
def test_every_input_meets_its_contract(text: str, tmp_path: Path) -> None:
    made = program(tmp_path, text)
    routine = made.routines()["small.p"]
    kept = drawn(made, routine)
    assert kept
    assert all(met(made, routine, example) for example in kept)


def test_maps_are_not_empty_where_they_need_not_be(tmp_path: Path) -> None:
    made = program(tmp_path, "procedure p(a: word) requires r: aligned(a) { }")
    kept = [named([*e.state.items()]) for e in drawn(made, made.routines()["small.p"])]
    for name, most in (("at", 2), ("home", 5), ("refuses", 2)):
        sizes = {len(v.entries) for e in kept if isinstance(v := e[name], MapValue)}
        assert 0 in sizes
        assert max(sizes) > most


def test_entries_differ_but_for_those_that_have_a_name(tmp_path: Path) -> None:
    made = program(tmp_path, "procedure p(a: word) { }")
    for example in drawn(made, made.routines()["small.p"]):
        at = named([*example.state.items()])["at"]
        assert isinstance(at, MapValue)
        unnamed = [v for v in at.entries.values() if isinstance(v, Member) and str(v) != "special"]
        assert len(unnamed) == len(set(unnamed))


def test_the_edges_are_reached(tmp_path: Path) -> None:
    made = program(tmp_path, "procedure p(a: word, n: word) requires r: aligned(a) && aligned(n) && n > 0 { }")
    ends = set()
    for example in drawn(made, made.routines()["small.p"], 150):
        if example.geometry == "wide":
            a, n = example.arguments.values()
            assert isinstance(a, int)
            assert isinstance(n, int)
            ends |= {a, (a + n) % 2**64}
    assert {0, 4096, 2**64 - 4096} <= ends


def test_shrinking_ends_with_the_plainest_choices_on_which_it_fails() -> None:
    choices = bytes(range(200))
    small = shrunk(choices, lambda tried: tried[7] >= 3 and tried[150] + tried[151] > 20)
    assert [(at, value) for at, value in enumerate(small) if value] == [(7, 3), (151, 21)]


def test_the_plainest_choices_make_the_plainest_example(tmp_path: Path) -> None:
    made = program(tmp_path, "procedure p(a: word) requires r: aligned(a) { }")
    maker = Maker(made, made.routines()["small.p"])
    example = maker.make(b"")
    assert example is not None
    assert example.geometry == "narrow"
    assert named([*example.arguments.items()]) == {"a": 4}
    assert all(not v.entries for v in example.state.values() if isinstance(v, MapValue))


# --- what cannot be drawn ------------------------------------------------------------------------------------------


def test_a_contract_that_depends_on_a_define_without_a_body_is_impossible(tmp_path: Path) -> None:
    made = program(tmp_path, "procedure p(a: word) requires r: hook(nothing, a) == nothing { }")
    with pytest.raises(Impossible, match=r"small.p.requires.r depends on small.hook, which has no body"):
        from_contract(made, made.routines()["small.p"])


def test_a_contract_that_nothing_meets_raises(tmp_path: Path) -> None:
    made = program(tmp_path, "procedure p(a: word) requires r: a < a { }")
    with pytest.raises((Unsatisfiable, FailedHealthCheck)):
        drawn(made, made.routines()["small.p"])


def test_a_geometry_without_a_value_for_each_param_is_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "small.spec").write_text(GROUND, encoding="utf-8")
    text = """module m; import small; param COUNT: int; assume few: 0 <= COUNT && COUNT < 3;
        extend geometry wide { COUNT = 2; } procedure p() { }"""
    (tmp_path / "m.spec").write_text(text, encoding="utf-8")
    loaded = load([tmp_path / "m.spec"], tmp_path)
    made, _ = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert made is not None
    counts = {(e.geometry, e.context.constants[s]) for e in drawn(made, made.routines()["m.p"]) for s in params(made)}
    assert {(name, count) for name, count in counts if name} == {("wide", 2)}
    assert len(counts) > 2


def params(made: core.Program) -> list[Symbol]:
    """The params of the last module."""
    return [i.symbol for i in made.modules[-1].items if isinstance(i, core.Param)]


def test_assumptions_that_no_geometry_meets_raise(tmp_path: Path) -> None:
    path = tmp_path / "none.spec"
    path.write_text("module none; param N: int; assume n: N < 0 && N > 0; procedure p() { }", encoding="utf-8")
    loaded = load([path], tmp_path)
    made, _ = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    assert made is not None
    with pytest.raises(Impossible, match="no geometry"):
        drawn(made, made.routines()["none.p"])


# --- hooks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", Style)
def test_a_hook_is_a_function_and_its_table_says_what_it_answered(style: Style, tmp_path: Path) -> None:
    define = program(tmp_path, "").defines()["small.hook"]
    assert isinstance(define.result, core.OpaqueType)
    answers = Hook(define, style, 16).start()
    rows: list[tuple[Value, ...]] = [(Member(define.result, 5), at) for at in range(6)]
    first = [answers.answer(row) for row in rows]
    assert [answers.answer(row) for row in rows] == first
    table = answers.table()
    assert [table.entries[row] for row in rows] == first
    assert table.default not in first
    assert (first == [Member(define.result, 5)] * 6) == (style is Style.SAME)
    assert (Member(define.result, 0) in first) == (style is Style.PLAIN)
    assert (len(set(first)) == 6) == (style is Style.NEW)


def test_the_styles_of_a_hook_are_all_drawn(tmp_path: Path) -> None:
    made = program(tmp_path, "procedure p() { }")
    assert {e.hooks["small.hook"].style for e in drawn(made, made.routines()["small.p"])} == {*Style}
