"""What to say about a token that does not fit: the mistake in the language's words, and what to write instead.

Pure: from the tokens of one item, the place where it broke and what could have stood there, to one `Diagnostic`.
Mistakes that are common, those of a C reader above all, have a rule of their own; the last rule fits anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from verify.diagnostic import Diagnostic
from verify.expected import CLAUSE_WORDS, COMPARISONS, FOREIGN, OPERATORS, PREFIXES, TYPES, WRITTEN, in_words
from verify.lexeme import Lexeme, after
from verify.lexical_error import block_comment
from verify.span import Span

ASSIGNMENTS = frozenset({"=", "+=", "-="})
CLOSERS = {"(": ")", "[": "]", "{": "}"}
LABELLED = frozenset({"requires", "ensures", "witness", "invariant", "assume", "assert"})


@dataclass(frozen=True, slots=True)
class Situation:
    """`tokens[:at]` were read; `found` did not fit, and any of `accepts` would have.

    `tokens` are those of one item; `found` is `tokens[at]`, or what follows them. `accepts` holds tokens as they are
    written, `name`, `number`, and an empty text for the end of the item.
    """

    tokens: Sequence[Lexeme]
    at: int
    found: Lexeme
    accepts: frozenset[str]

    @property
    def previous(self) -> Lexeme | None:
        return self.tokens[self.at - 1] if self.at else None

    def before(self, steps: int) -> str:
        """The text of the token so many steps before the place; empty where there is none."""
        return self.tokens[self.at - steps].text if self.at >= steps else ""

    def ahead(self) -> str:
        """The text of the item's token after `found`; empty where there is none."""
        return self.tokens[self.at + 1].text if self.at + 1 < len(self.tokens) else ""

    @property
    def ended(self) -> bool:
        """True iff the item's tokens ran out: at the end of the file, or where the next item begins."""
        return self.at >= len(self.tokens)

    @property
    def on_same_line(self) -> bool:
        return self.previous is not None and self.previous.span.end_line == self.found.span.line

    def construct(self) -> str | None:
        """The reserved word that begins the construct one is in; None where that is a plain statement or nothing."""
        open_ = self.open_brackets()
        for at in reversed(range(self.at)):
            text = self.tokens[at].text
            if text in ("map", "set") and at + 1 < self.at and self.tokens[at + 1] not in open_:
                continue  # a type that has ended
            if text == "geometry" and self.tokens[at - 1].type == "EXTEND":
                return "extend"
            if text in (";", "{", "}"):
                return None
            if text in WRITTEN and self.tokens[at].is_reserved_word:
                return text
        return None

    def open_brackets(self) -> list[Lexeme]:
        """The brackets before the place that nothing closed, outermost first."""
        open_: list[Lexeme] = []
        for token in self.tokens[: self.at]:
            if token.text in CLOSERS:
                open_.append(token)
            elif open_ and token.text == CLOSERS[open_[-1].text]:
                open_.pop()
        return open_


Rule = Callable[[Situation], Diagnostic | None]


def _syntax(span: Span, what: str, why: str, help_: str) -> Diagnostic:
    return Diagnostic("syntax", span, what, why, help_)


def shown(token: Lexeme) -> str:
    """A token in a message."""
    return "end of file" if token.is_end else f"`{token.text}`"


# --- rules: each knows one mistake, and returns None where it is another ---------------------------------------------


def _stray(s: Situation) -> Diagnostic | None:
    if not s.found.is_stray:
        return None
    code = ord(s.found.text)
    called = f"`{s.found.text}`" if s.found.text.isprintable() else f"U+{code:04X}"
    if code > 127 and s.found.text.isprintable():
        called += f" (U+{code:04X})"
    help_ = {
        "?": "write `if condition then value else value`",
        "#": "a comment begins with `//`",
        '"': "the language has no texts: name what is meant with an `enum`",
        "'": "the language has no characters: write a number, or name it with an `enum`",
        ".": "numbers are whole, and a name of another module is written without the module's name",
    }.get(s.found.text, "remove it; a name is made of A-Z, a-z, 0-9 and `_`")
    return Diagnostic("character", s.found.span, f"unexpected character {called}", "no token contains it", help_)


