"""The words of a specification file, each with its place and the documentation that stands before it."""

from __future__ import annotations

from dataclasses import dataclass

from verify.span import Span

LONGEST_NUMBER = 1000
"""How many characters a literal may have. Far more than any word, and far less than what Python refuses to print."""


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One token: `type` is the name that the grammar gives it, `doc` the `///` lines between it and the token before.

    The end of a file is a lexeme too, with an empty text, one column wide and just after the last token.
    """

    type: str
    text: str
    span: Span
    doc: tuple[str, ...] = ()

    @property
    def is_name(self) -> bool:
        return self.type == "NAME"

    @property
    def is_stray(self) -> bool:
        """True iff this is a character that the language does not use."""
        return self.type == "STRAY"

    @property
    def is_end(self) -> bool:
        return self.type == "$END"

    @property
    def is_reserved_word(self) -> bool:
        return self.text[:1].isalpha() and self.type not in ("NAME", "NUMBER", "STRAY")


def after(lexeme: Lexeme) -> Span:
    """The column just after a token: where something is missing."""
    span = lexeme.span
    return Span(span.file, span.end_line, span.end_column, span.end_line, span.end_column + 1)


def number_value(text: str) -> int | None:
    """The value of a literal, decimal or `0x`, `_` between its digits left out; None iff it is malformed."""
    digits = text.replace("_", "")
    if len(text) > LONGEST_NUMBER:
        return None
    try:
        return int(digits[2:], 16) if digits.startswith("0x") else int(digits, 10)
    except ValueError:
        return None
