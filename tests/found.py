"""Survey: are the wrong forms of the loop found by the tests generated from their contract, and how soon?

    python tests/found.py                    makes the table of README.md and prints it, in minutes
    python tests/found.py SEEDS [FORM ...]   so many seeds, and these forms alone

Each wrong form is run as an implementation of its own `refute procedure`, whose contract is that of the right forms
for ranges in user space, on a geometry where the form is wrong. It is found by a seed if one of the default number of
examples breaks a clause of `ensures`; "after" is the number of that example, on average over the seeds that find it.
Beside it the same for uniform examples, and for a right form under the same contract, of which nothing may be found.
The exit status is 0 iff all seeds find all forms, and none finds the right one. `tests/test_found.py` keeps a part.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge import constant
from generated import EXAMPLES, Generated, Suite, broken, each_example, ran_on, suite
from history_bridge import FORMS, with_module

from mremap_impl.history import Form, deltas_2011
from verify import core
from verify.core import Symbol
from verify.evaluate import Context
from verify.execute import holds_requires
from verify.strategies.examples import Example, Maker
from verify.values import Member, Value, map_value, some_value

WHERE = {
    "draft_2011": "parisc32",
    "addr_end_cursor_2020": "i386_pae",
    "addr_end_2020": "i386",
    "get_extent_2020": "parisc32",
    "progress_guard_2023": "i386",
}
"""The wrong forms, each with a geometry on which it is wrong in user space: the port on record, where there is one."""

SITUATIONS = {
    "last_pmd": "next_pmd(old_addr + (len - 1)) == 0",
    "far": "pmd_addr(old_addr) != pmd_addr(old_addr + (len - 1)) && pte[old_addr + (len - PAGE_SIZE)] != none",
    "source_sum_wraps": "int(old_addr) + 2 * int(len) > int(~0)",
    "destination_sum_wraps": "int(new_addr) + int(len - PMD_SIZE) + int(len) > int(~0) && len > PMD_SIZE"
    " && pmd_offset(old_addr) != pmd_offset(new_addr)"
    " && pmd_addr(old_addr + (len - PMD_SIZE)) in table && !refuses[asked]",
}
"""Covers that examples are drawn for: two of three are of one of them, where there are such. They are what the wrong
forms of the record were wrong about, all at once and for all forms alike: the range ends in the last PMD of the word;
an entry stands behind the first of its PMDs; the end of the old range and its length add up to more than a word, or
that of the new one, still a PMD before the end, where something is to be moved and the two ranges lie differently in
their PMDs."""

CONTROL: Form = deltas_2011
"""A right form."""

UNIFORM = 100
"""How many uniform examples the others are compared with."""

PMDS = 2048
"""How many PMDs a range has at most: each takes a step."""


@dataclass(frozen=True, slots=True)
class Search:
    """An implementation in the place of a wrong form's contract, on the form's geometry."""

    tests: Suite
    routine: core.Routine
    claims: tuple[Generated, ...]

    def found(self, examples: Iterable[Example]) -> int | None:
        """Which of the examples, from 1, is the first to break a claim; None if none is."""
        for number, example in enumerate(examples, start=1):
            ran = ran_on(self.tests, self.routine, example)
            if any(broken(claim, ran) is not None for claim in self.claims):
                return number
        return None

    def maker(self) -> Maker:
        return Maker(self.tests.program, self.routine, self.tests.aims(self.routine), affordable)

    def drawn(self, number: int, count: int = EXAMPLES, maker: Maker | None = None) -> list[Example]:
        """The examples of a seed. A maker that is given remembers what it finds out; what it makes is the same."""
        examples: list[Example] = []
        each_example(maker or self.maker(), count, number, examples.append)
        return examples

    def uniform(self, number: int, count: int = UNIFORM) -> Iterator[Example]:
        """Examples of which each number is any with equal chance: three numbers of pages, until they meet the contract,
        and sixteen entries in the old range, with their tables."""
        program, routine = self.tests.program, self.routine
        (geometry,) = self.maker().geometries.named.values()
        _, context = self.maker().geometries.draw(lambda _count: 0)
        choices, shift, top = random.Random(number), constant(context, "PAGE_SHIFT"), 1 << geometry.word_bits
        most = min(top, PMDS << constant(context, "PMD_SHIFT")) >> shift
        states = {s: some_value(s.type, context.word_bits) for s in program.states(routine.module)}
        while count:
            places = {
                p: choices.randrange(most if p.name == "len" else top >> shift) << shift for p in routine.parameters
            }
            values: dict[Symbol, Value] = {**places}
            if not holds_requires(program, context, routine, values, states):
                continue
            yield Example(
                b"", geometry.name, context, values, {**states, **entries(context, values, states, choices)}, {}
            )
            count -= 1


def entries(
    context: Context, values: dict[Symbol, Value], states: dict[Symbol, Value], choices: random.Random
) -> dict[Symbol, Value]:
    """Sixteen entries at pages of the old range, and their tables."""
    named = {s.name: v for s, v in values.items()}
    old_addr, length = named["old_addr"], named["len"]
    assert isinstance(old_addr, int)
    assert isinstance(length, int)
    page, pmd = 1 << constant(context, "PAGE_SHIFT"), 1 << constant(context, "PMD_SHIFT")
    at = [old_addr + choices.randrange(length // page) * page for _ in range(16)] if length else []
    found: dict[Symbol, Value] = {}
    for symbol in states:
        if symbol.name == "pte":
            assert isinstance(symbol.type, core.MapType)
            assert isinstance(symbol.type.value, core.OpaqueType)
            held: dict[Value, Value] = {a: Member(symbol.type.value, 100 + n) for n, a in enumerate(at)}
            found[symbol] = map_value(
                symbol.type, some_value(symbol.type.value, context.word_bits), held, context.word_bits
            )
        elif symbol.name == "table":
            assert isinstance(symbol.type, core.SetType)
            found[symbol] = map_value(symbol.type, False, {a & -pmd: True for a in at}, context.word_bits)
    return found


def affordable(context: Context, values: Mapping[Symbol, Value]) -> bool:
    """Whether the range among a move's arguments touches few enough PMDs."""
    length = next((v for s, v in values.items() if s.name == "len"), 0)
    assert isinstance(length, int)
    return length >> constant(context, "PMD_SHIFT") <= PMDS


