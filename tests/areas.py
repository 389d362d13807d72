"""What a process has mapped: areas, what stands near them, and where there is room."""

from __future__ import annotations

from dataclasses import dataclass, field

from mremap_impl.geometry import Geometry


@dataclass(slots=True)
class Area:
    """What a process has mapped: `held` has the pages that it has touched, by their place in it, in pages."""

    start: int
    pages: int
    file: bool
    held: dict[int, int] = field(default_factory=dict)


class Memory:
    """The areas of a process. `left`: where one was before it moved away."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.areas: list[Area] = []
        self.left = geometry.PGDIR_SIZE

    def area(self, number: int) -> Area:
        return self.areas[number % len(self.areas)]

    def bytes(self, pages: int) -> int:
        return pages * self.geometry.PAGE_SIZE

    def at(self, area: Area, page: int) -> int:
        return area.start + self.bytes(page)

    def place(self, where: tuple[int, int], pages: int) -> int | None:
        """A free place for an area: near where one has moved away, the edge of a table of some level, or the top of the
        word. None if there is none."""
        edge, offset = where
        g = self.geometry
        edges = (g.PGDIR_SIZE, g.PGDIR_SIZE + g.PMD_SIZE, g.PGDIR_SIZE + g.PUD_SIZE, g.PGDIR_SIZE + g.P4D_SIZE)
        top = 1 << g.word_bits
        start = [self.left, *edges, 2 * g.PGDIR_SIZE, top - self.bytes(pages + 10)][edge] + self.bytes(offset)
        for _ in range(4):
            if self.fits(start, pages) and self.vacant(start, pages):
                return start
            start += self.bytes(pages + 1)
        return None

    def fits(self, start: int, pages: int) -> bool:
        """Whether a range lies in the word, and does not end at its end."""
        return start >= 0 and start + self.bytes(pages) < 1 << self.geometry.word_bits

    def vacant(self, start: int, pages: int) -> bool:
        end = start + self.bytes(pages)
        return all(end <= a.start or self.at(a, a.pages) <= start for a in self.areas)

    def room(self, start: int, pages: int, *others: Area, but: Area | None = None) -> dict[str, int]:
        """Between what a range stands."""
        end, areas = start + self.bytes(pages), [*(a for a in self.areas if a is not but), *others]
        below = [self.at(a, a.pages) for a in areas if self.at(a, a.pages) <= start]
        above = [a.start for a in areas if end <= a.start]
        return {"floor": max(below, default=0), "ceiling": min(above, default=0)}

    def ranges(self, area: Area, new: int, but: Area | None = None) -> dict[str, int]:
        """The arguments of a move to another place, each place with its room."""
        but = but or area
        old = self.room(area.start, area.pages, Area(new, area.pages, area.file), but=but)
        there = self.room(new, area.pages, area, but=but)
        return {
            "old_addr": area.start,
            "new_addr": new,
            "len": self.bytes(area.pages),
            **{f"old_{n}": v for n, v in old.items()},
            **{f"new_{n}": v for n, v in there.items()},
        }

    def places(self, area: Area, touched: int) -> list[int]:
        """Some places of an area, in pages: of its ends and both sides of the first edge of a table in it."""
        g, last = self.geometry, area.pages - 1
        edge = (g.PMD_SIZE - area.start % g.PMD_SIZE) // g.PAGE_SIZE
        places = sorted({0, 1, edge - 1, edge, last - 1, last} & {*range(area.pages)})
        return [at for number, at in enumerate(places) if touched >> number & 1]
