"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(titles: Sequence[str]) -> tuple[str, str]:
    """The two lines that a table begins with."""
    return row(titles), f"|{'---|' * len(titles)}"


def row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
