"""From the text of one file to its syntax: the only place where lark is met.

lark makes the tokens and owns the tables; `verify.build` makes the nodes as rules are reduced. When the whole file does
not parse, its tokens are cut into items and each is parsed alone, so that the mistakes of all of them are reported and
the good ones are kept.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, cast

import lark
import platformdirs
from lark.exceptions import UnexpectedToken

from verify.build import Build, Header, Import
from verify.diagnostic import Diagnostic
from verify.lexeme import Lexeme, after
from verify.lexical_error import bad_number, without_block_comments
from verify.recovery import broken_part, cut, declared, has_braces, imported, left_over, opens_body
from verify.span import Source, Span
from verify.syntax import Item, Labelled, Module, Name
from verify.syntax_error import Situation, explain

DEEPEST = 250
"""How many nodes may lie within one another. Later stages recurse over nodes, and so stay within Python's stack."""

MOST_MISTAKES = 200
"""How many mistakes of one item are reported."""

_STARTS = ("file", "header", "import_line", "item", "lexemes")
_SOMETIMES = {"atomic": "ATOMIC", "interference": "INTERFERENCE", "extend": "EXTEND"}
"""The words that are reserved only where no name can be, and what they are then."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file says.

    `module` is None iff the file has no token at all; a file whose module line is missing or broken is called after
    its file. Its items are those that parse. `diagnostics` are in the order of the text, one or more for each broken
    item and one for each malformed number; there is none iff the file is well formed. `broken` are the names that the
    items left out seem to declare: nobody need complain that they are unknown.
    """

    module: Module | None
    diagnostics: tuple[Diagnostic, ...]
    broken: frozenset[str]


@dataclass(frozen=True, slots=True)
class Tables:
    """lark, ready to parse, and how each of its terminals is written."""

    parser: lark.Lark
    written: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Stuck:
    """The tokens before `at` fit, the one there does not; `accepts` is what would have."""

    at: int
    accepts: frozenset[str]


class Callbacks:
    """What lark calls for each rule: the method of `Build` of the same name, its arguments spread out.

    It has a name of its own, and no state, because lark's saved tables refer to it.
    """

    def __getattr__(self, rule: str) -> Callable[[list[Any]], object]:
        method = getattr(Build(), rule)
        return lambda children: method(*children)


# --- tables ----------------------------------------------------------------------------------------------------------


def load_tables(folder: Path | None) -> Tables:
    """The tables, as lark saved them in `folder` if they are there and sound; built otherwise, and saved if possible.

    A folder that is missing, not writable or filled with rubbish costs time, never correctness. The file says what it
    was made from and ends up in its place in one step, so other processes see all of it or nothing. None: no cache.
    """
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    if folder is None:
        return _tables(_built(grammar))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    made_from = hashlib.sha256(f"{grammar} {version} {lark.__version__}".encode()).digest()
    file = folder / f"grammar-python{version}.tables"
    saved = _saved(file, made_from)
    if saved is not None:
        return _tables(saved)
    parser = _built(grammar)
    content = io.BytesIO()
    parser.save(content)
    # A cache that cannot be written is none. A path that cannot be one is a ValueError.
    with contextlib.suppress(OSError, ValueError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as private:
            mine = Path(private) / file.name
            mine.write_bytes(made_from + hashlib.sha256(content.getvalue()).digest() + content.getvalue())
            mine.replace(file)
    return _tables(parser)


def _saved(file: Path, made_from: bytes) -> lark.Lark | None:
    """The parser in a cache file; None iff it is not there, not whole, or made from something else."""
    try:
        data = file.read_bytes()
    except (OSError, ValueError):
        return None
    content = data[64:]
    if data[:32] != made_from or data[32:64] != hashlib.sha256(content).digest():
        return None
    try:
        return lark.Lark.load(io.BytesIO(content))
    except Exception:  # it may name what an older version of this project had; unpickling can fail in any way
        return None


def _built(grammar: str) -> lark.Lark:
    return lark.Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=list(_STARTS),
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=cast(Any, Callbacks()),
    )


def _tables(parser: lark.Lark) -> Tables:
    written = {terminal.name: terminal.pattern.value for terminal in parser.terminals}
    sometimes = {type_: word for word, type_ in _SOMETIMES.items()}
    return Tables(parser, written | sometimes | {"NAME": "name", "NUMBER": "number", "$END": ""})


@functools.cache
def _default_tables() -> Tables:
    """The tables of this process. They never change, so they are loaded once."""
    folder = Path(platformdirs.user_cache_dir("mremap-verify"))
    return load_tables(folder if folder.is_absolute() else None)


# --- parsing ---------------------------------------------------------------------------------------------------------


