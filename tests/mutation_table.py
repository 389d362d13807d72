"""The table in README.md: the implementation is broken one way at a time, and which tests notice.

    python tests/mutation_table.py               makes it and prints it, and what survived
    python tests/mutation_table.py words step    of these modules alone
    python tests/mutation_table.py --write       puts it into the document
    python tests/mutation_table.py --check       makes it anew; not 0 if it is not the one in the document

It ends with 1 if a mutant survived that is not listed as equivalent, or a row of that list is wrong or stale.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from equivalent_mutants import EQUIVALENT, Equivalent
from generated import implementations, suite
from mutant_run import Killed, Prepared, Survived, TimedOut, Verdict, judge, prepared
from mutants import Mutant, mutants, texts

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "README.md"
BEGIN, END = "<!-- mutants of the implementation -->", "<!-- end of the mutants -->"

JOBS = 2


@dataclass(frozen=True, slots=True)
class Row:
    """What became of the mutants of a module. `any_test`: those that the generated tests killed, and those that only
    others did."""

    module: str
    mutants: int
    generated: int
    any_test: int
    equivalent: int
    survived: int
    timed_out: int

    def __add__(self, other: Row) -> Row:
        return Row(
            "all",
            self.mutants + other.mutants,
            self.generated + other.generated,
            self.any_test + other.any_test,
            self.equivalent + other.equivalent,
            self.survived + other.survived,
            self.timed_out + other.timed_out,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A row, and what is wrong: mutants that no test killed, and rows of the list that do not say what is so."""

    row: Row
    wrong: tuple[str, ...]


def found(module: str, verdicts: Mapping[Mutant, Verdict], equivalent: Iterable[Equivalent]) -> Found:
    """What the verdicts on all mutants of a module come to."""
    listed = {key: row.why for row in equivalent for key in row.keys if key.module == module}
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for mutant, verdict in verdicts.items():
        is_listed = mutant.key in listed
        match verdict:
            case Killed(by=by, generated=generated):
                counts["any"] += 1
                counts["generated"] += generated
                if is_listed:
                    wrong.append(f"{mutant}\n    is listed as equivalent, and {by} fails")
            case _ if is_listed:
                counts["equivalent"] += 1
            case TimedOut(where=where):
                counts["timed out"] += 1
                wrong.append(f"{mutant}\n    is not killed, and time was up in {where}")
            case Survived():
                counts["survived"] += 1
                wrong.append(f"{mutant}\n    survived")
    keys = {mutant.key for mutant in verdicts}
    wrong += [f"{key}\n    is listed as equivalent, and there is no such mutant" for key in listed if key not in keys]
    row = Row(
        module,
        len(verdicts),
        counts["generated"],
        counts["any"],
        counts["equivalent"],
        counts["survived"],
        counts["timed out"],
    )
    return Found(row, tuple(wrong))


def unknown_modules(modules: Iterable[str], equivalent: Iterable[Equivalent]) -> list[str]:
    """Rows of the list that are about a module that there is not."""
    there = set(modules)
    return [
        f"{k}\n    is listed, and there is no such module" for r in equivalent for k in r.keys if k.module not in there
    ]


def table(rows: Sequence[Row]) -> str:
    """The rows, and all of them together."""
    head = (
        "module",
        "mutants",
        "killed by generated tests",
        "killed by any test",
        "equivalent",
        "survived",
        "timed out",
    )
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    total = sum(rows[1:], rows[0])
    for row in (*rows, *([total] if len(rows) > 1 else ())):
        numbers = (row.mutants, row.generated, row.any_test, row.equivalent, row.survived, row.timed_out)
        name = row.module if row is total else f"`{row.module}`"
        lines.append(f"| {' | '.join([name, *(f'{n:,}' for n in numbers)])} |")
    return "\n".join(lines)


def numbers(made: str) -> Mapping[str, tuple[int, ...]]:
    """The numbers of each row of a table, by its name."""
    rows = [[cell.strip("` ") for cell in line.strip("|").split("|")] for line in made.splitlines()[2:]]
    return {name: tuple(int(cell.replace(",", "")) for cell in cells) for name, *cells in rows}


def in_document(text: str) -> str:
    """The table that stands between the two marks."""
    assert text.count(BEGIN) == text.count(END) == 1
    return text.partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]


def all_found(what: Prepared, modules: Iterable[str]) -> Iterator[Found]:
    """What becomes of all mutants of these modules, one after the other."""
    sources = texts()
    for module in modules:
        of_it = mutants(sources, module)
        verdicts = dict(judge(what, of_it, JOBS))
        yield found(module, {m: verdicts[m] for m in of_it}, EQUIVALENT)


def whole() -> Prepared:
    """The tests of the whole specification, on the implementations that pyproject.toml names."""
    implementing = implementations(ROOT / "pyproject.toml")
    return prepared(suite([ROOT / "spec"], implementing, ROOT), implementing)


def main(arguments: Sequence[str]) -> int:
    asked = [a for a in arguments if not a.startswith("--")]
    options = [a for a in arguments if a.startswith("--")]
    if options not in ([], ["--write"], ["--check"]) or (options and asked) or not set(asked) <= set(texts()):
        print(__doc__, file=sys.stderr)
        return 2
    rows: list[Row] = []
    wrong = unknown_modules(texts(), EQUIVALENT)
    for one in all_found(whole(), asked or texts()):
        rows.append(one.row)
        wrong += one.wrong
        print("\n".join((table([one.row]).splitlines()[-1], *one.wrong)), file=sys.stderr, flush=True)
    new = table(rows)
    text = DOCUMENT.read_text(encoding="utf-8")
    if options == ["--write"]:
        DOCUMENT.write_text(text.replace(in_document(text), new), encoding="utf-8")
    elif options == ["--check"] and new != in_document(text):
        wrong.append(f"the table in {DOCUMENT.name} is another than this")
    print("\n".join([new, "", *wrong]).rstrip())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
