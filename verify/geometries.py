"""Elaboration of geometries: a value for WORD_BITS and for each param, evaluated at the geometry's own word size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verify import core, errors, syntax
from verify.core import Symbol, SymbolKind
from verify.evaluate import Undecided, Undefined, context_for, evaluate
from verify.names import ERROR, Names
from verify.sites import subexpressions
from verify.span import Span
from verify.typing import Expressions, Place
from verify.values import Value

MAX_WORD_BITS = 128

_PLACE = Place("a geometry", {}, state=False, old=False, results=False)


@dataclass(frozen=True, slots=True)
class Geometries:
    """Elaborates one geometry; reports what is wrong with it where `expressions` does."""

    names: Names
    expressions: Expressions

    def elaborate(self, node: syntax.Geometry) -> core.Geometry | None:
        """The instance; None, with reports, where something in it is wrong."""
        report, name = self.expressions.report, node.name.name
        before = len(report)
        params = {s.name: s for s in self.names.values.values() if isinstance(s, Symbol) and s.kind is SymbolKind.PARAM}
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
