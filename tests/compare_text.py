"""The specification that tests/test_compare.py is about: pairs of procedures, equal and not."""

TEXT = """\
module m;

param SHIFT: int;
param TOP: word;
const SIZE: word = 1 << SHIFT;
assume shift: 1 < SHIFT && SHIFT < WORD_BITS;

geometry high { WORD_BITS = 32; SHIFT = 28; TOP = 0xffff_ffff; }
geometry low  { WORD_BITS = 32; SHIFT = 28; TOP = 0x7fff_ffff; }

state seen: map[word, bool];
state count: int;

lemma floor_is_below(a: word)
    ensures below: (a & ~(SIZE - 1)) <= a
{ }

/// Its loop is not looked into: with the same it does the same.
procedure mark(from: word, to: word)
    modifies seen
{
    for (; from < to; from += SIZE)
        invariant any: true
        decreases to - from
    {
        seen[from] = true;
    }
}

/// By addresses, with a guard.
procedure by_end(a: word, len: word) returns (done: word)
    requires some:    len > 0
    requires user:    int(a) + int(len) + int(len) <= int(TOP) && int(a) + int(len) + int(SIZE) <= int(TOP)
    modifies seen, count
{
    var end: word = a + len;
    var step: word;
    for (; a < end; a += step)
        invariant inside: a <= end
        decreases end - a
    {
        step = SIZE;
        if (a + SIZE > end) {
            step = end - a;
        }
        mark(a, a + step);
        count += 1;
    }
    done = if len + a < end then 0 else len + a - end;
}

/// By what is left, without: the same where no sum wraps.
procedure by_rest(a: word, len: word) returns (done: word)
    modifies seen, count
{
    var end: word = a + len;
    var step: word;
    var rest: word;
    for (; a < end; a += step)
        invariant any: true
        decreases end - a
    {
        rest = end - a;
        step = SIZE;
        if (step > rest) {
            step = rest;
        }
        mark(a, a + step);
        count += 1;
    }
    done = len + a - end;
}

/// Counts twice.
refute procedure counts_twice(a: word, len: word) returns (done: word)
    on low
    modifies seen, count
    ensures  once: count == old(count)
{
    var end: word = a + len;
    var step: word;
    for (; a < end; a += step)
        invariant any: true
        decreases end - a
    {
        step = SIZE;
        if (step > end - a) {
            step = end - a;
        }
        mark(a, a + step);
        count += 2;
    }
    done = len + a - end;
}

/// At once.
procedure at_once(a: word, len: word) returns (done: word)
    modifies seen, count
{
    mark(a, a + len);
    done = len;
}

procedure guarded(a: word) returns (r: word)
    requires some: a > 0
{
    r = (a - 1) | 1;
}

procedure unguarded(a: word) returns (r: word)
{
    r = if a == 0 then 7 else (a - 1) | 1;
}

procedure by_mask(a: word) returns (r: word)
{
    r = a & ~(SIZE - 1);
}

procedure by_remainder(a: word) returns (r: word)
{
    floor_is_below(a);
    r = a - (a & (SIZE - 1));
}

lemma wrong_elsewhere(a: word)
    on high
    ensures only: TOP == 0xffff_ffff
{ }

/// It leans on a lemma that is about one geometry alone.
procedure leans(a: word) returns (r: word)
{
    wrong_elsewhere(a);
    r = if TOP == 0xffff_ffff then a else 0;
}

procedure itself(a: word) returns (r: word)
{
    r = a;
}

/// Any value will do.
procedure picks(a: word) returns (r: word)
{
    var x: word;
    r = x & 1;
}

procedure picks_in_a_loop(a: word)
    modifies count
{
    var x: int;
    while (a > 0)
        invariant any: true
        decreases a
    {
        a -= 1;
        count = x;
    }
}

procedure calls_picks(a: word) returns (r: word)
    modifies count
{
    picks_in_a_loop(a);
    r = a;
}

procedure two_loops(a: word) returns (r: word)
{
    while (a > 9) invariant any: true decreases a { a -= 1; }
    while (a > 7) invariant any: true decreases a { a -= 1; }
    r = a;
}

// --- pairs of which each differs in one respect ---

procedure adds_one(a: word) modifies count { count += 1; }
procedure adds_two(a: word) modifies count { count += 2; }

procedure ends(a: word) returns (r: word)
{
    while (a > 0) invariant any: true decreases a { a -= 1; }
    r = 0;
}

refute procedure goes_on(a: word) returns (r: word)
    ensures ends: r == 0
{
    while (a >= 0) {
        if (a > 0) {
            a -= 1;
        }
    }
    r = 0;
}

procedure sums(a: word) returns (r: word)
{
    var k: word = 0;
    while (a > 0) invariant any: true decreases a { a -= 1; k += 1; }
    r = k;
}

procedure sums_by_two(a: word) returns (r: word)
{
    var k: word = 0;
    while (a > 0) invariant any: true decreases a { a -= 1; k += 2; }
    r = k;
}

procedure sums_from_one(a: word) returns (r: word)
{
    var k: word = 1;
    while (a > 0) invariant any: true decreases a { a -= 1; k += 1; }
    r = k;
}

procedure sums_and_one(a: word) returns (r: word)
{
    var k: word = 0;
    while (a > 0) invariant any: true decreases a { a -= 1; k += 1; }
    r = k + 1;
}

procedure counts_after(a: word) returns (r: word)
    modifies count
{
    var k: word = 0;
    while (a > 0) invariant any: true decreases a { a -= 1; k += 1; }
    r = k;
    count += 1;
}

procedure adds_what_is_left(a: word) returns (r: word)
{
    var k: word = 0;
    while (a > 0) invariant any: true decreases a { k += a; a -= 1; }
    r = k;
}

procedure adds_its_own(a: word) returns (r: word)
{
    var k: word = 0;
    var j: word = 5;
    while (a > 0) invariant any: true decreases a { k += j; a -= 1; j -= 1; }
    r = k;
}

procedure leans_on_what_is_not_so(a: word) returns (r: word)
{
    var k: word = 0;
    while (a > 0)
        invariant not_so: a < 5
        decreases a
    {
        k += if a < 5 then 1 else 2;
        a -= 1;
    }
    r = k;
}

procedure fill(n: word)
    modifies seen
{
    while (n > 0) invariant any: true decreases n { n -= 1; seen[n] = count > 1; }
}

procedure fills_with_one(a: word) returns (r: word) modifies seen, count { count = 1; fill(2); count = 0; r = a; }
procedure fills_with_two(a: word) returns (r: word) modifies seen, count { count = 2; fill(2); count = 0; r = a; }
"""
