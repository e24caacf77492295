"""Types: Booleans, integers with optional bounds, exact rationals with optional bounds, registers of these.

An integer type is an interval; `None` stands for an open end. Intervals serve twice: they are what a
program declares, and what range inference computes for every sub-term, so that the vectorised reading
knows when 64-bit words suffice and the z3 reading knows how wide a bit operation is.

A *register* is a fixed-length sequence of equal elements; a *table* is a constant register (of registers).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Value = bool | int | Fraction | tuple["Value", ...]
Bound = int | Fraction | None


@dataclass(frozen=True, slots=True)
class BoolType:
    """Truth values, written `bool`."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class IntType:
    """Integers from `low` to `high`, both included; `None` is no bound. Written `0..9` or `int`."""

    low: int | None = None
    high: int | None = None

    def __str__(self) -> str:
        if self.low is None and self.high is None:
            return "int"
        low = "" if self.low is None else str(self.low)
        high = "" if self.high is None else str(self.high)
        return f"{low}..{high}"

    @property
    def size(self) -> int | None:
        """Number of values, or `None` when infinite."""
        return None if self.low is None or self.high is None else self.high - self.low + 1


@dataclass(frozen=True, slots=True)
class RealType:
    """Exact rationals from `low` to `high`; `None` is no bound. Written `real` or `real(0..1)`."""

    low: Fraction | None = None
    high: Fraction | None = None

    def __str__(self) -> str:
        if self.low is None and self.high is None:
            return "real"
        return f"real({'' if self.low is None else self.low}..{'' if self.high is None else self.high})"


@dataclass(frozen=True, slots=True)
class RegisterType:
    """A fixed-length sequence, written `[0..9; 3]`. Its values are Python tuples."""

    element: Type
    length: int

    def __str__(self) -> str:
        return f"[{self.element}; {self.length}]"


Type = BoolType | IntType | RealType | RegisterType

BOOL = BoolType()
INT = IntType()
REAL = RealType()


def contains(kind: Type, value: Value) -> bool:
    """Whether `value` belongs to the type `kind`. `True` is not an integer here."""
    match kind:
        case BoolType():
            return isinstance(value, bool)
        case IntType(low, high) | RealType(low, high):
            numeric = (int,) if isinstance(kind, IntType) else (int, Fraction)
            if isinstance(value, bool) or not isinstance(value, numeric):
                return False
            return (low is None or low <= value) and (high is None or value <= high)
        case RegisterType(element, length):
            return isinstance(value, tuple) and len(value) == length and all(contains(element, v) for v in value)


def type_of(value: Value) -> Type:
    """The smallest type that holds `value`; a register takes the join of its elements' types."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return IntType(value, value)
    if isinstance(value, Fraction):
        return RealType(value, value)
    return RegisterType(join_all(type_of(v) for v in value), len(value))


def join(a: Type, b: Type) -> Type | None:
    """The smallest type that holds the values of both, or `None` when they have no type in common."""
    match a, b:
        case (BoolType(), BoolType()):
            return a
        case (IntType(), IntType()):
            return IntType(_least(a.low, b.low), _greatest(a.high, b.high))
        case (IntType() | RealType(), IntType() | RealType()):
            low, high = _least(a.low, b.low), _greatest(a.high, b.high)
            return RealType(None if low is None else Fraction(low), None if high is None else Fraction(high))
        case (RegisterType(), RegisterType()) if a.length == b.length:
            element = join(a.element, b.element)
            return None if element is None else RegisterType(element, a.length)
        case _:
            return None


def join_all(kinds: Iterable[Type]) -> Type:
    """The join of several types; an empty register holds integers. Raises ValueError when they do not join."""
    result: Type | None = None
    for kind in kinds:
        result = kind if result is None else join(result, kind)
        if result is None:
            raise ValueError("elements of different kinds in one register")
    return IntType(0, 0) if result is None else result


def fits(inner: Type, outer: Type) -> bool:
    """Whether every value of `inner` is a value of `outer`."""
    return join(inner, outer) == outer


def unbounded(kind: Type) -> Type:
    """The type with all bounds dropped: what a term may mean before ranges are known."""
    match kind:
        case IntType():
            return INT
        case RealType():
            return REAL
        case RegisterType(element, length):
            return RegisterType(unbounded(element), length)
        case _:
            return kind


def _least(a: Bound, b: Bound) -> Any:
    return None if a is None or b is None else min(a, b)


def _greatest(a: Bound, b: Bound) -> Any:
    return None if a is None or b is None else max(a, b)
