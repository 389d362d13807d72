"""Places in source text. Everything that can be reported carries a `Span`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one file, from (line, column) up to but not including (end_line, end_column).

    Lines and columns count from 1, in characters. `file` is the path as it is shown to the user.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The stretch from the start of this span to the end of `other`."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)

    def contains(self, other: Span) -> bool:
        """True iff `other` lies within this span."""
        return (
            self.file == other.file
            and (self.line, self.column) <= (other.line, other.column)
            and (other.end_line, other.end_column) <= (self.end_line, self.end_column)
        )

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@lru_cache(maxsize=32)
def _lines(text: str) -> tuple[str, ...]:
    """The lines of a text. Kept: of a large file with many mistakes, each asks for its own."""
    return tuple(text.split("\n"))


@dataclass(frozen=True, slots=True)
class Source:
    """One specification file as read: the path as shown, and its text."""

    file: str
    text: str

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its newline; empty past the end of the file."""
        lines = _lines(self.text)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def cut(self, span: Span) -> str:
        """The text of a span, its white space folded to single blanks."""
        lines = list(_lines(self.text)[span.line - 1 : span.end_line])
        if not lines:
            return ""
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return " ".join(" ".join(line.split("//")[0] for line in lines).split())