def _block_comment(s: Situation) -> Diagnostic | None:
    pair = (s.before(1), s.found.text)
    if pair != ("/", "*") and (s.found.text, s.ahead()) != ("/", "*"):
        return None
    return block_comment(s.found.span)


def _closes_nothing(s: Situation) -> Diagnostic | None:
    opener = next((text for text, closer in CLOSERS.items() if closer == s.found.text), None)
    if opener is None or opener in (token.text for token in s.open_brackets()):
        return None
    return _syntax(s.found.span, f"`{s.found.text}` closes nothing", f"no `{opener}` is open here", "remove it")


def _set_members(s: Situation) -> Diagnostic | None:
    if s.accepts != {"}"} or s.before(1) != "{":
        return None
    return _syntax(
        s.found.span,
        "a set with members in braces",
        "`{}` is the empty set",
        "write `{}[member := true]` for one with a member",
    )


def _stray_semicolon(s: Situation) -> Diagnostic | None:
    if s.found.text != ";" or s.at:
        return None
    return _syntax(
        s.found.span,
        "unexpected `;`",
        "an item with a body ends with its brace, and nothing follows it",
        "remove the `;`",
    )


def _clause_late(s: Situation) -> Diagnostic | None:
    if s.at or s.found.text not in CLAUSE_WORDS - {"invariant"}:
        return None
    return _syntax(
        s.found.span,
        f"this `{s.found.text}` stands outside an item",
        "the item above has ended: with a `;`, which no clause has, or with its body",
        "remove the `;`, or move the clause to before the body",
    )


def _never_closed(s: Situation) -> Diagnostic | None:
    open_ = s.open_brackets()
    if not open_ or not s.ended:
        return None
    bracket = open_[-1]
    where = (
        "the file ends first"
        if s.found.is_end
        else f"the next item begins with `{s.found.text}` on line {s.found.span.line}"
    )
    return _syntax(
        bracket.span, f"`{bracket.text}` is never closed", where, f"write the missing `{CLOSERS[bracket.text]}`"
    )


def _no_label(s: Situation) -> Diagnostic | None:
    keyword = s.before(1)
    if keyword in LABELLED and s.accepts == {"name"}:
        if s.ended or s.found.text == ":" or (s.found.is_reserved_word and s.ahead() == ":"):
            return None
        span = s.found.span
    elif s.before(2) in LABELLED and s.accepts == {":"} and not s.found.is_name:
        keyword, span = s.before(2), s.tokens[s.at - 1].span
    else:
        return None
    return _syntax(
        span,
        f"this `{keyword}` has no label",
        "the label names it in reports and in the ids of obligations",
        f"write `{WRITTEN[keyword]}`",
    )


def _parentheses(s: Situation) -> Diagnostic | None:
    if s.accepts != {"("} or s.before(1) not in ("if", "while", "for"):
        return None
    form = "for (start; condition; step)" if s.before(1) == "for" else f"{s.before(1)} (condition)"
    return _syntax(
        s.found.span,
        f"expected `(` after `{s.before(1)}`, found {shown(s.found)}",
        "the condition of a statement stands in parentheses",
        f"write `{form} {{ ... }}`",
    )


def _braces(s: Situation) -> Diagnostic | None:
    if "{" not in s.accepts or not s.accepts <= {"{", "if", "invariant", "decreases"}:
        return None
    what = f"expected `{{`, found {shown(s.found)}"
    if s.found.text in ("requires", "ensures", "witness"):
        help_ = f"write `{WRITTEN['invariant']}`"
        return _syntax(s.found.span, what, "the clauses of a loop are `invariant` and `decreases`", help_)
    return _syntax(s.found.span, what, "a body stands in braces, even one statement alone", "write `{ ... }` round it")


def _chain(s: Situation) -> Diagnostic | None:
    if s.found.text not in COMPARISONS or "&&" not in s.accepts or s.found.text in s.accepts:
        return None
    return _syntax(
        s.found.span,
        f"a second comparison, `{s.found.text}`, in one",
        "comparisons make no chains: `a < b < c` would compare a truth value",
        "write `a < b && b < c`, or put one comparison in parentheses",
    )


