"""Tests generated from the specification: which there are, and what running one means.

Each procedure that has an implementation is run on examples drawn from its contract, once for all its tests. Each of
its claims is then a test: evaluated on what every example left behind, and where it is false, on ever smaller ones.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import lockstep
from bridge import Function, Misbehaved, NoBridge, Outcome, affordable, call, check, function_at
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FailedHealthCheck, Unsatisfiable
from lockstep import Among, call_among, interference, record_claims
from severity import Call, Failure, finding
from ways import shown, taken, ways

from verify import core
from verify.classes import BadClass, InputClass, input_classes
from verify.core import WORD_BITS, Symbol, SymbolKind
from verify.diagnostic import render
from verify.elaborate import elaborate
from verify.evaluate import Context, Undecided, Undefined, evaluate
from verify.execute import mentions
from verify.load import load
from verify.report import schedule_rows
from verify.seen import labelled_invariants
from verify.span import Source
from verify.strategies.conditions import Impossible
from verify.strategies.examples import Example, Maker
from verify.strategies.shrink import shrunk
from verify.syntax import RoutineKind
from verify.values import Value, show
from verify.verdict import Act, Counterexample
from verify.why import failing_binding

EXAMPLES = 120
"""How many examples each procedure is run on, if nobody asks for more."""

SHARE = 0.02
"""The share of a procedure's examples that must reach each of its classes, and take each way through its body."""


class BadSuite(Exception):
    """The specification or the table of implementations is wrong; the message says where."""


class Broken(Exception):
    """A claim does not hold; the message is what a person reads."""


class Contradicted(Broken):
    """A claim does not hold, and that is no fault of code or specification: the proof or the binding is wrong.

    Nothing that either of them says counts until it is known what is wrong with it.
    """


@dataclass(frozen=True, slots=True)
class Generated:
    """One test. `clause` is None for the claim that what `modifies` does not name stays as it was.

    `record`: what is claimed is not of the end, but of the steps on the way there; then too there is no clause, and
    `claims` has the names of the claims.
    """

    id: str
    routine: core.Routine
    clause: core.Clause | None
    record: bool = False
    claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """An example, and what the implementation made of it: an outcome, or in words what is wrong with it.

    `context` has the tables of the uninterpreted defines, as they were asked. Of a run among others, `violated` has the
    ids of the claims that were broken on the way, each with how, and `acts` who did what.
    """

    example: Example
    context: Context
    outcome: Outcome | str
    violated: Mapping[str, str] = field(default_factory=dict)
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Inputs:
    """A procedure's examples, which do not depend on what is run on them; and how many were `rejected` on the way."""

    maker: Maker = field(repr=False)  # else a failing assertion about it would write out the whole specification
    examples: tuple[Example, ...] = field(repr=False)
    rejected: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A procedure's examples, run, and by each class of its inputs how many of them are in it."""

    maker: Maker
    ran: tuple[Ran, ...]
    reached: Mapping[str, int]


@dataclass(slots=True)
class Suite:
    """All generated tests of a specification. `without`: the procedures that have no implementation.

    `inputs`, `drawn`, `reached` and `walked` are filled in as tests run, by procedure, number of examples and seed.
    The first two take much room, and have what was asked for last alone. `reached` has how many examples were run, and
    how many of them are in each class; `walked`, how many take each way through the body.
    """

    program: core.Program
    sources: Mapping[str, Source]
    functions: Mapping[str, Function]
    classes: tuple[InputClass, ...]
    tests: tuple[Generated, ...]
    without: tuple[str, ...]
    inputs: dict[tuple[str, int, int], Inputs] = field(default_factory=dict)
    drawn: dict[tuple[str, int, int], Drawn] = field(default_factory=dict)
    reached: dict[tuple[str, int, int], tuple[int, Mapping[str, int]]] = field(default_factory=dict)
    walked: dict[tuple[str, int, int], Mapping[str, int]] = field(default_factory=dict)

    def aims(self, routine: core.Routine) -> tuple[InputClass, ...]:
        """The classes of a procedure's inputs."""
        return tuple(c for c in self.classes if c.procedure == routine.qualified)

    def running(self, functions: Mapping[str, Function]) -> Suite:
        """The same tests on the same inputs, with these functions, by procedure, in place of what implements them."""
        return replace(self, functions={**self.functions, **functions}, drawn={}, reached={})


