"""A file that is not well formed: what is reported, what is kept, how deep it may nest, and that nothing is raised."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_texts import MOVE, STEP, expression, good, parsed

from verify import syntax
from verify.parser import DEEPEST, Parsed, load_tables, parse
from verify.span import Source

# --- recovery --------------------------------------------------------------------------------------------------------


def places(result: Parsed) -> list[tuple[str, int, int]]:
    return [(diagnostic.code, diagnostic.span.line, diagnostic.span.column) for diagnostic in result.diagnostics]


def kept(result: Parsed) -> list[str]:
    assert result.module is not None
    return [i.label.name if isinstance(i, syntax.Labelled) else i.name.name for i in result.module.items]


def test_three_mistakes_in_one_file_are_all_reported_in_order() -> None:
    result = parsed("module x;\nparam A word;\nparam B: word;\nlemma l() requires a > 0;\ntype t;\nenum e { A B }\n")
    assert places(result) == [("syntax", 2, 9), ("syntax", 4, 20), ("syntax", 6, 12)]
    assert kept(result) == ["B", "t"]
    assert result.broken == {"A", "l", "e", "B"}


def test_the_mistakes_within_one_body_are_all_reported_in_order() -> None:
    result = parsed(
        "module x;\nprocedure p(a: word)\n    requires a > 0\n    ensures e: a <\n    ensures f: s == {}\n{\n"
        "    if (a = 1) { x = 1; }\n    b = 2\n    c = 3;\n    d = f(1;\n    if (a) { x = 1; } else if b { x = 2; }\n"
        "    for (i = 0; i <; i += 1) { }\n    while (a) invariant i j: a { y := 1; }\n}\ntype t;\n"
    )
    assert places(result) == [
        *[("syntax", 3, 14), ("syntax", 5, 5), ("syntax", 7, 11), ("syntax", 8, 10), ("syntax", 10, 12)],
        *[("syntax", 11, 31), ("syntax", 12, 20), ("syntax", 13, 27), ("syntax", 13, 36)],
    ]
    assert kept(result) == ["t"]


def test_many_mistakes_in_one_body_are_all_reported() -> None:
    result = parsed("module x;\nprocedure p(a: word) {\n" + "    b = 1;\n    a = a + ;\n" * 150 + "}\n")
    assert [line for _, line, _ in places(result)] == [4 + 2 * n for n in range(150)]


@pytest.mark.parametrize(
    ("text", "where", "good_items", "broken"),
    [
        ("param A: int\nparam B: int;", [(2, 13)], ["B"], {"A"}),
        ("procedure p() { if (a) { }\nparam B: int;", [(2, 15)], ["B"], {"p"}),
        ("procedure p() { x = 1; } }\nparam B: int;", [(2, 26)], ["p", "B"], set()),
        ("procedure p() { if (a) x = 1; } y = 2; }\nparam B: int;", [(2, 24)], ["B"], {"p"}),
        ("lemma p() ensures e: a x(a); y(a); }\nparam B: int;", [(2, 24)], ["B"], {"p"}),
        ("procedure p() x = 1; y = 2; }\nparam B: int;", [(2, 15)], ["B"], {"p"}),
        ("procedure p() { if (a) { } } y = 2; }\nparam B: int;", [(2, 30)], ["p", "B"], {"y"}),
        ("procedur p() { x = 1; }\nlema q();\nparam B: int;", [(2, 1), (3, 1)], ["B"], {"procedur", "p", "lema", "q"}),
        ("refute r() requires a > 0;\n}\nparam B: int;", [(2, 21), (3, 1)], ["B"], {"r"}),
        ("type t;;\nparam B: int;", [(2, 8)], ["t", "B"], set()),
        ("invariant a b: c;\ninvariant d: e;", [(2, 13)], ["d"], {"a"}),
        ("procedure p() { } invariant d e;\nparam B: int;", [(2, 31)], ["p", "B"], {"d"}),
        (
            "refute procedure p();\ntrusted procedure q(;\nopaque define f();",
            [(2, 21), (3, 21), (4, 18)],
            [],
            {"p", "q", "f"},
        ),
        ("enum e { A, B, type }\nparam B: int;", [(2, 16)], ["B"], {"e", "A", "B"}),
        ("define state(): int = 1;\nparam B: int;", [(2, 8)], ["B"], set()),
        ("define f(type: int, state: int): int = param + 1;\nparam B: int;", [(2, 10), (2, 21), (2, 40)], ["B"], {"f"}),
        ("procedure p(word a, b word, c: word) returns (r) { a = ; }", [(2, 13), (2, 23), (2, 48), (2, 56)], [], {"p"}),
        ("lemma l(m: map[int, ], a: map[int], b: set[);\nparam B: int;", [(2, 21), (2, 34), (2, 44)], ["B"], {"l"}),
        ("lemma l(a: word { }\nparam B: int;", [(2, 17)], ["B"], {"l"}),
        ("lemma l(a:) { } lema k() { }\nparam B: int;", [(2, 11), (2, 17)], ["B"], {"l", "k"}),
        ("define f(): int = { 1; };\nparam B: int;", [(2, 19)], ["B"], {"f"}),
        ("assume a: b", [(2, 12)], [], {"a"}),
        ("const A: int = 0x;\nconst B: int = 1e;", [(2, 16), (3, 16)], ["A", "B"], set()),
    ],
)
def test_a_broken_item_leaves_the_others(
    text: str, where: list[tuple[int, int]], good_items: list[str], broken: set[str]
) -> None:
    result = parsed("module x;\n" + text)
    assert [(line, column) for _, line, column in places(result)] == where
    assert kept(result) == good_items
    assert broken <= result.broken


def test_an_item_nested_too_deep_and_one_that_is_broken_are_both_left_out() -> None:
    result = parsed("module x;\nassume a: " + "!" * 300 + "b;\nassume c d;\nassume e: f;")
    assert [code for code, _, _ in places(result)] == ["nesting", "syntax"]
    assert kept(result) == ["e"]
    assert result.broken == {"a", "c"}


def test_a_broken_header_costs_neither_imports_nor_items() -> None:
    result = parse(Source("spec/far/x.spec", "module ;\nimport a\nimport b;\ntype t;"))
    assert [diagnostic.span.line for diagnostic in result.diagnostics] == [1, 2]
    assert result.module is not None
    assert result.module.name.name == "x"
    assert [name.name for name in result.module.imports] == ["a", "b"]
    assert kept(result) == ["t"]


def test_a_file_without_a_token_has_no_module() -> None:
    for text in ("", " \n\t", "// comment", "/// documentation\n"):
        result = parsed(text)
        assert result.module is None
        assert [diagnostic.code for diagnostic in result.diagnostics] == ["empty-file"]


def test_a_malformed_number_does_not_hide_other_mistakes() -> None:
    assert places(parsed("module x;\nconst A: int = 0x + ;\nconst B: int = 9z;")) == [
        ("number", 2, 16),
        ("syntax", 2, 21),
        ("number", 3, 16),
    ]


def test_a_literal_has_a_limit_that_python_can_print() -> None:
    assert places(parsed("module x;\nassume a: 1 == " + "9" * 1000 + ";")) == []
    assert places(parsed("module x;\nassume a: 1 == " + "9" * 5000 + ";")) == [("number", 2, 16)]
    assert places(parsed("module x;\nassume a: 1 == 0x" + "f" * 5000 + ";")) == [("number", 2, 16)]


# --- depth -----------------------------------------------------------------------------------------------------------

MANY = 2_000

DEEP = {
    "sum": "define f(): int = " + "+".join(["a"] * MANY) + ";",
    "implications": "assume a: " + "b ==> " * MANY + "b;",
    "negations": "assume a: " + "!" * MANY + "b;",
    "brackets": "assume a: " + "m[" * MANY + "1" + "]" * MANY + ";",
    "parentheses and signs": "assume a: " + "-(" * MANY + "1" + ")" * MANY + ";",
    "quantifiers": "assume a: " + "forall x: int :: " * MANY + "b;",
    "types": "state s: " + "set[" * MANY + "int" + "]" * MANY + ";",
    "blocks": "procedure p() {" + "if (a) {" * MANY + "}" * MANY + "}",
    "else if": "procedure p() { if (a) { }" + "else if (a) { }" * MANY + "}",
    "calls": "assume a: " + "f(" * MANY + "1" + ")" * MANY + ";",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_what_is_nested_too_deep_is_one_error(text: str) -> None:
    result = parsed("module x; type t; " + text)
    assert [diagnostic.code for diagnostic in result.diagnostics] == ["nesting"]
    assert kept(result) == ["t"]
    assert len(result.broken) == 1


@pytest.mark.parametrize(
    "text",
    [
        "(" * MANY,
        "assume a: " + "(" * MANY,
        "assume a: " + "m[" * MANY,
        "procedure p() " + "{" * MANY,
        "assume a: " + "if " * MANY,
    ],
)
def test_what_is_opened_and_never_closed_is_one_error(text: str) -> None:
    assert [diagnostic.code for diagnostic in parsed("module x; type t; " + text).diagnostics] == ["syntax"]


def test_a_hundred_thousand_parentheses_end_quickly() -> None:
    start = time.perf_counter()
    assert [diagnostic.code for diagnostic in parsed("module x; assume a: " + "(" * 100_000).diagnostics] == ["syntax"]
    assert time.perf_counter() - start < 10


def test_the_limit_on_depth_is_exact() -> None:
    # The item is a level, and n operands of a sum are n levels.
    assert places(parsed("module x; assume a: " + "+".join(["b"] * (DEEPEST - 1)) + ";")) == []
    assert places(parsed("module x; assume a: " + "+".join(["b"] * DEEPEST) + ";")) == [("nesting", 1, 21)]


def test_parentheses_alone_are_one_level() -> None:
    node = expression("(" * MANY + "a" + ")" * MANY)
    assert isinstance(node, syntax.Paren)
    assert isinstance(node.inner, syntax.Name)
    assert node.span.end_column - node.span.column == 2 * MANY + 1


# --- anything at all -------------------------------------------------------------------------------------------------

TOKENS = [
    *sorted(load_tables(None).written.values()),
    *("x", "y", "0x", "12", "{}", "//", "/// doc\n", "\n", "\t", "é", "\0"),
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=60).map(" ".join))
def test_no_mixture_of_tokens_makes_it_fail(text: str) -> None:
    for whole in (text, "module x; " + text):
        result = parsed(whole)
        assert result.module is None or isinstance(result.module, syntax.Module)
        assert list(result.diagnostics) == sorted(result.diagnostics, key=lambda d: (d.span, d.code))
        lines = whole.split("\n")
        for diagnostic in result.diagnostics:
            assert 1 <= diagnostic.span.line <= len(lines)
            assert diagnostic.span.column <= len(lines[diagnostic.span.line - 1]) + 1
            assert all((diagnostic.what, diagnostic.why, diagnostic.help))


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_no_text_makes_it_fail(text: str) -> None:
    result = parsed(text)
    assert result.diagnostics or result.module is not None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([STEP, MOVE]), st.data())
def test_a_good_file_with_a_token_taken_out_is_read_as_far_as_it_goes(text: str, data: st.DataObject) -> None:
    words = text.split(" ")
    at = data.draw(st.integers(0, len(words) - 1))
    result = parsed(" ".join(words[:at] + words[at + 1 :]))
    assert result.module is not None
    whole = good(text)
    # One token belongs to one item at most, and the item after it can be taken along.
    assert len(result.module.items) >= len(whole.items) - 2
    names = {item.name.name for item in whole.items if not isinstance(item, syntax.Labelled)}
    missing = names - set(kept(result)) - result.broken
    assert len(missing) <= 1
