"""Values and runs as a person reads them: names, numbers, and the source that gave them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from verify import core
from verify.core import Symbol, SymbolKind
from verify.evaluate import Context, Undefined
from verify.passive import Let, Step
from verify.span import Source
from verify.values import Value, show, to_json
from verify.verdict import Counterexample, Shown

_HIDDEN = ("branch", "join")


def shown(name: str, value: Value, type_: core.Type, word_bits: int, line: int = 0, text: str = "") -> Shown:
    """One value with its two forms."""
    return Shown(name, show(value, type_, word_bits), to_json(value, type_, word_bits), line, text)


def present_geometry(program: core.Program, context: Context) -> tuple[Shown, ...]:
    """WORD_BITS and every param that has a value."""
    found = [Shown("WORD_BITS", str(context.word_bits), context.word_bits)]
    for module in program.modules:
        for item in module.items:
            if isinstance(item, core.Param) and item.symbol in context.constants:
                value = context.constants[item.symbol]
                if not isinstance(value, Undefined):
                    found.append(shown(item.symbol.name, value, item.symbol.type, context.word_bits))
    return tuple(found)


def present_values(
    program: core.Program,
    context: Context,
    values: Mapping[Symbol, Value],
    symbols: Sequence[Symbol],
    steps: Sequence[Step],
    sources: Mapping[str, Source],
    is_run: bool,
) -> Counterexample:
    """The values of the free symbols as inputs, and those that the steps on the way taken compute as the trace."""
    inputs = tuple(shown(str(s), values[s], s.type, context.word_bits) for s in symbols)
    trace = []
    for step in steps:
        if not isinstance(step, Let) or step.symbol.name in _HIDDEN:
            continue
        if all(values.get(g.symbol) == g.holds for g in step.path):
            source = sources.get(step.value.span.file)
            text = source.cut(step.value.span) if source else ""
            line = step.value.span.line
            trace.append(shown(step.symbol.name, values[step.symbol], step.symbol.type, context.word_bits, line, text))
    return Counterexample(present_geometry(program, context), inputs, tuple(trace), is_run)


def is_input(symbol: Symbol) -> bool:
    """True iff the symbol is a parameter or a state variable as on entry."""
    return symbol.version == 0 and symbol.kind in (SymbolKind.ARGUMENT, SymbolKind.STATE)
