"""Values made smaller: what breaks something still does, and nothing grows that need not."""

from __future__ import annotations

from verify.core import BOOL, INT, WORD, MapType, Symbol, SymbolKind
from verify.lessen import Values, lessened, nearer
from verify.values import MapValue, map_value

A = Symbol(SymbolKind.ARGUMENT, "m.p", "a", WORD)
B = Symbol(SymbolKind.ARGUMENT, "m.p", "b", WORD)
COUNT = Symbol(SymbolKind.STATE, "m", "count", INT)
SEEN = Symbol(SymbolKind.STATE, "m", "seen", MapType(WORD, BOOL))


def test_what_may_be_anything_ends_as_plain_as_can_be() -> None:
    values: Values = {A: 0, B: 5, COUNT: -3, SEEN: map_value(MapType(WORD, BOOL), False, {7: True, 9: True}, 32)}
    found = lessened(values, lambda _: True)
    assert (found[A], found[B], found[COUNT]) == (0, 0, 0)
    seen = found[SEEN]
    assert isinstance(seen, MapValue)
    assert not seen.entries


def test_0_is_not_made_greater() -> None:
    assert lessened({A: 0, COUNT: 0}, lambda v: v[A] in (0, 1) and v[COUNT] in (0, 1)) == {A: 0, COUNT: 0}


def test_it_stays_among_the_values_that_break_it() -> None:
    tried: list[object] = []

    def breaks(values: Values) -> bool:
        number = values[A]
        assert isinstance(number, int)
        tried.append(number)
        return number >= 6 and number % 2 == 0

    assert lessened({A: 100}, breaks)[A] == 6
    assert 6 in tried


def test_a_word_gets_smaller_with_another_raised_by_as_much() -> None:
    def breaks(values: Values) -> bool:
        a, b = values[A], values[B]
        assert isinstance(a, int)
        assert isinstance(b, int)
        return a + b == 100 and b > 0

    assert nearer({A: 10, B: 90}, (A, B), breaks, 8) == {A: 99, B: 1}


def test_no_word_is_raised_out_of_its_range() -> None:
    def breaks(values: Values) -> bool:
        a, b = values[A], values[B]
        assert isinstance(a, int)
        assert isinstance(b, int)
        return a + b == 300 and a < 256

    assert nearer({A: 200, B: 100}, (A, B), breaks, 8) == {A: 255, B: 45}
