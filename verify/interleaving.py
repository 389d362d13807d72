"""A run in which others act, as a schedule: who did what, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from verify import core
from verify.core import Symbol, SymbolKind
from verify.execute import RECORDED, Step, StepKind
from verify.run import Violation
from verify.span import Source
from verify.syntax import RoutineKind
from verify.values import MapValue, Value, domain, order, show
from verify.verdict import Act, Changed


def schedule(
    program: core.Program,
    run: Violation,
    sources: Mapping[str, Source],
) -> tuple[Act, ...]:
    """The acts of a whole run, in order; none if nobody else acts in it, or its beginning is lost.

    An act of the routine that is run is an assignment, or a call in which nobody else acts; where somebody does, what
    is done in it. An act of others is a call that the interference procedure makes.
    """
    if len(run.trace) >= RECORDED:
        return ()
    at_entry = {s: v for s, v in run.inputs.items() if s.kind is SymbolKind.STATE}
    acts = tuple(_Followed(program, sources, run.context.word_bits, at_entry).acts(run.trace, run.routine))
    return acts if len({act.actor for act in acts}) > 1 else ()


def acts_of_others(
    program: core.Program, trace: Sequence[Step], states: Mapping[Symbol, Value], bits: int
) -> tuple[Act, ...]:
    """What others do in a run of the interference procedure itself, from these states on."""
    return tuple(_Followed(program, {}, bits, dict(states)).others(trace, 0))


class _Followed:
    """Goes through a trace, with the states as they are at each step."""

    def __init__(
        self,
        program: core.Program,
        sources: Mapping[str, Source],
        bits: int,
        states: dict[Symbol, Value],
    ) -> None:
        self.routines = program.routines()
        self.sources = sources
        self.bits = bits
        self.states = states

    def acts(self, steps: Sequence[Step], actor: str, depth: int = 0) -> Iterator[Act]:
        """The acts of a stretch of a run, of which the routine at `depth` is the `actor`'s."""
        at = 0
        while at < len(steps):
            step = steps[at]
            if step.kind is not StepKind.CALL:
                before = dict(self.states)
                self.follow(step)
                if step.kind is StepKind.ASSIGN and step.depth == depth:
                    yield self.act(actor, step, self.text(step), before)
                at += 1
                continue
            end = at + 1
            while end < len(steps) and steps[end].depth > step.depth:
                end += 1
            inside = steps[at + 1 : end]
            yield from self.call(step, inside, actor)
            # Where its results go is part of the call; that of others has none.
            while (
                not self.interferes(step)
                and end < len(steps)
                and steps[end].span == step.span
                and steps[end].kind is StepKind.ASSIGN
            ):
                self.follow(steps[end])
                end += 1
            at = end

    def call(self, step: Step, inside: Sequence[Step], actor: str) -> Iterator[Act]:
        if self.interferes(step):
            yield from self.others(inside, step.depth + 1)
        elif any(map(self.interferes, inside)):
            yield from self.acts(inside, actor, step.depth + 1)
        else:
            before = dict(self.states)
            for each in inside:
                self.follow(each)
            yield self.act(actor, step, self.text(step), before)

    def others(self, steps: Sequence[Step], depth: int) -> Iterator[Act]:
        """What is done within a call of the interference procedure, at `depth`: its calls."""
        at = 0
        while at < len(steps):
            step = steps[at]
            at += 1
            if step.kind is not StepKind.CALL:
                self.follow(step)
                continue
            before = dict(self.states)
            given = []
            while at < len(steps) and steps[at].depth > depth:
                inner = steps[at]
                if inner.kind is StepKind.PASS and inner.depth == depth + 1:
                    given.append(self.shown(inner))
                self.follow(inner)
                at += 1
            name = step.callee.rpartition(".")[2]
            yield self.act(name, step, f"{name}({', '.join(given)})", before)

    def interferes(self, step: Step) -> bool:
        return step.kind is StepKind.CALL and self.routines[step.callee].kind is RoutineKind.INTERFERENCE

    def act(self, actor: str, step: Step, text: str, before: Mapping[Symbol, Value]) -> Act:
        found: tuple[Changed, ...] = tuple(changes(before, self.states, self.bits))
        return Act(actor, text, step.span.line, found)

    def follow(self, step: Step) -> None:
        if step.symbol in self.states and step.value is not None:
            self.states[step.symbol] = step.value

    def shown(self, step: Step) -> str:
        assert step.symbol is not None
        assert step.value is not None
        return show(step.value, step.symbol.type, self.bits)

    def text(self, step: Step) -> str:
        source = self.sources.get(step.span.file)
        return source.cut(step.span).rstrip(";") if source else step.callee


def _result(step: Step, call: Step) -> bool:
    """True iff the step assigns a result of the call before it."""
    return step.span == call.span and step.kind is StepKind.ASSIGN


def changes(before: Mapping[Symbol, Value], after: Mapping[Symbol, Value], word_bits: int) -> Iterator[Changed]:
    """The states that differ; of a map or a set, the entries that do."""
    for symbol, old in before.items():
        new, type_ = after[symbol], symbol.type
        if old == new:
            continue
        if not (isinstance(old, MapValue) and isinstance(new, MapValue)):
            yield Changed(symbol.name, show(old, type_, word_bits), show(new, type_, word_bits))
            continue
        assert isinstance(type_, core.MapType | core.SetType)
        key, held = core.key_type(type_), core.value_type(type_)
        named = isinstance(key, core.EnumType)
        if old.default != new.default and not named:
            name = f"{symbol.name}[all others]"
            yield Changed(name, show(old.default, held, word_bits), show(new.default, held, word_bits))
        for at in domain(key, word_bits) if named else sorted({*old.keys, *new.keys}, key=order):
            one, other = old.get(at), new.get(at)
            if one != other:
                name = f"{symbol.name}[{show(at, key, word_bits)}]"
                yield Changed(name, show(one, held, word_bits), show(other, held, word_bits))
