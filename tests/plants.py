"""Faults planted in the verifier itself: in each operator of the encoding, in what makes obligations, in the decoder.

A verifier with one of these could say that what is false is proved, or show a counterexample that is none. So each must
be noticed by some test: see `planted`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plant:
    """In the module `verify.{module}`, `text`, which stands there once, becomes `by`."""

    module: str
    text: str
    by: str

    def __str__(self) -> str:
        return f"verify/{self.module}.py: {_short(self.text)} -> {_short(self.by)}"


def _short(text: str) -> str:
    return " ".join(text.split()) or "nothing"


def _rows(module: str, *changes: tuple[str, str]) -> Iterator[Plant]:
    return (Plant(module, text, by) for text, by in changes)


ENCODE = (
    # Literals and variables.
    ("self.literal(value, type_), self.true if fits else z3.BoolVal(False)", "self.literal(value, type_), self.true"),
    ("type_.members.index(name)], self.true", "type_.members.index(name) - 1], self.true"),
    ("z3.IntVal(type_.named.index(name)), self.true", "z3.IntVal(0), self.true"),
    ("term = values[symbol] if symbol in values else", "term = values[symbol] if False else"),
    ("return Encoded(term, self.conditions.get(symbol, self.true))", "return Encoded(term, self.true)"),
    ("self.encode(body, {**values, **entry}, entry)", "self.encode(body, {**entry, **values}, entry)"),
    # What is chosen, bound, looked up and changed.
    ("integers.ite(c.value, a.value, b.value)", "integers.ite(c.value, b.value, a.value)"),
    ("terms.choice(c.value, a.value, b.value)", "terms.choice(c.value, b.value, a.value)"),
    ("conjoin(c.defined, choose(c.value, a.defined, b.defined))", "choose(c.value, a.defined, b.defined)"),
    ("choose(c.value, a.defined, b.defined)", "conjoin(a.defined, b.defined)"),
    ("{**values, expr.symbol: bound.value}, entry)", "values, entry)"),
    ("inner.value, conjoin(bound.defined, inner.defined)", "inner.value, inner.defined"),
    ("inner.value, conjoin(bound.defined, inner.defined)", "inner.value, bound.defined"),
    ("Encoded(found, conjoin(m.defined, k.defined))", "Encoded(found, m.defined)"),
    ("Encoded(found, conjoin(m.defined, k.defined))", "Encoded(found, k.defined)"),
    ("Encoded(terms.store(m.value, key, value), conjoin", "Encoded(m.value, conjoin"),
    ("conjoin(m.defined, k.defined, v.defined)", "conjoin(m.defined, k.defined)"),
    ("conjoin(m.defined, k.defined, v.defined)", "conjoin(m.defined, v.defined)"),
    ("conjoin(m.defined, k.defined, v.defined)", "conjoin(k.defined, v.defined)"),
    ("z3.K(self.sort(expr.type.element), z3.BoolVal(False))", "z3.K(self.sort(expr.type.element), z3.BoolVal(True))"),
    ("self.words.to_int(a.value), a.defined", "self.words.to_int(a.value), self.true"),
    ("conjoin(a.defined, fits))", "a.defined)"),
    ("conjoin(a.defined, fits))", "fits)"),
    ("integers.le(integers.literal(0), a.value), integers.lt(a.value, top)", "integers.lt(a.value, top), integers.lt(a.value, top)"),
    ("integers.lt(a.value, top)", "integers.le(a.value, top)"),
    # One operand.
    ("Encoded(terms.negation(a.value), a.defined)", "Encoded(a.value, a.defined)"),
    ("Encoded(self.words.invert(a.value), a.defined)", "Encoded(a.value, a.defined)"),
    ("self.words.sub(self.words.literal(0), a.value)", "self.words.invert(a.value)"),
    ("Encoded(integers.neg(a.value), a.defined)", "Encoded(a.value, a.defined)"),
    ("Encoded(terms.negation(a.value), a.defined)", "Encoded(terms.negation(a.value), self.true)"),
    # Two.
    ("conjoin(left.defined, right.defined)\n", "left.defined\n"),
    ("conjoin(left.defined, right.defined)\n", "right.defined\n"),
    ("self.words.add(a, b) if word", "self.words.sub(a, b) if word"),
    ("integers.add(a, b), both", "integers.sub(a, b), both"),
    ("self.words.sub(a, b) if word", "self.words.sub(b, a) if word"),
    ("integers.sub(a, b), both", "integers.sub(b, a), both"),
    ("self.words.mul(a, b) if word", "self.words.add(a, b) if word"),
    ("integers.mul(a, b), both", "integers.add(a, b), both"),
    ("self.words.div(a, b) if word", "self.words.mod(a, b) if word"),
    ("integers.div(a, b), conjoin", "integers.mod(a, b), conjoin"),
    ("self.words.mod(a, b) if word", "self.words.div(a, b) if word"),
    ("integers.mod(a, b), conjoin", "integers.div(a, b), conjoin"),
    ("integers.div(a, b), conjoin(both, self.nonzero(b, word))", "integers.div(a, b), both"),
    ("integers.mod(a, b), conjoin(both, self.nonzero(b, word))", "integers.mod(a, b), both"),
    ("terms.distinct(divisor, self.words.literal(0))", "self.true"),
    ("terms.negation(integers.eq(divisor, integers.literal(0)))", "integers.lt(integers.literal(0), divisor)"),
    ("self.words.band(a, b), both", "self.words.bor(a, b), both"),
    ("self.words.bor(a, b), both", "self.words.bxor(a, b), both"),
    ("self.words.bxor(a, b), both", "self.words.bor(a, b), both"),
    ("self.words.shl(a, self.count", "self.words.shr(a, self.count"),
    ("self.words.shr(a, self.count", "self.words.shl(a, self.count"),
    ("self.words.shl(a, self.count(expr.right, b)), conjoin(both, self.shifts(expr.right, b))", "self.words.shl(a, self.count(expr.right, b)), both"),
    ("self.words.shr(a, self.count(expr.right, b)), conjoin(both, self.shifts(expr.right, b))", "self.words.shr(a, self.count(expr.right, b)), both"),
    ("below = integers.lt(number, self.words.width())", "below = integers.le(number, self.words.width())"),
    ("terms.conjunction(integers.le(integers.literal(0), number), below)", "below"),
    ("Encoded(self.equal(expr.left.type, a, b), both)", "Encoded(self.true, both)"),
    ("terms.negation(self.equal(expr.left.type, a, b)), both", "self.equal(expr.left.type, a, b), both"),
    ("self.words.lt(a, b) if word", "self.words.le(a, b) if word"),
    ("integers.lt(a, b), both", "integers.le(a, b), both"),
    ("Encoded(self.words.le(a, b) if word", "Encoded(self.words.lt(a, b) if word"),
    ("integers.le(a, b), both", "integers.lt(a, b), both"),
    ("self.words.lt(b, a) if word", "self.words.le(b, a) if word"),
    ("integers.lt(b, a), both", "integers.le(b, a), both"),
    ("self.words.le(b, a) if word", "self.words.lt(b, a) if word"),
    ("integers.le(b, a), both", "integers.lt(b, a), both"),
    ("terms.conjunction(a, b), conjoin(left.defined, under(a, right.defined))", "terms.disjunction(a, b), conjoin(left.defined, under(a, right.defined))"),
    ("terms.conjunction(a, b), conjoin(left.defined, under(a, right.defined))", "terms.conjunction(a, b), left.defined"),
    ("terms.conjunction(a, b), conjoin(left.defined, under(a, right.defined))", "terms.conjunction(a, b), both"),
    ("terms.disjunction(a, b), conjoin", "terms.conjunction(a, b), conjoin"),
    ("under(terms.negation(a), right.defined)", "under(a, right.defined)"),
    ("terms.implies(a, b), conjoin", "terms.implies(b, a), conjoin"),
    ("terms.implies(a, b), conjoin(left.defined, under(a, right.defined))", "terms.implies(a, b), left.defined"),
    ("Encoded(terms.equal(a, b), both)", "Encoded(terms.implies(a, b), both)"),
    ("terms.choice(self.words.le(a, b), a, b)", "terms.choice(self.words.le(a, b), b, a)"),
    ("integers.ite(integers.le(a, b), a, b)", "integers.ite(integers.le(a, b), b, a)"),
    ("terms.choice(self.words.le(a, b), b, a)", "terms.choice(self.words.le(a, b), a, b)"),
    ("integers.ite(integers.le(a, b), b, a)", "integers.ite(integers.le(a, b), a, b)"),
    # Equality of maps, quantifiers, defines.
    ("z3.ForAll([key], z3.Implies(guard, inner))", "z3.Exists([key], z3.And(guard, inner))"),
    ("z3.ForAll([key], z3.Implies(guard, inner))", "z3.ForAll([key], inner)"),
    ("alike = isinstance(guard, Plain) or (", "alike = True or ("),
    ("z3.ForAll(over, under(guard, body.defined))", "z3.BoolVal(True)"),
    ("z3.ForAll(over, under(guard, body.value))", "z3.ForAll(over, body.value)"),
    ("z3.ForAll(over, under(guard, body.value))", "z3.Exists(over, conjoin(guard, body.value))"),
    ("z3.Exists(over, conjoin(guard, body.value))", "z3.Exists(over, body.value)"),
    ("if expr.universal:", "if not expr.universal:"),
    ("key = (expr.function, *(t.get_id() for t in given))", "key = (expr.function,)"),
    ("Encoded(body.value, conjoin(defined, body.defined))", "Encoded(body.value, defined)"),
    ("Encoded(body.value, conjoin(defined, body.defined))", "Encoded(body.value, body.defined)"),
    ("Encoded(self.function(define)(*stored), defined)", "Encoded(self.function(define)(*stored), self.true)"),
    ("return not define.opaque or", "return"),
    ("self.facts.append(z3.ForAll(bound, ranged, patterns=[found(*bound)]))", "pass"),
)  # fmt: skip

WORDS = (
    ("terms.bits_plus(a, b)", "terms.bits_minus(a, b)"),
    ("terms.bits_minus(a, b)", "terms.bits_minus(b, a)"),
    ("terms.bits_times(a, b)", "terms.bits_plus(a, b)"),
    ("z3.UDiv(a, b)", "a / b"),
    ("z3.URem(a, b)", "a % b"),
    ("return a & b", "return a | b"),
    ("return a | b", "return a ^ b"),
    ("return a ^ b", "return a | b"),
    ("return ~a", "return -a"),
    ("return a << count", "return a >> count"),
    ("z3.LShR(a, count)", "a >> count"),
    ("terms.unsigned_less(a, b)", "terms.bits_less(a, b)"),
    ("terms.unsigned_at_most(a, b)", "terms.bits_at_most(a, b)"),
    ("integers.unsigned(a)", "a"),
    ("terms.at_least(a, z3.IntVal(0)), terms.less(a, self.top())", "terms.at_least(a, z3.IntVal(0)), terms.at_most(a, self.top())"),
    ("terms.at_least(whole, top), terms.minus(whole, top), whole", "terms.less(top, whole), terms.minus(whole, top), whole"),
    ("terms.choice(terms.at_least(a, b), difference, terms.plus(difference, self.top()))", "difference"),
    ("return (a * b) % self.top()", "return a * b"),
    ("return a / b\n\n    def mod", "return a % b\n\n    def mod"),
    ("return a % b\n\n    def band", "return a / b\n\n    def band"),
    ("z3.Int2BV(a, self.bits) & z3.Int2BV(b, self.bits)", "z3.Int2BV(a, self.bits) | z3.Int2BV(b, self.bits)"),
    ("z3.Int2BV(a, self.bits) | z3.Int2BV(b, self.bits)", "z3.Int2BV(a, self.bits) ^ z3.Int2BV(b, self.bits)"),
    ("z3.Int2BV(a, self.bits) ^ z3.Int2BV(b, self.bits)", "z3.Int2BV(a, self.bits) | z3.Int2BV(b, self.bits)"),
    ("z3.BV2Int(a, is_signed=False)", "z3.BV2Int(a, is_signed=True)"),
    ("return self.top() - 1 - a", "return self.top() - a"),
    ("(a * (1 << n)) % self.top()", "a * (1 << n)"),
    ("lambda n: a / (1 << n)", "lambda n: a / (1 << (n + 1))"),
    ("for n in range(1, self.bits):", "for n in range(1, self.bits - 1):"),
    ("return terms.less(a, b)", "return terms.at_most(a, b)"),
    ("return terms.at_most(a, b)", "return terms.less(a, b)"),
    ("if z3.is_int_value(a) or z3.is_int_value(b):", "if z3.is_int_value(a) or True:"),
    ("(a.as_long() << count.as_long()) % (1 << self.bits)", "(a.as_long() << count.as_long())"),
    ("self.width() >= self.bits, self.top() >= 1 << self.bits", "self.width() >= self.bits, self.top() >= 2 << self.bits"),
    ('for name in ("mul", "div", "mod", "band", "bor", "bxor", "shl", "shr"):', 'for name in ("mul", "div", "mod", "band", "bor", "bxor", "shl"):'),
)  # fmt: skip

INTEGERS = (
    ("z3.ZeroExt(1, a)", "z3.SignExt(1, a)"),
    ("z3.BV2Int(a, is_signed=True)", "z3.BV2Int(a, is_signed=False)"),
    ("z3.SignExt(bits - a.size(), a)", "z3.ZeroExt(bits - a.size(), a)"),
    ("z3.Extract(bits - 1, 0, a)", "z3.Extract(a.size() - 1, a.size() - bits, a)"),
    ("bit_length() + 1", "bit_length()"),
    ("return max(a, b) + 1", "return max(a, b)"),
    ("return a + b\n", "return max(a, b)\n"),
    ("(terms.bits_plus if is_bits(x)", "(terms.bits_minus if is_bits(x)"),
    ("(terms.bits_minus if is_bits(x)", "(terms.bits_plus if is_bits(x)"),
    ("(terms.bits_times if is_bits(x)", "(terms.bits_plus if is_bits(x)"),
    ("return sub(literal(0), a)", "return sub(literal(1), a)"),
    ("z3.If(remainder >= 0, quotient,", "z3.If(remainder > 0, quotient,"),
    ("z3.If(y > 0, quotient - one, quotient + one)", "quotient - one"),
    ("z3.If(y > 0, remainder + y, remainder - y)", "remainder + y"),
    ("(terms.bits_less if is_bits(x)", "(terms.bits_at_most if is_bits(x)"),
    ("(terms.bits_at_most if is_bits(x)", "(terms.bits_less if is_bits(x)"),
    ("return terms.choice(condition, x, y)", "return terms.choice(condition, y, x)"),
    ("return terms.equal(x, y)", "return terms.at_most(x, y) if not is_bits(x) else terms.equal(x, y)"),
)  # fmt: skip

OBLIGATIONS = (
    # The entry and the end.
    ("for name, clause in module_invariants(self.program, routine.module):", "for name, clause in ():"),
    ("for clause in routine.requires:\n", "for clause in routine.requires[1:]:\n"),
    ("end = self.join((*exits.returns, exits.through), routine.span)", "end = self.join((exits.through,), routine.span)"),
    ("end = self.join((*exits.returns, exits.through), routine.span)", "end = self.join(exits.returns, routine.span)"),
    ("final = {s: now for s, now in flow.values.items() if s.kind is not SymbolKind.ARGUMENT}", "final = dict(flow.values)"),
    ("goal = rename(clause.expr, final, self.entry)\n            self.oblige(\n                f\"{routine.qualified}.ensures", "goal = rename(clause.expr, {}, self.entry)\n            self.oblige(\n                f\"{routine.qualified}.ensures"),
    ("kept = [s for s in seen if s not in routine.modifies]", "kept = [s for s in seen if s in routine.modifies]"),
    ("equal(flow.values.get(s, s), s, routine.span)", "equal(s, s, routine.span)"),
    ("touched = {*routine.modifies, *changed(routine.body or (), self.changes)}", "touched = set(routine.modifies)"),
    ("self.assume(self.at(clause.expr, at_end), at_end, None)", "pass"),
    # What is defined.
    ("self.oblige(id_, Kind.RANGE, rename(goal, flow.values, self.entry), flow, span)", "pass"),
    ("rename(goal, flow.values, self.entry), flow, span)", "goal, flow, span)"),
    ("if self.routine.without:", "if False:"),
    # Assertions.
    ("self.oblige(name, Kind.ASSERT, goal, flow, stmt.clause.span, stmt.clause.doc)", "pass"),
    ("        self.assume(goal, flow, name)\n", ""),
    # Calls.
    ("before = {**self.states(flow), **given}", "before = {**self.states(Flow({})), **given}"),
    ("self.oblige(f\"{place}.{clause.label}\", Kind.CALL, goal, flow, call.span, clause.doc)", "pass"),
    ("self.oblige(f\"{place}.invariant.{label}\", Kind.CALL, goal, flow, call.span)", "pass"),
    ("after = self.havoc(self.changes[callee.qualified], flow)", "after = flow"),
    ("self.assume(expr if valid is None else implies(valid, expr), after, name)", "self.assume(expr, after, name)"),
    ("{**states_after, **given, **results}, before)", "{**states_after, **given, **results}, states_after)"),
    ("after = after.at(target, results[result])", "pass"),
    ("return tuple(dict.fromkeys((*callee.modifies, *seen)))", "return callee.modifies"),
    ("goal = self.smaller(rename(callee.decreases, before, before), callee.decreases, call.span)", "goal = core.Literal(call.span, True, core.BOOL)"),
    # Loops.
    ("f\"{place}.invariant.{clause.label}.entry\", Kind.INVARIANT_ENTRY, goal, flow", "f\"{place}.invariant.{clause.label}.entry\", Kind.INVARIANT_ENTRY, core.Literal(clause.span, True, core.BOOL), flow"),
    ("head = self.havoc(tuple(dict.fromkeys((*loop.assigned, *states))), flow)", "head = flow"),
    ("head = self.havoc(tuple(dict.fromkeys((*loop.assigned, *states))), flow)", "head = self.havoc(tuple(dict.fromkeys(loop.assigned)), flow)"),
    ("inside, after = self.branch(self.at(loop.condition, head), head)", "after, inside = self.branch(self.at(loop.condition, head), head)"),
    ("turn = self.join((*exits.continues, exits.through), loop.span)", "turn = exits.through"),
    ("turn = self.block(loop.step, turn).through", "pass"),
    ("goal = self.at(clause.expr, turn)", "goal = self.at(clause.expr, head)"),
    ("goal = self.smaller(self.at(loop.decreases, turn), before, loop.decreases.span)", "goal = core.Literal(loop.decreases.span, True, core.BOOL)"),
    ("return Exits(self.join((after, *exits.breaks), loop.span), returns=exits.returns)", "return Exits(after, returns=exits.returns)"),
    ("return Exits(self.join((after, *exits.breaks), loop.span), returns=exits.returns)", "return Exits(self.join((after, *exits.breaks), loop.span))"),
    ("less = core.Binary(span, BinaryOp.LT, now, before)", "less = core.Binary(span, BinaryOp.LE, now, before)"),
    ("conjunction(span, (core.Binary(span, BinaryOp.LE, core.Literal(span, 0, INT), before), less))", "less"),
)  # fmt: skip

WALK = (
    ("self.versions[key] += 1", "self.versions[key] = 1"),
    ("return rename(expr, flow.values, self.entry)", "return rename(expr, flow.values, flow.values)"),
    ("self.steps.append(Let(flow.path, now, value))\n        return", "return"),
    ("self.steps.append(Assume(flow.path, expr, name))", "self.steps.append(Assume((), expr, name))"),
    ("yes = replace(flow, path=(*flow.path, Guard(guard, True)))", "yes = replace(flow, path=(*flow.path, Guard(guard, False)))"),
    ("chosen = core.Ite(span, way_a, core.Var(span, one), core.Var(span, other))", "chosen = core.Ite(span, way_a, core.Var(span, other), core.Var(span, one))"),
    ("path = (*path, Guard(guard, True))", "path = (*path, Guard(guard, False))"),
    ("disjunction(span, (way_a, condition(rest_b, span)))", "conjunction(span, (way_a, condition(rest_b, span)))"),
    ("values[symbol] = now", "values[symbol] = one"),
    ("breaks += exits.breaks", "pass"),
    ("continues += exits.continues", "pass"),
    ("returns += exits.returns", "pass"),
    ("core.Var(span, g.symbol) if g.holds else negation", "negation(core.Var(span, g.symbol)) if g.holds else negation"),
    ("return Exits(self.havoc((stmt.target,), flow))", "return Exits(flow)"),
    ("self.meet_expr(stmt.value, flow)", "pass"),
    ("self.meet_expr(stmt.condition, flow)", "pass"),
    ("self.meet_expr(argument, flow)", "pass"),
    ("self.meet_expr(stmt.clause.expr, flow)", "pass"),
)  # fmt: skip

RENAME = (
    ("yield from _sites(right, lambda c: close(implies(left, c)), inside)", "pass"),
    ("close(implies(negation(left), c))", "close(implies(left, c))"),
    ("close(implies(condition, c))", "close(implies(negation(condition), c))"),
    ("close(implies(negation(condition), c))", "close(implies(condition, c))"),
    ("close(core.Let(span, symbol, value, c))", "close(c)"),
    ("close(core.Quantifier(span, True, symbols, c))", "close(core.Quantifier(span, False, symbols, c))"),
    ("core.Binary(span, BinaryOp.NE, right, core.Literal(span, 0, right.type))", "core.Literal(span, True, BOOL)"),
    ("below = core.Binary(span, BinaryOp.LT, number, core.Var(span, core.WORD_BITS))", "below = core.Binary(span, BinaryOp.LE, number, core.Var(span, core.WORD_BITS))"),
    ("conjunction(span, (at_least, core.Binary(span, BinaryOp.LE, operand, highest)))", "at_least"),
)  # fmt: skip

PASSIVE = (
    ("taken.get(g.symbol, g.holds) != g.holds", "taken.get(g.symbol, g.holds) == g.holds"),
    ("if id(step.path) not in excluded", "if not step.path"),
)

DECODE = (
    ("if not 0 <= number < 1 << self.bits:", "if False:"),
    ("int(term.as_signed_long())", "int(term.as_long())"),
    ("return bool(z3.is_true(term))", "return bool(z3.is_false(term))"),
    ("return Member(type_, index)\n", "return Member(type_, 0)\n"),
    ("index if index < len(type_.members) else 0", "0"),
    (".index(str(term)))", ".index(str(term)) - 1)"),
    ("entries[key] = self.value(held, z3.Select(term, at))", "entries[key] = some_value(held, self.bits)"),
    ("dict(reversed(entries))", "dict(entries)"),
    ("entries.append((key, self.value(inner, held)))", "entries[:] = [(key, self.value(inner, held))]"),
    ("enter(term.arg(1), term.arg(2))", "pass"),
    ("return done(self.value(inner, term.arg(0)))", "return done(some_value(inner, self.bits))"),
    ("enter(entry.arg_value(0), entry.value())", "pass"),
    ("return done(self.value(inner, otherwise))", "return done(some_value(inner, self.bits))"),
    ("entries[at] = self.value(define.result, entry.value())", "entries[at] = some_value(define.result, self.bits)"),
    ("return Table(self.value(define.result, otherwise), entries)", "return Table(some_value(define.result, self.bits), entries)"),
    ("self.value(inner, z3.Select(term, member))))", "some_value(inner, self.bits)))"),
    ("some_value(define.result, reader.bits) if constant is None else reader.value(define.result, constant)", "some_value(define.result, reader.bits)"),
    ("{s: reader.value(s.type, asked.encoder.symbol(s)) for s in params}", "{s: some_value(s.type, reader.bits) for s in params}"),
    ("{s: reader.value(s.type, asked.encoder.symbol(s)) for s in symbols}", "{s: some_value(s.type, reader.bits) for s in symbols}"),
    ("for found in self.looked_at(sort):\n            enter(found, z3.Select(term, found))", "pass"),
)  # fmt: skip

PLANTS: tuple[Plant, ...] = (
    *_rows("encode", *ENCODE),
    *_rows("words", *WORDS),
    *_rows("integers", *INTEGERS),
    *_rows("contract", *OBLIGATIONS),
    *_rows("walk", *WALK),
    *_rows("rename", *RENAME),
    *_rows("passive", *PASSIVE),
    *_rows("decode", *DECODE),
)
