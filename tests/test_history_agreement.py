"""Each form of history in the specification and in the implementation: the same on inputs that are drawn."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from bridge import pages_in
from generated import each_example
from history_bridge import FORMS, Ran, Wrong, by_implementation, by_specification, differ, with_module

from mremap_impl import history
from mremap_impl.by_page import move_page_tables_by_page
from mremap_impl.geometry import Geometry
from mremap_impl.history import (
    RIGHT,
    Form,
    extent_by_deltas,
    extent_next_above_end,
    how_much_done_guarded_by_start,
)
from mremap_impl.mm import Mm
from mremap_impl.step import next_pmd
from verify import core
from verify.core import Symbol
from verify.evaluate import Context
from verify.strategies.examples import Example, Maker
from verify.strategies.shrink import shrunk
from verify.values import Value, show

pytestmark = pytest.mark.xdist_group("history agreement")
"""All in one process: the examples are drawn once."""

SITUATIONS = {
    "any": "",
    "user": "requires user: in_user_space(old_addr, new_addr, len)",
    "top": """requires below: old_addr < old_addr + len
    requires last:  next_pmd(old_addr + (len - 1)) == 0""",
    "across": """requires below: old_addr < old_addr + len
    requires two:   pmd_addr(old_addr) != pmd_addr(old_addr + (len - 1)) && pmd_addr(old_addr) in table""",
    "hole": """requires below: old_addr < old_addr + len
    requires two:   pmd_addr(old_addr) != pmd_addr(old_addr + (len - 1)) && !(pmd_addr(old_addr) in table)
    requires there: pte[old_addr + (len - PAGE_SIZE)] != none""",
    "sums": """requires below: int(old_addr) + int(len) <= int(~0) && int(new_addr) + int(len) <= int(~0)
    requires wrap:  int(old_addr) + 2 * int(len) > int(~0) || int(new_addr) + 2 * int(len) > int(~0)""",
}
"""What is asked of the inputs beyond a valid move of at least a page. `user` is what a process can ask for."""

COUNT = 20
"""How many inputs are drawn of each situation. Each form is run on all of them."""

PAGES = 160
"""How many pages a move has at most: more than LATENCY_LIMIT lets pass twice."""

FUEL, TURNS, ACTS = 5_000, 400, 20_000
"""How many statements a run of the specification may take; and turns and acts, one of the implementation. What takes
more is compared as far as it went."""


def text() -> str:
    """The situations as contracts to draw from."""
    return "module drawn;\nimport forms;\n" + "".join(
        f"""
