"""The report as a person reads it. Everything here returns text; nothing prints."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from verify.diagnostic import Diagnostic, excerpt, render
from verify.passive import Kind
from verify.plan import Plan, Task
from verify.second import tallies
from verify.span import Source
from verify.stable import apart, slowest, spread
from verify.terminal import Paint, plain
from verify.verdict import Counterexample, Reason, Result, Shown, Verdict

_WIDEST_ID = 60
_WIDEST_SCOPE = 44
_WIDEST_WITNESS = 110
_MOST_SCOPES = 12  # of more, the first few are named
_FIRST_SCOPES = 4
_WIDEST_VALUE = 24
_ROWS = 40
_WIDEST_ACT = 44
_WIDEST_TEXT = 160


@dataclass(slots=True)
class TextReport:
    """The report, piece by piece, in the order in which the pieces are asked for: it remembers the file it is in.

    `again`: the command that shows one obligation in full.
    """

    plan: Plan
    sources: Mapping[str, Source]
    again: Callable[[str], str]
    paint: Paint = plain
    file: str = ""
    after_block: bool = False
    widths: dict[str, tuple[int, int]] = field(default_factory=dict)
    listed_requires: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        obligations = [t.obligation for t in self.plan.listed]
        self.listed_requires = frozenset(o.id for o in obligations if o.kind is Kind.REQUIRES)
        for group in by_id(self.plan.listed):
            first = group[0].obligation
            scopes = [(t.scope.shown, t.scope.word_bits) for t in group]
            file = first.location.file
            name, where = self.widths.get(file, (0, 0))
            name = max(name, min(_WIDEST_ID, len(short_id(first.id, first.kind))))
            where = max(where, min(_WIDEST_SCOPE, len(as_specified(first.expected, scopes))))
            self.widths[file] = name, where

    def group(self, results: Sequence[Result]) -> str:
        """The lines about one obligation, given its results at all its scopes (or those that are known)."""
        lines: list[str] = []
        first = results[0]
        if first.location.file != self.file:
            lines += [*([""] if self.file and not self.after_block else []), first.location.file]
            self.file = first.location.file
        self.after_block = False
        for part in _parts(results):
            lines.append(self.line(part))
            if part[0].ok:
                lines += [f"        {text}" for text in witness_lines(part)]
            elif self.follows(part[0]):
                lines += [f"        {text}" for text in part[0].detail]
            else:
                lines += ["", *block(part, self.sources, self.again(part[0].id)), ""]
            self.after_block = lines[-1] == ""
        return "\n".join(lines) + "\n"

    def follows(self, result: Result) -> bool:
        """True iff it is vacuous by its item's `requires`, which is shown in full itself."""
        by = next((i for i in self.listed_requires if result.id.startswith(i.removesuffix("requires"))), result.id)
        return result.verdict is Verdict.VACUOUS and by != result.id

    def line(self, results: Sequence[Result]) -> str:
        """One line: the mark, the id without its module, where, how long."""
        first = results[0]
        scopes = [(r.geometry, r.word_bits) for r in results]
        where = as_specified(first.expected, scopes) if first.ok else f"{_outcome(first)}: {where_text(scopes)}"
        name, width = self.widths.get(self.file, (0, 0))
        mark = self.paint(f"{_mark(first)}")
        id_ = short_id(first.id, first.kind)
        seconds = sum(r.seconds for r in results)
        return f"  {mark}  {id_:<{name}}   {where:<{width}}   {seconds:7.2f} s"

    def summary(
        self, results: Sequence[Result], seconds: float, processes: int, warnings: Sequence[Diagnostic] = ()
    ) -> str:
        """The last lines: what there is to warn of, what is left out, what was not reached, and the counts."""
        lines = [] if self.after_block or not results else [""]
        for warning in warnings:
            lines += [render(warning, self.sources, "warning"), ""]
        for module, widths in self.plan.excluded:
            sizes = " or ".join(str(w) for w in widths)
            lines.append(f"module {module}: no geometry of {sizes} bits meets the assumptions; left out")
        missing = len(self.plan.listed) - len(results)
        if missing:
            lines.append(f"interrupted: {missing} of {len(self.plan.listed)} obligations were not reached")
        defects = sum(r.defect for r in results)
        if defects:
            lines.append(f"{_count(defects, 'defect')} of the tool itself: please report what stands at !! above")
        if warnings:
            lines.append(f"{_count(len(warnings), 'warning')}, of what is doubtful although it is proved")
        for told in tallies(results):
            silent = sum(told.silent.values())
            lines.append(f"{told.solver}: {told.agree} agree, {told.contradict} contradict, {silent} without an answer")
            lines += (f"  {number} {reason}" for reason, number in told.silent.items())
        by_seeds = spread(results)
        if by_seeds is not None:
            what = "no verdict changes" if not by_seeds.changed else f"{_count(by_seeds.changed, 'verdict')} changed"
            lines.append(f"{by_seeds.seeds} seeds: {what}")
            longest, widest = by_seeds.slowest, by_seeds.widest
            lines.append(f"  slowest: {slowest(longest):.2f} s, {longest.id}, {_scope_text(longest)}")
            lines.append(f"  furthest apart: {apart(widest):.2f} s, {widest.id}, {_scope_text(widest)}")
        counts = Counts.of(results)
        lines.append(
            f"{_count(len(results), 'obligation')}: {counts.ok} as specified, {counts.failed} failed, "
            f"{counts.unknown} unknown. {seconds:.1f} s on {_count(processes, 'process', 'processes')}"
        )
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many results are as specified, are known not to be, and are unknown; together, all of them."""

    ok: int
    failed: int
    unknown: int

    @staticmethod
    def of(results: Sequence[Result]) -> Counts:
        ok = sum(r.ok for r in results)
        unknown = sum(not r.ok and r.verdict is Verdict.UNKNOWN for r in results)
        return Counts(ok, len(results) - ok - unknown, unknown)


def _scope_text(result: Result) -> str:
    return where_text([(result.geometry, result.word_bits)])


# --- parts of a line -----------------------------------------------------------------------------------------------


def _parts(results: Sequence[Result]) -> list[tuple[Result, ...]]:
    """The results that share a line: all, where all are as specified or failed in one way without values to show."""
    first = results[0]
    same = all(
        (r.ok, r.verdict, r.reason, r.defect) == (first.ok, first.verdict, first.reason, first.defect) for r in results
    )
    silent = first.ok or all(r.counterexample is None for r in results)
    return [tuple(results)] if same and silent else [(r,) for r in results]


def by_id(tasks: Sequence[Task]) -> list[list[Task]]:
    """The tasks of each obligation together."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.obligation.id, []).append(task)
    return list(groups.values())


