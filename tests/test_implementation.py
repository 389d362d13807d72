"""Functions run on numbers that nobody knows: what is right is proved, what is wrong shown, and nothing is guessed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from bound import in_this_process, project, write

from verify import actual, look, pythonic
from verify.core import INT, WORD, WORD_BITS, BinaryOp, Symbol, SymbolKind
from verify.function import Lost
from verify.recorded import ARITY, TRUTHS, Unreadable, runs
from verify.symbolic import Recorder
from verify.verdict import Reason, Verdict

TWO = "procedure p(a: word, b: word) returns (r: word)"
INTS = "procedure p(a: int, b: int) returns (r: int)"


def returns(value: str, head: str = TWO, *clauses: str) -> str:
    """A procedure that returns a value."""
    result = head.rpartition("returns (")[2].partition(":")[0]
    return f"{head}\n    {' '.join(clauses)}\n{{\n    {result} = {value};\n}}\n"


RIGHT = {
    "a sum that wraps": (returns("a + b"), "return m.wrap(a + b)"),
    "a difference that wraps": (returns("a - b"), "return m.wrap(a - b)"),
    "a difference by what is left of it": (returns("a - b"), "return (a - b) % (1 << m.bits)"),
    "a product that wraps": (returns("a * b"), "return m.wrap(a * b)"),
    "a negated word": (returns("-a"), "return m.wrap(-a)"),
    "an inverted word": (returns("~a ^ b"), "return m.wrap(~a) ^ b"),
    "bits": (returns("(a & b) ^ (a | ~b)"), "return (a & b) ^ (a | m.wrap(~b))"),
    "a mask made of a size": (returns("a & ~((1 << SHIFT) - 1)"), "return a & ~(m.SIZE - 1)"),
    "a shift to the left": (returns("a << SHIFT"), "return m.wrap(a << m.shift)"),
    "a power of two": (returns("1 << SHIFT"), "return 2 ** m.shift"),
    "a shift to the right": (returns("a >> SHIFT"), "return a >> m.shift"),
    "a quotient and a remainder": (
        returns("a / b + a % b", TWO, "requires some: b != 0"),
        "q, r = divmod(a, b)\n    return m.wrap(q + r)",
    ),
    "the exact comparison of a sum": (
        returns("if int(a) + int(b) > int(~0) then 1 else 0"),
        "return 1 if a + b >= 1 << m.bits else 0",
    ),
    "the sign of a difference": (returns("if a < b then b - a else a - b"), "return a - b if a - b >= 0 else -(a - b)"),
    "the same by its absolute value": (returns("if a < b then b - a else a - b"), "return abs(a - b)"),
    "the lesser": (returns("min(a, b)"), "return min(a, b)"),
    "a number as a condition": (returns("if a == 0 then b else a"), "return a or b"),
    "truths as numbers": (returns("if a < b then 1 else 0"), "return (a < b) + (b < b)"),
    "a short loop": (returns("a + 3 * b"), "for _ in range(3):\n        a = m.wrap(a + b)\n    return a"),
    "one question, asked often": (
        returns("a + b"),
        "for _ in range(100):\n        b = b if a < 5 else b\n    return m.wrap(a + b)",
    ),
    "a comparison": (returns("a <= b", "procedure p(a: word, b: word) returns (r: bool)"), "return a <= b"),
    "a truth given": (
        returns("if b then a else ~a", "procedure p(a: word, b: bool) returns (r: word)"),
        "return a if b else m.wrap(~a)",
    ),
    "two results": (
        "procedure p(a: word, b: word) returns (r: word, s: bool)\n{ r = a + b; s = a + b < a; }\n",
        "return m.wrap(a + b), m.wrap(a + b) < a",
    ),
    "what the precondition leaves": (
        returns("a - b", TWO, "requires order: b <= a"),
        "if a < b:\n        raise ValueError(a)\n    return a - b",
    ),
    "integers": (returns("a * b - 7", INTS), "return a * b - 7"),
    "an integer divided": (returns("a / b + a % b", INTS, "requires some: b > 0"), "return a // b + a % b"),
    "an integer divided by what is less than 0": (
        returns("if a % b == 0 then a / b else -1", INTS, "requires some: b < 0"),
        "return a // b if a % b == 0 else -1",
    ),
    "a literal of more than 32 bits": (
        returns("if int(a) < 0x1_0000_0000 then a else 0"),
        "return a if a < 0x1_0000_0000 else 0",
    ),
    "a define": ("define d(a: word, b: word): word = a - b;", "return m.wrap(a - b)"),
    "a body with a loop": (
        f"{TWO}\n    requires same: a == b\n{{\n    r = a;\n    while (r != b)\n"
        "        invariant same: r == a && a == b\n        decreases 0\n    { r = b; }\n}\n",
        "return b",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_function_that_does_as_is_said_is_proved_at_both_word_sizes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    item, code = RIGHT[name]
    write(tmp_path, item, f"def f(a, b, m):\n    {code}\n")
    found = project(tmp_path)
    for bits in (32, 64):
        result = found.result(bits)
        assert (result.verdict, result.detail) == (Verdict.PROVED, ()), result
        assert result.id == ("m.d.implementation" if "define" in item else "m.p.implementation")
        assert result.ok


SIGN = returns("if a < b then b - a else a - b")
SUM = returns("a + b")

WRONG = {
    "in one branch": (SIGN, "return b - a if a < b else m.wrap(b - a)", "returned"),
    "at the top of the word alone": (
        returns("if a < b then 1 else 0"),
        "return 1 if m.wrap(a + 1) <= b else 0",
        "returned",
    ),
    "for one number alone": (SUM, "return 7 if a == 0x1234_5678 else m.wrap(a + b)", "returned"),
    "a sum that was not reduced": (SUM, "return a + b", "function"),
    "a number below 0": (returns("a - b"), "return a - b", "function"),
    "a word of the wrong size": (SUM, "return (a + b) & 0xFFFF", "returned"),
    "an exception": (SUM, "if a == b:\n        raise KeyError('same')\n    return m.wrap(a + b)", "function"),
    "a division by 0": (returns("if b == 0 then 0 else a / b"), "return a // b", "function"),
    "a shift by less than 0": (
        returns("if SHIFT == 0 then 0 else a >> (SHIFT - 1)"),
        "return a >> (m.shift - 1)",
        "function",
    ),
    "a shift beyond the word": (returns("0"), "return (1 << (m.bits + 1)) >> (m.bits + 1)", "returned"),
    "a failed assertion": (SUM, "assert a != 3\n    return m.wrap(a + b)", "function"),
    "no value": (SUM, "return None", "function"),
    "a text": (SUM, "return 'a'", "function"),
    "two values": (SUM, "return a, b", "function"),
    "a truth for a word": (returns("if a < b then 1 else 0"), "return a < b", "function"),
    "a word for a truth": (returns("a < b", "procedure p(a: word, b: word) returns (r: bool)"), "return 1", "function"),
    "an integer rounded down": (returns("a / b", INTS, "requires some: b < 0"), "return a // b", "returned"),
    "a remainder below 0": (returns("a % b", INTS, "requires some: b < 0"), "return a % b", "returned"),
    "an integer as a word": (returns("a", INTS), "return m.wrap(a)", "returned"),
    "a define": ("define d(a: word, b: word): word = a - b;", "return m.wrap(b - a)", "returned"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_function_that_does_something_else_is_refuted_by_numbers_that_it_was_run_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    item, code, last = WRONG[name]
    write(tmp_path, item, f"def f(a, b, m):\n    {code}\n")
    result = project(tmp_path).result(32)
    assert (result.verdict, result.reason, result.detail) == (Verdict.REFUTED, None, ()), result
    assert not result.ok
    assert result.counterexample is not None
    *_, specified, real = result.counterexample.trace
    assert (specified.name, specified.text) == ("specified", "m.d" if "define" in item else "m.p")
    assert (real.name, real.text) == (last, "subject:f")
    assert specified.value != real.value


UNKNOWN = {
    "a look-up": (
        "return {0: a}.get(a, m.wrap(a + b))",
        Reason.NOT_EXECUTABLE,
        "`hash` of a number, subject.py:13 in f",
    ),
    "an index": ("return [a, b][a]", Reason.NOT_EXECUTABLE, "`index` of a number, subject.py:13 in f"),
    "a text": ("return m.wrap(a + b) if len(str(a)) else 0", Reason.NOT_EXECUTABLE, "`str` of a number, subject.py:13"),
    "a method": ("return m.wrap(a + b) if a.bit_length() < 99 else 0", Reason.NOT_EXECUTABLE, "`.bit_length` of a num"),
    "a fraction": ("return m.wrap(a + b) if a + 0.5 else 0", Reason.NOT_EXECUTABLE, "`add` of a number and a float"),
    "a power": ("return m.wrap(a + b) if a ** 2 >= 0 else 0", Reason.NOT_EXECUTABLE, "`pow` of a number"),
    "what nothing stands for": (
        "return m.wrap(a + b + m.other)",
        Reason.NOT_EXECUTABLE,
        "`other`, which nothing in the",
    ),
    "one of these that is caught": (
        "try:\n        hash(a)\n    except BaseException:\n        pass\n    return m.wrap(a + b)",
        Reason.NOT_EXECUTABLE,
        "`hash` of a number",
    ),
    "numbers beyond the word, by bits": (
        "return m.wrap((a + b) | (a + b))",
        Reason.NOT_EXECUTABLE,
        "more than a word holds",
    ),
    "another answer each time": (
        "seen.append(0)\n    return m.wrap(a + b) if len(seen) % 2 and a < b else m.wrap(a + b + (a == b))",
        Reason.NOT_EXECUTABLE,
        "it does not do the same twice",
    ),
    "another way for real numbers": (
        "return m.wrap(a - b) if type(a) is int else m.wrap(a + b)",
        Reason.NOT_EXECUTABLE,
        "run on numbers it does not do what it did on unknown ones: a = ",
    ),
    "another way for the real numbers that were found": (
        "if a == 0x1234_5678:\n        return 5 if type(a) is int else 7\n    return m.wrap(a + b)",
        Reason.NOT_EXECUTABLE,
        "subject:f, run on the values below, does not do what it did on unknown ones",
    ),
    "a long loop": (
        "n = a\n    while n & 0xFFFF:\n        n -= 1\n    return m.wrap(a + b)",
        Reason.BOUND,
        "subject:f was not followed: more than 64 choices in one run",
    ),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_function_that_cannot_be_followed_is_neither_proved_nor_refuted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    code, reason, said = UNKNOWN[name]
    write(tmp_path, SUM, f"seen = []\ndef f(a, b, m):\n    {code}\n")
    result = project(tmp_path).result(32)
    assert (result.verdict, result.reason) == (Verdict.UNKNOWN, reason), result
    assert said in " ".join(result.detail), result.detail


# --- the processes -------------------------------------------------------------------------------------------------

PROCESSES = {
    "it prints": ("print('[]')\n    return m.wrap(a + b)", Verdict.PROVED, None, ""),
    "it exits": ("raise SystemExit(0)", Verdict.REFUTED, None, ""),
    "it calls itself for ever": ("return f(a, b, m)", Verdict.REFUTED, None, ""),
    "it hangs": ("while True:\n        pass", Verdict.UNKNOWN, Reason.TIMEOUT, "it had not come to an end after 1.0 s"),
    "it dies": (
        "__import__('os')._exit(3)",
        Verdict.UNKNOWN,
        Reason.NOT_EXECUTABLE,
        "ended with status 3, and said nothing",
    ),
    "it answers itself": (
        "__import__('os').write(3, b'7')\n    for n in range(3, 9):\n        __import__('os').closerange(n, n + 1)",
        Verdict.UNKNOWN,
        Reason.NOT_EXECUTABLE,
        "subject:f: the process that ran it",
    ),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_whatever_a_function_does_to_its_process_there_is_a_verdict_in_time(name: str, tmp_path: Path) -> None:
    code, verdict, reason, said = PROCESSES[name]
    write(tmp_path, SUM, f"def f(a, b, m):\n    {code}\n")
    result = project(tmp_path, seconds=1.0 if name == "it hangs" else 20.0).result(32)
    assert (result.verdict, result.reason) == (verdict, reason), result
    assert said in " ".join(result.detail), result.detail


A = Symbol(SymbolKind.ARGUMENT, "m.p", "a", INT)

UNREADABLE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no runs": {"nodes": [], "paths": []},
    "an operation that there is not": {"nodes": [["input", "a"], ["sqrt", 0]], "paths": []},
    "an operand too many": {"nodes": [["input", "a"], ["neg", 0, 0]], "paths": []},
    "an operand that comes later": {"nodes": [["neg", 1], ["input", "a"]], "paths": []},
    "an operand from the end": {"nodes": [["input", "a"], ["neg", -1]], "paths": []},
    "an input that there is not": {"nodes": [["input", "b"]], "paths": []},
    "a truth among numbers": {"nodes": [["input", "a"], ["eq", 0, 0], ["add", 0, 1]], "paths": []},
    "a number that is denied": {"nodes": [["input", "a"], ["not", 0]], "paths": []},
    "a literal that is none": {"nodes": [["int", True]], "paths": []},
    "a choice by a number": {"nodes": [["input", "a"]], "paths": [{"choices": [[0, True]], "end": {"returned": 0}}]},
    "an end that is none": {"nodes": [["input", "a"]], "paths": [{"choices": [], "end": {"proved": "0"}}]},
    "two ends": {"nodes": [["input", "a"]], "paths": [{"choices": [], "end": {"returned": 0, "raised": ""}}]},
    "two runs that are one": {"nodes": [["input", "a"]], "paths": [{"choices": [], "end": {"returned": 0}}] * 2},
    "two runs that ask different things": {
        "nodes": [["input", "a"], ["int", 0], ["eq", 0, 1], ["lt", 0, 1]],
        "paths": [{"choices": [[at, at == 2]], "end": {"returned": 0}} for at in (2, 3)],
    },
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_a_process_writes_is_read_only_if_it_is_what_was_asked_for(name: str) -> None:
    answer = UNREADABLE[name]
    if not answer.get("paths") and answer.get("nodes"):
        answer = {**answer, "paths": [{"choices": [], "end": {"raised": ""}}]}
    with pytest.raises(Unreadable):
        runs(answer, (A, WORD_BITS), frozenset())


def test_a_branch_that_a_process_leaves_out_is_not_taken_to_be_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    ask = vars(look)["ask"]

    def partly(request: Any, seconds: float) -> dict[str, Any]:
        answer = ask(request, seconds)
        return {**answer, "paths": [p for p in answer["paths"] if "raised" not in p["end"]]}

    write(tmp_path, SUM, "def f(a, b, m):\n    if a == 77:\n        raise ValueError\n    return m.wrap(a + b)\n")
    whole = project(tmp_path).result(32)
    monkeypatch.setattr(look, "ask", partly)
    part = project(tmp_path).result(32)
    assert whole.verdict is part.verdict is Verdict.REFUTED  # the function itself was run there, and raises
    write(tmp_path, returns("a + b", TWO, "requires small: a < 77"), (tmp_path / "subject.py").read_text())
    assert project(tmp_path).result(32).verdict is Verdict.PROVED  # nobody needs the branch


# --- faults --------------------------------------------------------------------------------------------------------

USES = {
    "add": ("a + b", "a + b"),
    "sub": ("a - b", "a - b"),
    "mul": ("a * b", "a * b"),
    "floordiv": ("a // (b | 1)", "a / (b | 1)"),
    "mod": ("a % (b | 1)", "a % (b | 1)"),
    "lshift": ("a << (b & 7)", "a << (b & 7)"),
    "rshift": ("a >> (b & 7)", "a >> (b & 7)"),
    "and": ("a & b", "a & b"),
    "or": ("a | b", "a | b"),
    "xor": ("a ^ b", "a ^ b"),
    "eq": ("1 if a == (b & a) else 0", "if a == (b & a) then 1 else 0"),
    "lt": ("1 if a < b else 0", "if a < b then 1 else 0"),
    "neg": ("-a", "-a"),
    "invert": ("~a", "~a"),
}
"""An expression with each operation that is noted, in Python and in the specification."""


def test_there_is_an_expression_with_each_operation() -> None:
    assert USES.keys() == ARITY.keys() - {"not"}


@pytest.mark.parametrize("name", USES)
def test_an_operation_that_is_noted_as_another_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    value, specified = USES[name]
    write(tmp_path, returns(specified), f"def f(a, b, m):\n    return m.wrap({value})\n")
    assert project(tmp_path).result(32).verdict is Verdict.PROVED
    alike = [o for o in ARITY if ARITY[o] == ARITY[name] and (o in TRUTHS) == (name in TRUTHS)]
    node = Recorder.node
    for other in (o for o in alike if o not in (name, "not")):

        def wrong(self: Recorder, what: str, *parts: Any, other: str = other) -> int:
            return node(self, other if what == name else what, *parts)

        monkeypatch.setattr(Recorder, "node", wrong)
        assert project(tmp_path).result(32).verdict is Verdict.UNKNOWN, other


def trouble(folder: Path, value: str) -> str:
    """What there is between a function's runs on unknown numbers and those on drawn ones."""
    write(folder, SUM, f"def f(a, b, m):\n    return m.wrap({value})\n")
    (function,) = project(folder).functions
    return function.trouble


