"""The table of mutants in README.md: it counts all that there are, none is left, and a wrong row is noticed."""

from __future__ import annotations

from collections import Counter

from history_table import options, specification, table
from mutant_table import DOCUMENT, differences, made, rows

from verify.matrix import module_of
from verify.mutants import mutants, procedures
from verify.mutate import Fate

TEXT = DOCUMENT.read_text(encoding="utf-8")
TABLE = table(TEXT)
ASKED = options(TEXT)


def test_each_row_counts_the_mutants_that_there_are() -> None:
    program, sources = specification(ASKED)
    count: Counter[str] = Counter()
    for routine in procedures(program, ASKED.only):
        count[module_of(routine.qualified)] += len(mutants(program, routine, sources))
    count["all"] = count.total()
    assert {name: row[0] for name, row in rows(TABLE).items()} == dict(count)
    for name, (every, *fates) in rows(TABLE).items():
        assert sum(fates) == every, name


def test_no_mutant_is_left() -> None:
    """As far as the table goes: each is killed, or proved to do the same."""
    assert {row[3:] for row in rows(TABLE).values()} == {(0, 0)}
    assert "\n\n" not in TABLE


def test_one_procedure_made_anew() -> None:
    every, judged = made(ASKED, ("extent.latency_cut",))
    assert Counter(j.fate for j in judged) == {Fate.KILLED: len(every) - 3, Fate.EQUIVALENT: 3}


def test_a_wrong_row_is_noticed() -> None:
    name, row = next(iter(rows(TABLE).items()))
    line = next(line for line in TABLE.splitlines() if f"`{name}`" in line)
    wrong = line.replace(f"| {row[1]} |", f"| {row[1] - 1} |", 1)
    assert differences(TABLE, TABLE) == []
    assert differences(TABLE.replace(line, wrong), TABLE) == [
        f"{name}: the table says {(row[0], row[1] - 1, *row[2:])}, and it is {row}"
    ]
    assert differences(TABLE, TABLE.replace(f"{line}\n", "")) == [f"{name} is not asked about"]
