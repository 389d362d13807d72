"""What to say about what is no word of the language, wherever it stands: comments of C, malformed numbers."""

from __future__ import annotations

import re

from verify.diagnostic import Diagnostic
from verify.lexeme import Lexeme, number_value
from verify.span import Source, Span


def without_block_comments(source: Source) -> tuple[Source, list[Diagnostic]]:
    """The source with blanks for C's comments, and what to say about each: what stands in them is no mistake."""
    found: list[Diagnostic] = []

    def blanked(match: re.Match[str]) -> str:
        text = match.group()
        if text.startswith("/*"):
            before = source.text[: match.start()]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            found.append(block_comment(Span(source.file, line, column, line, column + 2)))
            return re.sub(r"[^\n]", " ", text)
        return text

    return Source(source.file, re.sub(r"//[^\n]*|/\*.*?\*/", blanked, source.text, flags=re.DOTALL)), found


def block_comment(span: Span) -> Diagnostic:
    why = "a comment runs from `//` to the end of its line"
    return Diagnostic("syntax", span, "`/*` begins no comment", why, "begin each line with `//`")


def bad_number(token: Lexeme) -> Diagnostic | None:
    """What is wrong with a literal; None iff it has a value."""
    if number_value(token.text) is not None:
        return None
    text = token.text
    if text[:2].lower() == "0x" and all(c in "0123456789abcdefABCDEF_" for c in text[2:]) and text[2:].strip("_"):
        help_ = f"write `0x{text[2:]}`" if len(text) < 40 else "write a shorter one"
    elif text[:2].lower() in ("0b", "0o"):
        help_ = "write it in decimal or hexadecimal"
    elif text.rstrip("uUlL") != text and number_value(text.rstrip("uUlL")) is not None:
        help_ = f"write `{text.rstrip('uUlL')}`: a literal has no suffix, it takes the type it is used at"
    else:
        help_ = "write `12`, `1_000` or `0x1f`"
    brief = text if len(text) <= 40 else text[:37] + "..."
    return Diagnostic(
        "number",
        token.span,
        f"`{brief}` is no number",
        "a number is decimal digits, or `0x` and hexadecimal digits, up to 1000 of them, `_` allowed between them",
        help_,
    )
