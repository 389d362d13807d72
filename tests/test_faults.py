"""Every claim is held up by an obligation and by a test that notice a fault: see `faults` and `fault_rows`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType

import pytest
from body import settled
from bridge import function_at, pages_in
from fault_rows import FAULTS
from fault_rows_shared import FAULTS_AMONG_OTHERS, NAMED_AMONG_OTHERS
from faults import MENDED, NAMED, Fault, Row
from faulty import DIFFERENT, FUEL, MORE, Entries, Spec, breaks, done, with_fault
from generated import Ran, Suite, broken, message, ran_on, suite
from inject import functions, inject
from test_generated import ROOT, SPEC, TABLE, copied

from verify.execute import Finished
from verify.plan import matches
from verify.scopes import Scopes
from verify.solve import discharge
from verify.strategies.examples import Example
from verify.syntax import RoutineKind
from verify.verdict import Verdict

pytestmark = pytest.mark.xdist_group("faults")
"""All in one process: they share their entries."""

ENTRIES = 22
"""How many entries of a routine with a fault are drawn."""

RUN_ON = 16
"""How many of each routine the implementation is run on, as it is and with each fault."""

PAGES = 1600
"""How many pages a range has at most that the implementation is run on: more than a table, of most geometries."""

ALL = (*FAULTS, *FAULTS_AMONG_OTHERS)

WITHOUT = {"history", "in-place", "refused"}
"""Claims about procedures that no function is named for in `pyproject.toml`. The forms that the loop took are run by
`test_mremap_history`, and those that were wrong are the faults. What mremap refuses, and what it cuts off, is put to
kernels: `test_linux` breaks what it puts to them."""
ROWS = [pytest.param(row, id=row.claim) for row in ALL]


@cache
def generated() -> Suite:
    """The generated tests. That they speak of the same program as `whole` makes it quick to look up a variable."""
    return suite([SPEC], TABLE, ROOT)


@cache
def whole() -> Spec:
    return Spec(generated().program, generated().sources)


@cache
def entries() -> Entries:
    return Entries(whole())


def unwatched(_id: str) -> bool:
    """A run in which no claim is looked at."""
    return False


# --- in the specification ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_in_a_body_of_the_specification_breaks_an_obligation_of_the_claim(row: Row, tmp_path: Path) -> None:
    fault = row.specification
    names = {f"{o.module}.{o.item}" for o in whole().obligations if matches(o.id, (fault.id,))}
    (routine,) = (whole().program.routines()[name] for name in names)
    text = (SPEC / fault.file).read_text(encoding="utf-8")
    spec = Spec.at(copied(tmp_path, {fault.file: (text, with_fault(text, fault, routine))}) / fault.file, tmp_path)
    faulty = spec.program.routines()[routine.qualified]
    claims = spec.claims_of(faulty)
    # A fault may have added a call, after which the later ones have other numbers.
    named = {i for i in claims if matches(i, (fault.id,))}
    assert all(row.claim in claims[i] for i in named)

    found: set[str] = set()
    different = 0
    for example in entries().of(routine, ENTRIES):
        was, right = settled(whole().program, routine, example, FUEL, unwatched)
        now, wrong = settled(spec.program, faulty, example, MORE, unwatched)
        if isinstance(right, Finished) and done(right) != done(wrong):
            different += 1
            assert not breaks(whole().program, routine, was, whole().claims_of(routine))
            found |= breaks(spec.program, faulty, now, claims)
        if different >= DIFFERENT and found & named:
            break
    assert found & named
    assert {claim for i in found for claim in claims[i]} == {row.claim, *fault.also}


@pytest.mark.parametrize("fault", [pytest.param(f, id=f.id) for f in MENDED])
def test_a_refutation_that_holds_is_noticed(fault: Fault, tmp_path: Path) -> None:
    mended = Spec.at(copied(tmp_path, {fault.file: (fault.text, fault.by)}) / fault.file, tmp_path)
    for spec, verdict in ((whole(), Verdict.REFUTED), (mended, Verdict.PROVED)):
        (obligation,) = (o for o in spec.obligations if o.id == fault.id)
        assert obligation.expected == Verdict.REFUTED.value
        assert spec.program.routines()[f"{obligation.module}.{obligation.item}"].kind is RoutineKind.REFUTE
        scope = Scopes(spec.program, None).of(obligation)[0]
        assert discharge(spec.program, obligation, scope, spec.sources, 20.0).verdict is verdict


# --- in the implementation -----------------------------------------------------------------------------------------


@cache
def unharmed() -> tuple[Suite, dict[str, tuple[Ran, ...]]]:
    """The generated tests, and what the implementation without a fault makes of the entries, by procedure."""
    made = generated()
    routines = made.program.routines()

    def short(name: str) -> Iterator[Example]:
        found = entries().of(routines[name], RUN_ON)
        return (example for example in found if pages_in(example.context, example.arguments) <= PAGES)

    return made, {n: tuple(ran_on(made, routines[n], example) for example in short(n)) for n in TABLE}


def called(name: str) -> set[str]:
    """The functions of the implementation that one may call, and itself."""
    found, waiting = set[str](), [name]
    while waiting:
        code = functions()[waiting.pop()].__code__
        found.add(code.co_name)
        inner = (c for c in code.co_consts if isinstance(c, CodeType))
        names = {n for c in (code, *inner) for n in c.co_names}
        waiting += (n for n in names - found if n in functions())
    return found


@pytest.mark.parametrize("row", ROWS)
def test_a_fault_in_the_implementation_breaks_a_test_of_the_claim(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = row.implementation
    assert row.claim in claims_by_id()[fault.id]
    assert broken_claims(fault, monkeypatch) <= {row.claim, *fault.also}


@pytest.mark.parametrize("fault", [pytest.param(named.fault, id=named.name) for named in (*NAMED, *NAMED_AMONG_OTHERS)])
def test_a_fault_that_is_known_by_name_breaks_a_test(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken_claims(fault, monkeypatch) <= set(fault.also)


def broken_claims(fault: Fault, patch: pytest.MonkeyPatch) -> set[str]:
    """The claims of all tests that fail once the fault is in the implementation; the one it names must be among them.

    That one says so under its id, and does not fail without the fault. A run that crashes fails every test of its
    procedure: of these only the one that is named counts.
    """
    made, before = unharmed()
    changed = inject(patch, import_module(f"mremap_impl.{fault.file}"), fault.text, fault.by)
    failing = {}
    for name, place in TABLE.items():
        if not changed & called(place.partition(":")[2]):
            continue
        tests = [test for test in made.tests if test.routine.qualified == name]
        faulty = replace(made, functions={**made.functions, name: function_at(place)})
        for was in before[name]:
            now = ran_on(faulty, made.program.routines()[name], was.example)
            if (now.outcome, now.context.tables, now.violated) == (was.outcome, was.context.tables, was.violated):
                continue
            crashed = isinstance(now.outcome, str)
            for test in tests:
                if test.id not in failing and (test.id == fault.id or not crashed) and broken(test, now) is not None:
                    assert broken(test, was) is None
                    failing[test.id] = (faulty, test, now)
    assert fault.id in failing
    assert fault.id in message(*failing[fault.id]).splitlines()[0]
    return {claim for id_ in failing for claim in claims_by_id().get(id_, ())}


@cache
def claims_by_id() -> dict[str, tuple[str, ...]]:
    """The claims of each obligation, and of each test of a record."""
    made, _ = unharmed()
    return {o.id: o.claims for o in whole().obligations} | {t.id: t.claims for t in made.tests if t.record}


# --- the table -----------------------------------------------------------------------------------------------------


def test_there_is_a_row_for_each_claim_of_the_specification() -> None:
    claimed = {claim for o in whole().obligations for claim in o.claims}
    assert sorted([*(row.claim for row in ALL), *WITHOUT]) == sorted(claimed)
