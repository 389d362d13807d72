"""Random quantifiers that can be decided: what they say of their variables is nearly linear."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import core_nodes as nodes
from constructors import IN_OLD, KEYED, QUANTIFIED, SETS

from verify import core
from verify.core import BOOL, INT, WORD, MapType, SetType, Symbol, SymbolKind

if TYPE_CHECKING:
    from expressions import Maker, Scope


class Quantifiers:
    """Makes quantifiers; the rest of what they say comes from `maker`."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.random = maker.random

    def make(self, universal: bool, size: int, scope: Scope) -> core.Expr:
        """A quantifier that `evaluate` and the solver can be expected to decide: what it says is nearly linear."""
        symbols = tuple(
            self.maker.fresh(SymbolKind.BOUND, self.random.choice(QUANTIFIED))
            for _ in range(self.random.choice((1, 1, 2)))
        )
        whole = self.maker.may_be_old(scope) and self.maker.likely(0.2)
        within = replace(scope, kinds=IN_OLD, old=True) if whole else scope
        body = self.claim(symbols, within)
        if self.maker.likely(0.5):
            guard = self.claim(symbols[:1], within)
            body = nodes.op(guard, "==>" if universal else "&&", body)
        if self.maker.likely(0.3):
            body = nodes.op(body, self.random.choice(("&&", "||", "==>")), self.maker.make(BOOL, min(size, 3), within))
        return core.Quantifier(nodes.place(), universal, symbols, nodes.old(body) if whole else body)

    def claim(self, symbols: tuple[Symbol, ...], scope: Scope) -> core.Expr:
        """Something about each of the variables."""
        parts = [self.about(s, symbols, scope) for s in symbols]
        body = parts[0]
        for part in parts[1:]:
            body = nodes.op(body, self.random.choice(("&&", "||", "==>", "<==>")), part)
        return nodes.unary("!", body) if self.maker.likely(0.2) else body

    def about(self, symbol: Symbol, symbols: tuple[Symbol, ...], scope: Scope) -> core.Expr:
        """Something about one variable, and now and then another one too."""
        other = self.random.choice(symbols)
        if other != symbol and other.type == symbol.type and self.maker.likely(0.5):
            order = ("==", "!=", "<", "<=") if symbol.type in (WORD, INT) else ("==", "!=")
            return nodes.op(nodes.var(symbol), self.random.choice(order), nodes.var(other))
        type_ = symbol.type
        moved = self.moved(symbol, scope) if type_ in (WORD, INT) else nodes.var(symbol)
        looked = [b for b in KEYED if core.key_type(b) == moved.type]
        if looked and self.maker.likely(0.5):
            base = self.random.choice(looked)
            found = nodes.index(self.maker.make(base, self.random.choice((1, 1, 3)), scope), moved)
            if base in SETS:
                return found
            return nodes.op(found, self.random.choice(("==", "!=")), self.maker.make(found.type, 1, scope))
        if type_ in (WORD, INT):
            sign = self.random.choice(("==", "!=", "<", "<=", ">", ">="))
            return nodes.op(moved, sign, self.maker.make(moved.type, 1, scope))
        if isinstance(type_, MapType | SetType) and self.maker.likely(0.7):
            return nodes.index(moved, self.maker.make(core.key_type(type_), 1, scope))
        return nodes.op(moved, self.random.choice(("==", "!=")), self.maker.make(type_, 1, scope))

    def moved(self, symbol: Symbol, scope: Scope) -> core.Expr:
        """A number that is nearly linear in the variable: with few stretches, whatever the word size."""
        bits, x = self.maker.values.bits, nodes.var(symbol)
        high = max(0, bits - self.random.randint(1, 3))
        made: list[core.Expr] = [
            x,
            nodes.op(x, self.random.choice("+-"), self.maker.make(symbol.type, 1, scope)),
            nodes.op(self.maker.make(symbol.type, 1, scope), "-", x),
            nodes.op(x, self.random.choice(("min", "max")), self.maker.make(symbol.type, 1, scope)),
            nodes.unary("-", x),
        ]
        if symbol.type == INT:
            return self.random.choice(made)
        made += [
            nodes.op(x, ">>", nodes.number(high, self.random.choice((WORD, INT)) if high < 1 << bits else INT)),
            nodes.op(x, self.random.choice("&|^"), nodes.word((1 << bits) - (1 << high))),
            nodes.op(x, self.random.choice("/%"), nodes.word(max(1, 1 << high))),
            nodes.unary("~", x),
            # Not defined for all values: nor is the whole, unless something guards it.
            nodes.to_word(nodes.op(nodes.to_int(x), "+", nodes.number(1))),
            nodes.to_word(nodes.op(nodes.to_int(x), "-", nodes.number(1))),
            nodes.op(nodes.to_int(x), self.random.choice(("+", "-", "*")), nodes.number(self.random.randint(-2, 2))),
        ]
        return self.random.choice(made)
