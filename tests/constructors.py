"""The types that random expressions have, and the constructors at each of them."""

from __future__ import annotations

from collections.abc import Mapping

from core_nodes import COLOUR, PTE

from verify import core
from verify.core import BOOL, INT, WORD, BinaryOp, MapType, SetType, SymbolKind, Type, UnaryOp

SCALARS: tuple[Type, ...] = (WORD, INT, BOOL, PTE, COLOUR)
MAPS: tuple[MapType, ...] = (
    MapType(WORD, PTE),
    MapType(WORD, INT),
    MapType(INT, WORD),
    MapType(PTE, COLOUR),
    MapType(COLOUR, INT),
    MapType(BOOL, BOOL),
    MapType(COLOUR, MapType(WORD, WORD)),
    MapType(SetType(COLOUR), SetType(WORD)),
    MapType(WORD, WORD),
)
SETS: tuple[SetType, ...] = (SetType(WORD), SetType(INT), SetType(PTE), SetType(COLOUR))
KEYED: tuple[MapType | SetType, ...] = (*MAPS, *SETS)
TYPES: tuple[Type, ...] = (*SCALARS, *KEYED)
PARAMS: tuple[Type, ...] = (WORD, INT, BOOL)
"""The types of params: a geometry gives them by literals."""

QUANTIFIED: tuple[Type, ...] = (*SCALARS, SetType(COLOUR), MapType(BOOL, BOOL))
"""The types of bound variables. A map type with more values than a few is Undecided."""

IN_OLD = (SymbolKind.STATE, SymbolKind.ARGUMENT, SymbolKind.PARAM, SymbolKind.CONST)
"""What may stand inside `old`, beside bound variables."""

APPLIED = ("plain", "reads", "opaque", "uninterpreted")

BITWISE = (BinaryOp.BAND, BinaryOp.BOR, BinaryOp.BXOR)
ARITHMETIC = (BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.DIV, BinaryOp.MOD, BinaryOp.MIN, BinaryOp.MAX)
ORDERS = (BinaryOp.LT, BinaryOp.LE, BinaryOp.GT, BinaryOp.GE)
EQUALITIES = (BinaryOp.EQ, BinaryOp.NE)
CONNECTIVES = (BinaryOp.AND, BinaryOp.OR, BinaryOp.IMPLIES, BinaryOp.IFF)
SHIFTS = (BinaryOp.SHL, BinaryOp.SHR)


def applicable() -> list[str]:
    """Each constructor at each type at which it applies, as `constructor` names them."""
    found = [f"Literal {t}" for t in (WORD, INT, BOOL)] + [f"Element {t}" for t in (PTE, COLOUR)]
    found += [f"Var {k.value} {t}" for k in SymbolKind for t in (PARAMS if k is SymbolKind.PARAM else TYPES)]
    found += [f"{name} {t}" for name in ("Old", "Ite", "Let value", "Let body") for t in TYPES]
    found += ["! bool", "~ word", "- word", "- int"]
    found += [f"{op.value} {t}" for op in (*ARITHMETIC, *ORDERS) for t in (WORD, INT)]
    found += [f"{op.value} {t}" for op in EQUALITIES for t in TYPES]
    found += [f"{op.value} word" for op in BITWISE] + [f"{op.value} bool" for op in CONNECTIVES]
    found += [f"{op.value} word by {t}" for op in SHIFTS for t in (WORD, INT)]
    found += [f"{name} {t}" for name in ("forall", "exists") for t in QUANTIFIED]
    found += [f"Apply {how} {t}" for how in APPLIED for t in TYPES]
    found += [f"{name} {t}" for name in ("Index", "Update") for t in KEYED]
    found += [f"EmptySet {t}" for t in SETS]
    return [*found, "ToInt", "ToWord"]


def constructor(node: core.Expr, defines: Mapping[str, core.Define]) -> tuple[str, ...]:
    """What a node is an instance of."""
    match node:
        case core.Var(symbol=symbol):
            return (f"Var {symbol.kind.value} {symbol.type}",)
        case core.Unary(op=op):
            return (f"{op.value} {node.type}",)
        case core.Binary(op=op, left=left, right=right):
            return (f"{op.value} {left.type} by {right.type}" if op in SHIFTS else f"{op.value} {left.type}",)
        case core.Let(value=value):
            return (f"Let value {value.type}", f"Let body {node.type}")
        case core.Quantifier(universal=universal, symbols=symbols):
            return tuple(f"{'forall' if universal else 'exists'} {s.type}" for s in symbols)
        case core.Apply(function=function):
            define = defines[function]
            if define.value is None:
                return (f"Apply uninterpreted {node.type}",)
            return (f"Apply {'opaque' if define.opaque else 'reads' if define.reads else 'plain'} {node.type}",)
        case core.Index(base=base):
            return (f"Index {base.type}",)
        case core.ToInt() | core.ToWord():
            return (type(node).__name__,)
        case _:
            return (f"{type(node).__name__} {node.type}",)


def well_typed(node: core.Expr, defines: Mapping[str, core.Define]) -> bool:
    """Whether the types of the operands are those that the node asks for."""
    types = tuple(child.type for child in core.children(node))
    match node:
        case core.Binary(op=op):
            if op in SHIFTS:
                return types[0] == WORD and types[1] in (WORD, INT)
            allowed: tuple[Type, ...] = (WORD, INT)
            if op in CONNECTIVES:
                allowed = (BOOL,)
            elif op in BITWISE:
                allowed = (WORD,)
            elif op in EQUALITIES:
                allowed = TYPES
            return types[0] == types[1] and types[0] in allowed
        case core.Unary(op=UnaryOp.NOT) | core.Quantifier():
            return types == (BOOL,)
        case core.Unary(op=UnaryOp.INVERT) | core.ToInt():
            return types == (WORD,)
        case core.Unary():
            return types[0] in (WORD, INT)
        case core.ToWord():
            return types == (INT,)
        case core.Ite():
            return types[0] == BOOL and types[1] == types[2]
        case core.Let(symbol=symbol):
            return types[0] == symbol.type
        case core.Index(base=base):
            return isinstance(base.type, MapType | SetType) and types[1] == core.key_type(base.type)
        case core.Update(base=base):
            held = base.type
            return isinstance(held, MapType | SetType) and types[1:] == (
                core.key_type(held),
                core.value_type(held),
            )
        case core.Apply(function=function, type=type_):
            define = defines[function]
            return types == tuple(p.type for p in (*define.parameters, *define.reads)) and type_ == define.result
        case _:
            return True
