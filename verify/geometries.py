"""Elaboration of geometries and extensions: a value for each param, evaluated at the geometry's own word size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from verify import core, errors, syntax
from verify.core import Symbol, SymbolKind
from verify.diagnostic import Diagnostic
from verify.evaluate import Undecided, Undefined, context_for, evaluate
from verify.names import ERROR, Names
from verify.seen import extended
from verify.sites import subexpressions
from verify.span import Span
from verify.typing import Expressions, Place
from verify.values import Value

MAX_WORD_BITS = 128

_PLACE = Place("a geometry", {}, state=False, old=False, results=False)


@dataclass(frozen=True, slots=True)
class Geometries:
    """Elaborates one geometry or extension; reports what is wrong with it where `expressions` does."""

    names: Names
    expressions: Expressions

    def elaborate(self, node: syntax.Geometry) -> core.Geometry | None:
        """The instance; None, with reports, where something in it is wrong."""
        report, name = self.expressions.report, node.name.name
        before = len(report)
        params = self.params()
        given: dict[str, syntax.Expr] = {}
        for key, expr in node.values:
            if key.name in given:
                report.append(errors.duplicate_name(key.span, key.name, "the geometry gives it a value before"))
            elif key.name not in params and key.name not in self.names.broken:
                report.append(errors.unknown_name(key.span, key.name, "param", params))
            given[key.name] = expr
        word_bits = self.word_bits(given.pop("WORD_BITS", None), node.name)
        values: dict[Symbol, Value] = {core.WORD_BITS: word_bits or 64}
        for param, expr in given.items():
            if param in params:
                value = self.value(expr, params[param], values, name)
                if value is not None:
                    values[params[param]] = value
        for param in params:
            if param != "WORD_BITS" and param not in given:
                missing = f"no value for {param}"
                report.append(errors.geometry_value(node.name.span, name, missing, f"add `{param} = ...;`"))
        if len(report) != before or word_bits is None:
            return None
        return core.Geometry(name, word_bits, tuple(values.items()), node.span, node.doc)

    def extend(
        self, node: syntax.Extend, module: syntax.Module, imported: Sequence[core.Item]
    ) -> core.Extension | None:
        """The values that an extension adds; None, with reports, where something in it is wrong.

        `imported`: the items that its module sees, but for its own.
        """
        report, name = self.expressions.report, node.name.name
        before = len(report)
        if name not in self.names.geometries:
            if name not in self.names.broken:
                report.append(errors.unknown_name(node.name.span, name, "geometry", self.names.geometries))
            return None
        own = [i for i in module.items if isinstance(i, syntax.Geometry | syntax.Extend) and i.name.name == name]
        first = next((i for i in own if isinstance(i, syntax.Geometry)), own[0])
        if first is not node:
            place = f"`{name}` stands at {first.span.file}:{first.span.line}"
            report.append(errors.extended_here(node.name.span, name, place))
            return None
        geometry = extended(imported).get(name)
        if geometry is None:
            return None  # something in it is wrong, and reported there
        params, values = self.params(), dict(geometry.values)
        added: dict[Symbol, Value] = {}
        known = {symbol.name: f"{span.file}:{span.line}" for symbol, span in _given(imported, name)}
        for key, expr in node.values:
            if key.name == "WORD_BITS":
                what, help_ = "WORD_BITS is given again", "drop it: the word size is that of the geometry's declaration"
                report.append(errors.extension_value(key.span, name, what, help_))
            elif key.name in known:
                what, help_ = f"{key.name} is given again", f"drop it: the value is given at {known[key.name]}"
                report.append(errors.extension_value(key.span, name, what, help_))
            elif key.name in params:
                known[key.name] = f"{key.span.file}:{key.span.line}"
                value = self.value(expr, params[key.name], values, name)
                if value is not None:
                    values[params[key.name]] = added[params[key.name]] = value
            elif key.name not in self.names.broken:
                report.append(errors.unknown_name(key.span, key.name, "param", params))
        for param in params:
            if param != "WORD_BITS" and param not in known:
                missing = errors.extension_value(node.name.span, name, f"no value for {param}", f"add `{param} = ...;`")
                report.append(missing)
        return core.Extension(name, tuple(added.items()), node.span, node.doc) if len(report) == before else None

    def params(self) -> dict[str, Symbol]:
        """The params that the module sees, by name."""
        values = self.names.values.values()
        return {s.name: s for s in values if isinstance(s, Symbol) and s.kind is SymbolKind.PARAM}

    def word_bits(self, node: syntax.Expr | None, geometry: syntax.Name) -> int | None:
        """The word size; None, with a report, where there is none."""
        report, name = self.expressions.report, geometry.name
        if node is None:
            help_ = "add `WORD_BITS = 32;` (or what its word size is)"
            report.append(errors.geometry_value(geometry.span, name, "no value for WORD_BITS", help_))
            return None
        bits = self.value(node, core.WORD_BITS, {core.WORD_BITS: 64}, name)
        if not isinstance(bits, int):
            return None
        if not 1 <= bits <= MAX_WORD_BITS:
            help_ = f"a word has 1 to {MAX_WORD_BITS} bits"
            report.append(errors.geometry_value(node.span, name, f"WORD_BITS is {bits}", help_))
            return None
        return bits

    def value(self, node: syntax.Expr, symbol: Symbol, known: dict[Symbol, Value], geometry: str) -> Value | None:
        """The value of an expression that mentions no param but the known ones; None, with a report, for no value."""
        report = self.expressions.report
        before = len(report)
        expr = self.expressions.elaborate(node, _PLACE, symbol.type, f"the value of `{symbol.name}`")
        if len(report) != before or expr.type is ERROR:
            return None
        # What WORD_BITS is may depend on nothing; all else may depend on it and on the params before.
        allowed = () if symbol == core.WORD_BITS else tuple(known)
        for span, name in _mentioned(expr, allowed):
            why = f"the value of {symbol.name} mentions `{name}`"
            help_ = "write a value, or an expression of values and of params that stand before it"
            report.append(errors.geometry_value(span, geometry, why, help_))
            return None
        word_bits = known[core.WORD_BITS]
        assert isinstance(word_bits, int)
        try:
            return evaluate(expr, context_for(core.Program(()), known, word_bits, {}), {}, {})
        except (Undefined, Undecided) as error:
            why = f"the value of {symbol.name} has no meaning at {word_bits} bits: {error.reason}"
            report.append(errors.geometry_value(node.span, geometry, why, "write a value that fits"))
            return None


def _given(items: Sequence[core.Item], name: str) -> Iterator[tuple[Symbol, Span]]:
    """The params that a geometry and its extensions among the items give a value, with the place of the item."""
    for item in items:
        if isinstance(item, core.Geometry | core.Extension) and item.name == name:
            yield from ((symbol, item.span) for symbol, _ in item.values)


def given_twice(
    module: syntax.Module, visible: Mapping[str, tuple[str, ...]], program: core.Program
) -> Iterator[Diagnostic]:
    """Values that two modules it imports both give a geometry, where no import on its own brings both modules."""
    for first, second in combinations(visible[module.name.name][:-1], 2):
        bringing = [i for i in module.imports if second in visible.get(i.name, ())]
        if any(first in visible[i.name] for i in bringing):
            continue
        for one in program.module(first).items:
            for other in program.module(second).items:
                if isinstance(one, core.Extension) and isinstance(other, core.Extension) and one.name == other.name:
                    for symbol in [s for s, _ in one.values if s in dict(other.values)]:
                        places = " and at ".join(f"{i.span.file}:{i.span.line}" for i in (one, other))
                        what = f"{symbol.name} is given twice, at {places}"
                        help_ = "import one of the two, or give the value in a module that both import"
                        yield errors.extension_value(bringing[0].span, one.name, what, help_)


def _mentioned(expr: core.Expr, allowed: tuple[Symbol, ...]) -> Iterator[tuple[Span, str]]:
    """The variables and defines in an expression, those allowed and bound ones aside."""
    for part in subexpressions(expr):
        match part:
            case core.Apply(span=span, function=function):
                yield span, function.split(".")[1]
            case core.Var(span=span, symbol=symbol) if symbol.kind is not SymbolKind.BOUND and symbol not in allowed:
                yield span, symbol.name
            case _:
                pass