def search(form: str, implementation: Form | None = None) -> Search:
    """A wrong form in the place of its contract, or another implementation in that place."""
    name = f"{form}.{form}"
    routine = replace(whole().program.routines()[name], on=(WHERE[form],))
    claims = tuple(Generated(f"{name}.ensures.{c.label}", routine, c) for c in routine.ensures)
    return Search(whole().running({name: implementation or FORMS[form]}), routine, claims)


def situations() -> str:
    """The covers as a module."""
    names = ", ".join(f"{name}.{name}" for name in WHERE)
    covers = (
        f"""
/// reached by: {names}
cover {name}(old_addr: word, new_addr: word, len: word)
    witness here: len > 0 && {holds};
"""
        for name, holds in SITUATIONS.items()
    )
    return "module situations;\nimport forms;\n" + "".join(covers)


@cache
def whole() -> Suite:
    """The specification of the forms with the situations."""
    with TemporaryDirectory() as folder:
        with_module(Path(folder), "situations", situations())
        return suite([Path(folder) / "spec"], {}, Path(folder))


def cells(counts: list[int | None]) -> str:
    """By how many seeds something was found, and after how many examples on average."""
    hits = [n for n in counts if n is not None]
    return f"{len(hits)} of {len(counts)} | {sum(hits) / len(hits):.1f}" if hits else f"0 of {len(counts)} | -"


HEAD = f"""\
| form | on | found by seeds | after | uniform: by seeds of {UNIFORM} | after | `{CONTROL.__name__}` in its place |
|---|---|---|---|---|---|---|"""


def main(seeds: int, forms: Sequence[str]) -> int:
    as_claimed = True
    print(HEAD)
    for form in forms:
        wrong, right = search(form), search(form, CONTROL)
        maker = wrong.maker()
        counts: list[int | None] = []
        control: list[int | None] = []
        for number in range(seeds):
            examples = wrong.drawn(number, maker=maker)
            counts.append(wrong.found(examples))
            control.append(right.found(examples))
        uniform = [wrong.found(wrong.uniform(number)) for number in range(seeds)]
        as_claimed = as_claimed and None not in counts and set(control) == {None}
        hits = sum(n is not None for n in control)
        print(f"| `{form}` | `{WHERE[form]}` | {cells(counts)} | {cells(uniform)} | {hits} of {seeds} |", flush=True)
    return 0 if as_claimed else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, sys.argv[2:] or tuple(WHERE)))