procedure {name}(old_addr: word, new_addr: word, len: word)
    requires aligned: whole_pages(old_addr, new_addr, len)
    requires apart: disjoint(old_addr, new_addr, len)
    requires some: len > 0
    {requires}
{{ }}
"""
        for name, requires in SITUATIONS.items()
    )


def affordable(context: Context, values: Mapping[Symbol, Value]) -> bool:
    return pages_in(context, values) <= PAGES


@dataclass(frozen=True, slots=True)
class Case:
    """An input, and what the forms of the specification make of it, by name."""

    situation: str
    example: Example
    specified: Mapping[str, Ran]


@dataclass(frozen=True, slots=True)
class Cases:
    program: core.Program = field(repr=False)
    makers: Mapping[str, Maker] = field(repr=False)
    drawn: tuple[Case, ...] = field(repr=False)

    def specified(self, name: str, example: Example) -> Ran:
        return by_specification(self.program, example.context, name, inputs(example), FUEL)

    def difference(self, name: str, example: Example, specified: Ran) -> str | None:
        """In which way a form as it is now differs from that of the specification on an input."""
        turns = len(specified.places) + 2 if specified.end is Wrong.UNENDED else TURNS
        ran, _ = by_implementation(self.program, example.context, name, inputs(example), turns, ACTS)
        return differ(specified, ran)

    def differing(self, name: str) -> Case | None:
        """The first input on which it does."""
        return next((c for c in self.drawn if self.difference(name, c.example, c.specified[name])), None)

    def message(self, name: str, case: Case) -> str:
        """The smallest such input that is found."""
        maker = self.makers[case.situation]

        def fails(choices: bytes) -> bool:
            made = maker.make(choices)
            return made is not None and self.difference(name, made, self.specified(name, made)) is not None

        example = maker.make(shrunk(case.example.choices, fails))
        assert example is not None
        why = self.difference(name, example, self.specified(name, example))
        shown = [f"  {s.name} = {show(v, s.type, example.context.word_bits)}" for s, v in example.entry.items()]
        params = {s.name: v for s, v in example.context.constants.items()}
        return "\n".join([f"{name} on {example.geometry or params}: {why}", *shown])


def inputs(example: Example) -> dict[str, Value]:
    return {s.name: v for s, v in example.entry.items()}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    program = with_module(tmp_path_factory.mktemp("drawn"), "drawn", text())
    makers = {n: Maker(program, program.routines()[f"drawn.{n}"], (), affordable) for n in SITUATIONS}
    found = Cases(program, makers, ())
    drawn: list[Case] = []

    def act(situation: str, example: Example) -> None:
        drawn.append(Case(situation, example, {name: found.specified(name, example) for name in FORMS}))

    for number, (name, maker) in enumerate(makers.items()):
        each_example(maker, COUNT, number, partial(act, name))
    return Cases(program, makers, tuple(drawn))


def counted(cases: Cases, name: str) -> Counter[object]:
    """What becomes of the inputs by a form of the specification."""

    def kind(case: Case) -> object:
        end, length = case.specified[name].end, inputs(case.example)["len"]
        assert isinstance(length, int)
        if isinstance(end, Wrong):
            return end
        return "all" if end == length else "more" if end > length else "less" if end else "none"

    return Counter(kind(case) for case in cases.drawn)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_the_same_in_both(cases: Cases, name: str) -> None:
    assert len(cases.drawn) == COUNT * len(SITUATIONS)
    case = cases.differing(name)
    assert case is None, cases.message(name, case)


@pytest.mark.parametrize("form", RIGHT, ids=lambda form: form.__name__)
def test_a_right_form_never_goes_wrong(cases: Cases, form: Form) -> None:
    found = counted(cases, form.__name__)
    assert found.keys() <= {"all", "less", "none"}
    assert found["all"] > len(cases.drawn) / 2
    assert found["less"] + found["none"] > 10


def test_the_right_forms_by_extents_end_alike(cases: Cases) -> None:
    names = [form.__name__ for form in RIGHT if form.__name__ != "by_page"]
    for case in cases.drawn:
        first, *rest = ((r.end, r.pte, r.table, r.asked) for r in (case.specified[name] for name in names))
        assert all(other == first for other in rest)


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("draft_2011", {"more", Wrong.PAST, Wrong.UNENDED}),
        ("addr_end_cursor_2020", {Wrong.PAST}),
        ("addr_end_2020", {Wrong.PAST}),
        ("get_extent_2020", {"more", Wrong.PAST, Wrong.UNENDED}),
        ("progress_guard_2023", set()),
    ],
)
def test_a_wrong_form_goes_wrong_in_its_ways(cases: Cases, name: str, ways: set[object]) -> None:
    found = counted(cases, name)
    assert found.keys() - {"all", "less", "none"} == ways
    assert all(found[way] >= 3 for way in ways)
    assert ways or found["none"] > counted(cases, "progress_guard_2024")["none"] + 3


# --- a fault is noticed --------------------------------------------------------------------------------------------


def not_cut(extent: int, _new_addr: int, _geometry: Geometry) -> int:
    return extent


def no_latency_cut(extent: int, _geometry: Geometry) -> int:
    return extent


def not_compared(old_addr: int, _old_end: int, geometry: Geometry) -> int:
    return geometry.words.sub(next_pmd(old_addr, geometry), old_addr)


def all_done(len: int, _old_addr: int, _old_end: int, _geometry: Geometry) -> int:
    return len


def never_elided(addr: int, end: int, geometry: Geometry) -> int:
    return history.pmd_addr_end(addr, end, replace(geometry, pmd_addr_end_elided=False))


def addr_end_never_elided(old_addr: int, old_end: int, geometry: Geometry) -> int:
    return geometry.words.sub(never_elided(old_addr, old_end, geometry), old_addr)


def by_pages_of_two(mm: Mm, old_addr: int, new_addr: int, len: int) -> int:
    """Moves all but the last page of an odd number."""
    return move_page_tables_by_page(mm, old_addr, new_addr, len & ~(2 * mm.geometry.PAGE_SIZE - 1))


FAULTS: list[tuple[str, Callable[..., int], list[str]]] = [
    ("destination_cut", not_cut, ["no_latency_limit_2018", "skip_cut_2020", "get_extent_fixed", "get_extent_2020"]),
    ("latency_cut", no_latency_cut, ["extents_2005", "suggestion_2011", "deltas_2011", "draft_2011"]),
    ("source_extent", not_compared, ["extents_2005"]),
    ("extent_by_deltas", not_compared, ["deltas_2011", "progress_guard_2024", "progress_guard_2023"]),
    ("extent_either_above_end", extent_next_above_end, ["suggestion_2011"]),
    ("extent_next_above_end", extent_by_deltas, ["draft_2011", "get_extent_2020"]),
    ("extent_by_addr_end", addr_end_never_elided, ["addr_end_2020", "addr_end_cursor_2020"]),
    ("how_much_done_guarded_by_sum", how_much_done_guarded_by_start, ["progress_guard_2023"]),
    ("how_much_done", all_done, ["deltas_2011", "draft_2011"]),
    ("move_page_tables_by_page", by_pages_of_two, ["by_page"]),
]
"""What is put in the place of what, and forms that have it."""


@pytest.mark.parametrize(("what", "fault", "names"), FAULTS, ids=[f"{what}: {f.__name__}" for what, f, _ in FAULTS])
def test_a_fault_in_the_implementation_of_a_form_is_noticed(
    cases: Cases, monkeypatch: pytest.MonkeyPatch, what: str, fault: Callable[..., int], names: list[str]
) -> None:
    monkeypatch.setattr(history, what, fault)
    for name in names:
        assert cases.differing(name) is not None, name


def test_what_is_noticed_is_told_by_a_small_example(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "how_much_done", all_done)
    case = cases.differing("deltas_2011")
    assert case is not None
    told = cases.message("deltas_2011", case)
    assert told.startswith("deltas_2011 on ")
    assert "end differs: " in told
    length = re.search(r"\n  len = (0x[0-9a-f]+)$", told)
    assert length is not None
    assert int(length[1], 16) <= 16
