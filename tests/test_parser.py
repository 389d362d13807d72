"""The syntax of one file: shapes, places, documentation, what is kept of a broken file, and limits."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify import syntax
from verify.parser import DEEPEST, Parsed, Tables, load_tables, parse
from verify.span import Source, Span

STEP = """\
/// How far one step of the move may go.
module extent;

import machine;

/// First address past the PMD of `addr`.
define next_pmd(addr: word): word = (addr + PMD_SIZE) & PMD_MASK;

/// The same boundary as an integer.
define boundary(addr: word): int = int(addr & PMD_MASK) + int(PMD_SIZE);

/// The source side of a step.
procedure source_extent(old_addr: word, old_end: word) returns (extent: word)
    requires aligned:  page_aligned(old_addr) && page_aligned(old_end)
    /// There is something to move.
    requires nonempty: old_addr < old_end
    ensures  exact:    int(extent) == min(boundary(old_addr), int(old_end)) - int(old_addr)
    ensures  progress: extent > 0
    ensures  one_pmd:  forall a: word :: a - old_addr < extent ==> same_pmd(a, old_addr)
{
    var next: word = next_pmd(old_addr);
    if (next - 1 > old_end) {
        next = old_end;
    }
    extent = next - old_addr;
}

refute without_minus_one(old_addr: word, old_end: word)
    on parisc32
    requires nonempty: old_addr < old_end
    ensures  inside:   (if next_pmd(old_addr) > old_end then old_end else next_pmd(old_addr)) - old_addr
                       <= old_end - old_addr
    witness  wrapped:  next_pmd(old_addr) == 0;

cover last_pmd(old_addr: word, old_end: word)
    on parisc32
    requires user: old_addr < old_end && old_end <= TASK_SIZE
    witness  wrap: next_pmd(old_addr) == 0;
"""

MOVE = """\
module move;

param PAGE_SHIFT: int;
const PAGE_SIZE: word = word(1) << PAGE_SHIFT;
const none: pte;
assume small: PAGE_SHIFT < WORD_BITS;
geometry arm { WORD_BITS = 32; PAGE_SHIFT = 12; }
geometry bare { }
type pte;
enum side { old_side, new_side }
state ptes: map[word, pte];
state tables: set[word];
invariant rooted: tables != {};
opaque define kept(p: pte): bool = p == none;
define moved(p: pte, at: word): pte;

trusted procedure flush() returns ()
    modifies ptes
    ensures same: ptes == old(ptes);

procedure move_page_tables(old_addr: word, new_addr: word, len: word) returns (done: word)
    requires fits: len <= 0xffff_ffff
    modifies ptes, tables
    ensures  moved: forall a: word :: a - new_addr < done && old(ptes)[a] != none ==> ptes[a] == moved(old(ptes)[a], a)
    decreases len
{
    var old_end: word = old_addr + len;
    var extent: word;
    for (; old_addr < old_end; old_addr += extent, new_addr += extent)
        invariant together: old_addr - old(old_addr) == new_addr - old(new_addr)
        decreases old_end - old_addr
    {
        extent = source_extent(old_addr, old_end);
        if (!present) { continue; } else if (full || !free) { break; } else { reveal kept; }
        ptes[new_addr] = moved(ptes[old_addr], new_addr);
        x, y = both(old_addr, 1);
        flush();
        assert kept: tables[new_addr := true] == tables && ~old_addr in tables;
        while (false) { }
        for (;;x -= 1) { }
        len -= 1;
        return;
    }
    done = len + old_addr - old_end;
}

lemma twice(n: int)
    without small
    decreases n
    ensures even: exists m: int, k: int :: n == (let d = m + k :: d)
{ }

