"""The command line: from the arguments to `Options`, and the help texts. Nothing is read or run here."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NoReturn

from verify.schedule import MEMORY

VERSION = "0.1.0"
DEFAULT_PATH = "spec/"
MOST_SECONDS = 1_000_000.0
LEAST_MEMORY = 256
"""In mebibytes: with less a process does not get far enough to say anything."""

OK, FAILED, WRONG, UNKNOWN, DISAGREE, DEFECT = 0, 1, 2, 3, 4, 70
"""The exit statuses, as the command line's help has them."""

Z3 = "z3"
KNOWN_SOLVERS = (Z3, "cvc5", "bitwuzla")


class Command(Enum):
    PROVE = ""
    LIST = "list"
    AUDIT = "audit"
    EXPLAIN = "explain"
    MATRIX = "matrix"
    COMPARE = "compare"
    VECTORS = "vectors"
    MUTATE = "mutate"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `id` is there iff the command is explain; `only` are patterns, none for every id.

    `json`: the report is JSON. `timeout` is in seconds, for one obligation at one scope. `output` None: standard
    output. `given`: the paths as they were written, none if there were none. `beyond`: for matrix, a precondition.
    `names`: for compare, two procedures. `bindings`: functions that implement procedures are looked at. `geometries`:
    for vectors, in place of `geometry`. `solvers`: each must agree. `export`: a folder for scripts.
    `strict`: warnings fail. `stability`: with how many seeds of the solver, 0 for its own alone. `memory`: how many
    bytes each process that proves may have.
    """

    command: Command
    paths: tuple[Path, ...]
    given: tuple[str, ...]
    id: str
    only: tuple[str, ...]
    geometry: str | None
    jobs: int
    timeout: float
    json: bool
    output: Path | None
    beyond: str | None = None
    names: tuple[str, ...] = ()
    bindings: bool = True
    geometries: tuple[str, ...] = ()
    solvers: tuple[str, ...] = (Z3,)
    export: Path | None = None
    strict: bool = False
    stability: int = 0
    memory: int = MEMORY

    @property
    def others(self) -> tuple[str, ...]:
        """The solvers beside z3."""
        return tuple(solver for solver in self.solvers if solver != Z3)


class UsageError(Exception):
    """The command line is wrong, or asks for what is not built. The text is one line, or two, for the user."""


class Shown(Exception):
    """There is nothing to do but to print this text: help."""


class VersionAsked(Exception):
    """There is nothing to do but to print the versions."""


NOT_BUILT = ("doc", "fmt")
"""Commands of the published table that are to come."""

NOT_BUILT_FORMATS = ("junit", "sarif")

_OVERVIEW = """\
usage: python -m verify [OPTION ...] [PATH ...]          prove everything (default: spec/)
       python -m verify list [OPTION ...] [PATH ...]     the obligations, without solving
       python -m verify audit [OPTION ...] [PATH ...]    all that is taken on trust
       python -m verify explain [OPTION ...] ID [PATH ...]
                                                         one obligation in full
       python -m verify compare [OPTION ...] A B [PATH ...]
                                                         two procedures: equal, or where they differ
       python -m verify matrix [OPTION ...] [PATH ...]   on which geometry each procedure is right
       python -m verify vectors [OPTION ...] [PATH ...]  test vectors of each procedure, found by the solver
       python -m verify mutate [OPTION ...] [PATH ...]   procedures broken, and whether proofs notice

A PATH is a .spec file, or a folder with such files below it. A path that is named like a command is
written ./list. `python -m verify COMMAND --help` says more about a command.
Not built yet: doc, fmt, --format junit, --format sarif.
"""

_DESCRIPTIONS: Mapping[Command, str] = {
    Command.LIST: """\
usage: python -m verify list [OPTION ...] [PATH ...]

Lists the id of each obligation, its kind, and the geometries and word sizes that it is about. Nothing is
proved; the solver is asked only at which word sizes some geometry meets the assumptions.
""",
    Command.AUDIT: """\
usage: python -m verify audit [OPTION ...] [PATH ...]

Lists all that is taken on trust, in the files and in what they import: each assume, each trusted procedure,
each define without a body, and what the model leaves out: the lines that begin with - after a line
`Not modelled:` in the documentation of a module.
""",
    Command.EXPLAIN: """\
usage: python -m verify explain [OPTION ...] ID [PATH ...]

Shows one obligation: its text, its place, what it is about. Proves it, and shows the assumptions that the
proof used, or the counterexample or witness step by step. A shell may want an ID with [1] in it in quotes.
""",
    Command.COMPARE: """\
usage: python -m verify compare [OPTION ...] A B [PATH ...]

Compares two procedures with parameters and results of the same types, by name or MODULE.NAME: what they
return, and the states that they leave. With all of their preconditions, and then without each of them, they
are equal on every input, which is proved turn by turn, on every geometry; or, geometry by geometry, they
are, or they differ on the input shown, made as small as it gets. Both were run on it.
""",
    Command.MATRIX: """\
usage: python -m verify matrix [OPTION ...] [PATH ...]

