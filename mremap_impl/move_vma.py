"""What move_vma does with page tables: there, or there and back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from mremap_impl.by_page import move_page_tables_by_page
from mremap_impl.mm import Mm, Vma
from mremap_impl.mremap import ANONYMOUS, move_page_tables
from mremap_impl.repair import move_page_tables_repaired
from mremap_impl.unmap import unmap

Mover: TypeAlias = Callable[..., int]
"""A way to move: (mm, old_addr, new_addr, len) to the bytes passed over, with the two areas behind if they matter."""


class Moved(NamedTuple):
    """The bytes passed over on the way there, and on the way back. The area is at its new place iff the former are
    all of it; else the kernel returns -ENOMEM."""

    moved_len: int
    back: int


class Room(NamedTuple):
    """Between what a range stands: the end of the area below it, and the start of the one above, 0 where is none."""

    floor: int
    ceiling: int


def there_or_back(mm: Mm, move: Mover, old_addr: int, new_addr: int, len: int, old_room: Room, new_room: Room) -> Moved:
    """Moves an area of `len` bytes, and unmaps the place that it left.

    If the move stops short, what was moved is moved back, and the new place is unmapped instead. The way back may stop
    short too, which nobody looks at: what did not get back is then unmapped with the new place.
    The new place is empty before. Nothing else stands in the room of either.
    """
    moved = there_and_back(mm, move, old_addr, new_addr, len)
    if moved.moved_len < len:
        unmap(mm, new_addr, len, *new_room)
    else:
        unmap(mm, old_addr, len, *old_room)
    return moved


def there_and_back(
    mm: Mm, move: Mover, old_addr: int, new_addr: int, len: int, vma: Vma = ANONYMOUS, new_vma: Vma = ANONYMOUS
) -> Moved:
    """Moves an area of `len` bytes, and if that stops short, what was moved back."""
    moved_len = move(mm, old_addr, new_addr, len, vma, new_vma)
    back = move(mm, new_addr, old_addr, moved_len, new_vma, vma) if moved_len < len else 0
    return Moved(moved_len, back)


def move_vma_entries(mm: Mm, old_addr: int, new_addr: int, len: int, vma: Vma, new_vma: Vma) -> Moved:
    """What move_vma does to entries by extents, before it unmaps anything."""
    return there_and_back(mm, move_page_tables, old_addr, new_addr, len, vma, new_vma)


def move_vma(
    mm: Mm,
    old_addr: int,
    new_addr: int,
    len: int,
    old_floor: int,
    old_ceiling: int,
    new_floor: int,
    new_ceiling: int,
) -> Moved:
    """By extents."""
    rooms = Room(old_floor, old_ceiling), Room(new_floor, new_ceiling)
    return there_or_back(mm, move_page_tables, old_addr, new_addr, len, *rooms)


def move_vma_by_page(
    mm: Mm,
    old_addr: int,
    new_addr: int,
    len: int,
    old_floor: int,
    old_ceiling: int,
    new_floor: int,
    new_ceiling: int,
) -> Moved:
    """Page by page."""
    rooms = Room(old_floor, old_ceiling), Room(new_floor, new_ceiling)
    return there_or_back(mm, move_page_tables_by_page, old_addr, new_addr, len, *rooms)


def move_vma_repaired(
    mm: Mm,
    old_addr: int,
    new_addr: int,
    len: int,
    old_floor: int,
    old_ceiling: int,
    new_floor: int,
    new_ceiling: int,
) -> Moved:
    """By extents, a table only where an entry needs it."""
    rooms = Room(old_floor, old_ceiling), Room(new_floor, new_ceiling)
    return there_or_back(mm, move_page_tables_repaired, old_addr, new_addr, len, *rooms)
