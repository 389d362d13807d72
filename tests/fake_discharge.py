"""Stands in for the solver in the tests of what is around it. An item's name says what becomes of its obligations.

Run as a program, it is `python -m verify` with this in the solver's place.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from verify import core
from verify.__main__ import main
from verify.passive import Kind, Obligation
from verify.scopes import Scope
from verify.span import Source
from verify.verdict import Counterexample, Reason, Result, Shown, Verdict

EXPECTED = {"proved": Verdict.PROVED, "refuted": Verdict.REFUTED, "covered": Verdict.COVERED}

VALUES = Counterexample(
    (Shown("WORD_BITS", "32", 32), Shown("PAGE_SHIFT", "12", 12)),
    (Shown("a", "0x1000", "0x1000"),),
    (Shown("r", "0x2000", "0x2000", 3, "a + a"),),
    True,
)


def result(obligation: Obligation, scope: Scope, verdict: Verdict, **more: object) -> Result:
    """A result of a hundredth of a second."""
    fields: dict[str, object] = {
        "reason": None,
        "used": (),
        "counterexample": VALUES if verdict in (Verdict.REFUTED, Verdict.COVERED) else None,
        "detail": (),
        "defect": False,
        **more,
    }
    return Result(
        id=obligation.id,
        kind=obligation.kind,
        geometry=scope.shown,
        word_bits=scope.word_bits,
        expected=obligation.expected,
        verdict=verdict,
        location=obligation.location,
        seconds=0.01,
        solver="z3",
        claims=obligation.claims,
        **fields,  # type: ignore[arg-type]
    )


def discharge(
    program: core.Program, obligation: Obligation, scope: Scope, sources: Mapping[str, Source], timeout: float
) -> Result:
    """What the name of the item says; everything goes well for other names, and for `requires` but of `vacuous`."""
    del program, sources, timeout
    good = result(obligation, scope, EXPECTED[obligation.expected])
    if obligation.kind is Kind.REQUIRES:
        return result(obligation, scope, Verdict.VACUOUS) if obligation.item.startswith("vacuous") else good
    match obligation.item.split("_")[0]:
        case "refuted":
            return result(obligation, scope, Verdict.REFUTED)
        case "uncovered":
            return result(obligation, scope, Verdict.UNCOVERED)
        case "holds":
            return result(obligation, scope, Verdict.PROVED)
        case "unknown":
            return result(obligation, scope, Verdict.UNKNOWN, reason=Reason.BOUND, detail=("8 turns",))
        case "defect":
            return result(obligation, scope, Verdict.UNKNOWN, reason=Reason.SOLVER, defect=True)
        case "slow":
            time.sleep(0.3)
        case "once" if any(Path(os.environ["STARTED"]).iterdir()):
            pass
        case "hang" | "once":
            if "STARTED" in os.environ:
                Path(os.environ["STARTED"], str(os.getpid())).touch()
            time.sleep(600)
        case "crash":
            faulthandler.disable()  # pytest has enabled it
            os.kill(os.getpid(), signal.SIGSEGV)
        case "memory":
            raise MemoryError
        case "hog":
            bytearray(1 << 30)
        case "raise":
            raise KeyError("something")
        case "noise":
            print("a library prints this", flush=True)
            os.write(1, b"and this\n")
    return good


def write(**texts: str) -> None:
    """Specification files in spec/."""
    Path("spec").mkdir(exist_ok=True)
    for name, text in texts.items():
        Path("spec", f"{name}.spec").write_text(f"module {name};\n{text}")


def lemmas(*names: str) -> str:
    """Lemmas of these names."""
    return "".join(f"lemma {name}(a: word) ensures k: a == a;\n" for name in names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], discharge, grace=0.5))