def parse(source: Source, tables: Tables | None = None) -> Parsed:
    """Parse one file. Raises nothing, whatever the text."""
    tables = tables or _default_tables()
    bare, comments = without_block_comments(source)
    tokens = _tokens(bare, tables)
    if not tokens:
        return Parsed(None, _in_order([*comments, _empty(source)]), frozenset())
    numbers = [d for token in tokens if token.type == "NUMBER" if (d := bad_number(token)) is not None]
    whole = _run(tables, "file", tokens)
    parsed = _shallow(whole) if isinstance(whole, Module) else _recover(source, tables, tokens)
    return Parsed(parsed.module, _in_order([*comments, *numbers, *parsed.diagnostics]), parsed.broken)


def _tokens(source: Source, tables: Tables) -> list[Lexeme]:
    """The tokens of a file; documentation is given to the token after it."""
    tokens: list[Lexeme] = []
    doc: list[str] = []
    for token in tables.parser.lex(source.text):
        if token.type == "DOC":
            doc.append(token[3:].removeprefix(" ").rstrip())
            continue
        assert token.line is not None
        assert token.column is not None
        end = token.column + len(token)  # no token but DOC and comments could hold a newline, and they do not either
        span = Span(source.file, token.line, token.column, token.line, end)
        tokens.append(Lexeme(token.type, str(token), span, tuple(doc)))
        doc = []
    for at, lexeme in enumerate(tokens):
        if lexeme.text in _SOMETIMES and _is_reserved(tokens, at):
            tokens[at] = replace(lexeme, type=_SOMETIMES[lexeme.text])
    return tokens


def _is_reserved(tokens: Sequence[Lexeme], at: int) -> bool:
    """Whether one of the three words stands where no name can be. Elsewhere it is one: so a file that uses it as a name
    stays what it was."""
    before = tokens[at - 1].text if at else ""
    following = tokens[at + 1].text if at + 1 < len(tokens) else ""
    match tokens[at].text:
        case "atomic":
            return before in ("{", "}", ";") and following == "{"
        case "interference":
            return following == "procedure"
        case _:
            return following == "geometry"


def _run(tables: Tables, start: str, tokens: Sequence[Lexeme]) -> object:
    """What the tokens are as a `start`, or `_Stuck`. lark looks at nothing of a token but its type."""
    session = tables.parser.parse_interactive(start=start)
    end = Lexeme("$END", "", after(tokens[-1]))
    for at, token in enumerate([*tokens, end]):
        try:
            result = session.feed_token(cast(lark.Token, token))
        except UnexpectedToken:
            accepts = cast(Callable[[], set[str]], session.accepts)  # lark leaves it untyped
            return _Stuck(at, frozenset(tables.written[name] for name in accepts()))
    return result


def _in_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda d: (d.span, d.code)))


def _empty(source: Source) -> Diagnostic:
    return Diagnostic(
        "empty-file",
        Span(source.file, 1, 1, 1, 2),
        "the file says nothing",
        "a specification file is one module",
        f"begin with `module {PurePosixPath(source.file).stem};`, or remove the file",
    )


# --- recovery --------------------------------------------------------------------------------------------------------


def _recover(source: Source, tables: Tables, tokens: Sequence[Lexeme]) -> Parsed:
    """The good items of a file that does not parse as a whole, and what is wrong with the others."""
    diagnostics: list[Diagnostic] = []
    broken: set[str] = set()
    header: Header | None = None
    imports: list[Name] = []
    items: list[Item] = []
    named = items_begun = False
    pieces = cut(tokens)
    follow = [piece[0] for piece in pieces[1:]] + [Lexeme("$END", "", after(tokens[-1]))]
    in_rest = in_broken = False
    for number, (piece, following) in enumerate(zip(pieces, follow, strict=True)):
        first = piece[0].text
        if first == ";" and in_broken:
            continue  # as in C, after the brace of what is broken already
        start = {"module": "header", "import": "import_line"}.get(first, "item")
        result = _run(tables, start, piece)
        if first == "module":
            if number:
                diagnostics.append(_late_module(piece[0], named))
            named = True
        if first == "import" and items_begun:
            diagnostics.append(_late_import(piece[0]))
        items_begun = items_begun or first not in ("module", "import")
        in_broken = isinstance(result, _Stuck)
        if isinstance(result, _Stuck):
            mistakes, whole = _mistakes(tables, start, piece, following)
            if not (in_rest and left_over(piece)):
                diagnostics += mistakes
                in_rest = left_over(piece) or (has_braces(piece) and not whole)
            if first == "import":
                imports += [Name(token.span, token.text) for token in imported(piece)]
            elif first != "module":
                broken.update(declared(piece))
            continue
        in_rest = False
        if isinstance(result, Header):
            header = header or result
        elif isinstance(result, Import):
            imports.append(result.name)
        else:
            items.append(cast(Item, result))
    if not named:
        diagnostics.append(_no_module(source, tokens[0]))
    stem = PurePosixPath(source.file).stem
    name = header.name if header else Name(tokens[0].span, stem)
    span = tokens[0].span.to(tokens[-1].span)
    module = Module(span, header.doc if header else (), name, tuple(imports), tuple(items))
    shallow = _shallow(module)
    assert diagnostics, "what parses in pieces and is in order parses as a whole"
    return Parsed(shallow.module, (*diagnostics, *shallow.diagnostics), shallow.broken | broken)