def short_id(id_: str, kind: Kind) -> str:
    """The id without its module; that of a refute or a cover is the item's name."""
    short = id_.split(".", 1)[-1]
    return short.removesuffix(f".{kind.value}") if kind in (Kind.REFUTE, Kind.COVER) else short


def where_text(scopes: Sequence[tuple[str, int]]) -> str:
    """`every geometry, 32 and 64 bits`, or the names of geometries."""
    if all(geometry == "every" for geometry, _ in scopes):
        return f"every geometry, {_bits(scopes)}"
    names = [geometry if geometry != "every" else f"every geometry, {bits} bits" for geometry, bits in scopes]
    if len(names) > _MOST_SCOPES:
        return f"{', '.join(names[:_FIRST_SCOPES])} and {len(names) - _FIRST_SCOPES} others"
    return ", ".join(names)


def as_specified(expected: str, scopes: Sequence[tuple[str, int]]) -> str:
    """What a line says of results that are as the specification has them."""
    if expected == "proved":
        return where_text(scopes)
    everywhere = all(geometry == "every" for geometry, _ in scopes)
    at = f"at {_bits(scopes)}" if everywhere else f"on {where_text(scopes)}"
    return f"refuted {at}, as it says" if expected == "refuted" else f"covered {at}"


def _bits(scopes: Sequence[tuple[str, int]]) -> str:
    sizes = list(dict.fromkeys(bits for _, bits in scopes))
    return f"{' and '.join(str(s) for s in sizes)} bits" if all(sizes) else "every word size"


