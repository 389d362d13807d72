"""The syntax of one file that is well formed: shapes, precedence, places and documentation."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import pytest
from spec_texts import MOVE, STEP, expression, good, nodes, parsed, place_of

from verify import syntax
from verify.parser import load_tables
from verify.span import Source, Span

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


def test_reserved_words_are_never_names() -> None:
    words = sorted(
        text for text in load_tables(None).written.values() if text.isalpha() and text not in ("name", "number")
    )
    assert len(words) > 40
    for word in set(words) - {"atomic", "interference", "extend"}:
        assert parsed(f"module x; define f({word}: int): int = 1;").diagnostics, word
        assert not parsed(f"module x; define f({word}_: int, x{word}: int): int = {word}_ + x{word};").diagnostics, word


def test_three_words_are_reserved_only_where_no_name_can_stand() -> None:
    module = good(
        "module atomic; type interference; state atomic: interference;"
        " procedure p(x: bool) returns (interference: int) ensures e: x == atomic {"
        " atomic = f(atomic); if (atomic) { } interference = 1; atomic { atomic = x; } }"
        " interference procedure q() { } geometry extend { } extend geometry extend { extend = extend; }"
    )
    routines = [item for item in module.items if isinstance(item, syntax.Routine)]
    assert [r.kind for r in routines] == [syntax.RoutineKind.PROCEDURE, syntax.RoutineKind.INTERFERENCE]
    assert [type(stmt) for stmt in routines[0].body or ()] == [
        syntax.Assign,
        syntax.If,
        syntax.Assign,
        syntax.Atomic,
    ]
    geometry, extension = module.items[-2:]
    assert isinstance(geometry, syntax.Geometry)
    assert isinstance(extension, syntax.Extend)


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
    (syntax.Extend, MOVE, "extend geometry bare { DEPTH = 2; }"),
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
    (syntax.Atomic, MOVE, "atomic { len = 0; }"),
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