# --- which tests there are -----------------------------------------------------------------------------------------


def implementations(pyproject: Path) -> dict[str, str]:
    """The table of implementing functions, by procedure."""
    table = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["verify"]["implementations"]
    return {str(name): str(place) for name, place in table.items()}


def suite(spec: Sequence[Path], table: Mapping[str, str], current: Path | None = None) -> Suite:
    """The tests of the procedures below `spec` that the table has a function for. Raises BadSuite."""
    loaded = load(spec, current)
    program, diagnostics = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    found = (*loaded.diagnostics, *diagnostics)
    if program is None or found:
        raise BadSuite("\n".join(render(d, loaded.sources) for d in found))
    routines = program.routines()
    procedures = {name: r for name, r in routines.items() if r.kind in (RoutineKind.PROCEDURE, RoutineKind.TRUSTED)}
    functions: dict[str, Function] = {}
    try:
        for name, place in table.items():
            if name not in procedures:
                raise BadSuite(f"tool.verify.implementations: there is no procedure `{name}` in the specification")
            functions[name] = function_at(place)
            check(procedures[name], functions[name], interference(program, procedures[name]) is not None)
        classes = input_classes(program)
    except (NoBridge, BadClass) as error:
        raise BadSuite(str(error)) from error
    tests = tuple(t for name, r in procedures.items() if name in functions for t in generated_of(program, r))
    without = tuple(name for name in procedures if name not in functions)
    return Suite(program, loaded.sources, functions, classes, tests, without)


def generated_of(program: core.Program, routine: core.Routine) -> list[Generated]:
    """The tests of a procedure, by the ids of the obligations that claim the same of its body."""
    name = routine.qualified
    found = [Generated(f"{name}.ensures.{c.label}", routine, c) for c in routine.ensures]
    if program.states(routine.module):
        found.append(Generated(f"{name}.modifies", routine, None))
    for _, label, clause in labelled_invariants(program, routine.module):
        if mentions(program, clause.expr, routine.modifies):
            found.append(Generated(f"{name}.invariant.{label}", routine, clause))
    records = record_claims(program, routine)
    return found + [Generated(id_, routine, None, record=True, claims=named) for id_, named in records]


# --- running one ---------------------------------------------------------------------------------------------------


def run(suite: Suite, test: Generated, *, count: int = EXAMPLES, number: int = 0) -> None:
    """Runs a test on `count` examples drawn with seed `number`. Raises Broken with the smallest example found, and
    whose fault it is; Contradicted if it is ours.

    A claim that is undecided on an example does not hold, nor does any if a class of the procedure was reached by too
    few examples, or a way through its body taken.
    """
    found = drawn(suite, test.routine, count, number)
    for ran in found.ran:
        if broken(test, ran) is not None:
            raise _failure(suite, test, _smallest(suite, test, found, ran))
    missed = [
        f"  {name}: {reached} of {len(found.ran)} examples"
        for name, reached in (*found.reached.items(), *walked(suite, test.routine, count, number).items())
        if reached < SHARE * len(found.ran)
    ]
    if missed:
        raise Broken("\n".join([f"{test.id}: fewer than {SHARE:.0%} of the examples reach", *missed]))


def drawn(suite: Suite, routine: core.Routine, count: int, number: int) -> Drawn:
    """The procedure's examples, the same for all its tests. Raises Broken if there are none."""
    key = (routine.qualified, count, number)
    if key not in suite.drawn:
        found = inputs(suite, routine, count, number)
        ran = tuple(ran_on(suite, routine, example) for example in found.examples)
        reached = {
            c.id: sum(c.reached(r.example.geometry, r.context, r.example.entry) for r in ran)
            for c in suite.aims(routine)
        }
        suite.drawn.clear()
        suite.drawn[key] = Drawn(found.maker, ran, reached)
        suite.reached[key] = (len(ran), reached)
    return suite.drawn[key]


