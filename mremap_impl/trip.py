"""A trip to and fro, after each leg of which the place that was left is unmapped: what it does to empty tables."""

from __future__ import annotations

from typing import NamedTuple

from mremap_impl.by_page import move_page_tables_by_page
from mremap_impl.mm import Mm
from mremap_impl.move_vma import Mover, Room
from mremap_impl.mremap import move_page_tables
from mremap_impl.unmap import unmap


class Legs(NamedTuple):
    """The bytes passed over on each leg. A leg that stops short is the last; nothing is unmapped after it."""

    away: int
    back: int


def to_and_fro(mm: Mm, move: Mover, old_addr: int, new_addr: int, len: int, old_room: Room, new_room: Room) -> Legs:
    """Moves `len` bytes there and back again. Nothing else stands in the room of either place."""
    away = move(mm, old_addr, new_addr, len)
    if away != len:
        return Legs(away, 0)
    unmap(mm, old_addr, len, *old_room)
    back = move(mm, new_addr, old_addr, len)
    if back != len:
        return Legs(away, back)
    unmap(mm, new_addr, len, *new_room)
    return Legs(away, back)


def trip_by_extents(
    mm: Mm,
    old_addr: int,
    new_addr: int,
    len: int,
    old_floor: int,
    old_ceiling: int,
    new_floor: int,
    new_ceiling: int,
) -> Legs:
    """All the tables that stood over the old range stand again."""
    rooms = Room(old_floor, old_ceiling), Room(new_floor, new_ceiling)
    return to_and_fro(mm, move_page_tables, old_addr, new_addr, len, *rooms)


def trip_by_page(
    mm: Mm,
    old_addr: int,
    new_addr: int,
    len: int,
    old_floor: int,
    old_ceiling: int,
    new_floor: int,
    new_ceiling: int,
) -> Legs:
    """To an empty place; then only tables with an entry stand."""
    rooms = Room(old_floor, old_ceiling), Room(new_floor, new_ceiling)
    return to_and_fro(mm, move_page_tables_by_page, old_addr, new_addr, len, *rooms)
