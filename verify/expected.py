"""What may stand where, in the language's own words, for the messages about what stands there instead."""

from __future__ import annotations

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
OPERATORS = COMPARISONS | {"<==>", "==>", "||", "&&", "|", "^", "&", "<<", ">>", "+", "-", "*", "/", "%"}
PREFIXES = frozenset({"forall", "exists", "let", "if"})
TYPES = frozenset({"word", "int", "bool", "map", "set"})

FOREIGN = {
    ("<=", ">"): "write `<==>`",
    ("<", ">"): "write `!=`",
    ("==", "="): "write `==`",
    ("!=", "="): "write `!=`",
    ("-", ">"): "write `==>` for what follows from it; the language has no structures with members",
}
"""What to write for an operator of another language, which is read as two."""

WRITTEN = {
    "module": "module NAME;",
    "import": "import NAME;",
    "param": "param NAME: type;",
    "const": "const NAME: type = value;",
    "assume": "assume LABEL: condition;",
    "geometry": "geometry NAME { PARAM = value; ... }",
    "extend": "extend geometry NAME { PARAM = value; ... }",
    "type": "type NAME;",
    "enum": "enum NAME { A, B }",
    "state": "state NAME: type;",
    "define": "define NAME(a: type, ...): type = value;",
    "procedure": "procedure NAME(a: type, ...) returns (r: type) CLAUSES { ... }",
    "interference": "interference procedure NAME() CLAUSES { ... }",
    "lemma": "lemma NAME(a: type, ...) CLAUSES { ... }",
    "refute": "refute NAME(a: type, ...) CLAUSES;",
    "cover": "cover NAME(a: type, ...) CLAUSES;",
    "requires": "requires LABEL: condition",
    "ensures": "ensures LABEL: condition",
    "witness": "witness LABEL: condition",
    "invariant": "invariant LABEL: condition",
    "modifies": "modifies NAME, NAME",
    "decreases": "decreases value",
    "on": "on NAME, NAME",
    "without": "without LABEL, LABEL",
    "map": "map[K, V]",
    "set": "set[T]",
    "var": "var NAME: type = value;",
    "assert": "assert LABEL: condition;",
    "reveal": "reveal NAME;",
    "while": "while (condition) CLAUSES { ... }",
    "atomic": "atomic { ... }",
    "for": "for (start; condition; step) CLAUSES { ... }",
    "else": "else { ... }",
    "forall": "forall a: type, b: type :: condition",
    "exists": "exists a: type, b: type :: condition",
    "let": "let NAME = value :: expression",
    "then": "if condition then value else value",
}
"""How the construct that a reserved word begins is written."""

ITEM_WORDS = [
    "param",
    "const",
    "assume",
    "geometry",
    "type",
    "enum",
    "state",
    "invariant",
    "define",
    "procedure",
    "lemma",
    "refute",
    "cover",
]
CLAUSE_WORDS = frozenset(["requires", "ensures", "witness", "modifies", "decreases", "on", "without", "invariant"])
_GROUPS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    # what it is called, the tokens by which one knows it, the tokens it accounts for
    (
        "an item (`define`, `procedure`, `lemma`, ...)",
        frozenset({"define", "lemma"}),
        frozenset({*ITEM_WORDS, "opaque", "trusted", "interference", "extend"}),
    ),
    (
        "an expression",
        frozenset({"name", "number", "("}),
        frozenset({"name", "number", "(", "{", "!", "~", "-", "true", "false", "old", "int", "word"} | PREFIXES),
    ),
    ("a type", frozenset({"map", "set"}), frozenset({"name", "word", "int", "bool", "map", "set"})),
    (
        "a statement",
        frozenset({"var", "while"}),
        frozenset(["name", "var", "assert", "reveal", "if", "while", "for", "break", "continue", "return", "atomic"]),
    ),
    (
        "a clause (`requires`, `ensures`, ...)",
        frozenset({"requires", "ensures"}),
        CLAUSE_WORDS - {"invariant"},
    ),
    ("a loop clause", frozenset({"invariant", "decreases"}), frozenset({"invariant", "decreases"})),
    ("an assignment or a call", frozenset({"+=", "("}), frozenset({"(", "[", ",", "=", "+=", "-="})),
    ("an assignment", frozenset({"+="}), frozenset({",", "=", "+=", "-="})),
    ("an operator", frozenset({"*"}), OPERATORS | {"["}),
    ("an operator", frozenset({"&&"}), OPERATORS),
    ("an operator", frozenset({"<==>"}), OPERATORS),
    ("a name", frozenset({"name"}), frozenset({"name"})),
)


def in_words(accepts: frozenset[str]) -> str:
    """What could have stood here, in the language's words: `a name`, `an operator or `;``."""
    left = set(accepts)
    words: list[str] = []
    for called, marks, members in _GROUPS:
        if marks <= left:
            words.append(called)
            left -= members
    words += sorted(f"`{text}`" for text in left - {"number", ""})
    if "" in left:
        words.append("the end of the item")
    if len(words) < 2:
        return "".join(words) or "nothing more"
    return f"{', '.join(words[:-1])} or {words[-1]}"
