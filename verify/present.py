"""Values and runs as a person reads them: names, numbers, and the source that gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from verify import core
from verify.actual import Did, Failed
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context, Undecided, Undefined
from verify.execute import RECORDED, StepKind, Trace
from verify.execute import Step as RunStep
from verify.function import Function
from verify.interleaving import changes, schedule
from verify.judge import Judged
from verify.passive import Let, Step
from verify.run import Violation
from verify.span import Source, Span
from verify.syntax import RoutineKind
from verify.values import Value, show, some_value, to_json
from verify.verdict import Counterexample, Shown, Stage

_HIDDEN = ("branch", "join")

LONG = 1_000
"""A run that computes more values than this is not shown whole."""

BEGINNING, ENDING = 60, 120
"""How many of its values are shown then, from the beginning and up to the end."""


def shown(name: str, value: Value, type_: core.Type, word_bits: int, line: int = 0, text: str = "") -> Shown:
    """One value with its two forms."""
    return Shown(name, show(value, type_, word_bits), to_json(value, type_, word_bits), line, text)


def present_geometry(program: core.Program, context: Context) -> tuple[Shown, ...]:
    """WORD_BITS and every param that has a value."""
    found = [Shown("WORD_BITS", str(context.word_bits), context.word_bits)]
    for module in program.modules:
        for item in module.items:
            if isinstance(item, core.Param) and item.symbol in context.constants:
                value = context.constants[item.symbol]
                if not isinstance(value, Undefined | Undecided):
                    found.append(shown(item.symbol.name, value, item.symbol.type, context.word_bits))
    return tuple(found)


def present_values(
    program: core.Program,
    context: Context,
    values: Mapping[Symbol, Value],
    symbols: Sequence[Symbol],
    steps: Sequence[Step],
    sources: Mapping[str, Source],
    is_run: bool,
) -> Counterexample:
    """The values of the free symbols as inputs, and those that the steps on the way taken compute as the trace."""
    inputs = tuple(shown(str(s), values[s], s.type, context.word_bits) for s in symbols)
    trace = []
    for step in steps:
        if not isinstance(step, Let) or step.symbol.name in _HIDDEN:
            continue
        if all(values.get(g.symbol) == g.holds for g in step.path):
            source = sources.get(step.value.span.file)
            text = source.cut(step.value.span) if source else ""
            line = step.value.span.line
            trace.append(shown(step.symbol.name, values[step.symbol], step.symbol.type, context.word_bits, line, text))
    return Counterexample(present_geometry(program, context), inputs, tuple(trace), is_run)


def present_run(program: core.Program, run: Violation, sources: Mapping[str, Source]) -> Counterexample:
    """A run as it went: its inputs, then every value that was computed, in order, callees' included."""
    bits = run.context.word_bits
    inputs = [shown(s.name, v, s.type, bits) for s, v in run.inputs.items()]
    inputs += [shown(s.name, v, s.type, bits) for s, v in run.binding.items()]
    trace = list(_computed(run.trace, bits, sources))
    geometry, stages = present_geometry(program, run.context), tuple(stages_of(program, run, sources))
    if len(trace) > LONG:
        left_out = len(trace) - BEGINNING - ENDING
        said = f"{left_out} values left out"
        mark = Shown("...", said, said)
        trace = [*trace[:BEGINNING], mark, *trace[-ENDING:]]
        stages = stages[-1:]
    return Counterexample(
        geometry, tuple(inputs), tuple(trace), True, stages, schedule(program, run, sources), run.routine
    )


def present_function(
    program: core.Program, function: Function, judged: Judged, location: Span, sources: Mapping[str, Source]
) -> Counterexample:
    """A function beside its item: a run of the item, then what that says of each result, and what the function does."""
    context, bits = judged.context, judged.context.word_bits
    arguments = {s: v for s, v in judged.inputs.items() if s.kind is SymbolKind.ARGUMENT}
    inputs = tuple(shown(s.name, v, s.type, bits) for s, v in arguments.items())
    rows = list(_computed(judged.trace, bits, sources))
    types = [e.type for e in function.wanted]
    for value, type_ in zip(judged.specified, types, strict=False):
        rows.append(shown("specified", value, type_, bits, location.line, function.binding.item))
    line, place = int(function.where.rpartition(":")[2]), function.binding.place
    match judged.real:
        case Did(values=values):
            rows += (shown("returned", v, t, bits, line, place) for v, t in zip(values, types, strict=True))
        case Failed(what=what):
            rows.append(Shown("function", what, what, line, place))
        case None:
            pass
    return Counterexample(present_geometry(program, context), inputs, tuple(rows), True)


def _computed(trace: Trace, bits: int, sources: Mapping[str, Source]) -> Iterator[Shown]:
    """The values that a run computed, callees' included."""
    for step in trace:
        if step.symbol is None or step.value is None or step.kind is StepKind.PASS:
            continue
        source = sources.get(step.span.file)
        name = step.symbol.name if step.depth == 0 else f"{'. ' * step.depth}{step.symbol.name}"
        text = source.cut(step.span) if source else ""
        yield shown(name, step.value, step.symbol.type, bits, step.span.line, text)


def telling_inputs(run: Violation) -> tuple[Shown, ...]:
    """The arguments of a run, and the states that are not as plain as can be."""
    bits = run.context.word_bits
    said = {s: v for s, v in run.inputs.items() if s.kind is not SymbolKind.STATE or v != some_value(s.type, bits)}
    return tuple(shown(s.name, v, s.type, bits) for s, v in said.items())


def stages_of(program: core.Program, run: Violation, sources: Mapping[str, Source]) -> Iterator[Stage]:
    """The calls that the body itself makes, each with what it changed, and last what the whole run did.

    What others do in between is in the schedule.
    """
    routines = program.routines()
    bits, steps = run.context.word_bits, run.trace
    if len(steps) >= RECORDED:
        return  # the beginning is lost
    at_entry = {s: v for s, v in run.inputs.items() if s.kind is SymbolKind.STATE}
    now = dict(at_entry)
    position = 0
    while position < len(steps):
        call = steps[position]
        position += 1
        if call.kind is not StepKind.CALL or routines[call.callee].kind is RoutineKind.INTERFERENCE:
            _follow(call, now)
            while call.kind is StepKind.CALL and position < len(steps) and steps[position].depth > call.depth:
                _follow(steps[position], now)
                position += 1
            continue
        before, results, finished = dict(now), [], False
        while position < len(steps) and steps[position].depth > call.depth:
            step = steps[position]
            _follow(step, now)
            if step.kind is StepKind.RETURN and step.depth == call.depth + 1:
                finished = True
            position += 1
        while position < len(steps) and steps[position].span == call.span and steps[position].kind is StepKind.ASSIGN:
            step = steps[position]
            _follow(step, now)
            if step.symbol is not None and step.value is not None:
                results.append(shown(step.symbol.name, step.value, step.symbol.type, bits))
            position += 1
        source = sources.get(call.span.file)
        text = source.cut(call.span) if source else call.callee
        yield Stage(call.span.line, text, tuple(results), tuple(changes(before, now, bits)), finished)
    whole = tuple(changes(at_entry, now, bits))
    if whole:
        yield Stage(0, "", (), whole, True)


def _follow(step: RunStep, states: dict[Symbol, Value]) -> None:
    if step.symbol in states and step.value is not None:
        states[step.symbol] = step.value
