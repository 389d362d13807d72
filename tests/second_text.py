"""A specification with obligations of many kinds, each soon decided: what other solvers are asked in tests."""

TEXT = """\
module m;

param PAGE_SHIFT: int;
assume shift: 0 < PAGE_SHIFT && PAGE_SHIFT < WORD_BITS;
geometry small { WORD_BITS = 32; PAGE_SHIFT = 12; }
type entry;
const none: entry;
state pte: map[word, entry];
state table: set[word];
invariant there: forall a: word :: pte[a] != none ==> a in table;

lemma sums(a: word, b: word)
    requires room: a <= b && b < ~(a)
    ensures  above: a + b >= a
{ }

procedure clear(a: word)
    requires in_table: a in table
    modifies pte
    ensures  cleared: pte[a] == none
    ensures  others: forall b: word :: b != a ==> pte[b] == old(pte)[b]
{
    pte[a] = none;
}

define hook(a: word): word;

cover hooked(a: word)
    witness twice: hook(a) == 3 && hook(hook(a)) == 4;

cover some(a: word)
    witness there: pte[a] != none;

procedure doubled(a: word) returns (b: word)
    requires low: a < 16
    ensures  even: (b & 1) == 0
{
    b = a + a;
    assert less: b < 32;
}

refute procedure grows(a: word) returns (b: word)
    on small
    requires low: a < 16
    ensures  small: b < 16
{
    b = a + a;
}

refute wraps(a: word, b: word)
    ensures above: a + b >= a;
"""
