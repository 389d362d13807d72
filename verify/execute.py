"""Running procedures: their bodies on concrete values, statement by statement as C would, with the claims checked.

`evaluate` gives the expressions their meaning; here are the statements. What is ghost (lemma calls, `reveal`) does
nothing. A claim is checked where language.md's table of obligations puts it, under its id, if the caller watches that
id. What is undefined ends the run, watched or not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, NoReturn, TypeAlias, assert_never

from verify import core
from verify.core import Symbol, SymbolKind
from verify.evaluate import PIECES, Context, Undecided, Undefined, evaluate
from verify.seen import labelled_invariants, module_invariants
from verify.sites import partial_spans, range_sites, variables
from verify.span import Span
from verify.syntax import PROCEDURES
from verify.values import Value
from verify.why import failing_binding

Values: TypeAlias = Mapping[Symbol, Value]

RECORDED = 10_000
"""How many steps a trace keeps, the last ones."""

# --- what a run comes to -------------------------------------------------------------------------------------------


class StepKind(Enum):
    ASSIGN = "assign"
    CHOOSE = "choose"  # `var x: T;`
    BRANCH = "branch"  # the condition of an `if`
    TEST = "test"  # the condition of a loop
    CALL = "call"
    PASS = "pass"  # a parameter, after the CALL
    RETURN = "return"  # a result; one step without a symbol where there is none


class Step(NamedTuple):
    """One thing that a run did. `depth` is 0 in the routine asked for. `callee` is the qualified name, at a CALL."""

    depth: int
    span: Span
    kind: StepKind
    symbol: Symbol | None = None
    value: Value | None = None
    callee: str = ""


Trace: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """It reached its end and no watched claim failed. `locals` has locals and parameters as they were last."""

    state: Values
    results: Values
    locals: Values
    trace: Trace


@dataclass(frozen=True, slots=True)
class Violated:
    """The obligation `id` failed at `span`, with these values of what the claim can see, and on entry.

    `binding` has the values of bound variables that make it fail, if a quantifier does. `reason` says in words what
    happened, where the claim is not a condition.
    """

    id: str
    span: Span
    values: Values
    entry: Values
    binding: Values
    reason: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class Repeats:
    """The head of loop `id` (`M.ITEM.loop[N]`) was reached twice with the same values: it can go on for ever."""

    id: str
    span: Span
    values: Values
    entry: Values
    trace: Trace


class StopReason(Enum):
    FUEL = "out of fuel"
    UNDECIDED = "undecided"
    NOT_EXECUTABLE = "not executable"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run says nothing: it could not go on, or was not let go on."""

    reason: StopReason
    detail: str
    trace: Trace


Run = Finished | Violated | Repeats | Stopped


def execute(
    program: core.Program,
    context: Context,
    routine: core.Routine,
    arguments: Values,
    state: Values,
    *,
    watch: Callable[[str], bool],
    choose: Callable[[core.Havoc], Value],
    fuel: int,
    hints: Mapping[Symbol, tuple[Value, ...]] | None = None,
    pieces: int = PIECES,
    recorded: int = RECORDED,
) -> Run:
    """Runs the body of a routine, and those of the procedures that it calls.

    `arguments` has each parameter, `state` each state variable that the routine's module sees. `choose` gives the value
    for a `var x: T;`. `fuel` is the number of statements and loop tests; `hints` and `pieces` are for `evaluate`;
    the trace keeps the last `recorded` steps. That the routine's own preconditions hold is not looked at:
    `holds_requires`.
    """
    execution = _Execution(program, context, watch, choose, fuel, hints or {}, pieces, recorded)
    try:
        values = execution.run(routine, arguments, state, 0)
    except _Ended as ended:
        return ended.run
    results = {r: values.pop(r) for r in routine.results}
    after = {s: values.pop(s) for s in state}
    return Finished(after, results, values, execution.recorded())


def holds_requires(
    program: core.Program, context: Context, routine: core.Routine, arguments: Values, state: Values
) -> bool:
    """True iff the routine may be entered: its `requires` hold, and of a procedure the module invariants too.

    Raises Undefined and Undecided.
    """
    values = {**arguments, **state}
    clauses = routine.requires
    if routine.kind in PROCEDURES:
        clauses += tuple(clause for _, clause in module_invariants(program, routine.module))
    return all(evaluate(clause.expr, context, values, values) for clause in clauses)


