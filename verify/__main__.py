"""`python -m verify`: the one place that prints and exits. cli.py says what may be asked of it."""

from __future__ import annotations

import signal
import sys
from importlib.util import find_spec

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while what follows is imported: no traceback
    absent = [name for name in ("lark", "platformdirs", "rich", "z3") if find_spec(name) is None]
    if absent:
        print(f"verify: not installed for {sys.executable}: {', '.join(absent)}", file=sys.stderr)
        print("  help: run it with the python of the environment that README.md sets up", file=sys.stderr)
        sys.exit(70)

import io
import os
import platform
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import groupby
from multiprocessing.connection import Connection
from pathlib import Path
from stat import S_ISREG
from typing import TextIO

import z3

from verify import core
from verify.absent import near, no_obligation, nothing_like
from verify.audit import audit, audit_text
from verify.bindings import bindings
from verify.cli import (
    DEFECT,
    DISAGREE,
    FAILED,
    OK,
    UNKNOWN,
    VERSION,
    WRONG,
    Z3,
    Command,
    Options,
    Shown,
    UsageError,
    VersionAsked,
    parse,
)
from verify.diagnostic import Diagnostic, SpecificationError, render
from verify.doubts import DOUBTED, warnings
from verify.elaborate import elaborate
from verify.enough import Enough, not_enough
from verify.entries import Discharge, Together, Work, grouped, in_order, results_of, units
from verify.explain import explain_text
from verify.export import Export, folder_of
from verify.idle import idle
from verify.implementation import functions as functions_of
from verify.implementation import id_of
from verify.json_report import audit_json, list_json, report_json
from verify.load import Loaded, load
from verify.look import look
from verify.obligations import obligations
from verify.passive import Obligation
from verify.plan import Plan, Request, Task, draft, matches, plan
from verify.report import TextReport, list_text
from verify.schedule import RECURSION_LIMIT, Died, Done, Late, Raised, described, each
from verify.second import Ask, calls, heard, weighed
from verify.solvers import SOLVERS, installed
from verify.span import Source
from verify.stable import Seeded
from verify.stop import stoppable
from verify.terminal import Bar, paint_for
from verify.verdict import Answer, Reason, Result, Verdict

GRACE = 5.0
"""Seconds beyond its time, and a fifth of that, after which an obligation's worker is killed."""

_PLANNING_SECONDS = 300.0


class ToolError(Exception):
    """The tool itself failed, in a worker: what, and where in its code."""

    def __init__(self, what: str, where: tuple[str, ...]) -> None:
        super().__init__(what)
        self.where = where


class ReaderGone(Exception):
    """What the report is written to has been closed by its reader (`| head`)."""


