"""Solvers beside z3, each asked about one script. They are an extra: cvc5 and bitwuzla are met here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from verify.verdict import Answer, Opinion

UNREAD = "it cannot read the script"


def _cvc5(path: Path, seconds: float) -> Opinion:
    import cvc5

    solver = cvc5.Solver(cvc5.TermManager())
    solver.setOption("tlimit-per", str(max(1, int(1000 * seconds))))
    parser = cvc5.InputParser(solver)
    try:
        parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, str(path))
        while (command := parser.nextCommand()).getCommandName() != "check-sat":
            if command.getCommandName() == "set-info":
                continue  # told which answer is expected, it takes another for a mistake of the script
            refused = command.invoke(solver, parser.getSymbolManager())
            if refused:
                return _unread("cvc5", path, refused)
        result = solver.checkSat()
    except RuntimeError as error:  # what the parser does not read, and what the solver does not take
        return _unread("cvc5", path, str(error))
    if result.isUnknown():
        why = str(result.getUnknownExplanation()).rsplit(".", 1)[-1].lower()
        return Opinion("cvc5", Answer.UNKNOWN, f"it gives up: {why}")
    return Opinion("cvc5", Answer.SAT if result.isSat() else Answer.UNSAT)


def _bitwuzla(path: Path, seconds: float) -> Opinion:
    import bitwuzla

    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, max(1, int(1000 * seconds)))
    try:
        parser = bitwuzla.Parser(bitwuzla.TermManager(), options)
        parser.parse(str(path), True)
        result = parser.bitwuzla().check_sat()
    except bitwuzla.BitwuzlaException as error:
        return _unread("bitwuzla", path, str(error))
    if result == bitwuzla.Result.UNKNOWN:
        return Opinion("bitwuzla", Answer.UNKNOWN, "it gives up")
    return Opinion("bitwuzla", Answer.SAT if result == bitwuzla.Result.SAT else Answer.UNSAT)


def _unread(solver: str, path: Path, why: str) -> Opinion:
    return Opinion(solver, Answer.UNKNOWN, UNREAD, " ".join(why.replace(str(path), path.name).split()))


SOLVERS: Mapping[str, Callable[[Path, float], Opinion]] = {"cvc5": _cvc5, "bitwuzla": _bitwuzla}
"""What asks each about a script, within so many seconds."""


def installed(solver: str) -> str | None:
    """The version of a solver that is installed; None if it is not."""
    try:
        return version(solver)
    except PackageNotFoundError:
        return None