def walked(suite: Suite, routine: core.Routine, count: int, number: int) -> Mapping[str, int]:
    """How many of a procedure's examples take each way through its body."""
    key = (routine.qualified, count, number)
    if key not in suite.walked:
        found = [taken(suite.program, routine, e) for e in inputs(suite, routine, count, number).examples]
        named = ways(suite.program, routine, tuple(suite.functions))
        suite.walked[key] = {
            shown(way, id_, suite.sources): sum(way in one for one in found) for way, id_ in named.items()
        }
    return suite.walked[key]


def inputs(suite: Suite, routine: core.Routine, count: int, number: int) -> Inputs:
    """The procedure's examples, drawn once. Raises Broken if there are none."""
    key = (routine.qualified, count, number)
    if key not in suite.inputs:
        kept: list[Example] = []
        try:
            keep = affordable if interference(suite.program, routine) is None else lockstep.affordable
            maker = _Counting(suite.program, routine, suite.aims(routine), keep)
            each_example(maker, count, number, kept.append)
        except (Impossible, Unsatisfiable, FailedHealthCheck) as error:
            raise Broken(f"{routine.qualified}: no examples can be drawn: {error}") from error
        maker.forget()
        suite.inputs.clear()
        suite.inputs[key] = Inputs(maker, tuple(kept), maker.rejected)
    return suite.inputs[key]


class _Counting(Maker):
    """A Maker that counts the choices of which it makes no example: these are rejected, and others drawn."""

    rejected = 0

    def make(self, choices: bytes) -> Example | None:
        example = super().make(choices)
        self.rejected += example is None
        return example


def each_example(maker: Maker, count: int, number: int, act: Callable[[Example], None]) -> None:
    """Acts on `count` examples. The same number gives the same examples."""

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large),
    )
    @given(maker.strategy())
    def each(example: Example) -> None:
        act(example)

    each()


def ran_on(suite: Suite, routine: core.Routine, example: Example) -> Ran:
    """What the implementation makes of an example, as the suite has the implementation now."""
    answers = {name: hook.start() for name, hook in example.hooks.items()}
    function = suite.functions[routine.qualified]
    among: Among | None = None
    outcome: Outcome | str
    if interference(suite.program, routine) is not None:
        among = call_among(suite.program, routine, function, example, answers)
        outcome = among.outcome
    else:
        try:
            outcome = call(routine, function, example, answers)
        except Misbehaved as error:
            outcome = str(error)
    tables = {name: answer.table() for name, answer in answers.items()}
    context = replace(example.context, tables=tables)
    if among is None:
        return Ran(example, context, outcome)
    return Ran(example, context, outcome, among.violated, among.acts)


def _smallest(suite: Suite, test: Generated, found: Drawn, failing: Ran) -> Ran:
    """An example on which the claim is false as well, as small as can be."""

    def fails(choices: bytes) -> bool:
        example = found.maker.make(choices)
        return example is not None and broken(test, ran_on(suite, test.routine, example)) is not None

    example = found.maker.make(shrunk(failing.example.choices, fails))
    assert example is not None
    return ran_on(suite, test.routine, example)


def _failure(suite: Suite, test: Generated, ran: Ran) -> Broken:
    """What to raise on an example on which a claim is false."""
    routine = test.routine
    followed = interference(suite.program, routine) is not None
    example = replace(ran.example, context=ran.context)
    failure = Failure(test.id, routine, example, ran.outcome, None if followed else binding(routine))
    found = finding(suite.program, suite.sources, failure)
    text = f"{found.words}\n{message(suite, test, ran)}"
    return Contradicted(text) if found.ours else Broken(text)


def binding(routine: core.Routine) -> Call:
    """What a function leaves behind on an example of a procedure."""
    return lambda function, example: call(
        routine, function, example, {name: hook.start() for name, hook in example.hooks.items()}
    )


