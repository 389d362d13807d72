"""What to leave out of a text that does not parse, so that the rest of it can be read. Pure, over tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from verify.expected import CLAUSE_WORDS, ITEM_WORDS
from verify.lexeme import Lexeme

ITEM_STARTS = frozenset({"module", "import", "opaque", "trusted", *ITEM_WORDS})
_WITH_BRACES = frozenset({"procedure", "trusted", "interference", "lemma", "refute", "geometry", "extend", "enum"})
_WITH_LISTS = frozenset({"procedure", "trusted", "interference", "lemma", "refute", "cover", "define", "opaque"})
_WITHIN = frozenset({"in", "then", "else"})
_TWO_WORDS = frozenset(
    {
        ("trusted", "procedure"),
        ("interference", "procedure"),
        ("refute", "procedure"),
        ("opaque", "define"),
        ("extend", "geometry"),
    }
)


def cut(tokens: Sequence[Lexeme]) -> list[Sequence[Lexeme]]:
    """The tokens of a file, cut where items seem to begin and end; together they are all of them, in order.

    The word that begins an item is reserved, so it begins one however wrong the brackets before it are, unless it
    stands where a name should: within a line, and followed by no name. `invariant` is also a loop's clause, so it needs
    an end before it. An item ends with a `;` outside braces, or with the brace that closes its body; `{}` may be the
    empty set, so nothing is cut there but before a word that goes on with no expression.
    """
    pieces: list[Sequence[Lexeme]] = []
    begin = depth = opened = 0
    for at, token in enumerate(tokens):
        text, previous = token.text, tokens[at - 1].text if at > begin else ""
        if text == "invariant":
            fresh = previous == ";" or (previous == "}" and depth == 0)
        else:
            fresh = _begins_item(token) and (previous, text) not in _TWO_WORDS and not _as_name(tokens, at)
        if at > begin and fresh:
            pieces.append(tokens[begin:at])
            begin, depth = at, 0
        if text == "{":
            depth += 1
            opened = at if depth == 1 else opened
        closes = text == "}" and depth == 1 and (at > opened + 1 or not _may_go_on(tokens, at))
        if text == "}":
            depth = max(0, depth - 1)
        if closes or (text == ";" and depth == 0):
            pieces.append(tokens[begin : at + 1])
            begin = at + 1
    if begin < len(tokens):
        pieces.append(tokens[begin:])
    return pieces


def _begins_item(token: Lexeme) -> bool:
    """True iff it is a word that begins an item; `interference` and `extend` are such only where no name can be."""
    return token.text in ITEM_STARTS or token.type in ("INTERFERENCE", "EXTEND")


def _may_go_on(tokens: Sequence[Lexeme], at: int) -> bool:
    """True iff what stands after the brace at `at` may belong to the same item, if the brace ends an empty set."""
    following = tokens[at + 1 : at + 2]
    return not any(t.is_name or (t.is_reserved_word and t.text not in CLAUSE_WORDS | _WITHIN) for t in following)


def _as_name(tokens: Sequence[Lexeme], at: int) -> bool:
    """True iff a reserved word seems to be used as a name: it is not the first of its line, and no name follows it."""
    word = tokens[at]
    if at == 0 or tokens[at - 1].span.line != word.span.line or at + 1 == len(tokens):
        return False
    following = tokens[at + 1]
    begins = following.is_name or (word.text, following.text) in _TWO_WORDS
    return not begins or following.span.line != word.span.line


def declared(tokens: Sequence[Lexeme]) -> Iterator[str]:
    """The names that a broken item seems to declare."""
    names = [token.text for token in tokens if token.is_name]
    if tokens[0].text == "enum":
        return iter(names)
    # A misspelt keyword is read as a name, and the name of the item comes after it.
    return iter(names[:1] if _begins_item(tokens[0]) else names[:2])


def imported(tokens: Sequence[Lexeme]) -> Iterator[Lexeme]:
    """The names of the modules that a broken `import` seems to mean: all of a list, and none that follows a dot."""
    for before, token in pairwise(tokens):
        if token.is_name and before.text in ("import", ",", '"', "<"):
            yield token


def left_over(piece: Sequence[Lexeme]) -> bool:
    """True iff a piece looks like what the broken body before it left behind, rather than like `procedur p() ...`."""
    misspelt = len(piece) > 1 and piece[0].is_name and piece[1].is_name
    return not _begins_item(piece[0]) and not misspelt


def has_braces(piece: Sequence[Lexeme]) -> bool:
    """True iff the item is of a kind that may have a body, so that losing its braces leaves rubbish behind."""
    return piece[0].text in _WITH_BRACES


def opens_body(tokens: Sequence[Lexeme], at: int) -> bool:
    """True iff the token at `at` is a brace with a statement behind it, rather than the members of a set."""
    ends = (token.text for token in tokens[at + 1 :] if token.text in ("{", "}", ";"))
    return tokens[at].text == "{" and next(ends, "}") != "}"


def broken_part(tokens: Sequence[Lexeme], at: int) -> slice | None:
    """The clause, statement, parameter or result of an item that holds the token `at`, which did not fit.

    Without that stretch, never an empty one, the item has one mistake less. None where it is the rest of the item's
    head that is broken, or where the stretch does not end.
    """
    if tokens[0].text == "enum":
        return None
    levels = _levels(tokens)
    innermost = levels[min(at, len(tokens) - 1)][0]
    for begin in range(min(at, len(tokens) - 1), 0, -1):
        braces, parens = levels[begin]
        innermost = min(innermost, braces)
        text, previous = tokens[begin].text, tokens[begin - 1].text
        if braces > innermost:
            continue  # in a block that ends before the place
        # A clause that does not fit after a `)` has no place there. After anything else, or where a `(` is still open,
        # the one above it is broken.
        if text in CLAUSE_WORDS and (begin < at or (previous == ")" and not parens)):
            return _clause(tokens, begin, at)
        word = text != "else" and (text[0].isalpha() or text[0] == "_")
        if word and braces and not parens and previous in ("{", "}", ";"):
            return _statement(tokens, begin, at)
    return _binder(tokens, at)


def _levels(tokens: Sequence[Lexeme]) -> list[tuple[int, int]]:
    """For each token, how many braces are open before it, and how many parentheses within the innermost of them."""
    levels = []
    braces = parens = 0
    for token in tokens:
        levels.append((braces, parens))
        match token.text:
            case "{":
                braces, parens = braces + 1, 0
            case "}":
                braces, parens = max(0, braces - 1), 0
            case "(":
                parens += 1
            case ")":
                parens = max(0, parens - 1)
    return levels


def _binder(tokens: Sequence[Lexeme], at: int) -> slice | None:
    """A parameter or a result, with a comma beside it. None where `at` is in no such list, or its `)` is missing."""
    if tokens[0].text not in _WITH_LISTS:
        return None
    depth, begin = 0, None  # `depth`: how many brackets of the type that `at` is in are open there
    opening = at - 1
    while opening > 0 and tokens[opening].text != "(":
        text = tokens[opening].text
        if text == ")":
            return None
        depth += (text == "[") - (text == "]")
        if text == "," and depth == 0 and begin is None:
            begin = opening
        if text == "[" and depth > 0:
            begin = None
        opening -= 1
    first = all(token.text != "(" for token in tokens[:opening])
    if opening <= 0 or not (first or tokens[opening - 1].text == "returns"):
        return None
    for end in range(at, len(tokens)):
        text = tokens[end].text
        if text == ")" or (text == "," and depth <= 0):
            both = begin is None and text == ","  # the first of several: the comma after it goes too
            return slice(opening + 1 if begin is None else begin, end + both)
        if text in CLAUSE_WORDS or text in ("(", "{", "}", ";"):
            return None
        depth += (text == "[") - (text == "]")
    return None


def _clause(tokens: Sequence[Lexeme], begin: int, at: int) -> slice | None:
    """Up to the next clause, the body or the `;`. An opening brace with its closing one after it is a set."""
    for end in range(max(at, begin + 1), len(tokens)):
        text = tokens[end].text
        empty = text == "{" and end + 2 < len(tokens) and tokens[end + 1].text == "}"
        if text in CLAUSE_WORDS or text == ";" or (text == "{" and not empty):
            return slice(begin, end)
    return None


def _statement(tokens: Sequence[Lexeme], begin: int, at: int) -> slice | None:
    """Up to its `;`, the end of its last block, or the end of the block it is in."""
    braces = parens = 0
    for end in range(begin, len(tokens)):
        text = tokens[end].text
        if tokens[begin].text == "for":  # elsewhere a `;` in parentheses ends a statement whose `)` is missing
            parens = max(0, parens + (text == "(") - (text == ")"))
        if text == "{":
            braces += 1
        elif text == "}" and braces == 0:
            return slice(begin, end) if end > begin else None
        elif text == "}":
            braces -= 1
        if end < at or braces:
            continue
        goes_on = end + 1 < len(tokens) and tokens[end + 1].text == "else"
        if (text == "}" and not goes_on) or (text == ";" and parens == 0):
            return slice(begin, end + 1)
    return None
