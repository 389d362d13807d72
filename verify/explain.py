"""One obligation in full: its text, what it is about, and what became of it, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from verify import core
from verify.passive import Obligation
from verify.plan import Task
from verify.report import heading, place, reasons, schedule_rows, scope_name, where_text
from verify.seen import assumptions, module_invariants
from verify.span import Source, Span
from verify.verdict import Answer, Counterexample, Opinion, Result, Stage, Verdict


def explain_text(
    program: core.Program, tasks: Sequence[Task], results: Sequence[Result], sources: Mapping[str, Source]
) -> str:
    """All about the obligation of `tasks`, at least one; `results` may lack some of theirs."""
    obligation = tasks[0].obligation
    lines = [*_head(program, obligation, tasks, sources), ""]
    clauses = dict(named_clauses(program, obligation.module))
    for result in results:
        lines += [*_verdict(result, clauses, sources), ""]
    return "\n".join(lines[:-1]) + "\n"


def _head(
    program: core.Program, obligation: Obligation, tasks: Sequence[Task], sources: Mapping[str, Source]
) -> Iterator[str]:
    routine = program.routines().get(f"{obligation.module}.{obligation.item}")
    item = f"{routine.kind.value} {routine.name}" if routine else obligation.item
    yield obligation.id
    yield f"  place      {obligation.location}"
    yield f"  kind       {obligation.kind.value}, of {item}"
    yield f"  expected   {obligation.expected}"
    yield f"  about      {where_text([(t.scope.shown, t.scope.word_bits) for t in tasks])}"
    if obligation.function is not None:
        yield f"  function   {obligation.function.shown}"
    if obligation.without:
        yield f"  without    {', '.join(obligation.without)}"
    if obligation.leans:
        yield f"  leans on   {'; '.join(obligation.leans)}"
    if obligation.claims:
        yield f"  claims     {', '.join(obligation.claims)}"
    yield from (f"  /// {line}".rstrip() for line in (routine.doc if routine else ()))
    yield from _source_lines(obligation.location, sources)


def _source_lines(span: Span, sources: Mapping[str, Source]) -> Iterator[str]:
    source = sources.get(span.file)
    for number in range(span.line, span.end_line + 1):
        if source is not None:
            yield f"{number:5d} | {source.line(number)}".rstrip()


def _verdict(result: Result, clauses: Mapping[str, core.Clause], sources: Mapping[str, Source]) -> Iterator[str]:
    where = f"every geometry, {scope_name(result)}" if result.geometry == "every" else result.geometry
    word = "DEFECT of the tool" if result.defect else result.verdict.value.upper()
    said = ", as specified" if result.ok else ""
    yield f"{where}: {word}{said}, {result.seconds:.2f} s ({result.solver})"
    yield from reasons(result)
    yield from (f"  {opinion.solver}: {_heard(opinion)}" for opinion in result.opinions)
    if result.used:
        yield "  the proof used:"
        width = max(len(name) for name in result.used)
        for name in result.used:
            yield f"    {name:<{width}}   {_clause_text(clauses.get(name), sources)}".rstrip()
        if any(name.split(".")[-2:-1] in (["ensures"], ["assert"]) for name in result.used):
            yield "  what an `ensures` or an `assert` rests on itself: explain it by the name above"
    elif result.verdict is Verdict.PROVED and result.counterexample is None:
        yield "  the proof used no clause: the claim follows from what the code and the definitions say"
    if result.counterexample is not None:
        yield f"  {heading(result)}:"
        yield from (f"    {row}" for row in _table(result.counterexample))
        if result.counterexample.schedule:
            yield "  who acts when:"
            yield from (f"    {row}" for row in schedule_rows(result.counterexample))
        if result.counterexample.stages:
            yield "  what each call changed:"
            yield from (f"    {row}" for row in _stages(result.counterexample.stages))


def _heard(opinion: Opinion) -> str:
    if opinion.answer is not Answer.UNKNOWN:
        return str(opinion.answer.value)
    return f"no answer: {opinion.reason}" + (f": {opinion.said}" if opinion.said else "")


def _clause_text(clause: core.Clause | None, sources: Mapping[str, Source]) -> str:
    if clause is None or clause.span.file not in sources:
        return ""
    return f"{clause.span.file}:{clause.span.line}: {sources[clause.span.file].cut(clause.span)}"


def _table(found: Counterexample) -> Iterator[str]:
    """Name, value, where: the geometry, the inputs, and every step."""
    entries = [(s.name, s.value, "geometry") for s in found.geometry]
    entries += [(s.name, s.value, place(s) or "given") for s in found.inputs]
    entries += [(s.name, s.value, place(s)) for s in found.trace]
    entries.insert(0, ("name", "value", "where"))
    name = max(len(n) for n, _, _ in entries)
    value = min(max(len(v) for _, v, _ in entries), 40)
    for n, v, w in entries:
        yield f"{n:<{name}}   {v:<{value}}   {w}".rstrip()


def _stages(stages: Sequence[Stage]) -> Iterator[str]:
    """Each call with what it returned, and below it each state or entry that it changed."""
    names = [c.name for s in stages for c in s.changes]
    width = max((len(n) for n in names), default=0)
    for stage in stages:
        returned = "".join(f"   {r.name} = {r.value}" for r in stage.results)
        ended = "" if stage.finished else "   (the run ends within)"
        heading = f"line {stage.line}: {stage.text}" if stage.line else "from entry to the end"
        yield f"{heading}{returned}{ended}"
        if not stage.changes:
            yield "  nothing"
        for change in stage.changes:
            yield f"  {change.name:<{width}}   {change.before} -> {change.after}"


def named_clauses(program: core.Program, module: str) -> Iterator[tuple[str, core.Clause]]:
    """The clauses that a module's proofs may use, by the names that `used` has."""
    yield from assumptions(program, module, ())
    yield from module_invariants(program, module)
    for name in program.module(module).visible:
        for item in program.module(name).items:
            if isinstance(item, core.Routine):
                prefix = item.qualified
                yield from ((f"{prefix}.requires.{c.label}", c) for c in item.requires)
                yield from ((f"{prefix}.ensures.{c.label}", c) for c in item.ensures)
                yield from ((f"{prefix}.witness.{c.label}", c) for c in item.witnesses)
                yield from _in_body(prefix, item.body or ())


def _in_body(prefix: str, body: Sequence[core.Stmt]) -> Iterator[tuple[str, core.Clause]]:
    for stmt in body:
        match stmt:
            case core.Assert(clause=clause):
                yield f"{prefix}.assert.{clause.label}", clause
            case core.If(then=then, otherwise=otherwise):
                yield from _in_body(prefix, (*then, *otherwise))
            case core.Loop():
                yield from ((f"{prefix}.loop[{stmt.number}].invariant.{c.label}", c) for c in stmt.invariants)
                yield from _in_body(prefix, stmt.body)
            case core.Atomic(body=inner):
                yield from _in_body(prefix, inner)
            case _:
                pass
