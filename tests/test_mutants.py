"""The implementation broken one way at a time: what is broken, what the tests make of it, and what the table says."""

from __future__ import annotations

from dataclasses import replace

import mutant_run
import pytest
from equivalent_mutants import EQUIVALENT, Equivalent
from generated import Suite
from mutant_run import Killed, Prepared, Survived, TimedOut, Verdict, judge, prepared
from mutants import Key, Mutant, mutants, texts
from mutation_table import DOCUMENT, Row, found, in_document, numbers, table, unknown_modules
from test_generated import TABLE

FUTURE = "from __future__ import annotations\n\n\n"

SMALL = {
    "small": FUTURE
    + '''class Mm:
    """Tables."""

    asked: int = 0

    def grants(self, old_addr: int, new_addr: int) -> int | None:
        if old_addr < new_addr and self.asked:
            return None  # nothing
        return self.geometry.words.add(old_addr, 1)


def pud_none(mm: Mm, addr: int) -> bool:
    return mm.pud_table is None


def pmd_none(mm: Mm, addr: int) -> bool:
    pud_none(mm, addr)
    return addr in mm.pmd_table
'''
}

IF, RETURN = "if old_addr < new_addr and self.asked:", "return self.geometry.words.add(old_addr, 1)"

MUTANTS = f"""\
Mm, NumberReplacer: asked: int = 0 -> asked: int = 1
Mm, NumberReplacer: asked: int = 0 -> asked: int = -1
Mm.grants, AddNot: {IF} -> if not old_addr < new_addr and self.asked:
Mm.grants, other variable: {IF} -> if new_addr < new_addr and self.asked:
Mm.grants, condition fixed: {IF} -> if True:
Mm.grants, condition fixed: {IF} -> if False:
Mm.grants, operand dropped: {IF} -> if (self.asked):
Mm.grants, operand dropped: {IF} -> if (old_addr < new_addr):
Mm.grants, ReplaceComparisonOperator_Lt_Eq: {IF} -> if old_addr == new_addr and self.asked:
Mm.grants, ReplaceComparisonOperator_Lt_NotEq: {IF} -> if old_addr != new_addr and self.asked:
Mm.grants, ReplaceComparisonOperator_Lt_Gt: {IF} -> if old_addr > new_addr and self.asked:
Mm.grants, ReplaceComparisonOperator_Lt_GtE: {IF} -> if old_addr >= new_addr and self.asked:
Mm.grants, ReplaceComparisonOperator_Lt_Is: {IF} -> if old_addr is new_addr and self.asked:
Mm.grants, ReplaceComparisonOperator_Lt_IsNot: {IF} -> if old_addr is not new_addr and self.asked:
Mm.grants, ReplaceComparisonOperator_Lt_LtE: {IF} -> if old_addr <= new_addr and self.asked:
Mm.grants, other variable: {IF} -> if old_addr < old_addr and self.asked:
Mm.grants, ReplaceAndWithOr: {IF} -> if old_addr < new_addr or self.asked:
Mm.grants, statement dropped: return None -> pass
Mm.grants, statement dropped: {RETURN} -> pass
Mm.grants, other function: {RETURN} -> return self.geometry.words.sub(old_addr, 1)
Mm.grants, other variable: {RETURN} -> return self.geometry.words.add(new_addr, 1)
Mm.grants, NumberReplacer: {RETURN} -> return self.geometry.words.add(old_addr, 2)
Mm.grants, NumberReplacer: {RETURN} -> return self.geometry.words.add(old_addr, 0)
pud_none, statement dropped: return mm.pud_table is None -> pass
pud_none, other level: return mm.pud_table is None -> return mm.pmd_table is None
pud_none, ReplaceComparisonOperator_Is_IsNot: return mm.pud_table is None -> return mm.pud_table is not None
pmd_none, statement dropped: pud_none(mm, addr) -> pass
pmd_none, statement dropped: return addr in mm.pmd_table -> pass
pmd_none, other level: return addr in mm.pmd_table -> return addr in mm.pud_table
"""


# --- what is broken ------------------------------------------------------------------------------------------------


def test_the_mutants_of_a_small_module_are_these() -> None:
    """None has another annotation and nothing else, or the arguments of a sum the other way round."""
    made = mutants(SMALL, "small")
    assert "".join(f"{m.key.function}, {m.operator}: {m.key.was} -> {m.key.becomes}\n" for m in made) == MUTANTS


def test_two_arguments_of_one_type_change_places_and_two_of_other_types_do_not() -> None:
    text = FUTURE + "def f(mm: Mm, a: int, b: int) -> None:\n    f(mm, a, b)\n    g(mm, b)\n"
    swapped = [m.key.becomes for m in mutants({"m": text}, "m") if m.operator == "arguments swapped"]
    assert swapped == ["f(mm, b, a)", "g(b, mm)"]  # nothing is known of g


