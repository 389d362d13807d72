"""What nobody would write: specification texts with random edits, and random command lines.

What is asked of the tool is that it says something sensible, or does what it is told: no exception, no report of a
defect of its own, and an end within LIMIT.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hypothesis import strategies as st
from plans import plan_of

from verify import core
from verify.audit import audit, audit_text
from verify.cli import Command
from verify.diagnostic import render
from verify.elaborate import elaborate
from verify.literals import check_literals
from verify.load import load
from verify.parser import load_tables
from verify.plan import Task
from verify.report import list_text
from verify.solve import discharge
from verify.span import Source
from verify.verdict import Verdict

LANGUAGE = Path(__file__).parent / "language"

LIMIT = 30.0
"""Seconds for one input. The slowest text takes a fraction of one; this is for what never ends."""

SECONDS = 0.3
"""For one obligation."""

EDITS = 6
"""How many edits a text has, at most."""


class Hang(Exception):
    """An input took longer than LIMIT."""


@contextmanager
def limited() -> Iterator[None]:
    """Raises Hang if what is within takes too long. In the main thread."""

    def late(signum: int, frame: FrameType | None) -> None:
        del signum, frame
        raise Hang(f"more than {LIMIT:.0f} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- texts ---------------------------------------------------------------------------------------------------------

WORDS = (
    *sorted(filter(None, load_tables(None).written.values())),
    *("x", "a", "WORD_BITS", "PAGE_SIZE", "0", "1", "0x", "0xffff_ffff_ffff_ffff", "99999999999999999999999999"),
    *("{}", "//", "///", "\n", "\n\n", "\t", "\r", " ", '"', "é", "\0", "\ufeff", "\u2028", "\U0001d535", "/*", "*/"),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """A change at a place of a text's words: `length` of them go, and `instead` comes. Without it, those at `other`
    come, as many as went, or one; and for one word another of the same kind, so that the text may stay well formed."""

    at: int
    length: int
    instead: str | None
    other: int

    def of(self, words: list[str]) -> list[str]:
        at, other = self.at % (len(words) + 1), self.other % (len(words) + 1)
        taken = [self.instead] if self.instead is not None else words[other : other + max(self.length, 1)]
        if self.instead is None and self.length == 1 and at < len(words):
            alike = [word for word in words if _kind(word) == _kind(words[at])]
            taken = [alike[self.other % len(alike)]]
        return words[:at] + taken + words[at + self.length :]


def _kind(word: str) -> tuple[bool, bool]:
    return word[0].isalpha(), word[0].isdigit()


PLACES = st.integers(0, 5000)
EDIT = st.builds(Edit, PLACES, st.sampled_from((0, 1, 1, 2, 5, 40)), st.none() | st.sampled_from(WORDS), PLACES)


def texts() -> st.SearchStrategy[str]:
    """Well-formed files with some edits; now and then words at random, and anything at all."""
    good = st.sampled_from(sorted(LANGUAGE.glob("*.spec"))).map(_called_fuzz)
    edited = st.builds(_edited, good, st.lists(EDIT, min_size=1, max_size=2) | st.lists(EDIT, max_size=EDITS))
    mixed = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)
    return st.one_of(edited, edited, edited, mixed.map("module fuzz;".__add__), mixed, st.text(max_size=80))


def _called_fuzz(path: Path) -> str:
    """The text of a file of tests/language, for a module of another name, without its verdicts."""
    lines = path.read_text(encoding="utf-8").replace(f"module {path.stem};", "module fuzz;").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("//:"))


def _edited(text: str, edits: Sequence[Edit]) -> str:
    words = [word for line in text.splitlines(keepends=True) for word in _words(line)]
    for edit in edits:
        words = edit.of(words)
    return "".join(words)


def _words(line: str) -> Iterator[str]:
    """The words of a line, each with the spaces after it."""
    start = 0
    for end in range(1, len(line)):
        now, last = line[end], line[end - 1]
        if not now.isspace() and (last.isspace() or now.isalnum() != last.isalnum()):
            yield line[start:end]
            start = end
    yield line[start:]


@dataclass(frozen=True, slots=True)
class Read:
    """What a text comes to: what is to be proved of it."""

    program: core.Program
    sources: Mapping[str, Source]
    tasks: tuple[Task, ...]


def read(text: str, folder: Path) -> Read | None:
    """Goes all the way from a text to its obligations, in this process; None if it is not well formed, or says nothing.

    Every mistake is shown. The folder is for files of this function's.
    """
    (folder / "fuzz.spec").write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    loaded = load((folder / "fuzz.spec",), folder)
    program, found = elaborate(loaded.modules, loaded.roots, loaded.sources, loaded.broken)
    mistakes = (*loaded.diagnostics, *found)
    if program is not None and not mistakes:
        mistakes = check_literals(program)
    for mistake in mistakes:
        assert render(mistake, loaded.sources)
    if program is None or mistakes:
        assert mistakes, "nothing is wrong, and there is no program"
        return None
    assert isinstance(audit_text(audit(program, loaded.sources)), str)
    planned = plan_of(program)
    if not planned.listed:
        return None
    assert list_text(planned)
    return Read(program, loaded.sources, planned.tasks)


def proves(given: Read, number: int) -> Verdict:
    """The verdict on one of the obligations, with little time; any will do, but for a defect of the tool."""
    task = given.tasks[number % len(given.tasks)]
    result = discharge(given.program, task.obligation, task.scope, given.sources, SECONDS)
    assert not result.defect, result
    return result.verdict


# --- command lines -------------------------------------------------------------------------------------------------

FILES = {
    "good": "/// Says little.\nlemma same(a: word) ensures k: a == a;\n",
    "bad": "lemma broken(a: word) ensures k: a === a;\n",
    "other": "procedure next(a: word) returns (b: word) ensures k: b == a + 1; { b = a + 1; }\n",
}
"""Files of specifications by name: what stands after the module line."""

VALUES = (
    *("good.spec", "bad.spec", "other.spec", ".", "absent.spec", "absent/", "out.json", "good.same.ensures.k"),
    *("other.next", "good.same", "*", "?", "[", "good.*", "", "-", "--", "=", "0", "1", "2", "-1", "1e9", "nan", "inf"),
    *("text", "json", "junit", "z3", "cvc5", "i386", "x86-64", "é", "\0", "a\nb", "\udc80", "x" * 300),
)
SENSIBLE = (
    *(
        ("--only", "good.*"),
        ("--only=*.k",),
        ("--jobs", "1"),
        ("--jobs=2",),
        ("--timeout", "0.2"),
        ("--format", "json"),
    ),
    *(
        ("--format=text",),
        ("--output", "report"),
        ("--no-cache",),
        ("--no-bindings",),
        ("--strict",),
        ("--memory=900",),
    ),
    *(("--stability", "2"), ("--export", "scripts"), ("--solver", "z3"), ("--geometry", "one"), ("good.spec",)),
    *(("other.spec",), (".",), ("--",), ("--version",), ("--help",), ("--beyond", "good.same.requires.k")),
)
"""What is right where the command takes it."""

OPTIONS = ("--unknown", "-h", "-x", *sorted({word for words in SENSIBLE for word in words if word.startswith("--")}))


def command_lines() -> st.SearchStrategy[list[str]]:
    """A command, or none, with options that may be right; among these, in some, anything else."""
    commands = st.sampled_from([(), *((c.value,) for c in Command)])
    options = st.sampled_from(OPTIONS)
    values = st.sampled_from(VALUES)
    wrong = st.one_of(st.tuples(options, values), options.map(lambda w: (w,)), values.map(lambda w: (w,)))
    sensible = st.lists(st.sampled_from(SENSIBLE), max_size=3)
    some = st.one_of(sensible, sensible, st.lists(st.one_of(st.sampled_from(SENSIBLE), wrong), max_size=5))
    return st.tuples(commands, some).map(lambda line: [word for words in (line[0], *line[1]) for word in words if word])