def _outcome(result: Result) -> str:
    if result.defect:
        return "DEFECT"
    reason = f" ({result.reason.value})" if result.reason else ""
    return result.verdict.value.upper() + reason


def _mark(result: Result) -> str:
    if result.defect:
        return "!!"
    if result.ok:
        return "ok"
    return "??" if result.verdict is Verdict.UNKNOWN else "NO"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


# --- witnesses -----------------------------------------------------------------------------------------------------


def witness_lines(results: Sequence[Result]) -> list[str]:
    """The values behind each expected refutation or cover, in a line each; one line where they are the same."""
    if results[0].kind not in (Kind.REFUTE, Kind.COVER):
        return []
    shown = [(scope_name(r), _witness(r)) for r in results if r.counterexample is not None]
    if len(results) == 1 or len({text for _, text in shown}) == 1:
        return [text for _, text in shown[:1] if text]
    lines = [_shorten(f"{name}: {text}", _WIDEST_WITNESS) for name, text in shown]
    if len(lines) > _MOST_SCOPES:
        return [*lines[:_FIRST_SCOPES], f"and {len(lines) - _FIRST_SCOPES} others"]
    return lines


def scope_name(result: Result) -> str:
    """A scope among others of the same obligation, in a word."""
    if result.geometry != "every":
        return result.geometry
    return f"{result.word_bits} bits" if result.word_bits else "every word size"


def _witness(result: Result) -> str:
    found = result.counterexample
    assert found is not None
    params = [s for s in found.geometry if s.name != "WORD_BITS"] if result.geometry == "every" else []
    numbers = [s for s in found.inputs if not isinstance(s.json, dict)]
    maps = [s for s in found.inputs if isinstance(s.json, dict)]  # long, and last, where a line is cut
    given = _equations((*numbers, *params, *maps))
    follows = "; ".join(result.detail) or _equations(found.trace)
    return _shorten(": ".join(part for part in (given, follows) if part), _WIDEST_WITNESS)


def _equations(values: Sequence[Shown]) -> str:
    return ", ".join(f"{s.name} = {s.value}" for s in values)


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 4].rstrip(" ,:") + " ..."


# --- blocks --------------------------------------------------------------------------------------------------------


def block(results: Sequence[Result], sources: Mapping[str, Source], again: str) -> list[str]:
    """All that is to be said of results that are not as the specification has them, alike but for their scopes."""
    first = results[0]
    lines = [f"{first.location}: {'DEFECT' if first.defect else first.verdict.value.upper()} {first.id}"]
    lines += excerpt(first.location, sources)
    lines += dict.fromkeys(line for result in results for line in reasons(result))
    if first.counterexample is not None:
        lines += [f"  {heading(first)}:", *(f"    {row}" for row in rows(first.counterexample))]
        if first.counterexample.schedule:
            lines += ["  who acts when:", *(f"    {row}" for row in schedule_rows(first.counterexample))]
    return [*lines, f"  again: {again}"]


def reasons(result: Result) -> list[str]:
    """Why the verdict is what it is, as far as the worker said."""
    lines = []
    reason = result.reason.value if result.reason is not None and not result.defect else ""
    if reason and not any(sentence.startswith(f"{reason}:") for sentence in result.detail):
        more = "; --timeout gives it longer" if result.reason is Reason.TIMEOUT else ""
        lines.append(f"  reason: {reason}{more}")
    if not result.ok and result.expected != "proved" and result.verdict is not Verdict.UNKNOWN:
        lines.append(f"  expected: {result.expected}")
    return lines + [f"  {sentence}" for sentence in result.detail if sentence != reason]


