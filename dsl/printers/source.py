"""Terms as Python expressions, in Python's own syntax trees, so that `ast.unparse` places the parentheses.

A row of the operator table gives a template for readable source. Where the template does not hold for the
argument types (a divisor that may be zero, an index that may fall outside), the expression calls a *helper*, a
function written from the row's `meaning` by `SourceAlgebra`: the same line that runs the operator prints it.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from dsl.ops import BY_NAME, Op
from dsl.terms import Const, Term, Var
from dsl.types import RegisterType, Type, Value

PARTIAL = (ast.FloorDiv, ast.Mod, ast.Div, ast.LShift)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """An expression; `length` and `element` (likewise) when it is a register."""

    node: ast.expr
    kind: Type | None = None

    def __add__(self, other: Source) -> Source:
        return _binary(self, ast.Add(), other)

    def __sub__(self, other: Source) -> Source:
        if isinstance(self.node, ast.Constant) and self.node.value == 0:
            return Source(ast.UnaryOp(ast.USub(), other.node))
        return _binary(self, ast.Sub(), other)

    def __mul__(self, other: Source) -> Source:
        return _binary(self, ast.Mult(), other)

    def __neg__(self) -> Source:
        return Source(ast.UnaryOp(ast.USub(), self.node))

    def __lt__(self, other: Source) -> Source:
        return _compare(self, ast.Lt(), other)

    def __le__(self, other: Source) -> Source:
        return _compare(self, ast.LtE(), other)

    def __gt__(self, other: Source) -> Source:
        return _compare(self, ast.Gt(), other)

    def __ge__(self, other: Source) -> Source:
        return _compare(self, ast.GtE(), other)


def _binary(a: Source, op: ast.operator, b: Source) -> Source:
    return Source(ast.BinOp(a.node, op, b.node))


def _compare(a: Source, op: ast.cmpop, b: Source) -> Source:
    return Source(ast.Compare(a.node, [op], [b.node]))


class SourceAlgebra:
    """The reading of `dsl.algebra` as Python source; conditionals are lazy, so guarded divisions are safe."""

    def constant(self, value: Any) -> Source:
        return Source(literal(value))

    def ite(self, condition: Source, then: Source, otherwise: Source) -> Source:
        return Source(ast.IfExp(condition.node, then.node, otherwise.node), then.kind)

    def conj(self, a: Source, b: Source) -> Source:
        return Source(flat(ast.BoolOp(ast.And(), [a.node, b.node])))

    def disj(self, a: Source, b: Source) -> Source:
        return Source(flat(ast.BoolOp(ast.Or(), [a.node, b.node])))

    def neg(self, a: Source) -> Source:
        return Source(ast.UnaryOp(ast.Not(), a.node))

    def floordiv(self, a: Source, b: Source) -> Source:
        return _binary(a, ast.FloorDiv(), b)

    def mod(self, a: Source, b: Source) -> Source:
        return _binary(a, ast.Mod(), b)

    def truediv(self, a: Source, b: Source) -> Source:
        return _binary(Source(ast.Call(ast.Name("Fraction"), [a.node], [])), ast.Div(), b)

    def bitand(self, a: Source, b: Source) -> Source:
        return _binary(a, ast.BitAnd(), b)

    def bitor(self, a: Source, b: Source) -> Source:
        return _binary(a, ast.BitOr(), b)

    def bitxor(self, a: Source, b: Source) -> Source:
        return _binary(a, ast.BitXor(), b)

    def shift_left(self, a: Source, b: Source) -> Source:
        return _binary(a, ast.LShift(), b)

    def eq(self, a: Source, b: Source) -> Source:
        return _compare(a, ast.Eq(), b)

    def register(self, elements: tuple[Source, ...]) -> Source:
        return Source(ast.Tuple([e.node for e in elements]))

    def elements(self, register: Source) -> tuple[Source, ...]:
        if isinstance(register.node, ast.Tuple):
            return tuple(Source(node) for node in register.node.elts)
        assert isinstance(register.kind, RegisterType)
        return tuple(self.select(register, self.constant(i)) for i in range(register.kind.length))

    def select(self, register: Source, index: Source) -> Source:
        element = register.kind.element if isinstance(register.kind, RegisterType) else None
        return Source(ast.Subscript(register.node, index.node), element)


SOURCE = SourceAlgebra()


def literal(value: Value) -> ast.expr:
    """A constant as a Python expression."""
    if isinstance(value, tuple):
        return ast.Tuple([literal(v) for v in value])
    if isinstance(value, Fraction):
        return ast.Call(ast.Name("Fraction"), [ast.Constant(value.numerator), ast.Constant(value.denominator)], [])
    return ast.Constant(value)


def flat(node: ast.BoolOp) -> ast.BoolOp:
    """`a and (b and c)` as `a and b and c`."""
    nested = (v.values if isinstance(v, ast.BoolOp) and type(v.op) is type(node.op) else [v] for v in node.values)
    return ast.BoolOp(node.op, [value for values in nested for value in values])


@cache
def _template(text: str) -> ast.expr:
    return ast.parse(text.format(*(f"_{i}" for i in range(9))), mode="eval").body


class _Fill(ast.NodeTransformer):
    """Puts arguments into the holes `_0`, `_1`, ... of a template."""

    def __init__(self, args: list[ast.expr]) -> None:
        self.args = {f"_{i}": arg for i, arg in enumerate(args)}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.args.get(node.id, node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        return flat(node)


class Expressions:
    """Turns terms into expressions and collects what they need: helpers, and constant tables by name."""

    def __init__(self, fresh: Callable[[str], str]) -> None:
        self.fresh = fresh
        self.helpers: dict[tuple[Any, ...], tuple[str, str]] = {}
        self.tables: dict[str, tuple[str, ast.expr]] = {}

    def expression(self, term: Term, scope: Mapping[str, ast.expr]) -> ast.expr:
        """The term, with its variables' expressions from `scope`."""
        if isinstance(term, Var):
            return scope[term.name]
        if isinstance(term, Const):
            return self._constant(term)
        args = [self.expression(arg, scope) for arg in term.args]
        op, kinds = BY_NAME[term.op], tuple(arg.type for arg in term.args)
        if op.arity is None:
            return op.meaning(SOURCE, *(Source(a, kind) for a, kind in zip(args, kinds, strict=True))).node
        if op.python is not None and op.python_when(kinds):
            return _Fill(args).visit(copy.deepcopy(_template(op.python)))
        return ast.Call(ast.Name(self._helper(op, kinds)), args, [])

    def _constant(self, term: Const) -> ast.expr:
        node = literal(term.value)
        text = ast.unparse(node)
        if not isinstance(term.value, tuple) or len(text) <= 40:
            return node
        if text not in self.tables:
            self.tables[text] = (self.fresh("TABLE"), node)
        return ast.Name(self.tables[text][0])

    def _helper(self, op: Op, kinds: tuple[Type, ...]) -> str:
        key = (op.name, *(kind.length if isinstance(kind, RegisterType) else None for kind in kinds))
        if key not in self.helpers:
            name = self.fresh(op.helper or op.name)
            self.helpers[key] = (name, _definition(op, kinds, name))
        return self.helpers[key][0]


