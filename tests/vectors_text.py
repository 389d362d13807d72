"""The specification that the tests of test vectors are about."""

from __future__ import annotations

from pathlib import Path

from verify import core
from verify.elaborate import elaborate
from verify.load import Loaded, load

TEXT = """\
module m;

param SHIFT: int;
const SIZE: word = 1 << SHIFT;
assume shift: 1 < SHIFT && SHIFT < WORD_BITS;

geometry small { WORD_BITS = 32; SHIFT = 4; }
geometry wide  { WORD_BITS = 64; SHIFT = 12; }
geometry odd   { WORD_BITS = 32; SHIFT = 1; }

type item;
const none: item;
define changed(i: item, at: word): item;
state items: map[word, item];
state asked: int;

procedure cut(a: word) returns (r: word)
    requires aligned: (a & (SIZE - 1)) == 0
{
    r = a;
    if (a > SIZE) {
        r = SIZE;
    }
}

procedure moves(from: word, to: word, count: word) returns (moved: word)
    requires apart: from < to && count <= to - from
    modifies items
{
    moved = 0;
    while (moved < count)
        invariant most: moved <= count
        decreases count - moved
    {
        if (items[from + moved] != none) {
            items[to + moved] = changed(items[from + moved], to + moved);
            items[from + moved] = none;
        }
        moved += 1;
    }
}

/// Nobody says what the loop keeps, and no run gets so far that the solver would see it.
procedure counts(n: int) returns (odd: bool)
    requires many: n > 1000
{
    var i: int = 0;
    odd = false;
    while (i < n)
        decreases n - i
    {
        i += 1;
        if (i == 5000) {
            odd = true;
        }
    }
}

/// Whether `a` is small matters only where it is `used`, and how small, to one of the states.
procedure masks(a: word, used: bool) returns (r: bool)
    modifies asked
{
    r = false;
    if (a <= SIZE) {
        if (used) {
            asked += 1;
        }
    }
}

procedure guesses() returns (r: bool)
{
    var b: bool;
    r = b;
}

refute procedure stands(a: word) returns (r: word)
    on small
{
    r = 1;
    while (r < a) {
        r = r & SIZE;
    }
}

trusted procedure elsewhere(a: word);
lemma no_procedure(a: word) ensures same: a == a { }
"""


def loaded(text: str = TEXT) -> tuple[Loaded, core.Program]:
    """What stands there, put into a folder `spec`."""
    Path("spec").mkdir(exist_ok=True)
    Path("spec/m.spec").write_text(text, encoding="utf-8")
    read = load([Path("spec")])
    found, mistakes = elaborate(read.modules, read.roots, read.sources, read.broken)
    assert found is not None, (read.diagnostics, mistakes)
    return read, found