def heading(result: Result) -> str:
    """What the values below it are."""
    assert result.counterexample is not None
    if result.verdict is Verdict.UNKNOWN and result.kind is Kind.IMPLEMENTATION:
        return "values that both were run on"
    if result.verdict is Verdict.UNKNOWN or not result.counterexample.is_run:
        return "a step that need not be reachable, confirmed by executing it"
    if result.verdict is Verdict.COVERED:
        return "witness, confirmed by executing it"
    return "counterexample, confirmed by executing it"


def rows(found: Counterexample) -> list[str]:
    """The geometry, the inputs and the values on the way, in columns. Of a long way, its two ends."""
    trace = found.trace
    skipped = len(trace) - _ROWS
    values = [*found.inputs, *trace]
    name = max([len("geometry"), *(len(s.name) for s in values)]) + 3
    width = min(max([len(s.value) for s in values], default=0), _WIDEST_VALUE) + 2
    lines = [f"{'geometry':<{name}}{_equations(found.geometry)}"]
    for at, shown in enumerate(values):
        step = at - len(found.inputs)
        if skipped > 0 and _ROWS // 2 <= step < _ROWS // 2 + skipped:
            if step == _ROWS // 2:
                lines.append(f"... {skipped} more, which explain shows ...")
            continue
        lines.append(f"{shown.name:<{name}}{shown.value:<{width}}{place(shown)}".rstrip())
    return lines


def schedule_rows(found: Counterexample) -> list[str]:
    """Its schedule as a table: a line for each act, a column for each actor, and what the act changed.

    What changes nothing but the count of what others have done is left out.
    """
    acts = found.schedule
    actors = list(dict.fromkeys([found.routine, *(act.actor for act in acts)]))
    cells = [textwrap.wrap(act.text, _WIDEST_ACT) for act in acts]
    widths = {
        a: max([len(a), *(len(line) for act, cell in zip(acts, cells, strict=True) if act.actor == a for line in cell)])
        for a in actors
    }
    lines = ["   ".join([*(f"{a:<{widths[a]}}" for a in actors), "changes"])]
    lines.append("   ".join([*("-" * widths[a] for a in actors), "-" * len("changes")]))
    for act, cell in zip(acts, cells, strict=True):
        changed = [f"{c.name}: {c.before} -> {c.after}" for c in act.changes]
        for number in range(max(len(cell), len(changed), 1)):
            text = cell[number] if number < len(cell) else ""
            columns = [f"{text if a == act.actor else '':<{widths[a]}}" for a in actors]
            lines.append("   ".join([*columns, changed[number] if number < len(changed) else ""]).rstrip())
    return lines


def place(shown: Shown) -> str:
    """Where a value came from: `line N: text`; nothing for an input."""
    if not shown.line:
        return ""
    # Where two ways meet the text is that of a whole `if`.
    return f"line {shown.line}: {_shorten(shown.text, _WIDEST_TEXT)}" if shown.text else f"line {shown.line}"


# --- the list ------------------------------------------------------------------------------------------------------


def list_text(plan: Plan) -> str:
    """Every obligation in a line: its id, its kind, what it is about; and how many entries a report has."""
    groups = by_id(plan.listed)
    name = max(len(g[0].obligation.id) for g in groups)
    kind = max(len(g[0].obligation.kind.value) for g in groups)
    lines: list[str] = []
    file = ""
    for group in groups:
        first = group[0].obligation
        if first.location.file != file:
            file = first.location.file
            lines += [*([""] if lines else []), file]
        where = where_text([(t.scope.shown, t.scope.word_bits) for t in group])
        lines.append(f"  {first.id:<{name}}   {first.kind.value:<{kind}}   {where}")
    lines += ["", f"{_count(len(plan.listed), 'obligation')}, counted for each geometry or word size"]
    return "\n".join(lines) + "\n"
