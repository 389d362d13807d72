"""What is wrong with a specification, as data, and the one place that turns it into text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from verify.span import Source, Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake of the user's: a stable code, the place, what is wrong, why, and what to write instead."""

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
    """The first source line of a span with carets under it: two lines, or none where the source is not at hand."""
    source = sources.get(span.file)
    if source is None:
        return []
    text = source.line(span.line)
    end = span.end_column if span.end_line == span.line else len(text) + 1
    shown = text.expandtabs(1)
    carets = " " * (span.column - 1) + "^" * max(1, end - span.column)
    number = f"{span.line:5d}"
    return [f"{number} | {shown}".rstrip(), f"{' ' * len(number)} | {carets}"]


def render(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> str:
    """The message a person reads: `FILE:LINE:COLUMN: error[CODE]: what`, the line, the caret, why, what to write."""
    lines = [f"{diagnostic.span}: error[{diagnostic.code}]: {diagnostic.what}"]
    lines += excerpt(diagnostic.span, sources)
    lines.append(f"  why:  {diagnostic.why}")
    lines.append(f"  help: {diagnostic.help}")
    return "\n".join(lines)