refute procedure wrong(a: word) returns (r: word)
    on arm, bare
    ensures e: r != a
{ r = a; }
""".replace("for (;;x -= 1)", "for (; x > 0; x -= 1)")


@pytest.fixture(scope="module")
def tables() -> Tables:
    return load_tables(None)


def parsed(text: str) -> Parsed:
    return parse(Source("x.spec", text))


def good(text: str) -> syntax.Module:
    result = parsed(text)
    assert result.diagnostics == ()
    assert result.broken == frozenset()
    assert result.module is not None
    return result.module


def expression(text: str) -> syntax.Expr:
    item = good(f"module x; define f(): int = {text};").items[0]
    assert isinstance(item, syntax.Define)
    assert item.value is not None
    return item.value


def nodes(root: object) -> Iterator[object]:
    """A node and all below it, in the order of the text."""
    if isinstance(root, tuple):
        for child in root:
            yield from nodes(child)
    elif is_dataclass(root) and not isinstance(root, Span):
        yield root
        for field in fields(root):
            yield from nodes(getattr(root, field.name))


def place_of(node: Any) -> Span:
    span: Span = node.span
    return span


# --- what is accepted ------------------------------------------------------------------------------------------------


def test_a_file_of_definitions_and_claims_is_read_whole() -> None:
    module = good(STEP)
    assert module.name.name == "extent"
    assert module.doc == ("How far one step of the move may go.",)
    assert [name.name for name in module.imports] == ["machine"]
    assert [type(item).__name__ for item in module.items] == ["Define", "Define", "Routine", "Routine", "Routine"]


def test_every_kind_of_node_is_made_somewhere() -> None:
    made = {type(node) for text in (STEP, MOVE) for node in nodes(good(text))}
    declared = {
        value
        for value in vars(syntax).values()
        if isinstance(value, type) and is_dataclass(value) and value is not Span
    }
    assert declared - made == set()


def test_every_kind_of_routine_is_told_apart() -> None:
    routines = [item for text in (STEP, MOVE) for item in good(text).items if isinstance(item, syntax.Routine)]
    found = {routine.name.name: (routine.kind, routine.body is not None) for routine in routines}
    kind = syntax.RoutineKind
    assert found == {
        "source_extent": (kind.PROCEDURE, True),
        "without_minus_one": (kind.REFUTE, False),
        "last_pmd": (kind.COVER, False),
        "flush": (kind.TRUSTED, False),
        "move_page_tables": (kind.PROCEDURE, True),
        "twice": (kind.LEMMA, True),
        "wrong": (kind.REFUTE_PROCEDURE, True),
    }


@pytest.mark.parametrize(
    "text",
    [
        "let x = 1 :: x + 1",
        "a ==> let x = a :: x",
        "(let x = a :: x) + 1",
        "a ==> forall i: int :: b ==> exists j: int :: c",
        "a && forall i: int :: b",
        "a || exists i: int :: b",
        "a <==> forall i: int, j: word :: b",
        "a ==> if b then c else d",
        "a && if b then c else d || e",
        "if if a then b else c then let x = 1 :: x else forall i: int :: i > 0",
        "let x = let y = 1 :: y :: x",
        "f()[1][a := 2][3]",
        "(s[x := true])[y := {}]",
        "--!~-1",
        "x in s && {} == {}",
        "(forall i: int :: a) && b",
        "old(m)[old(a)] == int(word(1))",
        "0x1F + 1_000 + 0xdead_beef + 007",
    ],
)
def test_an_expression_is_accepted(text: str) -> None:
    assert parsed(f"module x; assume a: {text};").diagnostics == ()


@pytest.mark.parametrize(
    "text",
    [
        "module x; /// about what follows\n",
        "module x; type t; /// at the end",
        "/// one\n/// two\nmodule /// three\n x /// four\n; /// five\nimport a /// six\n; type t;",
        "module x; procedure p() /// a\n requires r: a /// b\n && b /// c\n { /// d\n x = 1; /// e\n /// f\n }",
        "module x; lemma l() /// a\n on g /// b\n /// c\n without w /// d\n ensures e: a /// e\n;",
        "module x; procedure p() { while (a) /// a\n /// b\n invariant i: a /// c\n /// d\n decreases b /// e\n { } }",
        "module x; define f(/// a\n x: /// b\n word): int = /// c\n 1;",
        "module x; geometry g { /// a\n A = 1; /// b\n }",
        "module x; type t;//",
        "module x; //// no documentation\n type t; // comment",
    ],
)
def test_documentation_and_comments_do_no_harm_anywhere(text: str) -> None:
    assert parsed(text).diagnostics == ()


def test_documentation_is_kept_for_items_clauses_and_asserts() -> None:
    module = good(
        "module x; /// first\n\n// comment\n///second  \n//// no documentation\nprocedure p()\n"
        "    /// of r\n    requires r: a\n{\n    /// lost\n    x = 1;\n    /// of c\n    assert c: a;\n}\n"
        "/// of the assumption\nassume a: true;"
    )
    routine, assume = module.items
    assert isinstance(routine, syntax.Routine)
    assert isinstance(assume, syntax.Labelled)
    assert routine.doc == ("first", "second")
    assert [clause.doc for clause in routine.clauses if isinstance(clause, syntax.Labelled)] == [("of r",)]
    assert [node.doc for node in nodes(routine.body) if isinstance(node, syntax.Assert)] == [("of c",)]
    assert assume.doc == ("of the assumption",)


def test_lines_may_end_as_on_other_systems_and_be_indented_with_tabs() -> None:
    module = good("module x;\r\n/// doc\r\n\tparam A: word;\r\n// comment\r\n\tparam B: int;\r\n")
    assert [(item.span.line, item.span.column) for item in module.items] == [(3, 2), (5, 2)]
    assert [item.doc for item in module.items if isinstance(item, syntax.Param)] == [("doc",), ()]


def test_reserved_words_are_never_names(tables: Tables) -> None:
    words = sorted(text for text in tables.written.values() if text.isalpha() and text not in ("name", "number"))
    assert len(words) > 40
    for word in words:
        assert parsed(f"module x; define f({word}: int): int = 1;").diagnostics, word
        assert not parsed(f"module x; define f({word}_: int, x{word}: int): int = {word}_ + x{word};").diagnostics, word


# --- precedence ------------------------------------------------------------------------------------------------------


def grouped(node: syntax.Expr) -> str:
    """An expression with all of its brackets."""
    match node:
        case syntax.Binary(op=op, left=left, right=right):
            return f"({grouped(left)} {op} {grouped(right)})"
        case syntax.Unary(op=op, operand=operand):
            return f"({op}{grouped(operand)})"
        case syntax.Name(name=name):
            return name
        case syntax.Number(value=value):
            return str(value)
        case syntax.Paren(inner=inner):
            return f"[{grouped(inner)}]"
        case syntax.Quantified(universal=universal, binders=binders, body=body):
            word = "forall" if universal else "exists"
            return f"({word} {','.join(binder.name for binder in binders)} :: {grouped(body)})"
        case syntax.IfThenElse(condition=condition, then=then, otherwise=otherwise):
            return f"(if {grouped(condition)} then {grouped(then)} else {grouped(otherwise)})"
        case syntax.Let(name=name, value=value, body=body):
            return f"(let {name.name} = {grouped(value)} :: {grouped(body)})"
        case syntax.Index(base=base, key=key):
            return f"{grouped(base)}[{grouped(key)}]"
        case _:
            raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("a <==> b <==> c", "((a <==> b) <==> c)"),
        ("a <==> b ==> c", "(a <==> (b ==> c))"),
        ("a ==> b <==> c", "((a ==> b) <==> c)"),
        ("a ==> b ==> c", "(a ==> (b ==> c))"),
        ("a || b ==> c || d", "((a || b) ==> (c || d))"),
        ("a || b && c || d", "((a || (b && c)) || d)"),
        ("a && b == c && d", "((a && (b == c)) && d)"),
        ("a | b == c | d", "((a | b) == (c | d))"),
        ("a in b && c", "((a in b) && c)"),
        ("a | b ^ c | d", "((a | (b ^ c)) | d)"),
        ("a ^ b & c ^ d", "((a ^ (b & c)) ^ d)"),
        ("a & b << c & d", "((a & (b << c)) & d)"),
        ("a << b + c >> d", "((a << (b + c)) >> d)"),
        ("a - b - c + d", "(((a - b) - c) + d)"),
        ("a + b * c - d", "((a + (b * c)) - d)"),
        ("a / b * c % d", "(((a / b) * c) % d)"),
        ("-a * ~b", "((-a) * (~b))"),
        ("!a && !b", "((!a) && (!b))"),
        ("-a[1]", "(-a[1])"),
        ("!~-a", "(!(~(-a)))"),
        ("a - -b", "(a - (-b))"),
        ("a < -1", "(a < (-1))"),
        ("(a + b) * c", "([(a + b)] * c)"),
        ("((a))", "[a]"),
        ("forall x: int :: a ==> b", "(forall x :: (a ==> b))"),
        ("exists x: int :: a || b", "(exists x :: (a || b))"),
        ("a ==> forall x: int, y: int :: b && c <==> d", "(a ==> (forall x,y :: ((b && c) <==> d)))"),
        ("a || b && forall x: int :: c || d", "(a || (b && (forall x :: (c || d))))"),
        ("a ==> b || if c then d else e ==> f", "(a ==> (b || (if c then d else (e ==> f))))"),
        ("let x = a && b :: c || d", "(let x = (a && b) :: (c || d))"),
        ("let x = forall y: int :: a :: b", "(let x = (forall y :: a) :: b)"),
    ],
)
def test_operators_bind_as_the_language_says(text: str, shape: str) -> None:
    assert grouped(expression(text)) == shape


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("12", 12), ("1_000", 1000), ("0x1f", 31), ("0xFF_ff", 65535), ("007", 7), ("1_", 1), ("0x_a", 10)],
)
def test_a_literal_has_its_value(text: str, value: int) -> None:
    node = expression(text)
    assert isinstance(node, syntax.Number)
    assert node.value == value


# --- places ----------------------------------------------------------------------------------------------------------

PLACES = [
    (syntax.Module, STEP.partition("\n")[2], "module extent; import machine; define"),
    (syntax.Define, STEP, "define next_pmd(addr: word): word = (addr + PMD_SIZE) & PMD_MASK;"),
    (syntax.Binder, STEP, "addr"),
    (syntax.NamedType, STEP, "word"),
    (syntax.Binary, STEP, "(addr + PMD_SIZE) & PMD_MASK"),
    (syntax.Paren, STEP, "(addr + PMD_SIZE)"),
    (syntax.Labelled, STEP, "requires aligned: page_aligned(old_addr) && page_aligned(old_end)"),
    (syntax.Quantified, STEP, "forall a: word :: a - old_addr < extent ==> same_pmd(a, old_addr)"),
    (syntax.Declare, STEP, "var next: word = next_pmd(old_addr);"),
    (syntax.If, STEP, "if (next - 1 > old_end) { next = old_end; }"),
    (syntax.IfThenElse, STEP, "if next_pmd(old_addr) > old_end then old_end else next_pmd(old_addr)"),
    (syntax.On, STEP, "on parisc32"),
    (syntax.Param, MOVE, "param PAGE_SHIFT: int;"),
    (syntax.Const, MOVE, "const PAGE_SIZE: word = word(1) << PAGE_SHIFT;"),
    (syntax.Labelled, MOVE, "assume small: PAGE_SHIFT < WORD_BITS"),
    (syntax.Geometry, MOVE, "geometry arm { WORD_BITS = 32; PAGE_SHIFT = 12; }"),
    (syntax.TypeDecl, MOVE, "type pte;"),
    (syntax.EnumDecl, MOVE, "enum side { old_side, new_side }"),
    (syntax.StateDecl, MOVE, "state ptes: map[word, pte];"),
    (syntax.MapType, MOVE, "map[word, pte]"),
    (syntax.SetType, MOVE, "set[word]"),
    (syntax.EmptySet, MOVE, "{}"),
    (syntax.Routine, MOVE, "trusted procedure flush() returns () modifies ptes ensures same: ptes == old(ptes);"),
    (syntax.Modifies, MOVE, "modifies ptes"),
    (syntax.Without, MOVE, "without small"),
    (syntax.Decreases, MOVE, "decreases len"),
    (syntax.Call, MOVE, "word(1)"),
    (syntax.Number, MOVE, "1"),
    (syntax.Name, MOVE, "move"),
    (syntax.Index, MOVE, "old(ptes)[a]"),
    (syntax.Update, MOVE, "tables[new_addr := true]"),
    (syntax.Boolean, MOVE, "true"),
    (syntax.Unary, MOVE, "!present"),
    (syntax.Let, MOVE, "let d = m + k :: d"),
    (syntax.Assign, MOVE, "old_addr += extent"),
    (syntax.CallStatement, MOVE, "flush();"),
    (syntax.Assert, MOVE, "assert kept: tables[new_addr := true] == tables && ~old_addr in tables;"),
    (syntax.Reveal, MOVE, "reveal kept;"),
    (syntax.Jump, MOVE, "continue;"),
]


@pytest.mark.parametrize(("kind", "text", "place"), PLACES, ids=[f"{row[0].__name__}-{row[2][:20]}" for row in PLACES])
def test_a_node_s_place_runs_from_its_first_token_to_its_last(kind: type, text: str, place: str) -> None:
    source = Source("x.spec", text)
    first = next(node for node in nodes(good(text)) if type(node) is kind)
    cut = source.cut(place_of(first))
    assert cut.startswith(place) if kind is syntax.Module else cut == place


def test_the_places_of_all_kinds_of_nodes_are_checked() -> None:
    made = {type(node) for text in (STEP, MOVE) for node in nodes(good(text))}
    assert {kind.__name__ for kind in made} - {kind.__name__ for kind, _, _ in PLACES} == {"Loop"}


def test_a_loop_knows_its_head_and_a_routine_its_name() -> None:
    source = Source("x.spec", MOVE)
    module = good(MOVE)
    loop = next(node for node in nodes(module) if isinstance(node, syntax.Loop))
    heads = [source.cut(item.head) for item in module.items if isinstance(item, syntax.Routine)]
    assert source.cut(loop.head) == "for (; old_addr < old_end; old_addr += extent, new_addr += extent)"
    assert source.cut(loop.span).startswith(source.cut(loop.head))
    assert source.cut(loop.span).endswith("return; }")
    assert (len(loop.init), len(loop.step), len(loop.clauses)) == (0, 2, 2)
    assert heads == ["trusted procedure flush", "procedure move_page_tables", "lemma twice", "refute procedure wrong"]


def test_lines_and_columns_count_from_one_and_the_end_is_past_the_last() -> None:
    (item,) = good("module x;\n\ttype\n  pte ;").items
    assert item.span == Span("x.spec", 2, 2, 3, 8)


def test_every_node_lies_within_the_one_around_it() -> None:
    def check(node: object, around: Span) -> None:
        if isinstance(node, tuple):
            for child in node:
                check(child, around)
        elif is_dataclass(node) and not isinstance(node, Span):
            inside: Span = place_of(node)
            assert around.contains(inside), node
            # A binder is where its name is; its type stands after it.
            below = around if isinstance(node, syntax.Binder) else inside
            for field in fields(node):
                check(getattr(node, field.name), below)

    for text in (STEP, MOVE):
        module = good(text)
        check(module, module.span)


def test_a_call_built_in_is_a_call() -> None:
    node = expression("old(x)")
    assert isinstance(node, syntax.Call)
    assert (node.name.name, len(node.arguments)) == ("old", 1)


def test_else_if_is_an_if_alone_in_otherwise() -> None:
    module = good("module x; procedure p() { if (a) { } else if (b) { x = 1; } else { y = 1; } }")
    (outer,) = [node for node in nodes(module) if isinstance(node, syntax.If) and node.condition.span.column == 31]
    (inner,) = outer.otherwise
    assert isinstance(inner, syntax.If)
    assert (len(inner.then), len(inner.otherwise)) == (1, 1)
    assert inner.span.end_column == outer.span.end_column


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


@pytest.mark.parametrize(
    ("text", "where", "good_items", "broken"),
    [
        ("param A: int\nparam B: int;", [(2, 13)], ["B"], {"A"}),
        ("procedure p() { if (a) { }\nparam B: int;", [(2, 15)], ["B"], {"p"}),
        ("procedure p() { x = 1; } }\nparam B: int;", [(2, 26)], ["p", "B"], set()),
        ("procedure p() x = 1; y = 2; }\nparam B: int;", [(2, 15)], ["B"], {"p"}),
        ("procedure p() { if (a) { } } y = 2; }\nparam B: int;", [(2, 30)], ["p", "B"], {"y"}),
        ("procedur p() { x = 1; }\nlema q();\nparam B: int;", [(2, 1), (3, 1)], ["B"], {"procedur", "p", "lema", "q"}),
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
        ("define f(type: int, state: int): int = param + 1;\nparam B: int;", [(2, 10)], ["B"], {"f"}),
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


# --- the cache -------------------------------------------------------------------------------------------------------


def works(tables: Tables) -> bool:
    return parse(Source("x.spec", STEP), tables) == parse(Source("x.spec", STEP)) and good(STEP) is not None


def cache_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_with_a_warm_cache_the_tables_are_there_in_a_tenth_of_a_second(tmp_path: Path) -> None:
    load_tables(tmp_path)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        tables = load_tables(tmp_path)
        times.append(time.perf_counter() - start)
    assert works(tables)
    assert min(times) < 0.1


def test_the_cache_is_one_file_and_is_used(tmp_path: Path) -> None:
    load_tables(tmp_path / "a" / "b")
    (file,) = cache_files(tmp_path / "a" / "b")
    before = file.stat().st_mtime_ns
    assert works(load_tables(tmp_path / "a" / "b"))
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["empty", "cut short", "one bit", "rubbish", "another grammar"])
def test_a_damaged_cache_is_built_again(damage: str, tmp_path: Path) -> None:
    load_tables(tmp_path)
    (file,) = cache_files(tmp_path)
    data = file.read_bytes()
    middle = len(data) // 2
    file.write_bytes(
        {
            "empty": b"",
            "cut short": data[:middle],
            "one bit": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "rubbish": b"\x80\x05rubbish" * 100,
            "another grammar": bytes(32) + data[32:],
        }[damage]
    )
    assert works(load_tables(tmp_path))
    assert cache_files(tmp_path) == [file]
    again = file.read_bytes()
    assert again[:32] == data[:32]
    assert again[32:64] == hashlib.sha256(again[64:]).digest()


@pytest.mark.parametrize("folder", ["file", "file/below", "a\0b"], ids=["a file", "below a file", "no name at all"])
def test_a_cache_folder_that_cannot_be_used_does_no_harm(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert works(load_tables(tmp_path / folder))
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_cache_in_a_file_s_place_does_no_harm(tmp_path: Path) -> None:
    load_tables(tmp_path)
    (file,) = cache_files(tmp_path)
    file.unlink()
    (file / "inside").mkdir(parents=True)
    assert works(load_tables(tmp_path))


def test_several_at_once_share_one_cache(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(works, pool.map(load_tables, [tmp_path] * 4)))
    assert len(cache_files(tmp_path)) == 1
