"""What is wrong with a specification, or doubtful, as data, and the one place that turns it into text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verify.span import Source, Span

_WIDEST, _BEFORE = 160, 80
"""How much of a source line is shown, and how much of that stands before the place if there is more."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake of the user's, or a warning: a stable code, the place, what is wrong, why, and what to do instead."""

    code: str
    span: Span
    what: str
    why: str
    help: str


class SpecificationError(Exception):
    """The specification cannot be used. Holds every mistake found, at least one, in no particular order."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(f"{len(diagnostics)} mistakes in the specification")
        self.diagnostics = tuple(sorted(set(diagnostics), key=lambda d: (d.span, d.code, d.what)))


def excerpt(span: Span, sources: Mapping[str, Source]) -> list[str]:
    """The first source line of a span with carets under it: two lines, or none where the source is not at hand.

    Of a long line, what is round the place.
    """
    source = sources.get(span.file)
    if source is None:
        return []
    text = source.line(span.line)
    begin, end = span.column - 1, span.end_column - 1 if span.end_line == span.line else len(text)
    first = max(0, min(begin - _BEFORE, len(text) - _WIDEST))
    last = first + _WIDEST
    left, right = "... " if first else "", " ..." if last < len(text) else ""
    marks = " " * _cells(left + text[first:begin]) + "^" * max(1, _cells(text[begin : min(end, last)]))
    number = f"{span.line:5d}"
    return [f"{number} | {left}{_visible(text[first:last])}{right}".rstrip(), f"{' ' * len(number)} | {marks}"]


def _visible(text: str) -> str:
    """The text with nothing in it that moves a terminal's cursor, or what stands beside it."""
    blanks = text.expandtabs(1)
    return "".join(c if c.isprintable() or unicodedata.category(c) == "Zs" else "\ufffd" for c in blanks)


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    shown = [c for c in text if unicodedata.category(c) not in ("Mn", "Me")]
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown)


def render(diagnostic: Diagnostic, sources: Mapping[str, Source], severity: str = "error") -> str:
    """The message a person reads: `FILE:LINE:COLUMN: error[CODE]: what`, the line, the caret, why, what to write."""
    lines = [f"{diagnostic.span}: {severity}[{diagnostic.code}]: {diagnostic.what}"]
    lines += excerpt(diagnostic.span, sources)
    lines.append(f"  why:  {diagnostic.why}")
    lines.append(f"  help: {diagnostic.help}")
    return "\n".join(lines)