def main(arguments: Sequence[str], discharge: Discharge, grace: float = GRACE, together: Together | None = None) -> int:
    """Do what the arguments ask for; the exit status. Prints, and raises nothing."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a source line may not fit the terminal's encoding
    try:
        return _run(parse(arguments), discharge, grace, together)
    except Shown as shown:
        return _printed(str(shown))
    except VersionAsked:
        return _printed(f"mremap-verify {VERSION}, z3 {z3.get_version_string()}, Python {platform.python_version()}\n")
    except UsageError as error:
        _complain(f"verify: error: {error}")
        return WRONG
    except KeyboardInterrupt:
        _complain("verify: interrupted")
        return UNKNOWN
    except ToolError as error:
        return _defect(str(error), error.where, arguments)
    except Exception as error:
        return _defect(*described(error), arguments)


def _printed(text: str) -> int:
    try:
        _Output(None).write(text)
    except ReaderGone:
        pass
    except UsageError as error:
        _complain(f"verify: error: {error}")
        return WRONG
    return OK


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _defect(what: str, where: Sequence[str], arguments: Sequence[str]) -> int:
    lines = [f"verify: the tool itself failed: {what}", *(f"  at {w}" for w in where)]
    lines.append("Please report these lines, with the specification:")
    lines.append(f"  python -m verify {shlex.join(arguments)}".rstrip())
    lines.append(
        f"  verify {VERSION}, z3 {z3.get_version_string()}, Python {platform.python_version()}, {platform.platform()}"
    )
    _complain("\n".join(lines))
    return DEFECT


class _Output:
    """Where the report goes: standard output, or a file, whose old text goes when the first new text comes."""

    def __init__(self, options: Options | None) -> None:
        self.path = options.output if options else None
        self.fresh = True
        self.stream: TextIO | None = sys.stdout  # None where standard output is closed
        if self.path is not None:
            try:
                self.stream = self.path.open("a", encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                raise UsageError(f"`{self.path}` cannot be written: {error.strerror}") from None
            except ValueError as error:
                raise UsageError(f"{str(self.path)!r} cannot be written: {error}") from None

    def write(self, text: str) -> None:
        if self.stream is None:
            return
        try:
            if self.fresh and self.path is not None and S_ISREG(os.fstat(self.stream.fileno()).st_mode):
                self.stream.truncate(0)
            self.fresh = False
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            raise UsageError(f"the report cannot be written: {error.strerror}") from None


# --- commands ------------------------------------------------------------------------------------------------------


def _run(options: Options, discharge: Discharge, grace: float, together: Together | None) -> int:
    begun = time.monotonic()
    absent = [solver for solver in options.others if installed(solver) is None]
    if absent:
        raise UsageError(f"not installed: {', '.join(absent)}\n  help: python -m pip install {' '.join(absent)}")
    loaded, program = _read(options)
    if program is None:
        return WRONG
    if options.command is Command.AUDIT:
        trusted = audit(program, loaded.sources)
        return _finish(options, audit_json(trusted, _versions(options)) if options.json else audit_text(trusted))
    if options.command not in (Command.PROVE, Command.LIST, Command.EXPLAIN):
        from verify.commands import COMMANDS, Asked  # which takes a while, and most runs have no use for it

        with stoppable() as stop:
            said = COMMANDS[options.command](
                Asked(options, loaded, program, grace, stop, _versions(options), sys.stderr)
            )
        return _finish(options, said.text) or said.status
    bound = bindings(options.paths if options.bindings else (), Path.cwd())
    functions, mistakes = functions_of(program, bound)
    if _complained((*bound.mistakes, *mistakes), bound.sources):
        return WRONG
    if options.command is Command.EXPLAIN and options.id not in (ids := _ids(obligations(program, functions))):
        raise UsageError(nothing_like("there is no obligation", (options.id,), ids))
    with stoppable() as stop:
        only = (options.id,) if options.command is Command.EXPLAIN else options.only
        functions = tuple(f for f in functions if matches(id_of(f.binding.item), only))
        if options.command is not Command.LIST:
            functions, mistakes = look(program, functions, options.timeout, options.jobs, grace, stop)
            if _complained(mistakes, bound.sources):
                return WRONG
        request = Request.of(program, only, options.geometry, functions)
        planned = _plan(request, stop)
        if planned is None:
            raise KeyboardInterrupt
        if planned.mistakes:
            _complain("\n\n".join(render(d, loaded.sources) for d in planned.mistakes))
            return WRONG
        if not planned.listed:
            raise UsageError(no_obligation(options, _ids(request.every)))
        if options.command is Command.LIST:
            return _finish(options, list_json(planned, _versions(options)) if options.json else list_text(planned))
        output = _Output(options)
        with folder_of(options.export, bool(options.others)) as folder:
            if folder is not None:  # what discharges writes the scripts, too
                discharge, together = Export(folder).discharge, Export(folder).together
            elif options.strict and together is not None:  # what is exported has what a proof uses, and no more
                discharge, together = Enough().discharge, Enough().together
            doubted = _whole(program, _ids(request.every), options)
            session = _Session(options, loaded, program, planned, begun, output, folder, doubted)
            return session.run(discharge, grace, together, stop)


def _read(options: Options) -> tuple[Loaded, core.Program | None]:
    """The specification; without a program if something is wrong with it, which is then said."""
    first = options.given[0] if options.given and options.command is Command.PROVE else ""
    if first and not os.path.lexists(first):
        meant = near(first, [c.value for c in Command if c.value])
        if meant:
            raise UsageError(f"there is no file, no folder and no command `{first}`; is `{meant[0]}` meant?")
    try:
        current = Path.cwd()
    except OSError as error:
        raise UsageError(f"the working directory cannot be told: {error.strerror}; change to another") from None
    loaded = load(options.paths, current)
    if options.output is not None and any(_same(options.output, current / shown) for shown in loaded.sources):
        raise UsageError(f"--output `{options.output}` is a file of the specification, which it would replace")
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    mistakes = (*loaded.diagnostics, *found)
    if mistakes:
        ordered = SpecificationError(mistakes).diagnostics
        _complain("\n\n".join(render(d, loaded.sources) for d in ordered))
        return loaded, None
    assert program is not None, "no program, and nothing said of why"
    known = [i.name for m in program.modules for i in m.items if isinstance(i, core.Geometry)]
    for name in (options.geometry, *options.geometries):
        if name is not None and name not in known:
            listed = ", ".join(near(name, known) or known)
            there = f"; there is {listed}" if listed else "; the specification names none"
            raise UsageError(f"there is no geometry `{name}`{there}")
    return loaded, program


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them is not there
        return False


def _plan(request: Request, stop: Connection) -> Plan | None:
    """The tasks; None after an interrupt."""
    for _, outcome in each(draft, (request,), 1, _PLANNING_SECONDS, stop):
        match outcome:
            case Done(value=value):
                return plan(request, value)
            case Raised(what=what, where=where):
                raise ToolError(what, where)
            case Late(seconds=seconds):
                raise ToolError(f"the word sizes were not told within {seconds:.0f} s", ())
            case Died(what=what, memory=memory):
                why = ", perhaps for lack of memory" if memory else ""
                raise ToolError(f"the process that tells the word sizes did not survive, twice: {what}{why}", ())
    return None


def _complained(mistakes: Sequence[Diagnostic], sources: Mapping[str, Source]) -> bool:
    """True iff there is a mistake; then all have been told."""
    if mistakes:
        _complain("\n\n".join(render(d, sources) for d in SpecificationError(mistakes).diagnostics))
    return bool(mistakes)


def _ids(every: Iterable[Obligation]) -> tuple[str, ...]:
    return tuple(o.id for o in every)


def _whole(program: core.Program, ids: Sequence[str], options: Options) -> tuple[str, ...]:
    """The routines all of which is to be proved: those that are looked at for what is doubtful, too."""
    if options.command is not Command.PROVE:
        return ()
    left_out = {".".join(i.split(".")[:2]) for i in ids if not matches(i, options.only)}
    mine = [r for m in program.modules if m.root for r in m.items if isinstance(r, core.Routine)]
    return tuple(r.qualified for r in mine if r.kind in DOUBTED and r.qualified not in left_out)


def _finish(options: Options, text: str) -> int:
    with suppress(ReaderGone):
        _Output(options).write(text)
    return OK


def _versions(options: Options) -> dict[str, str]:
    others = {solver: installed(solver) or "" for solver in options.others}
    return {"verify": VERSION, "z3": z3.get_version_string(), **others}


@dataclass(slots=True)
class _Session:
    """A run that proves: what it is about, where scripts are written, which routines are looked at for what is
    doubtful, and the listed results so far, in order."""

    options: Options
    loaded: Loaded
    program: core.Program
    planned: Plan
    begun: float
    output: _Output
    folder: Path | None
    doubted: tuple[str, ...]
    warnings: tuple[Diagnostic, ...] = ()
    results: list[Result] = field(default_factory=list)

    def run(self, discharge: Discharge, grace: float, together: Together | None, stop: Connection) -> int:
        tasks, listed = self.planned.tasks, self.planned.listed
        options = self.options
        streams = options.command is Command.PROVE and not options.json and not options.others
        paint = paint_for(self.output.stream, os.environ)
        text = TextReport(self.planned, self.loaded.sources, self.again, paint)
        bar = Bar(sys.stderr, len(tasks), os.environ)
        parts = units(tasks)
        limit = (options.timeout * (2.2 if options.strict else 1.2) + grace) * max((len(p) for p in parts), default=1)
        work: Callable[[tuple[Task, ...]], tuple[Result, ...]]
        work = Work(discharge, together, self.program, self.loaded.sources, self.options.timeout)
        if options.stability:
            work, limit = Seeded(work, options.stability), limit * options.stability
        given = [tuple(tasks[index] for index in part) for part in parts]
        with closing(each(work, given, options.jobs, limit, stop, memory=options.memory)) as outcomes:

            def incoming() -> Iterator[tuple[int, Result]]:
                done = 0
                for number, outcome in outcomes:
                    done += len(parts[number])
                    bar.show(done)
                    found = results_of(given[number], outcome, self.options.timeout)
                    yield from zip(parts[number], found, strict=True)
                bar.hide()

            try:
                bar.show(0)
                for group in grouped(in_order(tasks, incoming()), listed):
                    self.results += group
                    if streams:
                        bar.hide()
                        self.output.write(text.group(group))
                bar.hide()
                if self.folder is not None and options.others:
                    self.ask_others(self.folder, stop)
                self.look_for_doubts(grace, stop)
                self.output.write(
                    text.summary(self.results, *self.cost(), self.warnings) if streams else self.whole(text)
                )
            except ReaderGone:
                pass
            finally:
                bar.hide()
        return self.status()

    def ask_others(self, folder: Path, stop: Connection) -> None:
        """Weigh the results by what the other solvers say."""
        options, asked = self.options, calls(self.results, self.options.others)
        bar, said = Bar(sys.stderr, len(asked), os.environ), {}
        for call, opinion in heard(asked, Ask(SOLVERS, folder, options.timeout), options.jobs, stop):
            said[call] = opinion
            bar.show(len(said))
        bar.hide()
        self.results = list(weighed(self.results, options.others, said, Z3 in options.solvers))

    def look_for_doubts(self, grace: float, stop: Connection) -> None:
        """In what is proved: where preconditions cannot be met no run reaches anything, and that is told already.
        Nor after an interrupt."""
        if len(self.results) < len(self.planned.listed):
            return
        vacuous = {".".join(r.id.split(".")[:2]) for r in self.results if r.verdict is Verdict.VACUOUS}
        names = tuple(name for name in self.doubted if name not in vacuous)
        found = warnings(self.program, names, self.options.jobs, self.options.timeout * 1.2 + grace, stop)
        folders = all(path.is_dir() for path in self.options.paths)
        found += not_enough(self.results)
        self.warnings = (*found, *idle(self.program, names, self.results, folders))

    def whole(self, text: TextReport) -> str:
        """The report that is written at once, at the end."""
        seconds, _ = self.cost()
        if self.options.json:
            missing = len(self.planned.listed) - len(self.results)
            return report_json(self.results, _versions(self.options), seconds, missing, self.warnings)
        if self.options.command is Command.PROVE:
            groups = (tuple(group) for _, group in groupby(self.results, lambda result: result.id))
            return "".join([*(text.group(g) for g in groups), text.summary(self.results, *self.cost(), self.warnings)])
        return explain_text(self.program, self.planned.listed, self.results, self.loaded.sources)

    def cost(self) -> tuple[float, int]:
        return time.monotonic() - self.begun, min(self.options.jobs, len(self.planned.tasks))

    def again(self, id_: str) -> str:
        """The command that shows one obligation in full."""
        words = ["python", "-m", "verify", "explain", id_]
        if self.options.geometry is not None:
            words += ["--geometry", self.options.geometry]
        if self.options.others:
            words += [word for solver in self.options.solvers for word in ("--solver", solver)]
        given = self.options.given
        return shlex.join([*words, *(["--"] if any(g.startswith("-") for g in given) else []), *given])

    def status(self) -> int:
        """By what is known: a defect, solvers that disagree, something that failed, something unknown or not reached,
        a solver without an answer, or all is well."""
        if any(r.defect for r in self.results):
            return DEFECT
        if any(r.reason is Reason.DISAGREEMENT for r in self.results):
            return DISAGREE
        if any(not r.ok and r.verdict is not Verdict.UNKNOWN for r in self.results):
            return FAILED
        if any(r.reason is Reason.UNSTABLE for r in self.results):
            return FAILED
        if self.options.strict and self.warnings:
            return FAILED
        missing = len(self.results) < len(self.planned.listed)
        missing |= any(o.answer is Answer.UNKNOWN for r in self.results for o in r.opinions)
        return UNKNOWN if missing or not all(r.ok for r in self.results) else OK


if __name__ == "__main__":
    from verify.solve import discharge, together

    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:], discharge, together=together))