def _definition(op: Op, kinds: tuple[Type, ...], name: str) -> str:
    """The helper function of an operator on arguments of these types, from the row's meaning."""
    names = [*"abc"][: len(kinds)]
    body = op.meaning(SOURCE, *(Source(ast.Name(n), kind) for n, kind in zip(names, kinds, strict=True))).node
    lines = [f"def {name}({', '.join(names)}):", f'    """{op.doc[:1].upper() + op.doc[1:]}."""']
    while part := _shared(body):
        local = "t" * (len(lines) - 1)
        lines.append(f"    {local} = {ast.unparse(part)}")
        body = _Replace(part, local).visit(body)
    return "\n".join([*lines, f"    return {ast.unparse(body)}"]) + "\n"


def _shared(body: ast.expr) -> ast.expr | None:
    """The first conditional that is the same object at several places and safe to compute at once."""
    seen: set[int] = set()
    for node in ast.walk(body):  # breadth first, so the largest come first
        if isinstance(node, ast.IfExp):
            if id(node) in seen and not any(isinstance(s, PARTIAL) for s in ast.walk(node)):
                return node
            seen.add(id(node))
    return None


class _Replace(ast.NodeTransformer):
    def __init__(self, part: ast.expr, name: str) -> None:
        self.part, self.name = part, name

    def visit(self, node: ast.AST) -> Any:
        return ast.Name(self.name) if node is self.part else self.generic_visit(node)
