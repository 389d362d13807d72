"""The table in spec/history/README.md: it is whole, its inputs do what is said of them, and a wrong mark is noticed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

import pytest
from history_table import DOCUMENT, differences, lines, made, marks, options, specification, table, with_table

from verify import core
from verify.again import breaks
from verify.core import Symbol, SymbolKind
from verify.evaluate import context_for
from verify.matrix import as_refutation, matrix
from verify.matrix_report import matrix_text
from verify.run import Violation
from verify.scopes import Scope, named
from verify.seen import geometries
from verify.values import Member, Value, map_value, show

TEXT = DOCUMENT.read_text(encoding="utf-8")
TABLE = table(TEXT)
ASKED = options(TEXT)
MARKS = marks(TABLE)
RIGHT, WRONG, NEEDS = "right", "**wrong**", "needs `user`"
TITLES = {"Wrong": WRONG, "Wrong without `user`": NEEDS}

FORMS = (
    "by_page",
    "extents_2005",
    "draft_2011",
    "suggestion_2011",
    "deltas_2011",
    "no_latency_limit_2018",
    "addr_end_cursor_2020",
    "addr_end_2020",
    "skip_cut_2020",
    "get_extent_2020",
    "get_extent_fixed",
    "progress_guard_2023",
    "progress_guard_2024",
)
"""The 13 forms, in the order of time."""


@pytest.fixture(scope="module")
def program() -> core.Program:
    return specification(ASKED)[0]


@pytest.fixture(scope="module")
def ports(program: core.Program) -> Mapping[str, Scope]:
    return {name: named(geometry) for name, geometry in geometries(program, "forms").items()}


def routine(program: core.Program, name: str) -> core.Routine:
    (found,) = [r for r in program.routines().values() if r.name == name]
    return found


# --- it is whole ---------------------------------------------------------------------------------------------------


def test_it_has_all_forms_in_the_order_of_time_and_all_ports(program: core.Program, ports: Mapping[str, Scope]) -> None:
    assert len(ports) == 55
    assert list(MARKS) == [(form, port) for port in ports for form in FORMS]
    assert set(MARKS.values()) == {RIGHT, WRONG, NEEDS}
    assert matrix(program, ASKED.only, ASKED.beyond, None).routines == tuple(
        routine(program, form).qualified for form in FORMS
    )


def test_each_form_of_the_folder_is_in_it_and_in_the_list(program: core.Program) -> None:
    folder = {path.stem for path in DOCUMENT.parent.glob("*.spec")}
    assert folder - {"forms"} == {routine(program, form).module for form in FORMS}
    linked = re.findall(r"^\| [^|]+ \| \[`(\w+)`\]\((\w+)\.spec\)", TEXT.partition("<!-- table -->")[0], re.MULTILINE)
    assert [form for form, _ in linked] == list(FORMS)
    assert [module for _, module in linked] == [routine(program, form).module for form in FORMS]


def test_each_wrong_mark_has_an_input_on_that_port_and_no_other_has() -> None:
    for title, mark in TITLES.items():
        listed = [(line.routine, port) for line in lines(TABLE, title) for port in line.geometries]
        assert sorted(listed) == sorted(cell for cell, said in MARKS.items() if said == mark)


# --- it is so ------------------------------------------------------------------------------------------------------


def test_the_marks_follow_from_the_figures_of_the_ports(ports: Mapping[str, Scope]) -> None:
    """Said another way, without the prover. What user space reaches, and where the pmd is folded away, decide."""
    for port, scope in ports.items():
        value = {s.name: v for s, v in scope.values.items()}
        size, shift = value["TASK_SIZE"], value["PMD_SHIFT"]
        assert isinstance(size, int)
        assert isinstance(shift, int)
        word = 1 << scope.word_bits
        to_the_top = size > word - (1 << shift)
        two_thirds = 3 * size >= 2 * word
        wrong = {
            "draft_2011": to_the_top,
            "get_extent_2020": to_the_top,
            "addr_end_2020": value["PMD_FOLDED"],
            "addr_end_cursor_2020": value["PMD_FOLDED"] or two_thirds,
            "progress_guard_2023": two_thirds,
        }
        for form in FORMS:
            said = RIGHT if form not in wrong else WRONG if wrong[form] else NEEDS
            assert MARKS[form, port] == said, (form, port)


@pytest.mark.parametrize("title", TITLES)
def test_each_input_breaks_what_is_said_on_each_port_it_is_listed_for(
    title: str, program: core.Program, ports: Mapping[str, Scope]
) -> None:
    without = None if title == "Wrong" else "user"
    count = 0
    for line in lines(TABLE, title):
        changed, found = as_refutation(program, routine(program, line.routine).qualified, (), without)
        states = program.states(found.module)
        label = line.broken.split("`")[1]
        for port in line.geometries:
            scope = ports[port]
            inputs = read(line.inputs, (*found.parameters, *states), scope.word_bits)
            context = context_for(changed, scope.values, scope.word_bits, {})
            known = Violation(found.name, f"{found.qualified}.{label}", "", found.span, context, inputs, inputs, {}, ())
            assert breaks(changed, found, scope, known), f"{line.routine} on {port}: {line.inputs}"
            if without:
                assert not breaks(*as_refutation(program, found.qualified, ()), scope, known), "it is of user space"
            count += 1
    assert count > 50


def read(text: str, symbols: tuple[Symbol, ...], bits: int) -> dict[Symbol, Value]:
    """The values in a line of the table."""
    assert "..." not in text, "a value was cut"
    by_name = {s.name: s for s in symbols}
    found = {}
    for name, said in re.findall(r"(\w+) = (\{[^}]*\}|[^,]+)", text):
        found[by_name[name]] = value(deque(re.findall(r"[-\w#]+|[{}:,]", said)), by_name[name].type, bits)
    assert [s for s in symbols if s.kind is SymbolKind.ARGUMENT and s not in found] == []
    return found


def value(words: deque[str], type_: core.Type, bits: int) -> Value:
    """The value that is printed so."""
    word = words.popleft()
    match type_:
        case core.WordType() | core.IntType():
            return int(word, 0)
        case core.BoolType():
            return word == "true"
        case core.OpaqueType(named=names):
            return Member(type_, names.index(word) if word in names else int(word.partition("#")[2]))
        case core.SetType(element=element):
            keys = {}
            while words[0] != "}":
                keys[value(words, element, bits)] = True
                if words[0] == ",":
                    words.popleft()
            return map_value(type_, False, keys, bits)
        case core.MapType(key=key, value=held):
            entries = {}
            while words[0] != "else":
                at = value(words, key, bits)
                words.popleft()
                entries[at] = value(words, held, bits)
                words.popleft()
            words.popleft()
            return map_value(type_, value(words, held, bits), entries, bits)
        case _:
            raise AssertionError(type_)


def test_values_are_read_as_they_are_printed() -> None:
    pte = core.OpaqueType("m", "pte_t", ("none",))
    for type_, text in (
        (core.MapType(core.WORD, pte), "{0x1000: pte_t#1, 0x2000: pte_t#2, else none}"),
        (core.MapType(core.INT, core.BOOL), "{-5: true, else false}"),
        (core.SetType(core.WORD), "{0x0, 0x2000000}"),
        (core.SetType(core.WORD), "{}"),
    ):
        symbol = Symbol(SymbolKind.STATE, "m", "s", type_)
        assert show(read(f"s = {text}", (symbol,), 32)[symbol], type_, 32) == text


@pytest.mark.parametrize(
    ("port", "forms"),
    [
        ("i386", ("progress_guard_2023",)),
        ("parisc32", ("get_extent_2020",)),
        ("arm_4_14", ("addr_end_2020",)),
    ],
)
def test_some_marks_are_decided_anew(port: str, forms: tuple[str, ...]) -> None:
    """All of them are by `python tests/history_table.py --check`, which takes longer."""
    found = marks(matrix_text(*made(replace(ASKED, only=forms, geometry=port, jobs=1))))
    assert found == {(form, port): MARKS[form, port] for form in forms}


# --- it can fail ---------------------------------------------------------------------------------------------------


def test_a_table_that_was_tampered_with_is_noticed() -> None:
    assert differences(TABLE, TABLE) == []
    row = next(r for r in TABLE.splitlines() if r.startswith("| `m68k` |"))
    other = row.replace(WRONG, RIGHT, 1)
    said = differences(TABLE.replace(row, other), TABLE)
    assert said == ["addr_end_cursor_2020 on m68k: the table says right, and it is **wrong**"]
    assert (
        differences(TABLE.replace(f"{row}\n", ""), TABLE)[0]
        == "by_page on m68k: the table says nothing, and it is right"
    )
    assert differences(TABLE, TABLE.replace(f"{row}\n", ""))[0] == "by_page on m68k is not asked about"
    assert differences(TABLE.replace(NEEDS, WRONG), TABLE)


def test_an_input_that_breaks_nothing_is_noticed(program: core.Program, ports: Mapping[str, Scope]) -> None:
    line = next(line for line in lines(TABLE, "Wrong") if line.routine == "progress_guard_2023")
    changed, found = as_refutation(program, routine(program, line.routine).qualified, ())
    tampered = re.sub(r"len = 0x\w+", "len = 0x1000", line.inputs)
    scope = ports[line.geometries[0]]
    context = context_for(changed, scope.values, scope.word_bits, {})
    for text, broken in ((line.inputs, True), (tampered, False)):
        inputs = read(text, found.parameters, scope.word_bits)
        known = Violation(
            found.name, f"{found.qualified}.ensures.whole", "", found.span, context, inputs, inputs, {}, ()
        )
        assert breaks(changed, found, scope, known) == broken


def test_writing_replaces_the_table_and_nothing_else() -> None:
    assert with_table(TEXT, f"{TABLE}\n") == TEXT
    new = with_table(TEXT, "| new |\n")
    assert table(new) == "| new |"
    assert new.replace("| new |", TABLE) == TEXT