def _equals(s: Situation) -> Diagnostic | None:
    text, ahead = s.found.text, s.ahead()
    if text in ("==", ":=") and "=" in s.accepts:
        why = "it compares" if text == "==" else "it stands within `m[k := v]`, a new map"
        return _syntax(s.found.span, f"`{text}` where a value is given", why, "write `=`")
    if text not in ASSIGNMENTS or not s.accepts & {"==", "&&", "<==>"}:
        return None
    if text == "=" and ahead == ">":
        return _syntax(s.found.span, "`=>` is no operator", "it could mean two things", "write `==>` or `>=`")
    if ":=" in s.accepts:
        return _syntax(
            s.found.span, f"`{text}` in brackets", "it assigns", "a new map is `m[k := v]`; compare with `==`"
        )
    why = "it assigns, which only a statement does"
    return _syntax(s.found.span, f"`{text}` in an expression", why, "compare with `==`")


def _foreign(s: Situation) -> Diagnostic | None:
    help_ = FOREIGN.get((s.before(1), s.found.text))
    if help_ is None or s.previous is None or after(s.previous).column != s.found.span.column or not s.on_same_line:
        return None
    what = f"`{s.before(1)}{s.found.text}` is no operator"
    return _syntax(s.previous.span.to(s.found.span), what, "it is one of another language", help_)


def _step(s: Situation) -> Diagnostic | None:
    """`x++`, `*=` and the like, and a second index on the left of an assignment."""
    if not s.accepts & ASSIGNMENTS:
        return None
    text = s.found.text
    if s.before(1) == "]" and text == "[":
        return _syntax(
            s.found.span,
            "a second index on the left of an assignment",
            "one entry of a named map is assigned at a time",
            "write `m[a] = m[a][b := value];`",
        )
    if text not in OPERATORS or s.ahead() not in (text, "="):
        return None
    return _syntax(
        s.found.span,
        f"`{text}{s.ahead()}` is no operator",
        "a statement assigns with `=`, `+=` or `-=`",
        f"write `x {text}= 1`" if text in ("+", "-") else f"write `x = x {text} value`",
    )


def _reserved(s: Situation) -> Diagnostic | None:
    if "name" not in s.accepts or not s.found.is_reserved_word or not s.on_same_line:
        return None
    if s.found.text in PREFIXES and "number" in s.accepts:
        return _syntax(
            s.found.span,
            f"`{s.found.text}` as an operand",
            "it reaches as far right as it can, so it stands alone or as the last operand of `&&`, `||`, `==>`, `<==>`",
            "put it in parentheses",
        )
    return _syntax(
        s.found.span,
        f"expected {in_words(s.accepts)}, found the reserved word `{s.found.text}`",
        "a reserved word names nothing",
        f"if it is meant as a name, choose another, such as `{s.found.text}_`",
    )


def _misspelt(s: Situation) -> Diagnostic | None:
    words = [text for text in s.accepts - {"name", "number"} if len(text) > 3 and text.isalpha()]
    meant = {"and": "&&", "or": "||", "elif": "else if"}.get(s.found.text)
    close = [meant] if meant else difflib.get_close_matches(s.found.text, words, 1, 0.75)
    if not s.found.is_name or not close:
        return None
    instead = WRITTEN[close[0]] if close[0] == s.found.text else close[0]  # of some words, what follows is a part
    return _syntax(
        s.found.span,
        f"unexpected `{s.found.text}`",
        f"expected {in_words(s.accepts)}",
        f"write `{instead}`, if that is what is meant",
    )


def _trailing_comma(s: Situation) -> Diagnostic | None:
    if s.before(1) != "," or s.found.text not in CLOSERS.values() or "map" in s.accepts:
        return None
    return _syntax(
        s.tokens[s.at - 1].span, "`,` before the end of a list", "a comma stands between two members", "remove it"
    )


def _refute_body(s: Situation) -> Diagnostic | None:
    keyword = s.tokens[0].text if s.tokens else ""
    if keyword not in ("refute", "cover") or s.found.text != "{" or ";" not in s.accepts:
        return None
    help_ = "to refute a body, write `refute procedure`" if keyword == "refute" else "end it with `;`"
    return _syntax(s.found.span, f"a `{keyword}` has no body", "it is about values, not about a run", help_)


