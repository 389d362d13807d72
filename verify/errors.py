"""Every mistake that elaboration can find, one function each: what, why, and what to write instead.

The codes are part of the interface: tests and editors match on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from verify.diagnostic import Diagnostic
from verify.span import Span


def _near(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"did you mean `{close[0]}`?" if close else "declare it, or import the module that does"


_FIT = "write `word(...)`, which asks for a proof that the integer fits"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def unknown_name(span: Span, name: str, kind: str, known: Iterable[str]) -> Diagnostic:
    return Diagnostic(
        "unknown-name",
        span,
        f"unknown {kind} `{name}`",
        f"{'nothing' if kind == 'name' else f'no {kind}'} of this name is declared here, in this module, or in one "
        "that it imports",
        _near(name, known),
    )


def duplicate_name(span: Span, name: str, first: str) -> Diagnostic:
    return Diagnostic(
        "duplicate-name",
        span,
        f"`{name}` is declared twice",
        f"{first}, and a name has one meaning in a scope",
        "rename one of the two",
    )


def built_in_name(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "built-in-name",
        span,
        f"`{name}` is built in",
        "every module sees it, and a name has one meaning in a scope",
        "choose another name",
    )


def duplicate_label(span: Span, label: str, kind: str) -> Diagnostic:
    return Diagnostic(
        "duplicate-label",
        span,
        f"two {kind} clauses are labelled `{label}`",
        "the label is part of the obligation's id, which must name one obligation",
        "give each its own label",
    )


def type_mismatch(span: Span, what: str, found: str, wanted: str, help_: str = "") -> Diagnostic:
    if not help_:
        help_ = {
            ("word", "int"): "write `int(...)` for the value of the word as an integer",
            ("int", "word"): _FIT,
            ("word", "bool"): "compare it, as with `!= 0`: a number is no truth value",
            ("int", "bool"): "compare it, as with `!= 0`: a number is no truth value",
        }.get((found, wanted), f"use an expression of type {wanted}")
    return Diagnostic(
        "type-mismatch", span, f"{what} is {found}, not {wanted}", "types do not convert by themselves", help_
    )


def operand_types(span: Span, op: str, left: str, right: str) -> Diagnostic:
    if {left, right} == {"word", "int"}:
        help_ = "write `int(...)` round the word, or `word(...)` round the int, which asks for a proof that it fits"
    else:
        help_ = "make both sides the same type"
    return Diagnostic(
        "type-mismatch", span, f"`{op}` between {left} and {right}", "the two sides of an operator have one type", help_
    )


def operator_type(span: Span, op: str, found: str, allowed: str) -> Diagnostic:
    help_ = f"use it on {allowed}"
    if found == "bool" and op in "&|^~":
        help_ = {"&": "write `&&`", "|": "write `||`", "^": "write `!=`", "~": "write `!`"}[op]
    elif found == "int" and allowed == "word":
        help_ = _FIT
    elif found in ("word", "int") and op == "!":
        help_ = "compare it with `== 0`; `~` turns the bits of a word"
    return Diagnostic(
        "operator-type", span, f"`{op}` does not work on {found}", f"it is defined for {allowed} alone", help_
    )


def c_grouping(span: Span, op: str, comparison: str, here: str, in_c: str) -> Diagnostic:
    return Diagnostic(
        "c-grouping",
        span,
        f"`{op}` beside `{comparison}` without parentheses",
        f"here it reads {here}, and in C it reads {in_c}",
        f"write {here} or {in_c}",
    )


def number_type(span: Span, wanted: str) -> Diagnostic:
    return Diagnostic(
        "type-mismatch",
        span,
        f"a number stands where {wanted} is wanted",
        "a number is a word or an int",
        f"use a value of type {wanted}",
    )


def literal_range(span: Span, value: int, word_bits: int, where: str) -> Diagnostic:
    return Diagnostic(
        "literal-range",
        span,
        f"{value:#x} does not fit a word of {word_bits} bits",
        f"the claim `{where}` is made at that word size",
        "restrict the claim with `on`, or compute the value from the geometry",
    )


def not_a_value(span: Span, name: str, kind: str) -> Diagnostic:
    helps = {
        "define": f"call it: `{name}(...)`",
        "procedure": f"call it as a statement: `x = {name}(...);`",
    }
    return Diagnostic(
        "not-a-value",
        span,
        f"`{name}` is a {kind}, not a value",
        "only variables and constants are values",
        helps.get(kind, "use a variable"),
    )


def not_a_function(span: Span, name: str, kind: str) -> Diagnostic:
    help_ = (
        f"call it as a statement: `x = {name}(...);`" if kind in ("procedure", "trusted procedure") else "call a define"
    )
    return Diagnostic(
        "not-a-function",
        span,
        f"`{name}` is a {kind} and cannot be called in an expression",
        "expressions call defines alone",
        help_,
    )


def not_callable(span: Span, name: str, kind: str) -> Diagnostic:
    if kind == "refute procedure":
        what = f"`{name}` is a refute procedure and cannot be called here"
        why = "what it claims is false: it can be run, and not relied on"
        return Diagnostic("not-callable", span, what, why, "call it in another `refute procedure`")
    return Diagnostic(
        "not-callable",
        span,
        f"`{name}` is a {kind} and cannot be called as a statement",
        "statements call procedures and lemmas",
        "call one of these",
    )


def argument_count(span: Span, name: str, wanted: int, found: int) -> Diagnostic:
    return Diagnostic(
        "argument-count",
        span,
        f"`{name}` takes {_count(wanted, 'argument')}, {found} given",
        "each parameter gets one argument",
        "give as many as it declares",
    )


def target_twice(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "target-count",
        span,
        f"`{name}` takes two results",
        "each result goes into a variable of its own",
        "name another variable for one of them",
    )


def one_value(span: Span, targets: int) -> Diagnostic:
    return Diagnostic(
        "target-count",
        span,
        f"one value for {targets} variables",
        "a procedure alone gives values to several variables",
        "write one assignment for each",
    )


def target_count(span: Span, name: str, results: int, targets: int) -> Diagnostic:
    return Diagnostic(
        "target-count",
        span,
        f"`{name}` returns {_count(results, 'result')}, for {_count(targets, 'variable')}",
        "each result goes into one variable",
        "name one variable for each result, each another, or none at all to drop them",
    )


def not_indexable(span: Span, found: str) -> Diagnostic:
    return Diagnostic(
        "not-indexable", span, f"{found} cannot be indexed", "`[...]` is for maps and sets", "index a map or a set"
    )


def not_assignable(span: Span, name: str, kind: str) -> Diagnostic:
    return Diagnostic(
        "not-assignable",
        span,
        f"`{name}` is a {kind} and cannot be assigned to",
        "statements assign to locals, parameters, results and (in procedures) state variables",
        "assign to one of these",
    )


def empty_set_type(span: Span) -> Diagnostic:
    return Diagnostic(
        "empty-set-type",
        span,
        "the type of `{}` is not known here",
        "`{}` takes its type from where it is used",
        "give it a place with a type: `var s: set[T] = {};`",
    )


def old_here(span: Span, where: str) -> Diagnostic:
    return Diagnostic(
        "old-here",
        span,
        f"`old` cannot stand in {where}",
        "`old` speaks of the entry of a procedure, and there is none",
        "use it in the clauses and the body of a procedure",
    )


def inside_old(span: Span, name: str, kind: str) -> Diagnostic:
    return Diagnostic(
        "inside-old",
        span,
        f"the {kind} `{name}` stands inside `old`",
        f"a {kind} has no value on entry of the procedure",
        f"take `{name}` out of `old(...)`",
    )


def result_here(span: Span, name: str, where: str) -> Diagnostic:
    return Diagnostic(
        "result-here",
        span,
        f"the result `{name}` stands in {where}",
        "a result has its value at the end",
        "use it in `ensures` and in the body",
    )


def state_here(span: Span, name: str, where: str) -> Diagnostic:
    return Diagnostic(
        "state-here",
        span,
        f"the state variable `{name}` stands in {where}",
        f"{where} speaks of the geometry alone",
        "use params and consts",
    )


def unassigned_result(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "unassigned-result",
        span,
        f"the result `{name}` is not assigned on every path",
        "on some path to here nothing gives it a value",
        f"assign to `{name}` before",
    )


def outside_loop(span: Span, word: str) -> Diagnostic:
    return Diagnostic(
        "outside-loop",
        span,
        f"`{word}` stands outside a loop",
        f"`{word}` leaves or repeats the loop round it",
        "use `return` or `if`",
    )


def no_decreases(span: Span) -> Diagnostic:
    return Diagnostic(
        "no-decreases",
        span,
        "the loop has no `decreases`",
        "without one nothing shows that the loop ends",
        "add `decreases EXPR`: a word, or an int that stays at 0 or above",
    )


def twice(span: Span, what: str) -> Diagnostic:
    return Diagnostic(
        "clause-twice", span, f"a second {what}", f"one {what} is all that is allowed here", "keep one of them"
    )


def clause_here(span: Span, clause: str, kind: str, help_: str) -> Diagnostic:
    return Diagnostic("clause-here", span, f"a {kind} has no {clause}", f"{clause} means nothing for a {kind}", help_)


def body_missing(span: Span, kind: str, name: str) -> Diagnostic:
    return Diagnostic(
        "body-missing",
        span,
        f"the {kind} `{name}` has no body",
        f"a {kind} is proved (or run) from its body",
        f"write one in braces; a contract to be taken on trust is a `trusted procedure {name}(...)`",
    )


def body_here(span: Span, kind: str, name: str) -> Diagnostic:
    return Diagnostic(
        "body-here", span, f"the {kind} `{name}` has a body", f"a {kind} is its clauses alone", "end it with `;`"
    )


def nothing_to_refute(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "nothing-to-refute",
        span,
        f"the refute `{name}` has no `ensures`",
        "a refute shows that an `ensures` is broken",
        "say what is false: `ensures LABEL: ...`",
    )


def statement_here(span: Span, what: str, kind: str) -> Diagnostic:
    return Diagnostic(
        "statement-here",
        span,
        f"{what} in a {kind}",
        "a lemma is a theorem: it changes no state",
        "use locals, lemma calls, `assert` and `reveal`",
    )


def recursion(span: Span, path: Iterable[str]) -> Diagnostic:
    return Diagnostic(
        "recursion",
        span,
        "a circle: " + " -> ".join(path),
        "definitions and procedures do not recurse; only a lemma may call itself",
        "break the circle; for a lemma by induction, call itself with a smaller `decreases`",
    )


def not_opaque(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "not-opaque",
        span,
        f"`{name}` is not opaque",
        "`reveal` opens an `opaque define`",
        "drop the `reveal`, or declare the define opaque",
    )


def const_without_value(span: Span, name: str, type_: str) -> Diagnostic:
    return Diagnostic(
        "const-without-value",
        span,
        f"the constant `{name}` has no value",
        f"only a constant of an opaque type names a new member; {type_} is none",
        f"give a value, or write `param {name}: {type_};` if a geometry fixes it",
    )


def geometry_value(span: Span, geometry: str, why: str, help_: str) -> Diagnostic:
    return Diagnostic(
        "geometry-value", span, f"geometry `{geometry}`: {why}", "a geometry fixes WORD_BITS and every param", help_
    )


def extension_value(span: Span, geometry: str, what: str, help_: str) -> Diagnostic:
    return Diagnostic(
        "extension-value",
        span,
        f"extension of `{geometry}`: {what}",
        "it gives a geometry, once each, the params that have no value yet",
        help_,
    )


def extended_here(span: Span, geometry: str, first: str) -> Diagnostic:
    return Diagnostic(
        "extended-here",
        span,
        f"geometry `{geometry}` is extended in the module that has its values already",
        f"{first}, and the obligation `geometry.{geometry}` of a module is about one place",
        "write all the values there",
    )


def second_interference(span: Span, name: str, first: str) -> Diagnostic:
    return Diagnostic(
        "second-interference",
        span,
        f"`{name}` is a second interference procedure, beside `{first}`",
        "what others do is said in one place: a module sees one interference procedure at most",
        "say it all in one, or import only one of the two",
    )


def interference_shape(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "interference-shape",
        span,
        f"the interference procedure `{name}` has parameters or results",
        "nobody calls it: others act whenever they may, and what they do is for a state to say",
        "drop them, and read what is to be done from a state",
    )


def not_atomic(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "not-atomic",
        span,
        f"others act within `{name}`",
        "nobody acts within `atomic`, and this procedure is more than one step",
        "call it outside, or write here what it does",
    )


def shared_condition(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "shared-condition",
        span,
        f"the condition of a loop reads `{name}`, which others may change",
        "each test of it would be a step of its own, and it is not seen where others act between",
        "read it into a local variable, before the loop and at the end of its body",
    )