def mentions(program: core.Program, expr: core.Expr, symbols: Iterable[Symbol]) -> bool:
    """True iff one of the variables is free in the expression; what a define reads is among its arguments."""
    return not variables(program, expr).isdisjoint(symbols)


# --- running -------------------------------------------------------------------------------------------------------


class _Ended(Exception):
    """The run is over, before the end of the routine asked for."""

    def __init__(self, run: Violated | Repeats | Stopped) -> None:
        super().__init__()
        self.run = run


class _Flow(Enum):
    """How a statement was left."""

    NEXT = "next"
    BREAK = "break"
    CONTINUE = "continue"
    RETURN = "return"


@dataclass(frozen=True, slots=True)
class _Activation:
    """One call under way. `values` is changed as it goes: state, parameters, locals, results."""

    routine: core.Routine
    depth: int
    entry: Values
    values: dict[Symbol, Value]


class _Execution:
    def __init__(
        self,
        program: core.Program,
        context: Context,
        watch: Callable[[str], bool],
        choose: Callable[[core.Havoc], Value],
        fuel: int,
        hints: Mapping[Symbol, tuple[Value, ...]],
        pieces: int,
        recorded: int,
    ) -> None:
        self.program = program
        self.context = context
        self.watch = watch
        self.choose = choose
        self.fuel = fuel
        self.hints = hints
        self.pieces = pieces
        self.routines = program.routines()
        self.steps: deque[Step] = deque(maxlen=recorded)
        self.watched_ranges: dict[int, bool] = {}

    def recorded(self) -> Trace:
        return tuple(self.steps)

    def run(self, routine: core.Routine, arguments: Values, state: Values, depth: int) -> dict[Symbol, Value]:
        """The state afterwards, the results, and the locals and parameters as they were last."""
        if routine.body is None:
            self.stop(StopReason.NOT_EXECUTABLE, f"{routine.qualified} has no body")
        given = {p: arguments[p] for p in routine.parameters}
        entry = {**state, **given}
        act = _Activation(routine, depth, entry, dict(entry))
        for clause in routine.requires:
            if self.ranges_watched(act, clause.expr):
                self.value(act, clause.expr, entry)
        self.block(act, routine.body)
        self.at_end(act, state, given)
        return act.values

    def at_end(self, act: _Activation, state: Values, given: Values) -> None:
        """Checks what holds at the end of a routine: `ensures`, `modifies`, the module invariants."""
        routine, scope = act.routine, {**act.values, **given}
        for clause in routine.ensures:
            self.check(act, f"{routine.qualified}.ensures.{clause.label}", clause, clause.span, scope)
        if routine.kind not in PROCEDURES:
            return
        name = f"{routine.qualified}.modifies"
        was = ((s, v, act.values[s]) for s, v in state.items())
        changed = tuple(s for s, old, new in was if old is not new and old != new and s not in routine.modifies)
        if changed and self.watch(name):
            self.violate(act, name, routine.span, scope, reason=f"{changed[0]} has changed")
        for _, label, clause in labelled_invariants(self.program, routine.module):
            if mentions(self.program, clause.expr, routine.modifies + changed):
                self.check(act, f"{routine.qualified}.invariant.{label}", clause, routine.span, scope)

    def block(self, act: _Activation, body: tuple[core.Stmt, ...]) -> _Flow:
        for statement in body:
            flow = self.statement(act, statement)
            if flow is not _Flow.NEXT:
                return flow
        return _Flow.NEXT

    def statement(self, act: _Activation, statement: core.Stmt) -> _Flow:
        self.spend(act)
        match statement:
            case core.Assign(span=span, target=target, value=expr):
                self.assign(act, span, StepKind.ASSIGN, target, self.value(act, expr, act.values))
            case core.Havoc(span=span, target=target):
                self.assign(act, span, StepKind.CHOOSE, target, self.choose(statement))
            case core.Call():
                self.call(act, statement)
            case core.Assert(clause=clause):
                self.check(act, f"{act.routine.qualified}.assert.{clause.label}", clause, clause.span, act.values)
            case core.Reveal():
                pass
            case core.If(condition=condition, then=then, otherwise=otherwise):
                taken = self.test(act, StepKind.BRANCH, condition)
                return self.block(act, then if taken else otherwise)
            case core.Loop():
                return self.loop(act, statement)
            case core.Break():
                return _Flow.BREAK
            case core.Continue():
                return _Flow.CONTINUE
            case core.Return():
                return _Flow.RETURN
            case core.Atomic(body=body):
                return self.block(act, body)
            case _:
                assert_never(statement)
        return _Flow.NEXT

    def call(self, act: _Activation, call: core.Call) -> None:
        callee = self.routines[call.callee]
        prefix = call.place(act.routine.qualified)
        ghost = callee.kind not in PROCEDURES
        if ghost and not self.minds(act, call, callee, prefix):
            return
        given = {p: self.value(act, a, act.values) for p, a in zip(callee.parameters, call.arguments, strict=True)}
        state = {s: v for s, v in act.values.items() if s.kind is SymbolKind.STATE}
        scope = {**state, **given}
        for _, label, clause in () if ghost else labelled_invariants(self.program, callee.module):
            self.check(act, f"{prefix}.invariant.{label}", clause, call.span, scope, scope)
        for clause in callee.requires:
            self.check(act, f"{prefix}.{clause.label}", clause, call.span, scope, scope)
        if ghost:
            if callee == act.routine and callee.decreases is not None and self.watch(f"{prefix}.decreases"):
                before = self.value(act, callee.decreases, act.entry)
                self.smaller(act, f"{prefix}.decreases", call.span, before, self.value(act, callee.decreases, scope))
            return
        self.steps.append(Step(act.depth, call.span, StepKind.CALL, callee=callee.qualified))
        for parameter, value in given.items():
            self.steps.append(Step(act.depth + 1, call.span, StepKind.PASS, parameter, value))
        after = self.run(callee, given, state, act.depth + 1)
        results = {result: after[result] for result in callee.results}
        for result, value in results.items():
            self.steps.append(Step(act.depth + 1, call.span, StepKind.RETURN, result, value))
        if not results:
            self.steps.append(Step(act.depth + 1, call.span, StepKind.RETURN))
        act.values.update({s: after[s] for s in state})
        # Without targets the results are dropped.
        for target, result in zip(call.targets, callee.results, strict=False):
            self.assign(act, call.span, StepKind.ASSIGN, target, results[result])

    def minds(self, act: _Activation, call: core.Call, callee: core.Routine, prefix: str) -> bool:
        """True iff something about a lemma call is watched: what the lemma requires, or a range in its arguments."""
        claims = [f"{prefix}.{clause.label}" for clause in callee.requires]
        if callee == act.routine:
            claims.append(f"{prefix}.decreases")
        return any(map(self.watch, claims)) or any(self.ranges_watched(act, a) for a in call.arguments)

    def ranges_watched(self, act: _Activation, expr: core.Expr) -> bool:
        """True iff the range of an operation in an expression, which must outlive this object, is watched."""
        known = self.watched_ranges.get(id(expr))
        if known is None:
            spans = partial_spans(self.program, expr)
            sites = self.program.once(_sites, act.routine) if spans else {}
            numbers = (sites.get(span) for span in spans)
            known = any(self.watch(f"{act.routine.qualified}.range[{n}]") for n in numbers if n is not None)
            self.watched_ranges[id(expr)] = known
        return known

    def loop(self, act: _Activation, loop: core.Loop) -> _Flow:
        """Runs a loop to its end. Its claims are checked before each test of the condition."""
        name = f"{act.routine.qualified}.loop[{loop.number}]"
        outside = frozenset(act.values)
        seen: set[frozenset[tuple[Symbol, Value]]] = set()
        measure: int | None = None
        first = True
        while True:
            for clause in loop.invariants:
                which = "entry" if first else "kept"
                self.check(act, f"{name}.invariant.{clause.label}.{which}", clause, clause.span, act.values)
            measure = self.decreases(act, loop, f"{name}.decreases", measure)
            # What is declared inside is given a value before it is read.
            head = frozenset((s, v) for s, v in act.values.items() if s in outside or s.kind is SymbolKind.RESULT)
            if head in seen:
                raise _Ended(Repeats(name, loop.span, dict(act.values), act.entry, self.recorded()))
            seen.add(head)
            first = False
            if not self.test(act, StepKind.TEST, loop.condition):
                return _Flow.NEXT
            flow = self.block(act, loop.body)
            if flow is _Flow.BREAK:
                return _Flow.NEXT
            if flow is _Flow.RETURN:
                return flow
            self.block(act, loop.step)
            self.spend(act)

    def decreases(self, act: _Activation, loop: core.Loop, name: str, before: int | None) -> int | None:
        """The measure now, checked to be below the one at the test before, and that one not to be negative."""
        if loop.decreases is None or not (self.watch(name) or self.ranges_watched(act, loop.decreases)):
            return None
        now = self.value(act, loop.decreases, act.values)
        if before is not None and self.watch(name):
            self.smaller(act, name, loop.decreases.span, before, now)
        assert isinstance(now, int)
        return now

    def smaller(self, act: _Activation, name: str, span: Span, before: Value, now: Value) -> None:
        """Checks that a measure has become smaller, from a value that is not negative."""
        assert isinstance(before, int)
        assert isinstance(now, int)
        if not (now < before and before >= 0):
            self.violate(act, name, span, act.values, reason=f"it was {before} the time before, and is {now}")

    # --- what statements are made of ---

    def value(self, act: _Activation, expr: core.Expr, scope: Values, entry: Values | None = None) -> Value:
        entry = act.entry if entry is None else entry
        try:
            return evaluate(expr, self.context, scope, entry, hints=self.hints, pieces=self.pieces)
        except Undefined as undefined:
            name = self.range_id(undefined.span)
            if name is None:
                self.stop(StopReason.NOT_EXECUTABLE, str(undefined))
            self.violate(act, name, undefined.span, scope, reason=undefined.reason)
        except Undecided as undecided:
            self.stop(StopReason.UNDECIDED, str(undecided))

    def range_id(self, span: Span) -> str | None:
        """The obligation of a partial operation, which may stand in a define or a const; None if it is a literal."""
        for module in self.program.modules:
            for item in module.items:
                number = self.program.once(_sites, item).get(span)
                if number is not None:
                    return f"{module.name}.{item_name(item)}.range[{number}]"
        return None

    def test(self, act: _Activation, kind: StepKind, condition: core.Expr) -> bool:
        truth = bool(self.value(act, condition, act.values))
        self.steps.append(Step(act.depth, condition.span, kind, value=truth))
        return truth

    def assign(self, act: _Activation, span: Span, kind: StepKind, target: Symbol, value: Value) -> None:
        act.values[target] = value
        self.steps.append(Step(act.depth, span, kind, target, value))

    def check(
        self, act: _Activation, name: str, clause: core.Clause, span: Span, scope: Values, entry: Values | None = None
    ) -> None:
        watched = self.watch(name)
        if not (watched or self.ranges_watched(act, clause.expr)):
            return
        if not self.value(act, clause.expr, scope, entry) and watched:
            entry = act.entry if entry is None else entry
            try:
                why = failing_binding(clause.expr, self.context, scope, entry, hints=self.hints, pieces=self.pieces)
            except Undecided:
                why = {}  # It is false all the same.
            self.violate(act, name, span, scope, binding=why)

    def violate(
        self,
        act: _Activation,
        name: str,
        span: Span,
        scope: Values,
        *,
        binding: Values | None = None,
        reason: str = "",
    ) -> NoReturn:
        raise _Ended(Violated(name, span, dict(scope), act.entry, binding or {}, reason, self.recorded()))

    def stop(self, reason: StopReason, detail: str) -> NoReturn:
        raise _Ended(Stopped(reason, detail, self.recorded()))

    def spend(self, act: _Activation) -> None:
        if self.fuel <= 0:
            self.stop(StopReason.FUEL, f"in {act.routine.qualified}")
        self.fuel -= 1


def _sites(_program: core.Program, item: core.Item) -> Mapping[Span, int]:
    return range_sites(item)


def item_name(item: core.Item) -> str:
    """The ITEM of an item's obligations: its name, or the label of an assumption or invariant."""
    match item:
        case core.Param(symbol=symbol) | core.Const(symbol=symbol) | core.State(symbol=symbol):
            return symbol.name
        case core.Assume(clause=clause) | core.Invariant(clause=clause):
            return clause.label
        case core.Geometry(name=name) | core.Extension(name=name) | core.Define(name=name) | core.Routine(name=name):
            return name
        case _:
            assert_never(item)
