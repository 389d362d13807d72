"""What is put to a kernel: moves and other calls, drawn from their contracts and from the solver's vectors; and what
became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from errno import errorcode

from bridge import affordable
from generated import Generated, Ran, Suite, broken, each_example, message
from vector_files import FILES, FOLDER, Vector, read, vectors_of

from linux import binding, calls
from linux.binding import MREMAP
from linux.calls import CALL, Call, called
from linux.moves import check, of_vectors
from linux.place import Reason
from linux.realise import Realised, realised
from linux.scenario import Report
from linux.started import Machine
from verify.strategies.examples import Example, Maker
from verify.strategies.scalars import Keep

Asked = Realised | Call
"""What a kernel is asked for: a move, or another call."""


@dataclass(frozen=True, slots=True)
class Part:
    """Examples of one origin, which `title` names: those that a process can bring about, and by reason how many not."""

    title: str
    asked: tuple[Asked, ...]
    left_out: Mapping[Reason, int]

    @property
    def able(self) -> int:
        """How many a process could bring about, as far as no table is refused and no entry bad."""
        return len(self.asked) + sum(n for r, n in self.left_out.items() if r not in (Reason.REFUSED, Reason.BAD))


def parts(
    suite: Suite, geometry: str, machine: Machine, counts: tuple[int, int], number: int, earlier: Sequence[str] = ()
) -> tuple[Part, ...]:
    """What is put to the kernel of a port: `counts` are of the moves and of the other calls that are drawn, with seed
    `number`. The same number gives the same ones. `earlier`: geometries whose vectors of moves are the port's as
    well: user space ends elsewhere there, which other calls see."""
    known, more = vectors(suite, geometry), [v for name in earlier for v in vectors(suite, name)]
    moves = _drawn(suite, MREMAP, geometry, counts[0], number, affordable)
    others = _drawn(suite, CALL, geometry, counts[1], number, calls.short)
    asked = [Example(b"", v.geometry, v.context, v.arguments, v.state, {}) for v in known if v.procedure == CALL]
    return (
        _moves(suite, "moves drawn", moves, machine),
        _calls("calls drawn", others, machine),
        _moves(suite, "vectors of moves", of_vectors(suite, [*known, *more]), machine),
        _calls("vectors of calls", asked, machine),
    )


def vectors(suite: Suite, geometry: str) -> list[Vector]:
    """The solver's vectors of a geometry, of all procedures."""
    said = (p for file, (on, _) in FILES.items() if on == geometry for p in read(FOLDER / f"{file}.json")["procedures"])
    return [v for p in said for v in vectors_of(suite.program, p)]


def _drawn(suite: Suite, procedure: str, geometry: str, count: int, number: int, keep: Keep) -> list[Example]:
    routine = suite.program.routines()[procedure]
    maker = Maker(suite.program, replace(routine, on=(geometry,)), suite.aims(routine), keep)
    found: list[Example] = []
    each_example(maker, count, number, found.append)
    return found


def _moves(suite: Suite, title: str, examples: Iterable[Example | Reason], machine: Machine) -> Part:
    name = title.replace(" ", "-")
    found = [e if isinstance(e, Reason) else realised(f"{name}.{n}", e, machine) for n, e in enumerate(examples)]
    for one in found:
        if isinstance(one, Realised):
            check(suite, one)
    return _part(title, found)


def _calls(title: str, examples: Iterable[Example], machine: Machine) -> Part:
    """Every other area is that of a file."""
    name = title.replace(" ", "-")
    return _part(title, [called(f"{name}.{n}", e, machine, n % 2 == 1) for n, e in enumerate(examples)])


def _part(title: str, found: Sequence[Asked | Reason]) -> Part:
    reasons = [f for f in found if isinstance(f, Reason)]
    able = tuple(f for f in found if not isinstance(f, Reason))
    return Part(title, able, {reason: reasons.count(reason) for reason in Reason if reason in reasons})


