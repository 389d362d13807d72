"""Procedures run as C would run them, and claims are checked where they stand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from core_nodes import (
    apply,
    argument,
    bound,
    clause,
    define,
    forall,
    index,
    local,
    number,
    old,
    op,
    place,
    program,
    result,
    state,
    to_int,
    to_word,
    truth,
    unary,
    update,
    var,
    word,
)

from verify import core
from verify.core import Symbol
from verify.evaluate import Context, context_for
from verify.execute import (
    Finished,
    Repeats,
    Run,
    StepKind,
    Stopped,
    StopReason,
    Violated,
    execute,
    holds_requires,
)
from verify.syntax import RoutineKind
from verify.values import MapValue, Value, map_value

BITS = 8
MAP = core.MapType(core.WORD, core.INT)
MEM, HITS = state("mem", MAP), state("hits", core.INT)
X, N, OUT, T, U = (
    argument("x", core.WORD),
    argument("n", core.WORD),
    result("out", core.WORD),
    local("t", core.WORD),
    local("u", core.WORD),
)


# --- statements by hand --------------------------------------------------------------------------------------------


def assign(target: Symbol, value: core.Expr) -> core.Assign:
    return core.Assign(place(), target, value)


def havoc(target: Symbol) -> core.Havoc:
    return core.Havoc(place(), target)


def add(target: Symbol, amount: int = 1) -> core.Assign:
    type_ = target.type
    return assign(target, op(var(target), "+", number(amount, type_)))


def check(label: str, expr: core.Expr) -> core.Assert:
    return core.Assert(place(), clause(label, expr))


def when(condition: core.Expr, *then: core.Stmt, otherwise: tuple[core.Stmt, ...] = ()) -> core.If:
    return core.If(place(), condition, then, otherwise)


def loop(
    condition: core.Expr,
    *body: core.Stmt,
    step: tuple[core.Stmt, ...] = (),
    invariants: tuple[core.Clause, ...] = (),
    decreases: core.Expr | None = None,
    number_: int = 1,
) -> core.Loop:
    return core.Loop(place(), condition, invariants, decreases, body, step, number_, ())


def call(callee: str, *arguments: core.Expr, targets: tuple[Symbol, ...] = (), number_: int = 1) -> core.Call:
    return core.Call(place(), f"m.{callee}", arguments, targets, number_)


def routine(
    name: str,
    *body: core.Stmt,
    parameters: tuple[Symbol, ...] = (),
    results: tuple[Symbol, ...] = (),
    requires: tuple[core.Clause, ...] = (),
    modifies: tuple[Symbol, ...] = (),
    ensures: tuple[core.Clause, ...] = (),
    kind: RoutineKind = RoutineKind.PROCEDURE,
) -> core.Routine:
    return core.Routine(
        kind,
        "m",
        name,
        parameters,
        results,
        None,
        (),
        requires,
        modifies,
        ensures,
        (),
        None,
        None if kind is RoutineKind.TRUSTED else body,
        place(),
        (),
        (),
    )


def never(_: core.Havoc) -> Value:
    raise AssertionError("nothing is to be chosen")


def everything(_: str) -> bool:
    return True


def memory(**_: int) -> MapValue:
    return map_value(MAP, 0, {}, BITS)


def run(
    *items: core.Item,
    arguments: dict[Symbol, Value] | None = None,
    start: dict[Symbol, Value] | None = None,
    watch: Callable[[str], bool] = everything,
    choose: Callable[[core.Havoc], Value] = never,
    fuel: int = 1000,
    recorded: int = 1000,
    pieces: int = 1000,
) -> Run:
    """Runs the last of the items."""
    text = program(*items)
    top = items[-1]
    assert isinstance(top, core.Routine)
    return execute(
        text,
        context_for(text, {}, BITS, {}),
        top,
        arguments or {},
        start or {},
        watch=watch,
        choose=choose,
        fuel=fuel,
        recorded=recorded,
        pieces=pieces,
    )


def results_of(ran: Run) -> dict[str, Value]:
    assert isinstance(ran, Finished), ran
    return {symbol.name: value for symbol, value in ran.results.items()}


def violated(ran: Run) -> Violated:
    assert isinstance(ran, Violated), ran
    return ran


# --- statements ----------------------------------------------------------------------------------------------------


def counted(*body: core.Stmt, step: tuple[core.Stmt, ...] = (add(T),)) -> core.Routine:
    """for (t = 0; t < n; t += 1) { ... }, with `out` from 0."""
    return routine(
        "p",
        assign(T, word(0)),
        assign(OUT, word(0)),
        loop(op(var(T), "<", var(N)), *body, step=step),
        parameters=(N,),
        results=(OUT,),
    )


@pytest.mark.parametrize(
    ("body", "n", "expected"),
    [
        ((add(OUT, 2),), 5, 10),
        ((add(OUT),), 0, 0),
        ((when(op(var(T), "==", word(2)), core.Continue(place())), add(OUT)), 5, 4),
        ((when(op(var(T), "==", word(2)), core.Break(place())), add(OUT)), 5, 2),
        ((add(OUT), when(op(var(T), "==", word(3)), core.Return(place()))), 9, 4),
        ((when(op(var(T), "<", word(2)), add(OUT, 10), otherwise=(add(OUT),)),), 5, 23),
        (
            (
                assign(U, word(0)),
                loop(truth(True), when(op(var(U), "==", word(3)), core.Break(place())), add(U), add(OUT), number_=2),
            ),
            4,
            12,
        ),
    ],
    ids=["sum", "no round", "continue runs the step", "break", "return", "if and else", "break leaves the inner loop"],
)
def test_a_loop_runs_as_in_c(body: tuple[core.Stmt, ...], n: int, expected: int) -> None:
    assert results_of(run(counted(*body), arguments={N: n})) == {"out": expected}


def test_a_break_does_not_run_the_step() -> None:
    ran = run(counted(core.Break(place())), arguments={N: 3})
    assert isinstance(ran, Finished)
    assert ran.locals == {N: 3, T: 0}


def test_a_parameter_is_a_variable_and_old_is_what_was_passed() -> None:
    body = (add(X, 5), assign(OUT, op(var(X), "-", old(var(X)))))
    said = (clause("passed", op(var(X), "==", word(1))), clause("five", op(var(OUT), "==", word(5))))
    ran = run(routine("p", *body, parameters=(X,), results=(OUT,), ensures=said), arguments={X: 1})
    assert isinstance(ran, Finished)
    assert (ran.results, ran.locals) == ({OUT: 5}, {X: 6})


def test_a_variable_without_a_value_is_given_the_one_that_is_chosen() -> None:
    asked: list[Symbol] = []

    def choose(statement: core.Havoc) -> Value:
        asked.append(statement.target)
        return 40 + len(asked)

    ran = run(routine("p", havoc(T), havoc(U), assign(OUT, op(var(T), "+", var(U))), results=(OUT,)), choose=choose)
    assert results_of(ran) == {"out": 83}
    assert asked == [T, U]


# --- calls ---------------------------------------------------------------------------------------------------------

BUMP = routine(
    "bump",
    assign(MEM, update(var(MEM), var(X), op(index(var(MEM), var(X)), "+", number(1)))),
    add(X),
    assign(OUT, var(X)),
    parameters=(X,),
    results=(OUT,),
    requires=(clause("small", op(var(X), "<", word(9))),),
    modifies=(MEM,),
    ensures=(clause("next", op(var(OUT), "==", op(var(X), "+", word(1)))),),
)


def test_a_call_runs_the_body_and_hands_back_state_and_results() -> None:
    caller = routine(
        "p",
        assign(T, word(4)),
        call("bump", var(T), targets=(T,)),
        call("bump", var(T), number_=2),
        assign(OUT, var(T)),
        results=(OUT,),
        modifies=(MEM,),
    )
    ran = run(BUMP, caller, start={MEM: memory()})
    assert results_of(ran) == {"out": 5}
    assert isinstance(ran, Finished)
    assert ran.state == {MEM: map_value(MAP, 0, {4: 1, 5: 1}, BITS)}
    steps = [(s.depth, s.kind.value, s.symbol.name if s.symbol else s.callee) for s in ran.trace]
    assert steps == [
        (0, "assign", "t"),
        (0, "call", "m.bump"),
        (1, "pass", "x"),
        (1, "assign", "mem"),
        (1, "assign", "x"),
        (1, "assign", "out"),
        (1, "return", "out"),
        (0, "assign", "t"),
        (0, "call", "m.bump"),
        (1, "pass", "x"),
        (1, "assign", "mem"),
        (1, "assign", "x"),
        (1, "assign", "out"),
        (1, "return", "out"),
        (0, "assign", "out"),
    ]


def test_the_trace_keeps_the_last_steps() -> None:
    ran = run(counted(add(OUT)), arguments={N: 50}, recorded=3)
    assert isinstance(ran, Finished)
    assert [(s.kind, s.value) for s in ran.trace] == [
        (StepKind.ASSIGN, 50),
        (StepKind.ASSIGN, 50),
        (StepKind.TEST, False),
    ]


def test_lemma_calls_and_reveal_do_nothing() -> None:
    lemma = routine("l", parameters=(X,), requires=(clause("never", truth(False)),), kind=RoutineKind.LEMMA)
    wrong = op(word(1), "/", word(0))
    caller = routine("p", core.Reveal(place(), "m.f"), call("l", wrong))
    assert isinstance(run(lemma, caller, watch=lambda _: False), Finished)


def test_what_a_lemma_requires_is_checked_if_it_is_watched() -> None:
    lemma = routine("l", parameters=(X,), requires=(clause("low", op(var(X), "<", word(3))),), kind=RoutineKind.LEMMA)
    caller = routine("p", call("l", word(3)))
    assert violated(run(lemma, caller)).id == "m.p.call[1].l.low"


def test_a_trusted_procedure_cannot_be_run() -> None:
    trusted = routine("hidden", kind=RoutineKind.TRUSTED)
    ran = run(trusted, routine("p", call("hidden")))
    assert isinstance(ran, Stopped)
    assert (ran.reason, ran.detail) == (StopReason.NOT_EXECUTABLE, "m.hidden has no body")


# --- claims --------------------------------------------------------------------------------------------------------

KEPT = core.Invariant(clause("positive", op(var(HITS), ">=", number(0))))
SPOIL = routine("spoil", assign(HITS, number(-1)), modifies=(HITS,))


def low(label: str = "low") -> core.Clause:
    return clause(label, op(var(T), "<", word(3)))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([routine("p", check("no", truth(False)))], "m.p.assert.no"),
        (
            [routine("p", assign(OUT, word(1)), results=(OUT,), ensures=(clause("two", op(var(OUT), "==", word(2))),))],
            "m.p.ensures.two",
        ),
        (
            [routine("p", assign(T, word(3)), loop(truth(False), invariants=(low(),)))],
            "m.p.loop[1].invariant.low.entry",
        ),
        (
            [routine("p", assign(T, word(0)), loop(op(var(T), "<", word(5)), add(T), invariants=(low(),)))],
            "m.p.loop[1].invariant.low.kept",
        ),
        (
            [routine("p", assign(T, word(0)), loop(op(var(T), "<", word(5)), add(T), decreases=var(T)))],
            "m.p.loop[1].decreases",
        ),
        (
            [
                routine(
                    "p",
                    assign(T, word(0)),
                    loop(op(var(T), "<", word(5)), add(T), decreases=op(number(2), "-", to_int(var(T)))),
                )
            ],
            "m.p.loop[1].decreases",
        ),
        ([BUMP, routine("p", call("bump", word(9)))], "m.p.call[1].bump.small"),
        (
            [
                KEPT,
                routine("q"),
                routine("p", assign(HITS, number(-1)), call("q", number_=2), assign(HITS, number(0)), modifies=(HITS,)),
            ],
            "m.p.call[2].q.invariant.positive",
        ),
        ([KEPT, routine("p", assign(HITS, number(-1)), modifies=(HITS,))], "m.p.invariant.positive"),
        ([KEPT, SPOIL, routine("p", call("spoil"))], "m.spoil.invariant.positive"),
        ([routine("p", add(HITS))], "m.p.modifies"),
        ([SPOIL, routine("p", call("spoil"))], "m.p.modifies"),
        ([routine("p", add(HITS), add(HITS, -1))], None),
        ([KEPT, routine("p", modifies=(MEM,))], None),
        (
            [
                routine(
                    "p",
                    assign(T, word(0)),
                    loop(op(var(T), "<", word(5)), add(T), decreases=op(number(5), "-", to_int(var(T)))),
                )
            ],
            None,
        ),
    ],
    ids=[
        "assert",
        "ensures",
        "an invariant on entry",
        "an invariant after a round",
        "a measure that grows",
        "a measure below 0",
        "a callee's precondition",
        "a module's invariant before a call",
        "a module's invariant at the end",
        "in a callee",
        "modifies",
        "modifies, through a callee",
        "a change that is undone",
        "an invariant over what is not modified",
        "a measure that falls to 0",
    ],
)
def test_a_claim_that_fails_ends_the_run_if_it_is_watched(items: list[core.Item], expected: str | None) -> None:
    start: dict[Symbol, Value] = {HITS: 0 if expected else -1, MEM: memory()}
    assert isinstance(run(*items, start=start, watch=lambda _: False), Finished)
    ran = run(*items, start=start)
    if expected is None:
        assert isinstance(ran, Finished), ran
    else:
        assert violated(ran).id == expected


def test_only_what_is_watched_is_checked() -> None:
    both = routine("p", check("first", truth(False)), check("second", truth(False)))
    assert violated(run(both, watch=lambda name: name.endswith("second"))).id == "m.p.assert.second"


def test_a_violation_shows_the_values_and_the_binding_that_breaks_it() -> None:
    a = bound("a", core.WORD)
    said = clause("all_zero", forall(a, op(index(var(MEM), var(a)), "==", number(0))))
    ran = violated(
        run(BUMP, routine("p", call("bump", word(6)), modifies=(MEM,), ensures=(said,)), start={MEM: memory()})
    )
    assert ran.binding == {a: 6}
    assert ran.values[MEM] == map_value(MAP, 0, {6: 1}, BITS)
    assert ran.entry[MEM] == memory()
    assert ran.span == said.span


# --- what is undefined ---------------------------------------------------------------------------------------------


def test_an_undefined_operation_violates_its_range_watched_or_not() -> None:
    fine, wrong = op(word(8), "/", word(2)), to_word(number(300))
    ran = violated(run(routine("p", assign(T, fine), assign(U, wrong)), watch=lambda _: False))
    assert (ran.id, ran.span) == ("m.p.range[2]", wrong.span)
    assert ran.reason == "300 does not fit a word of 8 bits"


def test_an_undefined_operation_in_a_define_is_that_defines() -> None:
    half = define("half", (X,), op(word(8), "/", var(X)), core.WORD)
    ran = run(half, routine("p", assign(T, apply(half, word(0)))))
    assert violated(ran).id == "m.half.range[1]"


def test_an_undefined_claim_violates_its_range() -> None:
    said = clause("odd", op(op(word(1), "%", var(N)), "==", word(0)))
    assert violated(run(routine("p", parameters=(N,), ensures=(said,)), arguments={N: 0})).id == "m.p.range[1]"


# --- runs that do not end ------------------------------------------------------------------------------------------


def test_a_loop_head_reached_twice_with_the_same_values_repeats() -> None:
    turning = loop(truth(True), assign(T, op(unary("~", var(T)), "&", word(1))))
    ran = run(routine("p", assign(T, word(0)), turning))
    assert isinstance(ran, Repeats)
    assert (ran.id, ran.span, ran.values) == ("m.p.loop[1]", turning.span, {T: 0})


def test_a_loop_that_goes_on_with_other_values_runs_out_of_fuel() -> None:
    ran = run(routine("p", loop(truth(True), add(HITS)), modifies=(HITS,)), start={HITS: 0})
    assert isinstance(ran, Stopped)
    assert ran.reason is StopReason.FUEL


def test_what_is_declared_inside_a_loop_is_no_part_of_its_head() -> None:
    values = iter(range(100))
    ran = run(routine("p", loop(truth(True), havoc(U))), choose=lambda _: next(values))
    assert isinstance(ran, Repeats)
    assert next(values) == 1


def test_two_rounds_of_an_inner_loop_that_start_alike_do_not_repeat() -> None:
    inner = loop(op(var(U), "<", word(2)), add(U), number_=2)
    assert results_of(run(counted(assign(U, word(0)), inner, add(OUT)), arguments={N: 3})) == {"out": 3}


def test_an_undecided_condition_stops_the_run() -> None:
    a = bound("a", core.WORD)
    hard = forall(a, op(op(var(a), "%", word(2)), "<", word(2)))
    ran = run(routine("p", when(hard)), pieces=20)
    assert isinstance(ran, Stopped)
    assert ran.reason is StopReason.UNDECIDED


# --- preconditions -------------------------------------------------------------------------------------------------


def test_a_routine_may_be_entered_iff_its_requires_and_the_module_invariants_hold() -> None:
    text = program(KEPT, BUMP)
    where: Context = context_for(text, {}, BITS, {})

    def may(x: int, hits: int) -> bool:
        return holds_requires(text, where, BUMP, {X: x}, {HITS: hits, MEM: memory()})

    assert may(8, 0)
    assert not may(9, 0)
    assert not may(8, -1)


def test_an_invariant_of_a_module_does_not_concern_a_lemma() -> None:
    lemma = routine("l", kind=RoutineKind.LEMMA)
    text = program(KEPT, lemma)
    assert holds_requires(text, context_for(text, {}, BITS, {}), lemma, {}, {HITS: -1})