def test_a_function_gives_way_to_another_one_that_takes_the_same() -> None:
    text = FUTURE + "def f(a: int) -> int: ...\ndef g(b: int) -> None: ...\ndef h(a: str) -> None:\n    f(1)\n"
    assert [m.key.becomes for m in mutants({"m": text}, "m") if m.operator == "other function"] == ["g(1)"]


def test_a_key_stays_when_lines_are_put_before_and_tells_equal_lines_apart() -> None:
    text = FUTURE + "def f() -> None:\n    g()\n    g()\n"
    before, after = mutants({"m": text}, "m"), mutants({"m": text.replace("def", "# more\n\ndef")}, "m")
    assert [m.key for m in before] == [m.key for m in after] == [Key("m", "f", "g()", "pass", n) for n in (1, 2)]
    assert [m.line for m in before] == [5, 6]
    assert [m.line for m in after] == [7, 8]


# --- what the tests make of it -------------------------------------------------------------------------------------


FEW = (
    "extent.source_extent",
    "extent.destination_cut",
    "extent.latency_cut",
    "move_page_tables.move_ptes",
    "move_page_tables.shift_down",
)


@pytest.fixture(scope="module")
def few(specification: Suite) -> Prepared:
    """The tests of a few procedures."""
    suite = replace(specification, functions={name: specification.functions[name] for name in FEW})
    return prepared(suite, TABLE)


def planted(module: str, text: str, by: str, function: str) -> Mutant:
    source = texts()[module]
    assert source.count(text) == 1, text
    line = source[: source.index(text)].count("\n") + 1
    return Mutant(Key(module, function, text, by), "planted", line, True, None, source.replace(text, by))


CUT = "    if extent > geometry.LATENCY_LIMIT:\n"

PLANTED: dict[str, tuple[Mutant, tuple[str, ...], Verdict]] = {
    "a generated test kills it": (
        planted("step", CUT, "    if extent > geometry.PMD_SIZE:\n", "latency_cut"),
        (),
        Killed("extent.latency_cut.ensures.exact", generated=True),
    ),
    "it is the same": (
        planted("step", CUT, "    if extent >= geometry.LATENCY_LIMIT:\n", "latency_cut"),
        (),
        Survived(),
    ),
    "no test of a few reaches it": (
        planted("unmap", "            mm.nr_ptes -= 1\n", "            mm.nr_ptes -= 2\n", "free_tables"),
        (),
        Survived(),
    ),
    "a test written by hand kills it": (
        planted("mm", "return cls(lambda question: question >= tables)", "return cls.willing()", "Allocator.granting"),
        ("test_mremap_tables",),
        Killed("tests/test_mremap_tables.py::", generated=False),
    ),
    "it cannot be imported": (
        planted("mm", "class Lock(Enum):\n", "class Lock(Enum.nothing):\n", "Lock"),
        (),
        Killed("import", generated=True),
    ),
    "only the clock ends it": (
        planted("step", CUT, "    while extent > geometry.LATENCY_LIMIT:\n        pass\n" + CUT, "latency_cut"),
        (),
        TimedOut("extent.latency_cut"),
    ),
    "a loop that stands still is noticed by its steps": (
        planted(
            "mremap",
            "words.add(old_addr, extent), words.add(new_addr, extent)\n    return",
            "old_addr, new_addr\n    return",
            "move_page_tables",
        ),
        (),
        Killed("move_page_tables.shift_down.ensures.arrived", generated=True),
    ),
    "and one within a step by what it does": (
        planted(
            "mremap",
            "        old_pte, old_addr = mm.pte_plus(old_pte, 1), words.add(old_addr, page_size)\n",
            "",
            "move_ptes",
        ),
        (),
        Killed("move_page_tables.move_ptes.ensures.moved", generated=True),
    ),
}


@pytest.mark.parametrize(("mutant", "files", "verdict"), PLANTED.values(), ids=PLANTED)
@pytest.mark.xdist_group("mutants")
def test_what_the_tests_make_of_a_mutant(
    mutant: Mutant, files: tuple[str, ...], verdict: Verdict, few: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutant_run, "EXAMPLE_SECONDS", 0.3)
    ((judged, said),) = judge(few, [mutant], 1, files)
    assert judged is mutant
    if isinstance(said, Killed) and not said.generated:  # which test is the first is no matter
        said = replace(said, by=said.by.partition("::")[0] + "::")
    assert said == verdict


@pytest.mark.xdist_group("mutants")
def test_the_generated_tests_kill_all_mutants_of_the_cut_by_latency_but_one_that_cuts_the_same(few: Prepared) -> None:
    """The whole way for one function, as `mutation_table` goes it for all."""
    of_it = [m for m in mutants(texts(), "step") if m.key.function == "latency_cut"]
    verdicts = dict(judge(few, of_it, 1, ()))
    assert len(of_it) > 10
    left = [m.key.becomes for m, v in verdicts.items() if not isinstance(v, Killed)]
    assert left == ["if extent >= geometry.LATENCY_LIMIT:"]