Says of each procedure and of each geometry whether the procedure does there what its contract says: a
`refute procedure` too, on all geometries, not only those that it is to be refuted on. Prints a table in
Markdown, with a column for each procedure, in the order of the --only, and under it the input that shows
each procedure wrong: a run that was executed. What has a proof for every geometry is proved once.
exit status 3 if something stayed unknown, and 0 if not, whatever is wrong.
""",
    Command.VECTORS: """\
usage: python -m verify vectors [OPTION ...] [PATH ...]

Finds inputs of each procedure that has a body, and executes it on them: for each path through the body and
through one turn of each loop, each side of each condition, and each boundary of each comparison, where one
side equals the other, is one below it, and one above. With --geometry, which may be repeated, on each of
these geometries; without, each input has a geometry of its own. What no input reaches is listed: it is
impossible, which is proved, or unknown.
exit status 3 if something stayed unknown, or there are more paths than are asked for; else 0.
""",
    Command.MUTATE: """\
usage: python -m verify mutate [OPTION ...] [PATH ...]

Changes each procedure in one place at a time: an operator, a constant, a comparison or a connective taken
for another, a statement dropped, two arguments of a call swapped, a precondition dropped. A mutant is killed
by a run of it, which was executed, that breaks an obligation of the procedure. One that is not killed is
equivalent if it is proved to do the same on every input. Prints a table in Markdown, and under it each
mutant that is neither.
exit status 1 if some mutant survived: all proofs are found for it too. Else 3 if one stayed unknown.
""",
}

_OPTION_HELP = {
    "only": """\
  --only GLOB         obligations whose id matches (* and ? and [abc]; [1] stands for itself); may be repeated
""",
    "procedures": """\
  --only GLOB         procedures whose name, or module and name, matches (* and ? and [abc]); may be repeated
""",
    "beyond": """\
  --beyond LABEL      what holds thanks to the precondition of that label is told apart: an input without it
""",
    "no_bindings": """\
  --no-bindings       without the obligations M.ITEM.implementation: the functions that the nearest
                      pyproject.toml at or above a PATH names are not run
""",
    "geometry": """\
  --geometry NAME     this geometry alone, in place of every one
""",
    "geometries": """\
  --geometry NAME     vectors on this geometry; may be repeated
""",
    "scripts": """\
  --solver NAME       z3 (default), cvc5 or bitwuzla; may be repeated, and then each must agree. The others
                      are asked about what z3's verdicts rest on. Without z3 a proof counts if they have it
  --export DIR        write what each verdict rests on as SMT-LIB 2.6, into a folder that is new or empty
""",
    "strict": """\
  --strict            warnings fail: code that no run reaches, claims that say nothing; and proofs are found
                      again from what they are said to use
  --stability N       prove all with N seeds of the solver's choices; a verdict that changes with them fails
  --memory MIB        for each process (default 4096); what needs more is unknown (on Linux)
""",
    "rest": """\
  --jobs N            processes (default: the cores)
  --timeout SECONDS   for one obligation, and for each solver (default 30)
  --no-cache          prove again (nothing is kept yet: everything is proved each time)
  --format FORMAT     text or json
  --output FILE       write the report there
  --version           the versions of this tool and of the solver
  --help              this text
""",
}

_STATUS = """
An obligation is counted once for each geometry or word size that it is about: an entry of the report.

exit status: 0   all is as the specification says, and there was at least one obligation
             1   something is not: refuted, vacuous, uncovered, or a refute without a counterexample;
                 with --strict, a warning; with --stability, a verdict that changes with the seed
             2   the specification or the command line is wrong, or there is no obligation
             3   nothing was refuted, but something stayed unknown, or the run was interrupted
             4   the solvers disagree
             70  the tool itself failed
