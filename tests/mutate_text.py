"""The specification that tests/test_mutate.py is about."""

TEXT = """\
module m;

param SHIFT: int;
const SIZE: word = 1 << SHIFT;
assume shift: 1 < SHIFT && SHIFT < WORD_BITS;
geometry small { WORD_BITS = 32; SHIFT = 4; }

enum side { near, far }

state at: map[word, side];
state count: int;

define less(a: word, b: word): bool = a < b;

lemma trivial(a: word)
    ensures same: a == a
{ }

procedure bits(a: word) returns (r: word)
    ensures exact: r == a - a % SIZE
{
    r = a & ~(SIZE - 1);
}

procedure mark(a: word, b: word, end: word)
    requires order: a < b
    modifies at, count
    ensures  marked: at == old(at)[a := far]
    ensures  counted: count == old(count) + (if b < end then 1 else 0)
{
    var before: int = count;
    trivial(a + 1);
    at[a] = far;
    if (less(b, end) && !(a == b)) {
        count = before + 1;
    } else {
        assert ghost: count == before;
        before = 0;
    }
}

procedure twice(a: word, b: word, end: word)
    requires order: a < b && b < end
    modifies at, count
    ensures  marked: at == old(at)[a := far][b := far]
{
    mark(a, b, end);
    while (false)
        decreases 0
    { }
    mark(b, end, end);
    return;
}

/// Either of two that are equal will do.
procedure larger(a: word, b: word) returns (r: word)
    ensures  exact: r == max(a, b)
{
    r = b;
    if (a > b) {
        r = a;
    }
}

/// It promises too little.
procedure lower(a: word, step: word) returns (r: word)
    requires some: step > 0
    requires again: step != 0
    ensures  below: r <= a
{
    r = a;
    if (step <= a) {
        r = a - step;
    }
}

/// What is known of its loop is about a step of 1.
procedure climb() returns (r: int)
    ensures  ten: r == 10
{
    r = 0;
    while (r < 10)
        invariant most: r <= 10
        decreases 10 - r
    {
        r += 1;
    }
}

/// A quotient is nothing where the divisor is 0.
procedure share(a: word, b: word) returns (r: word)
    requires some: b > 0
    ensures  all:  b == 1 ==> r == a
{
    r = a / b;
}

/// A quotient is not more than what is divided.
procedure keeps(a: word) returns (r: word)
    ensures  same: r == a
{
    r = a;
    if (a / 4 > a) {
        r = 0;
    }
}

/// Whoever takes three takes none. The body could do without that.
procedure take(n: int)
    requires few:  n < 3
    requires some: n > -1
    modifies count
    ensures  less: count == old(count) - n
{
    count = count - n;
}

procedure takes(n: int)
    requires few:  n < 2
    modifies count
    ensures  less: count <= old(count)
{
    if (n > 0) {
        take(n);
    }
}

refute procedure wrong(a: word) returns (r: word)
    on small
    ensures  more: r > a
{
    r = a + 1;
}

interference procedure others()
    modifies count
    ensures  any: true
{
    count = 0;
}
"""


ACTING = """\
module m;

state locked: bool;
state count: int;
state turn: int;
state acts: map[int, bool];

/// They keep what it requires wherever they act; the body could do without.
procedure act()
    requires free: !locked
    modifies count
    ensures  more: count == old(count) + 1
{
    count = count + 1;
}

interference procedure others()
    modifies count, turn
    ensures  turn: turn == old(turn) + 1
{
    if (acts[turn] && !locked) {
        act();
    }
    turn += 1;
}
"""