def broken(test: Generated, ran: Ran) -> str | None:
    """In which way the claim does not hold of what a run left behind; None if it holds."""
    if test.record:
        return ran.violated.get(test.id)
    if isinstance(ran.outcome, str):
        return ran.outcome
    entry = ran.example.entry
    if test.clause is None:
        stays = [s for s in ran.example.state if s not in test.routine.modifies]
        changed = [s.name for s in stays if ran.outcome.state[s] != ran.example.state[s]]
        return f"{', '.join(changed)} has changed, and `modifies` does not name it" if changed else None
    values = _after(ran, ran.outcome)
    try:
        if evaluate(test.clause.expr, ran.context, values, entry):
            return None
    except Undefined as undefined:
        return f"it is not defined here: {undefined}"
    except Undecided as undecided:
        return f"it is undecided here: {undecided}"
    return "it is false"


def _after(ran: Ran, outcome: Outcome) -> dict[Symbol, Value]:
    return {**ran.example.arguments, **outcome.state, **outcome.results}


# --- as a person sees it -------------------------------------------------------------------------------------------


def message(suite: Suite, test: Generated, ran: Ran) -> str:
    """The failure in the specification's terms: the claim, the example, and what the implementation did."""
    why = broken(test, ran) or "it holds"
    function = suite.functions[test.routine.qualified]
    span = test.routine.span if test.clause is None else test.clause.line
    last = span.line if test.clause is None else span.end_line
    source = suite.sources[span.file]
    lines = [f"{span}: {test.id}, as {function.__module__}.{function.__name__} has it: {why}"]
    lines += [f"{number:5d} | {source.line(number)}" for number in range(span.line, last + 1)]
    lines.append("  smallest example found:")
    for title, rows in _sections(test, ran):
        for index, (name, value) in enumerate(rows):
            lines.append(f"    {title if index == 0 else '':10} {name} = {value}")
    if ran.acts:
        found = Counterexample((), (), (), True, (), ran.acts, function.__name__)
        lines += ["  who acts when:", *(f"    {row}" for row in schedule_rows(found))]
    return "\n".join(lines)


def _sections(test: Generated, ran: Ran) -> list[tuple[str, list[tuple[str, str]]]]:
    """What there is to show of an example: a title, and the names and values under it."""
    bits, example = ran.context.word_bits, ran.example

    def rows(values: Mapping[Symbol, Value]) -> list[tuple[str, str]]:
        return [(s.name, show(v, s.type, bits)) for s, v in values.items()]

    params = {s: v for s, v in ran.context.constants.items() if s.kind is SymbolKind.PARAM}
    shown = [(s.name, show(v, s.type, bits)) for s, v in params.items() if not isinstance(v, Undefined | Undecided)]
    sections = [(example.geometry or "geometry", sorted(shown, key=lambda row: row[0] != WORD_BITS.name))]
    sections += [("called", rows(example.arguments)), ("before", rows(example.state))]
    if isinstance(ran.outcome, Outcome):
        after = ran.outcome.state
        changed = {s: v for s, v in after.items() if v != example.state[s]}
        sections += [("after", rows(changed)), ("returned", rows(ran.outcome.results))]
        sections += [("where", rows(_binding(test, ran, ran.outcome)))]
    asked = [
        (f"{name.rsplit('.', 1)[1]}({_row(ran, name, row)})", _of(ran, name, value))
        for name, table in ran.context.tables.items()
        for row, value in table.entries.items()
    ]
    return [*sections, ("asked", asked)]


def _binding(test: Generated, ran: Ran, outcome: Outcome) -> Mapping[Symbol, Value]:
    """The values of bound variables at which the claim is false, where they can be told."""
    if test.clause is None:
        return {}
    try:
        return failing_binding(test.clause.expr, ran.context, _after(ran, outcome), ran.example.entry)
    except (Undefined, Undecided):
        return {}


def _row(ran: Ran, name: str, row: tuple[Value, ...]) -> str:
    define = ran.context.defines[name]
    symbols = define.parameters + define.reads
    return ", ".join(show(v, s.type, ran.context.word_bits) for s, v in zip(symbols, row, strict=True))


def _of(ran: Ran, name: str, value: Value) -> str:
    return show(value, ran.context.defines[name].result, ran.context.word_bits)