def _mistakes(tables: Tables, start: str, piece: Sequence[Lexeme], following: Lexeme) -> tuple[list[Diagnostic], bool]:
    """The mistakes of a broken item, and whether it would be whole without the clauses and statements they are in.

    It would not where a brace may be missing: then it does not end where it seems to. What a mistake is in is struck
    out and the rest is parsed again, until the item is whole or nothing can be struck.
    """
    left = list(piece)
    mistakes: list[Diagnostic] = []
    braces = True
    while len(mistakes) < MOST_MISTAKES:
        result = _run(tables, start, left)
        if not isinstance(result, _Stuck):
            return mistakes, braces
        braces = braces and ("{" not in result.accepts or "number" in result.accepts)
        if result.accepts == {"}"} and opens_body(left, result.at - 1):
            result = _before_brace(tables, start, left, result.at - 1)
        found = left[result.at] if result.at < len(left) else following
        mistake = explain(Situation(left, result.at, found, result.accepts))
        if mistakes and mistake.span <= mistakes[-1].span:
            break  # what is struck out left something behind
        mistakes.append(mistake)
        part = broken_part(left, result.at)
        if part is None:
            break
        del left[part]
    return mistakes, False


def _before_brace(tables: Tables, start: str, tokens: Sequence[Lexeme], at: int) -> _Stuck:
    """Stuck at a brace that was read as that of an empty set, and is another."""
    stuck = _run(tables, start, tokens[:at])
    assert isinstance(stuck, _Stuck), "an expression is missing there"
    return _Stuck(at, stuck.accepts - {"{"})


def _no_module(source: Source, first: Lexeme) -> Diagnostic:
    return Diagnostic(
        "no-module",
        first.span,
        "the file has no module line",
        "a file is one module, and says its name before anything else",
        f"begin the file with `module {PurePosixPath(source.file).stem};`",
    )


def _late_module(keyword: Lexeme, second: bool) -> Diagnostic:
    if second:
        what, help_ = "a second module line", "remove it, or move what follows to a file of its own"
    else:
        what, help_ = "the module line does not come first", "move it to the top of the file"
    return Diagnostic("module-order", keyword.span, what, "a file is one module: `module NAME;`, imports, items", help_)


def _late_import(keyword: Lexeme) -> Diagnostic:
    return Diagnostic(
        "import-order",
        keyword.span,
        "an import below an item",
        "a file is `module NAME;`, then imports, then items",
        "move it up, below the module line",
    )


# --- depth -----------------------------------------------------------------------------------------------------------


def too_deep(item: Item) -> Span | None:
    """The place of the first node that has DEEPEST others around it; None iff there is none. Does not recurse."""
    waiting: list[tuple[Any, int]] = [(item, 1)]
    while waiting:
        node, level = waiting.pop()
        if isinstance(node, tuple):
            inner, below = node, level
        elif level > DEEPEST:
            span: Span = node.span
            return Span(span.file, span.line, span.column, span.line, span.column + 1)
        else:
            inner, below = tuple(getattr(node, name) for name in node.__dataclass_fields__), level + 1
        waiting += [(child, below) for child in reversed(inner) if _holds_nodes(child)]
    return None


def _holds_nodes(value: object) -> bool:
    """True iff a field's value is a node or a tuple."""
    return isinstance(value, tuple) or (is_dataclass(value) and not isinstance(value, Span))


def _shallow(module: Module) -> Parsed:
    """The module without the items that are nested too deep."""
    good: list[Item] = []
    diagnostics: list[Diagnostic] = []
    broken: set[str] = set()
    for item in module.items:
        place = too_deep(item)
        if place is None:
            good.append(item)
            continue
        broken.add(item.label.name if isinstance(item, Labelled) else item.name.name)
        diagnostics.append(
            Diagnostic(
                "nesting",
                place,
                f"nested more than {DEEPEST} levels deep",
                "each operator, bracket and block is a level, and so is each further operand of a long sum",
                "name parts of it with `define`, or split the long chain with parentheses",
            )
        )
    whole = Module(module.span, module.doc, module.name, module.imports, tuple(good))
    return Parsed(whole, tuple(diagnostics), frozenset(broken))
