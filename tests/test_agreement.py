"""The two meanings of an expression, `evaluate` and `encode`, agree: on random expressions, states and word sizes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest
from agreement import BINDINGS, UNDECIDED, UNDEFINED, UNKNOWN, Binding, Compared, compared
from constructors import applicable, constructor, well_typed
from drawn import SIZES, edges
from expressions import Example, example
from shrink import report, shrunk

from verify import core
from verify.sites import subexpressions
from verify.words import BitVectors, Integers, Words

EXAMPLES = int(os.environ.get("AGREEMENT_EXAMPLES", "120"))
"""How many random expressions: more of them is a longer search for a disagreement."""

CHUNK = 30
INSTANCES: dict[str, Callable[[int], Words]] = {"bit-vectors": BitVectors, "integers": Integers}


@cache
def examples() -> tuple[Example, ...]:
    return tuple(example(seed) for seed in range(EXAMPLES))


def binding_of(seed: int, instance: str) -> Binding:
    """How the variables of an example are bound: the three ways in turn, another one for each instance."""
    return BINDINGS[(seed + (instance == "integers")) % len(BINDINGS)]


# --- what is generated ---------------------------------------------------------------------------------------------


def test_each_constructor_at_each_type_is_in_at_least_one_expression_of_a_hundred() -> None:
    found: Counter[str] = Counter()
    for e in examples():
        defines = e.program.defines()
        found.update({name for node in subexpressions(e.expr) for name in constructor(node, defines)})
    rare = {name: found[name] for name in applicable() if found[name] < EXAMPLES / 100}
    assert rare == {}
    assert set(found) - set(applicable()) == set()


def test_at_least_half_of_the_words_are_at_the_edges_of_the_word() -> None:
    # At small sizes nearly all words are.
    words = [(word, e.bits) for e in examples() if e.bits > 8 for word in e.words]
    assert sum(word in edges(bits) for word, bits in words) >= len(words) / 2


def test_word_sizes_are_from_1_to_128_and_the_odd_ones_come_often() -> None:
    sizes = Counter(e.bits for e in examples())
    assert min(sizes) == 1
    assert max(sizes) == 128
    assert all(sizes[bits] >= EXAMPLES / 100 for bits in SIZES)
    assert sum(bits not in SIZES for bits in sizes.elements()) >= EXAMPLES / 4


def test_every_expression_is_well_typed() -> None:
    for e in examples():
        defines = e.program.defines()
        bodies = [d.value for d in defines.values() if d.value is not None]
        constants = [i.value for i in e.program.modules[0].items if isinstance(i, core.Const)]
        for root in (e.expr, *bodies, *constants):
            for node in subexpressions(root):
                assert well_typed(node, defines), node


# --- that the two agree --------------------------------------------------------------------------------------------


def compare(example_: Example, instance: str) -> Iterator[Compared]:
    """Every comparison over one example, the whole expression first."""
    return compared(example_, INSTANCES[instance](example_.bits), binding_of(example_.seed, instance))


@pytest.mark.parametrize("first", range(0, EXAMPLES, CHUNK))
@pytest.mark.parametrize("instance", INSTANCES)
def test_evaluate_and_encode_agree_on_an_expression_and_each_of_its_parts(instance: str, first: int) -> None:
    every: list[Compared] = []
    whole: list[Compared] = []
    for seed in range(first, min(first + CHUNK, EXAMPLES)):
        given = example(seed)
        found = list(compare(given, instance))
        for one in found:
            if one.differ:
                pytest.fail(disagreement(given, one, instance))
        every += found
        whole.append(found[0])
    # What is not decided is no agreement, so there must be next to nothing of it; and much must have a value.
    assert sum(c.evaluated == UNDECIDED for c in every) <= len(every) / 50
    assert sum(c.encoded == UNKNOWN for c in every) <= len(every) / 50
    undefined = sum(c.evaluated == UNDEFINED for c in every)
    assert len(every) / 50 < undefined < len(every) / 3
    assert sum(c.evaluated == UNDEFINED for c in whole) < len(whole) * 3 / 4


def disagreement(example_: Example, found: Compared, instance: str) -> str:
    """The smallest example found on which the two still differ, and what each says."""

    def differs(smaller: Example) -> bool:
        return next(compare(smaller, instance)).differ

    start = replace(example_, expr=found.place.whole())
    smallest = shrunk(start, differs) if differs(start) else start
    last = next(compare(smallest, instance))
    bound = binding_of(example_.seed, instance)
    return f"{instance}, {bound}\n{report(smallest)}\nevaluate: {last.evaluated}\nencode:   {last.encoded}"
