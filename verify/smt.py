"""The z3 reading of terms: `interpret` with an algebra of z3 expressions.

The encoding is the operators' ordinary meaning plus overrides where the solver differs: z3's integer `div` and `mod`
are Euclidean, ours round down; z3 has no bit operations on integers, so they are spelled bit by bit over the width that
the argument's bounds give, and are `Unsupported` without bounds. A *symbol* is a z3 expression with its bounds
(as a column of `dsl.batch` is an array with its bounds); known constants are folded on the way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import z3

from dsl import ranges
from dsl.algebra import MAX_SHIFT
from dsl.errors import Unsupported
from dsl.semantics import interpret
from dsl.terms import Term
from dsl.types import BoolType, IntType, RealType, RegisterType, Type, Value

MAX_WIDTH = 64
"""Bit operations on wider integers are not encoded."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A number or truth value: a z3 expression within `low`..`high` (infinite where unknown)."""

    expr: Any
    low: Any = -math.inf
    high: Any = math.inf

    @property
    def known(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high

    def __add__(self, other: Symbol) -> Symbol:
        return _number(self.expr + other.expr, self.low + other.low, self.high + other.high)

    def __sub__(self, other: Symbol) -> Symbol:
        return _number(self.expr - other.expr, self.low - other.high, self.high - other.low)

    def __mul__(self, other: Symbol) -> Symbol:
        return _number(self.expr * other.expr, *ranges.product((self.low, self.high), (other.low, other.high)))

    def __lt__(self, other: Symbol) -> Symbol:
        if self.high < other.low or self.low >= other.high:
            return Symbol(z3.BoolVal(self.high < other.low))
        return Symbol(self.expr < other.expr)

    def __le__(self, other: Symbol) -> Symbol:
        if self.high <= other.low or self.low > other.high:
            return Symbol(z3.BoolVal(self.high <= other.low))
        return Symbol(self.expr <= other.expr)

    def __gt__(self, other: Symbol) -> Symbol:
        return other < self

    def __ge__(self, other: Symbol) -> Symbol:
        return other <= self


def literal(value: Value) -> Any:
    """A constant as a symbol; a register as a tuple of them."""
    if isinstance(value, bool):
        return Symbol(z3.BoolVal(value))
    if isinstance(value, tuple):
        return tuple(map(literal, value))
    if isinstance(value, Fraction):
        return Symbol(z3.RealVal(f"{value.numerator}/{value.denominator}"), value, value)
    return Symbol(z3.IntVal(value), value, value)


def _number(expr: Any, low: Any, high: Any) -> Symbol:
    low, high = (end if not isinstance(end, float) or math.isinf(end) else Fraction(end) for end in (low, high))
    if low == high and z3.is_int(expr):
        return literal(int(low))
    return Symbol(expr, low, high)


class Z3Algebra:
    """The reading of `dsl.algebra` in symbols; registers are tuples."""

    def constant(self, value: Any) -> Any:
        return literal(value)

    def ite(self, condition: Symbol, then: Any, otherwise: Any) -> Any:
        if z3.is_true(condition.expr):
            return then
        if z3.is_false(condition.expr):
            return otherwise
        if isinstance(then, tuple):
            return tuple(self.ite(condition, a, b) for a, b in zip(then, otherwise, strict=True))
        if then.expr.eq(otherwise.expr):
            return then
        expr = z3.If(condition.expr, then.expr, otherwise.expr)
        if z3.is_bool(expr):
            return Symbol(expr)
        return Symbol(expr, min(then.low, otherwise.low), max(then.high, otherwise.high))

    def conj(self, a: Symbol, b: Symbol) -> Symbol:
        return Symbol(z3.simplify(z3.And(a.expr, b.expr)) if _constant(a, b) else z3.And(a.expr, b.expr))

    def disj(self, a: Symbol, b: Symbol) -> Symbol:
        return Symbol(z3.simplify(z3.Or(a.expr, b.expr)) if _constant(a, b) else z3.Or(a.expr, b.expr))

    def neg(self, a: Symbol) -> Symbol:
        return Symbol(z3.simplify(z3.Not(a.expr)) if _constant(a) else z3.Not(a.expr))

    def floordiv(self, a: Symbol, b: Symbol) -> Symbol:
        if z3.is_app_of(b.expr, z3.Z3_OP_ITE):
            return self._by_case(self.floordiv, a, b)
        if b.known:
            if b.low == 0:
                return literal(0)
            # z3 rounds so that the remainder is not negative, which is rounding down for positive divisors
            expr = a.expr / b.expr if b.low > 0 else (-a.expr) / z3.IntVal(-b.low)
        else:
            expr = z3.If(b.expr > 0, a.expr / b.expr, (-a.expr) / (-b.expr))
        return _number(expr, *ranges.floor_quotient((a.low, a.high), (b.low, b.high)))

    def mod(self, a: Symbol, b: Symbol) -> Symbol:
        if z3.is_app_of(b.expr, z3.Z3_OP_ITE):
            return self._by_case(self.mod, a, b)
        if b.known:
            if b.low == 0 or (b.low > a.high and a.low >= 0):
                return a
            expr = a.expr % b.expr if b.low > 0 else -((-a.expr) % z3.IntVal(-b.low))
        else:
            expr = z3.If(b.expr > 0, a.expr % b.expr, -((-a.expr) % (-b.expr)))
        return _number(expr, *ranges.remainder((a.low, a.high), (b.low, b.high)))

    def _by_case(self, divide: Any, a: Symbol, b: Symbol) -> Symbol:
        """A division by a choice as a choice of divisions, which are linear where the choices are constants."""
        condition, then, otherwise = b.expr.children()
        arms = (literal(e.as_long()) if z3.is_int_value(e) else Symbol(e, b.low, b.high) for e in (then, otherwise))
        return self.ite(Symbol(condition), *(divide(a, arm) for arm in arms))

    def truediv(self, a: Symbol, b: Symbol) -> Symbol:
        return Symbol(_real(a) / _real(b))

    def bitand(self, a: Symbol, b: Symbol) -> Symbol:
        return self._bitwise(a, b, lambda x, y: z3.And(x, y), ranges.bitwise_and)

    def bitor(self, a: Symbol, b: Symbol) -> Symbol:
        return self._bitwise(a, b, lambda x, y: z3.Or(x, y), ranges.bitwise)

    def bitxor(self, a: Symbol, b: Symbol) -> Symbol:
        return self._bitwise(a, b, lambda x, y: z3.Xor(x, y), ranges.bitwise)

    def _bitwise(self, a: Symbol, b: Symbol, combine: Any, bounds: Any) -> Symbol:
        """Bits 0..width-1 in two's complement; the top one counts negative where an argument can be negative."""
        signed = a.low < 0 or b.low < 0
        width = max(_width(a), _width(b))
        total: Any = z3.IntVal(0)
        for bit in range(width):
            weight = -(1 << bit) if signed and bit == width - 1 else 1 << bit
            total = total + z3.If(combine(_bit(a, bit), _bit(b, bit)), z3.IntVal(weight), z3.IntVal(0))
        return _number(total, *bounds((a.low, a.high), (b.low, b.high)))

    def shift_left(self, a: Symbol, b: Symbol) -> Symbol:
        low, high = ranges.shift_amounts((b.low, b.high))
        shifted = a * literal(1 << low)
        for amount in range(low + 1, high + 1):
            shifted = self.ite(self.eq(b, literal(amount)), a * literal(1 << amount), shifted)
        return shifted

    def eq(self, a: Any, b: Any) -> Symbol:
        if isinstance(a, tuple):
            same = Symbol(z3.BoolVal(True))
            for x, y in zip(a, b, strict=True):
                same = self.conj(same, self.eq(x, y))
            return same
        if not z3.is_bool(a.expr) and (a.high < b.low or b.high < a.low or (a.known and b.known)):
            return Symbol(z3.BoolVal(bool(a.known and b.known and a.low == b.low)))
        return Symbol(z3.simplify(a.expr == b.expr) if _constant(a, b) else a.expr == b.expr)

    def register(self, elements: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(elements)

    def elements(self, register: Any) -> tuple[Any, ...]:
        return tuple(register)

    def select(self, register: Any, index: Symbol) -> Any:
        first, last = max(index.low, 0), min(index.high, len(register) - 1)
        found = register[int(first)]
        for position in range(int(first) + 1, int(last) + 1):
            found = self.ite(self.eq(index, literal(position)), register[position], found)
        return found


def _real(a: Symbol) -> Any:
    return z3.ToReal(a.expr) if z3.is_int(a.expr) else a.expr


def _constant(*symbols: Symbol) -> bool:
    return any(z3.is_true(s.expr) or z3.is_false(s.expr) for s in symbols)


def _width(a: Symbol) -> int:
    if isinstance(a.low, float) or isinstance(a.high, float):
        raise Unsupported("expected bounded integers in a bit operation for z3, got one without bounds")
    width = max(int(a.low).bit_length(), int(a.high).bit_length()) + 1
    if width > MAX_WIDTH:
        raise Unsupported(f"expected at most {MAX_WIDTH} bits in a bit operation for z3, got {width}")
    return width


def _bit(a: Symbol, bit: int) -> Any:
    if a.known:
        return z3.BoolVal(bool(int(a.low) >> bit & 1))
    if a.low >= 0 and a.high < 1 << bit:
        return z3.BoolVal(False)
    if a.low >= 0 and a.high < 2 << bit:
        return a.expr >= 1 << bit
    return (a.expr / (1 << bit)) % 2 == 1


Z3 = Z3Algebra()


def encode(term: Term, env: Mapping[str, Any]) -> Any:
    """The symbol (tuple of symbols for a register) of a term; `env` holds those of its variables.

    Raises `Unsupported` where z3 has no counterpart.
    """
    return interpret(term, env, Z3)


def declare(name: str, kind: Type) -> tuple[Any, list[Any]]:
    """A fresh variable of a type, and the constraints that keep it within its bounds."""
    match kind:
        case BoolType():
            return Symbol(z3.Bool(name)), []
        case IntType() | RealType():
            expr = z3.Int(name) if isinstance(kind, IntType) else z3.Real(name)
            low, high = ranges.ends(kind)
            bounds = [expr >= literal(kind.low).expr] if kind.low is not None else []
            bounds += [expr <= literal(kind.high).expr] if kind.high is not None else []
            return Symbol(expr, low, high), bounds
        case RegisterType(element, length):
            parts = [declare(f"{name}[{i}]", element) for i in range(length)]
            return tuple(symbol for symbol, _ in parts), [c for _, constraints in parts for c in constraints]


def value_of(model: Any, symbol: Any, kind: Type) -> Value:
    """The Python value of a symbol in a model; anything not decided there is completed."""
    if isinstance(symbol, tuple):
        assert isinstance(kind, RegisterType)
        return tuple(value_of(model, part, kind.element) for part in symbol)
    value = model.eval(symbol.expr, model_completion=True)
    if isinstance(kind, BoolType):
        return z3.is_true(value)
    if isinstance(kind, IntType) or z3.is_int_value(value):
        return value.as_long()
    return Fraction(value.numerator_as_long(), value.denominator_as_long())


assert MAX_SHIFT < MAX_WIDTH
