"""How far one step of move_page_tables goes. Words in, words out, no state.

These use wrapping `add` and `sub`, `&` and unsigned `>` and nothing else, so whatever has those may stand in for a
word, a symbolic one too; and for `geometry`, whatever has the attributes that are read.
`next` and `len` are the kernel's names.
"""

from __future__ import annotations

from mremap_impl.geometry import Geometry


def next_pmd(addr: int, geometry: Geometry) -> int:
    """First address past the PMD of `addr`. 0 in the last PMD of the word."""
    return geometry.words.add(addr, geometry.PMD_SIZE) & geometry.PMD_MASK


def source_extent(old_addr: int, old_end: int, geometry: Geometry) -> int:
    """Bytes from `old_addr` to the end of its PMD, or to `old_end` if that comes first.

    The caller owes old_addr < old_end, both page aligned.
    """
    words = geometry.words
    next = next_pmd(old_addr, geometry)
    if words.sub(next, 1) > old_end:  # a next that has wrapped to 0 is the end of the word here, past any old_end
        next = old_end
    return words.sub(next, old_addr)


def destination_cut(extent: int, new_addr: int, geometry: Geometry) -> int:
    """`extent`, or as much of it as stays in the PMD of `new_addr`."""
    room = geometry.words.sub(next_pmd(new_addr, geometry), new_addr)
    if extent > room:
        extent = room
    return extent


def latency_cut(extent: int, geometry: Geometry) -> int:
    """`extent`, or as much of it as may be moved without dropping the locks."""
    if extent > geometry.LATENCY_LIMIT:
        extent = geometry.LATENCY_LIMIT
    return extent


def how_much_done(len: int, old_addr: int, old_end: int, geometry: Geometry) -> int:
    """Bytes passed over when the loop stands at `old_addr`. Exact, though len + old_addr may wrap on the way."""
    words = geometry.words
    return words.sub(words.add(len, old_addr), old_end)
