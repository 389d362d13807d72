"""Kernels of eight ports, booted in emulators: what a process sees of the specification, put to each.

    python tests/lab.py [PORT ...]     boots them, and says what became of it
    python tests/lab.py --write        puts the table into tests/linux/README.md as well; of all ports
    python tests/lab.py --few PORT     a short boot, to see that it works
    python tests/lab.py --lost         the page that a move back loses, on each port, and on the newest kernel to be had

It is 0 if each guest got to its end and every claim held; 3 if that is so of all that could be booted. Nothing is
installed: packages are fetched with apt and unpacked into a folder of the cache, which is kept; the first time that
takes a gigabyte. A guest has no network, and ends with the command.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path

from bridge import geometry_of
from generated import Suite, suite
from history_table import with_table
from linux import lost
from linux.guest import Built, NoGuest, boot, built
from linux.packages import NoPackages
from linux.ports import NEWEST, PORTS, Port
from linux.put import Asked, Judged, claims, judged, parts, told
from linux.realise import Realised
from linux.scenario import BadReport

from mremap_impl.geometry import Geometry
from verify import core
from verify.evaluate import context_for
from verify.scopes import named

ROOT = Path(__file__).parent.parent
DOCUMENT = Path(__file__).parent / "linux/README.md"
MANY, FEW = (200, 100), (20, 10)
"""How many moves and other calls are drawn for a port."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a port. `version`: of the kernel's package. `top`: moves with a range that ends in the last PMD of
    the word."""

    port: Port
    version: str
    judged: Judged
    top: int


def result(made: Suite, port: Port, kernel: Built, counts: tuple[int, int]) -> Result:
    """Boots a port twice: to see where its processes stand, and with what keeps clear of that.

    Raises NoGuest and BadReport.
    """
    machine, _ = boot(port, kernel, [])
    asked = parts(made, port.geometry, machine, counts, 0, port.earlier)
    _, reports = boot(port, kernel, [one.scenario for part in asked for one in part.asked])
    found = judged(made, asked, reports)
    return Result(port, kernel.version, found, sum(at_the_top(one) for part in found.parts for one in part.asked))


def at_the_top(one: Asked) -> bool:
    """Whether a range of a move ends in the last PMD of the word."""
    if not isinstance(one, Realised):
        return False
    context = one.example.context
    last = (1 << context.word_bits) - geometry_of(context).PMD_SIZE
    return any(addr + one.length > last for addr in (one.old_addr, one.new_addr))


def specification() -> Suite:
    """The specification, with no implementation but the kernels."""
    return suite([ROOT / "spec"], {}, ROOT)


def main(arguments: Sequence[str]) -> int:
    options, asked = {a for a in arguments if a.startswith("--")}, [a for a in arguments if not a.startswith("--")]
    known = {p.name for p in PORTS}
    if not set(asked) <= known or not options <= {"--write", "--few", "--lost"} or (asked and "--write" in options):
        print(__doc__, file=sys.stderr)
        return 2
    if "--lost" in options:
        return lost_page(asked)
    made, found, good, lacking = specification(), [], True, False
    with ThreadPoolExecutor(cpu_count()) as pool:
        waiting: list[tuple[Port, Future[Result]]] = []
        for port in (p for p in PORTS if not asked or p.name in asked):
            try:  # one after the other: two would fetch the same
                kernel = built(port)
            except NoPackages as error:
                lacking = True
                print(f"{port.name}: not run: {error}", flush=True)
                continue
            waiting.append((port, pool.submit(result, made, port, kernel, FEW if "--few" in options else MANY)))
        for port, future in waiting:
            try:
                found.append(future.result())
            except (NoGuest, BadReport) as error:
                good = False
                print(f"{port.name}: {error}", flush=True)
                continue
            good = good and not found[-1].judged.failed
            print(said(found[-1]), flush=True)
    if "--write" in options and len(found) == len(PORTS):
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(with_table(text, table(made, found)), encoding="utf-8")
    return 1 if not good else 3 if lacking else 0


# --- the lost page -------------------------------------------------------------------------------------------------


def lost_page(asked: Sequence[str]) -> int:
    """Prints, as a table, what became of it. It is 0 if no kernel loses what the implementation does not, and one loses
    what it does."""
    program, rows, wrong = specification().program, [], False
    print("| port | kernel |  | " + " | ".join(f"room for {n}" for n in lost.ROOMS) + " |")
    print("|---" * (3 + len(lost.ROOMS)) + "|", flush=True)
    base = lost.laid_out(lost.lost_page(program))
    for port in (*PORTS, NEWEST):
        if asked and port.name not in asked:
            continue
        try:
            kernel = built(port)
        except NoPackages as error:
            print(f"{port.name}: not run: {error}", flush=True)
            continue
        machine, _ = boot(port, kernel, [])
        layout = lost.elsewhere(base, geometry(program, port.geometry), machine)
        layouts = (layout, *lost.controls(layout))
        _, reports = boot(port, kernel, [s for one in layouts for s in lost.scenarios(one)])
        for number, one in enumerate(layouts):
            first = number * len(lost.ROOMS)
            seen = lost.seen(one, reports[first : first + len(lost.ROOMS)])
            wrong = wrong or any(set(s.lost) - set(e) for s, e in zip(seen, lost.losses(one), strict=True))
            rows.append([port.name, kernel.version, one.title, *(str(s) for s in seen)])
            print("| " + " | ".join(rows[-1]) + " |", flush=True)
    return 1 if wrong or not any("lost" in cell for row in rows for cell in row[3:]) else 0


def geometry(program: core.Program, name: str) -> Geometry:
    """A geometry of the specification, by name."""
    items = (i for m in program.modules for i in m.items if isinstance(i, core.Geometry) and i.name == name)
    scope = named(next(items))
    return geometry_of(context_for(program, scope.values, scope.word_bits, {}))


def said(of: Result) -> str:
    """What became of a port, in lines."""
    lines = [f"{of.port.name}: Linux {of.version}, {of.port.geometry}", *told(of.judged)]
    lines.append(f"    {of.top} moves end in the last PMD of the word")
    wrong = {f.asked.scenario.name: f for f in of.judged.failed}
    lines += [f"    {name}: {f.test.id}: {f.why}: {f.asked.example}" for name, f in wrong.items()]
    return "\n".join(lines)


def table(made: Suite, found: Sequence[Result]) -> str:
    """The results as a table of port by claim, with what was put to each."""
    heads = ["", *(of.port.name for of in found)]
    rows = [
        ["kernel", *(of.version for of in found)],
        ["geometry", *(f"`{of.port.geometry}`" for of in found)],
        *([title, *(str(len(of.judged.parts[n].asked)) for of in found)] for n, title in enumerate(_titles(found))),
        ["not run", *(str(sum(sum(p.left_out.values()) for p in of.judged.parts)) for of in found)],
        ["at the top of the word", *(str(of.top) for of in found)],
        *([f"`{t.id}`", *(_cell(of.judged, t.id) for of in found)] for t in claims(made)),
    ]
    lines = [heads, ["---"] * len(heads), *rows]
    day = datetime.now(UTC).date().isoformat()
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\nOf {day}."


def _titles(found: Sequence[Result]) -> list[str]:
    return [part.title for part in found[0].judged.parts]


def _cell(judged_: Judged, claim: str) -> str:
    """Of how much a claim held; and of how much not."""
    failed = sum(f.test.id == claim for f in judged_.failed)
    return f"{judged_.held[claim]}" + (f", not {failed}" if failed else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