# --- what became of it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failed:
    """A claim that did not hold of what was asked: in which way, and what was seen."""

    test: Generated
    why: str
    asked: Asked
    ran: Ran


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of all parts. `parts`: without what an address was not to be had for, which is counted in them.

    `held`: by claim, of how much it held. `errors`: what calls came to, and how many of them.
    """

    parts: tuple[Part, ...]
    held: Mapping[str, int]
    errors: Mapping[str, int]
    failed: tuple[Failed, ...]


def claims(suite: Suite) -> tuple[Generated, ...]:
    """All claims that are put to a kernel."""
    return (*binding.claims(suite)[0], *calls.claims(suite))


def judged(suite: Suite, parts: Sequence[Part], reports: Sequence[Report]) -> Judged:
    """The claims that a process sees, of what was asked and what was seen of it. `reports`: of all parts, in order."""
    said = iter(reports)
    left: list[Part] = []
    every: list[tuple[Asked, Report]] = []
    for part in parts:
        pairs = [(one, next(said)) for one in part.asked]
        able = [(one, report) for one, report in pairs if report.occupied is None]
        occupied = {Reason.OCCUPIED: len(pairs) - len(able)} if len(able) < len(pairs) else {}
        left.append(replace(part, asked=tuple(one for one, _ in able), left_out={**part.left_out, **occupied}))
        every += able
    held: Counter[str] = Counter()
    failed: list[Failed] = []
    ran: dict[str, list[Ran | None]] = {}  # once for all claims about a procedure
    for test in claims(suite):
        name = test.routine.qualified
        if name not in ran:
            ran[name] = [_ran(one, report, test) for one, report in every]
        held[test.id] = 0
        for (one, _), found in zip(every, ran[name], strict=True):
            why = None if found is None else broken(test, found)
            if found is not None and why is not None:
                failed.append(Failed(test, why, one, found))
            elif found is not None:
                held[test.id] += 1
    errors = Counter(_error(report) for one, report in every if isinstance(one, Call))
    return Judged(tuple(left), held, errors, tuple(failed))


def _error(report: Report) -> str:
    return "carried out" if report.error is None else errorcode.get(report.error, str(report.error))


def _ran(one: Asked, report: Report, test: Generated) -> Ran | None:
    """What a claim is about, of what was asked; None where it is about something else."""
    if isinstance(one, Call):
        return calls.ran(one, report, test.routine) if test.routine.qualified == CALL else None
    return binding.ran(one, report, test.routine) if test.routine.qualified in binding.PROCEDURES else None


def shown(suite: Suite, failed: Failed, number: int) -> str:
    """A claim that does not hold of a kernel, as a person reads it: in the terms of the specification, and what was
    done for it. `number`: of how many it does not hold."""
    text = message(suite.running({failed.test.routine.qualified: mremap}), failed.test, failed.ran)
    steps = "\n".join(f"    {line}" for line in failed.asked.scenario.text().splitlines())
    return f"{text}\n  it does not hold of {number}; what was done for this one:\n{steps}"


def mremap() -> None:
    """What implements all of it here: its name is shown."""


def smallest(failed: Sequence[Failed]) -> Failed:
    """The one with the fewest steps, and the fewest bytes."""
    return min(failed, key=lambda f: (len(f.asked.scenario.steps), len(f.asked.scenario.text())))


def told(found: Judged) -> list[str]:
    """What was put to a kernel, and what was not, and why."""
    lines = []
    for part in found.parts:
        shifted = sum(one.shifted for one in part.asked)
        lines.append(f"    {part.title}: {len(part.asked)}, of which {shifted} at shifted addresses")
        lines += [f"      not run: {number}: {reason.value}" for reason, number in part.left_out.items()]
    came_to = ", ".join(f"{number} {error}" for error, number in sorted(found.errors.items()))
    return [*lines, f"    what calls came to: {came_to or 'none was made'}"]