"""

_REFUSED: Mapping[Command, tuple[str, ...]] = {
    Command.PROVE: ("beyond",),
    Command.LIST: ("beyond",),
    Command.AUDIT: ("only", "geometry", "beyond", "no_bindings"),
    Command.EXPLAIN: ("only", "beyond", "no_bindings"),
    Command.MATRIX: ("no_bindings",),
    Command.COMPARE: ("only", "beyond", "no_bindings"),
    Command.VECTORS: ("beyond", "no_bindings"),
    Command.MUTATE: ("geometry", "beyond", "no_bindings"),
}
"""Options that would change nothing of what a command shows."""

_PROVING = ("strict", "stability", "memory")
"""Options of proving alone."""

_WITH_SCRIPTS = (Command.PROVE, Command.EXPLAIN)
"""Where other solvers are asked, and scripts are written."""


def help_text(command: Command) -> str:
    """The help of a command; that of `PROVE` is the global one."""
    by_procedure = command in (Command.MATRIX, Command.VECTORS, Command.MUTATE)
    several = command is Command.VECTORS
    others = ["only" if by_procedure else "procedures", "geometry" if several else "geometries"]
    others += [] if command in _WITH_SCRIPTS else ["scripts"]
    others += [] if command is Command.PROVE else ["strict"]
    options = "".join(t for name, t in _OPTION_HELP.items() if name not in (*_REFUSED[command], *others))
    head = _DESCRIPTIONS.get(command, _OVERVIEW)
    return f"{head}\noptions:\n{options}{'' if command is Command.AUDIT else _STATUS}"


def parse(arguments: Sequence[str]) -> Options:
    """The options of a command line. Raises UsageError, Shown or VersionAsked. Options may stand anywhere."""
    before, after = _at_dashes(arguments)
    found = _parser().parse_intermixed_args(before)
    words: list[str] = found.words
    command = Command.PROVE
    if words and words[0] in NOT_BUILT:
        raise UsageError(f"`{words[0]}` is not built yet")
    if words and words[0] in {c.value for c in Command if c.value}:
        command = Command(words.pop(0))
    if found.help:
        raise Shown(help_text(command))
    if found.version:
        raise VersionAsked
    _refuse(command, found)
    words += after
    id_ = ""
    if command is Command.EXPLAIN:
        if not words:
            raise UsageError("`explain` takes the id of an obligation; `python -m verify list` shows them")
        id_ = words.pop(0)
    names: tuple[str, ...] = ()
    if command is Command.COMPARE:
        if len(words) < 2:
            raise UsageError("`compare` takes the names of two procedures")
        names = (words.pop(0), words.pop(0))
    if "" in words:
        raise UsageError("an empty path")
    return Options(
        command,
        tuple(Path(word) for word in words or (DEFAULT_PATH,)),
        tuple(words),
        id_,
        tuple(found.only),
        None if command is Command.VECTORS or not found.geometry else found.geometry[0],
        found.jobs or cores(),
        found.timeout,
        found.format == "json",
        found.output,
        found.beyond,
        names,
        not found.no_bindings,
        tuple(dict.fromkeys(found.geometry)) if command is Command.VECTORS else (),
        tuple(found.solver) or (Z3,),
        found.export,
        found.strict,
        found.stability,
        found.memory or MEMORY,
    )


def _refuse(command: Command, found: argparse.Namespace) -> None:
    """Options that this command does not take, or that are not built yet."""
    for option in _PROVING:
        if getattr(found, option) and command is not Command.PROVE:
            raise UsageError(f"`{command.value}` takes no --{option}")
    if found.stability and (found.export is not None or set(found.solver) - {Z3}):
        raise UsageError("--stability is about z3 alone: it goes with no --export and no --solver but z3")
    if found.format in NOT_BUILT_FORMATS:
        raise UsageError(f"--format {found.format} is not built yet")
    if found.check:
        raise UsageError("--check is an option of `fmt`, which is not built yet")
    for option in _REFUSED[command]:
        if getattr(found, option):
            who = f"`{command.value}` takes" if command.value else "proving takes"
            raise UsageError(f"{who} no --{option.replace('_', '-')}")
    for solver in found.solver:
        if solver not in KNOWN_SOLVERS:
            raise UsageError(f"there is no solver `{solver}`: there is z3, cvc5 and bitwuzla")
        if found.solver.count(solver) > 1:
            raise UsageError(f"--solver {solver} is given twice; one solver cannot agree with itself")
    if command not in _WITH_SCRIPTS:
        if found.export is not None:
            raise UsageError(f"`{command.value}` takes no --export")
        if set(found.solver) - {Z3}:
            raise UsageError(f"`{command.value}` takes no --solver but z3")
    if len(found.geometry) > 1 and command is not Command.VECTORS:
        raise UsageError("--geometry is given twice; it stands for one geometry")


def _at_dashes(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What stands before `--`, and after it: paths, whatever they look like."""
    words = list(arguments)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.removeprefix('argument ')}\n  help: python -m verify --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="verify", add_help=False, allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--only", action="append", default=[], type=_glob)
    parser.add_argument("--beyond")
    parser.add_argument("--geometry", action="append", default=[])
    parser.add_argument("--no-bindings", action="store_true")
    parser.add_argument("--jobs", type=_jobs)
    parser.add_argument("--timeout", type=_seconds, default=30.0)
    parser.add_argument("--solver", action="append", default=[])
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--format", type=_format, default="text")
    parser.add_argument("--output", type=_file)
    parser.add_argument("--export", type=_folder)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--stability", type=_seeds, default=0)
    parser.add_argument("--memory", type=_mebibytes, default=0)
    # Published, and not built yet.
    parser.add_argument("--check", action="store_true")
    return parser


def _jobs(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of processes, which is 1 or more")
    return number


def _seeds(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 2:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seeds, which is 2 or more")
    return number


def _mebibytes(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < LEAST_MEMORY:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of mebibytes, which is {LEAST_MEMORY} or more")
    return number << 20


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    # Solvers count in milliseconds, and take 0 of them for no limit at all.
    if not 0.001 <= number <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds from 0.001 to {MOST_SECONDS:.0f}")
    return number


def _format(text: str) -> str:
    if text not in ("text", "json", *NOT_BUILT_FORMATS):
        raise argparse.ArgumentTypeError(f"there is no format `{text}`: there is text and json")
    return text


def _file(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of the file is empty")
    return Path(text)


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return Path(text)


def _glob(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("the pattern is empty")
    return text