MEANINGS = {
    "a sum": (pythonic._ARITHMETIC, "add", BinaryOp.SUB, "a + b"),
    "a difference": (pythonic._ARITHMETIC, "sub", BinaryOp.ADD, "a - b"),
    "a product": (pythonic._ARITHMETIC, "mul", BinaryOp.ADD, "a * b"),
    "and": (pythonic._BITS, "and", BinaryOp.BOR, "(a + b - b) & (b + a - a)"),
    "or": (pythonic._BITS, "or", BinaryOp.BXOR, "a | b"),
    "xor": (pythonic._BITS, "xor", BinaryOp.BOR, "a ^ b"),
    "a quotient": (pythonic._DIVISION, "floordiv", BinaryOp.MOD, "a // (b | 1)"),
    "a remainder": (pythonic._DIVISION, "mod", BinaryOp.DIV, "a % (b | 1)"),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_an_operation_that_is_given_another_meaning_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    table, operation, other, value = MEANINGS[name]
    monkeypatch.setitem(table, operation, other)
    assert trouble(tmp_path, value).startswith("run on numbers it does not do")


RULES = {
    "every number is a word": ("is_word", lambda *_: True, "(a + b) // 2"),
    "2^n is 2^(n+1)": (
        "power",
        lambda self, count: self.to_int(self.op(BinaryOp.SHL, self.word(2), self.exact(count))),
        "(a + b) >> (b & 7)",
    ),
    "Python divides as the language does": (
        "divided",
        lambda self, name, left, right: self.op(pythonic._DIVISION[name], self.exact(left), self.exact(right)),
        "(a - b) // (-3)",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_what_is_a_word_that_is_wrong_is_noticed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    rule, wrong, value = RULES[name]
    assert trouble(tmp_path, value) == ""
    monkeypatch.setattr(pythonic._Meaning, rule, wrong)
    assert trouble(tmp_path, value).startswith("run on numbers it does not do")


FUNCTIONS = 40


def expression(choose: random.Random, depth: int) -> str:
    """Numbers of Python's, of all operations, without bounds."""
    if depth == 0:
        return choose.choice(["a", "b", "m.SIZE", "m.shift", "1", "-3", "0xFFFF_FFFF", "(1 << m.bits)", "2 ** 40"])
    left, right = expression(choose, depth - 1), expression(choose, choose.randrange(depth))
    if choose.random() < 0.2:
        return f"({left} if {left} {choose.choice(['<', '<=', '==', '!=', '>', '>='])} {right} else {right})"
    if choose.random() < 0.2:
        return choose.choice([f"(-{left})", f"(~{left})", f"abs({left})", f"m.wrap({left})", f"min({left}, {right})"])
    if choose.random() < 0.2:
        return f"({left} {choose.choice(['<<', '>>'])} ({right} & 31))"
    return f"({left} {choose.choice(['+', '-', '*', '&', '|', '^', '//', '%'])} {right})"


def test_what_is_noted_of_drawn_functions_is_what_they_do_on_drawn_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_this_process(monkeypatch)
    followed, lost = 0, 0
    for number in range(FUNCTIONS):
        assert trouble(tmp_path, text := expression(random.Random(number), 3)) == "", text
        found = project(tmp_path)
        (function,) = found.functions
        for context, values in actual.drawn(found.program, "m", function):
            told = actual.said(function.tree, context, values, (WORD,))
            followed += isinstance(told, actual.Did)
            lost += isinstance(told, Lost)
    assert followed > 0.6 * (followed + lost), (followed, lost)
