"""What a terminal is shown beside the report: colours, and a bar while proofs run. rich is met here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.style import Style

_STYLES = {"ok": "green", "NO": "bold red", "??": "yellow", "!!": "bold magenta"}


class Paint(Protocol):
    """Colours a mark of the report, or leaves it as it is."""

    def __call__(self, mark: str) -> str: ...


def plain(mark: str) -> str:
    """No colours."""
    return mark


def coloured(mark: str) -> str:
    """Green, red or yellow, by what the mark says."""
    style = _STYLES.get(mark.strip())
    return Style.parse(style).render(mark, color_system=ColorSystem.STANDARD) if style else mark


def is_terminal(stream: TextIO | None, environment: Mapping[str, str]) -> bool:
    """True iff someone sits in front of the stream, at a terminal that can do more than print."""
    try:
        return stream is not None and stream.isatty() and environment.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def paint_for(stream: TextIO | None, environment: Mapping[str, str]) -> Paint:
    """Colours, on a terminal and without NO_COLOR."""
    return coloured if is_terminal(stream, environment) and not environment.get("NO_COLOR") else plain


class Bar:
    """How many entries are finished. It is taken away while the report is written, and at the end."""

    def __init__(self, stream: TextIO | None, total: int, environment: Mapping[str, str]) -> None:
        wanted = is_terminal(stream, environment) and not environment.get("CI")
        columns = (TextColumn("  proving"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # Not refreshed by a thread: worker processes are forked meanwhile.
        console = Console(file=stream)
        self.progress = Progress(*columns, console=console, transient=True, auto_refresh=False) if wanted else None
        if self.progress is not None:
            self.progress.add_task("", total=total)

    def show(self, finished: int) -> None:
        if self.progress is not None:
            self.progress.start()
            self.progress.update(self.progress.task_ids[0], completed=finished, refresh=True)

    def hide(self) -> None:
        if self.progress is not None:
            self.progress.stop()