# --- what the table says -------------------------------------------------------------------------------------------


def mutant(nth: int) -> Mutant:
    return Mutant(Key("small", "f", "a", "b", nth), "operator", 10 + nth, True, None, "")


BY_TEST, BY_OTHER = Killed("a.b.ensures.c", generated=True), Killed("tests/test_x.py::test_y", generated=False)
WHERE = "mremap_impl/small.py:11: in f, operator: a -> b"


@pytest.mark.parametrize(
    ("verdicts", "listed", "row", "wrong"),
    [
        pytest.param([BY_TEST, BY_OTHER, BY_TEST], [], (3, 2, 3, 0, 0, 0), [], id="all are killed"),
        pytest.param([Survived()], [], (1, 0, 0, 0, 1, 0), [f"{WHERE}\n    survived"], id="one survives"),
        pytest.param([Survived()], [1], (1, 0, 0, 1, 0, 0), [], id="one is the same"),
        pytest.param(
            [TimedOut("a.b")],
            [],
            (1, 0, 0, 0, 0, 1),
            [f"{WHERE}\n    is not killed, and time was up in a.b"],
            id="a time-out is no kill",
        ),
        pytest.param([TimedOut("a.b")], [1], (1, 0, 0, 1, 0, 0), [], id="one is the same, and takes long"),
        pytest.param(
            [BY_TEST],
            [1],
            (1, 1, 1, 0, 0, 0),
            [f"{WHERE}\n    is listed as equivalent, and a.b.ensures.c fails"],
            id="one that is listed is killed",
        ),
        pytest.param(
            [BY_TEST],
            [2],
            (1, 1, 1, 0, 0, 0),
            [f"{Key('small', 'f', 'a', 'b', 2)}\n    is listed as equivalent, and there is no such mutant"],
            id="one that is listed is not there",
        ),
    ],
)
def test_a_row_counts_and_says_what_is_wrong(
    verdicts: list[Verdict], listed: list[int], row: tuple[int, ...], wrong: list[str]
) -> None:
    same = [Equivalent("it is", tuple(Key("small", "f", "a", "b", nth) for nth in listed))]
    made = found("small", {mutant(n + 1): v for n, v in enumerate(verdicts)}, same)
    assert made.row == Row("small", *row)
    assert list(made.wrong) == wrong


def test_a_row_about_a_module_that_is_gone_is_noticed() -> None:
    assert unknown_modules(["small"], [Equivalent("it is", (Key("big", "f", "a", "b"),))]) == [
        f"{Key('big', 'f', 'a', 'b')}\n    is listed, and there is no such module"
    ]


def test_the_table_has_a_row_for_each_module_and_one_for_all() -> None:
    made = table([Row("step", 1_000, 998, 999, 1, 0, 0), Row("words", 10, 7, 8, 1, 1, 0)])
    assert made.splitlines() == [
        "| module | mutants | killed by generated tests | killed by any test | equivalent | survived | timed out |",
        "|---|---|---|---|---|---|---|",
        "| `step` | 1,000 | 998 | 999 | 1 | 0 | 0 |",
        "| `words` | 10 | 7 | 8 | 1 | 1 | 0 |",
        "| all | 1,010 | 1,005 | 1,007 | 2 | 1 | 0 |",
    ]
    assert numbers(made)["all"] == (1_010, 1_005, 1_007, 2, 1, 0)


def test_the_table_in_the_document_adds_up() -> None:
    """Whether it is what the command finds, the command looks."""
    rows = numbers(in_document(DOCUMENT.read_text(encoding="utf-8")))
    assert list(rows) == [*(name for name in texts() if name in rows), "all"]
    assert rows["all"] == tuple(map(sum, zip(*(row for name, row in rows.items() if name != "all"), strict=True)))
    listed = [key.module for row in EQUIVALENT for key in row.keys]
    for name, (made, by_generated, by_any, equivalent, survived, timed_out) in rows.items():
        assert by_generated <= by_any
        assert by_any + equivalent + survived + timed_out == made
        assert equivalent == (len(listed) if name == "all" else listed.count(name))


def test_what_is_listed_as_equivalent_is_about_lines_that_are_there() -> None:
    """Whether there is such a mutant, and whether no test kills it, the command that makes the table looks."""
    sources = {name: " ".join(text.split()) for name, text in texts().items()}
    assert [key for row in EQUIVALENT for key in row.keys if key.was not in sources[key.module]] == []
    keys = [key for row in EQUIVALENT for key in row.keys]
    assert len(keys) == len(set(keys))
    assert all(row.why and row.keys for row in EQUIVALENT)
