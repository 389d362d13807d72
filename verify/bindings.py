"""Which function implements what: the tables of a project's pyproject.toml, read, and nothing loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verify.diagnostic import Diagnostic
from verify.function import Binding, Given
from verify.span import Source, Span

FILE = "pyproject.toml"
PROCEDURES, DEFINES, GIVEN = "implementations", "definitions", "given"
"""The tables below `tool.verify`: what implements procedures, what computes defines, what other parameters are."""

CODE = "binding"
"""The code of the mistakes that are found here, and in what is bound."""


@dataclass(frozen=True, slots=True)
class Bindings:
    """All that the projects of some paths say, and what is wrong with it. `sources`: their pyproject.toml."""

    bound: tuple[Binding, ...]
    mistakes: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]


@dataclass(slots=True)
class _Table:
    source: Source
    mistakes: list[Diagnostic] = field(default_factory=list)

    def span(self, key: str) -> Span:
        """Where a key of a table stands; the beginning of the file if that cannot be told."""
        for number, text in enumerate(self.source.text.split("\n"), start=1):
            for written in (f'"{key}"', f"'{key}'", key):
                left = text.find(written)
                if left >= 0 and not text[:left].strip(" [") and text[left + len(written) :].lstrip()[:1] in ("=", "]"):
                    return Span(self.source.file, number, left + 1, number, left + 1 + len(written))
        return Span(self.source.file, 1, 1, 1, 1)

    def wrong(self, span: Span, what: str, why: str, help_: str) -> None:
        self.mistakes.append(Diagnostic(CODE, span, what, why, help_))


def project_of(path: Path) -> Path | None:
    """The pyproject.toml that speaks of a specification: the nearest one in the folders above it with a table
    `tool.verify`; None if there is none. One that cannot be read has no tables."""
    start = path.resolve()
    for folder in (start, *start.parents):
        if "verify" in _tool(folder / FILE):
            return folder / FILE
    return None


def bindings(paths: Sequence[Path], current: Path) -> Bindings:
    """What the projects of these paths say, files named as seen from the folder `current`."""
    files = [f for p in paths if (f := project_of(current / p)) is not None]
    bound: list[Binding] = []
    mistakes: list[Diagnostic] = []
    sources: dict[str, Source] = {}
    for file in dict.fromkeys(files):
        shown = str(file.relative_to(current.resolve())) if file.is_relative_to(current.resolve()) else str(file)
        table = _Table(Source(shown, file.read_text(encoding="utf-8")))
        sources[shown] = table.source
        bound += _of_project(table, _tool(file)["verify"], file.parent)
        mistakes += table.mistakes
    return Bindings(tuple(bound), tuple(mistakes), sources)


def _tool(file: Path) -> Mapping[str, Any]:
    """The table `tool` of a pyproject.toml."""
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _of_project(table: _Table, verify: Any, root: Path) -> Iterator[Binding]:
    verify = verify if isinstance(verify, dict) else {}
    for name in (PROCEDURES, DEFINES, GIVEN):
        if not isinstance(verify.get(name, {}), dict):
            help_ = f"write `[tool.verify.{name}]`"
            table.wrong(table.span(name), f"`{name}` is no table", "it has an entry for each name", help_)
            return
    made = verify.get(GIVEN, {})
    given = tuple(g for name, value in made.items() if (g := _given(table, name, value)) is not None)
    entries = ((kind, *entry) for kind in (PROCEDURES, DEFINES) for entry in verify.get(kind, {}).items())
    for kind, item, place in entries:
        span = table.span(item)
        if isinstance(place, str):
            yield Binding(item, kind == DEFINES, place, given, str(root), span)
        else:
            help_ = f'write "{item}" = "package.module:function"'
            table.wrong(span, f"what implements `{item}` is no text", "a function is named by its place", help_)


def _given(table: _Table, name: str, value: Any) -> Given | None:
    """An entry of the table of what is given."""
    good = isinstance(value, dict) and all(isinstance(v, str) for v in value.values()) and "make" in value
    if not good:
        what = f"`tool.verify.{GIVEN}.{name}` does not say what makes it"
        why = "a parameter that is no parameter of the procedure is made from params of the specification"
        help_ = 'write make = "package.module:Class", and below it parameter = "PARAM" where the names differ'
        table.wrong(table.span(f"tool.verify.{GIVEN}.{name}"), what, why, help_)
        return None
    called = tuple((k, v) for k, v in value.items() if k != "make")
    return Given(name, value["make"], called)
