"""All that is taken on trust: what a proof rests on and nothing here proves, and what the model leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from verify import core
from verify.span import Source, Span
from verify.syntax import RoutineKind

NOT_MODELLED = "Not modelled:"
"""The line of a module's documentation after which each line that begins with `-` says what the model leaves out."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """One thing taken on trust. `kind`: assume, trusted procedure, define without a body, not modelled.

    `name` is qualified, that of a module for what is not modelled. `text` is what is trusted, in the source's words.
    """

    kind: str
    name: str
    text: str
    location: Span


def audit(program: core.Program, sources: Mapping[str, Source]) -> tuple[Trusted, ...]:
    """What the modules asked for take on trust, and those that they import; by module, in the order of the source.

    An opaque define is not among it: it hides a body from proofs, and nothing that they could not have without it.
    """
    return tuple(
        found
        for module in program.modules
        for found in (*_left_out(module, sources[module.file]), *_items(module, sources[module.file]))
    )


def _items(module: core.Module, source: Source) -> Iterator[Trusted]:
    for item in module.items:
        match item:
            case core.Assume(clause=clause):
                name = f"{module.name}.assume.{clause.label}"
                yield Trusted("assume", name, source.cut(clause.span), clause.line)
            case core.Define(value=None):
                yield Trusted("define without a body", item.qualified, source.cut(item.span), item.span)
            case core.Routine(kind=RoutineKind.TRUSTED):
                text = "; ".join(source.cut(c.line) for c in item.ensures)
                yield Trusted("trusted procedure", item.qualified, text or source.cut(item.span), item.span)
            case _:
                pass


def _left_out(module: core.Module, source: Source) -> Iterator[Trusted]:
    """The lines that begin with `-` after `Not modelled:`, each with those that continue it, up to other text."""
    inside = False
    found: list[Trusted] = []
    ended = True
    for (line, column), text in zip(_doc_lines(source), module.doc, strict=False):
        words = text.strip()
        if words == NOT_MODELLED:
            inside, ended = True, True
        elif inside and words.startswith("-"):
            place = Span(source.file, line, column, line, column + len(text))
            found.append(Trusted("not modelled", module.name, words[1:].strip(), place))
            ended = False
        elif not words:
            ended = True
        elif not ended:
            found[-1] = replace(found[-1], text=f"{found[-1].text} {words}")
        else:
            inside = False
    yield from found


def _doc_lines(source: Source) -> Iterator[tuple[int, int]]:
    """Where the text of each line of the documentation that stands before `module` begins."""
    for number, line in enumerate(source.text.split("\n"), start=1):
        words = line.lstrip()
        if words.startswith("///"):
            blank = 1 if words[3:].startswith(" ") else 0
            yield number, len(line) - len(words) + 4 + blank
        elif words and not words.startswith("//"):
            return


def audit_text(trusted: Sequence[Trusted]) -> str:
    """One thing in a line or two, by kind."""
    lines: list[str] = []
    kinds = ("assume", "trusted procedure", "define without a body", "not modelled")
    ordered = sorted(trusted, key=lambda t: kinds.index(t.kind))
    for kind, found in groupby(ordered, key=lambda t: t.kind):
        lines += [kind]
        for one in found:
            lines += [f"  {one.location}: {one.name}", f"      {one.text}"]
        lines.append("")
    lines += [] if trusted else ["The specification takes nothing on trust.", ""]
    lines.append(
        "Beside the specification: that z3 is right where it says unsatisfiable, and that this tool asks it right."
    )
    return "\n".join(lines) + "\n"
