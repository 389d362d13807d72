"""Two specification texts that between them hold every construct of the language, and ways to look at what is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from verify import syntax
from verify.parser import Parsed, parse
from verify.span import Source, Span

STEP = """\
/// How far one step of the move may go.
module extent;

import machine;

/// First address past the PMD of `addr`.
define next_pmd(addr: word): word = (addr + PMD_SIZE) & PMD_MASK;

/// The same boundary as an integer.
define boundary(addr: word): int = int(addr & PMD_MASK) + int(PMD_SIZE);

/// The source side of a step.
procedure source_extent(old_addr: word, old_end: word) returns (extent: word)
    requires aligned:  page_aligned(old_addr) && page_aligned(old_end)
    /// There is something to move.
    requires nonempty: old_addr < old_end
    ensures  exact:    int(extent) == min(boundary(old_addr), int(old_end)) - int(old_addr)
    ensures  progress: extent > 0
    ensures  one_pmd:  forall a: word :: a - old_addr < extent ==> same_pmd(a, old_addr)
{
    var next: word = next_pmd(old_addr);
    if (next - 1 > old_end) {
        next = old_end;
    }
    extent = next - old_addr;
}

refute without_minus_one(old_addr: word, old_end: word)
    on parisc32
    requires nonempty: old_addr < old_end
    ensures  inside:   (if next_pmd(old_addr) > old_end then old_end else next_pmd(old_addr)) - old_addr
                       <= old_end - old_addr
    witness  wrapped:  next_pmd(old_addr) == 0;

cover last_pmd(old_addr: word, old_end: word)
    on parisc32
    requires user: old_addr < old_end && old_end <= TASK_SIZE
    witness  wrap: next_pmd(old_addr) == 0;
"""

MOVE = """\
module move;

param PAGE_SHIFT: int;
const PAGE_SIZE: word = word(1) << PAGE_SHIFT;
const none: pte;
assume small: PAGE_SHIFT < WORD_BITS;
geometry arm { WORD_BITS = 32; PAGE_SHIFT = 12; }
geometry bare { }
extend geometry bare { DEPTH = 2; }
type pte;
enum side { old_side, new_side }
state ptes: map[word, pte];
state tables: set[word];
invariant rooted: tables != {};
opaque define kept(p: pte): bool = p == none;
define moved(p: pte, at: word): pte;

trusted procedure flush() returns ()
    modifies ptes
    ensures same: ptes == old(ptes);

procedure move_page_tables(old_addr: word, new_addr: word, len: word) returns (done: word)
    requires fits: len <= 0xffff_ffff
    modifies ptes, tables
    ensures  moved: forall a: word :: a - new_addr < done && old(ptes)[a] != none ==> ptes[a] == moved(old(ptes)[a], a)
    decreases len
{
    var old_end: word = old_addr + len;
    var extent: word;
    for (; old_addr < old_end; old_addr += extent, new_addr += extent)
        invariant together: old_addr - old(old_addr) == new_addr - old(new_addr)
        decreases old_end - old_addr
    {
        extent = source_extent(old_addr, old_end);
        if (!present) { continue; } else if (full || !free) { break; } else { reveal kept; }
        ptes[new_addr] = moved(ptes[old_addr], new_addr);
        x, y = both(old_addr, 1);
        flush();
        assert kept: tables[new_addr := true] == tables && ~old_addr in tables;
        while (false) { }
        atomic { len = 0; }
        for (;;x -= 1) { }
        len -= 1;
        return;
    }
    done = len + old_addr - old_end;
}

lemma twice(n: int)
    without small
    decreases n
    ensures even: exists m: int, k: int :: n == (let d = m + k :: d)
{ }

refute procedure wrong(a: word) returns (r: word)
    on arm, bare
    ensures e: r != a
{ r = a; }
""".replace("for (;;x -= 1)", "for (; x > 0; x -= 1)")


def parsed(text: str) -> Parsed:
    return parse(Source("x.spec", text))


def good(text: str) -> syntax.Module:
    result = parsed(text)
    assert result.diagnostics == ()
    assert result.broken == frozenset()
    assert result.module is not None
    return result.module


def expression(text: str) -> syntax.Expr:
    item = good(f"module x; define f(): int = {text};").items[0]
    assert isinstance(item, syntax.Define)
    assert item.value is not None
    return item.value


def nodes(root: object) -> Iterator[object]:
    """A node and all below it, in the order of the text."""
    if isinstance(root, tuple):
        for child in root:
            yield from nodes(child)
    elif is_dataclass(root) and not isinstance(root, Span):
        yield root
        for field in fields(root):
            yield from nodes(getattr(root, field.name))


def place_of(node: Any) -> Span:
    span: Span = node.span
    return span