def _declaration(s: Situation) -> Diagnostic | None:
    if s.found.text in TYPES | {"var"} and (s.before(2), s.before(1)) == ("for", "("):
        what, why = "a declaration in the head of a `for`", "the head assigns"
        return _syntax(s.found.span, what, why, "declare the variable before the loop")
    if s.found.text in TYPES and "var" in s.accepts:
        what, why = (
            f"`{s.found.text}` begins no statement",
            "a variable is declared with `var`, its type after its name",
        )
        return _syntax(s.found.span, what, why, f"write `{WRITTEN['var']}`")
    return None


def _type_first(s: Situation) -> Diagnostic | None:
    """`word a`, as C has it."""
    following = s.tokens[s.at + 1] if s.at + 1 < len(s.tokens) else None
    if s.found.text not in TYPES or "name" not in s.accepts or following is None or not following.is_name:
        return None
    return _syntax(
        s.found.span,
        f"the type `{s.found.text}` before the name",
        "a type stands after what it is the type of",
        f"write `{following.text}: {s.found.text}`",
    )


def _cast(s: Situation) -> Diagnostic | None:
    if s.found.text != ")" or s.before(2) != "(" or s.before(1) not in ("word", "int"):
        return None
    return _syntax(
        s.tokens[s.at - 1].span,
        f"a cast to `{s.before(1)}`",
        "a conversion is written like a call",
        f"write `{s.before(1)}(value)`",
    )


def _return(s: Situation) -> Diagnostic | None:
    if s.before(1) != "return" or not s.on_same_line or s.ended or s.found.text == "}":
        return None
    why = "a procedure's results are variables, and have their values when it returns"
    return _syntax(s.found.span, "`return` takes no value", why, "assign to the result, then write `return;`")


def _semicolon(s: Situation) -> Diagnostic | None:
    if ";" not in s.accepts or "{" in s.accepts or s.previous is None:
        return None
    if s.on_same_line and not s.ended and s.found.text != "}" and not s.found.is_reserved_word:
        return None
    return _syntax(
        after(s.previous),
        f"missing `;` after `{s.previous.text}`",
        f"found {shown(s.found)} where `;` ends what stands before it",
        "write `;`",
    )


def _bracket_open(s: Situation) -> Diagnostic | None:
    open_ = s.open_brackets()
    if not open_ or open_[-1].text == "{" or CLOSERS[open_[-1].text] not in s.accepts:
        return None
    if s.found.text not in CLAUSE_WORDS | {";", "{", "}", ")", "]", "==>"}:
        return None
    bracket = open_[-1]
    place = f"line {bracket.span.line}, column {bracket.span.column}"
    return _syntax(
        s.found.span,
        f"expected `{CLOSERS[bracket.text]}`, found {shown(s.found)}",
        f"the `{bracket.text}` of {place} is still open",
        f"close it before the {shown(s.found)}",
    )


def _anything(s: Situation) -> Diagnostic:
    expected = in_words(s.accepts)
    word = s.construct()
    place = f", after {shown(s.previous)}" if s.previous is not None else ""
    if s.found.is_end:
        what = "the file ends too early"
        span = after(s.previous) if s.previous is not None else s.found.span
    elif s.ended:
        what = f"`{s.found.text}` begins an item before the one above it has ended"
        span = s.found.span
    else:
        what = f"unexpected {shown(s.found)}"
        span = s.found.span
    instead = f"write {expected}, or remove it" if s.accepts != {""} else "remove it, or begin an item"
    help_ = f"it is written `{WRITTEN[word]}`" if word else instead
    return _syntax(span, what, f"expected {expected}{place}", help_)


_RULES: tuple[Rule, ...] = (
    _stray,
    _block_comment,
    _closes_nothing,
    _set_members,
    _stray_semicolon,
    _clause_late,
    _no_label,
    _parentheses,
    _declaration,
    _type_first,
    _cast,
    _return,
    _braces,
    _misspelt,
    _chain,
    _foreign,
    _equals,
    _step,
    _trailing_comma,
    _refute_body,
    _semicolon,
    _never_closed,
    _reserved,
    _bracket_open,
)


def explain(situation: Situation) -> Diagnostic:
    """The one mistake of an item that does not parse."""
    for rule in _RULES:
        diagnostic = rule(situation)
        if diagnostic is not None:
            return diagnostic
    return _anything(situation)
