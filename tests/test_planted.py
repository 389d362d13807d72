"""Faults planted in the verifier are noticed: the whole list by `planted`, a few of it here."""

from __future__ import annotations

import ast

import planted
from plants import PLANTS, Plant

SOME = PLANTS[7::76]


def test_each_fault_is_in_one_place_and_can_be_compiled() -> None:
    for plant in PLANTS:
        assert plant.text != plant.by
        ast.parse(planted.faulty(plant))


def test_each_fault_is_in_the_list_with_the_test_that_notices_it() -> None:
    lines = planted.LIST.read_text(encoding="utf-8").splitlines()
    assert lines[::2] == [str(plant) for plant in PLANTS]
    assert all(line.startswith("    tests/test_") for line in lines[1::2])


def test_some_faults_are_noticed() -> None:
    assert len(SOME) == 3
    found = dict(planted.table(SOME))
    assert all(found.values()), found
    assert all("::" in str(said) for said in found.values())


def test_where_nothing_is_planted_nothing_is_noticed() -> None:
    plant = Plant("words", "def width(self) -> Term: ...", "def width(self) -> Term: ...  # the same")
    assert dict(planted.table([plant], ["test_decode"])) == {plant: ""}
