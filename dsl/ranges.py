"""Range rules: from argument types to the type of the result, one small function per kind of operator.

A rule checks its arguments and computes an interval that contains every result (interval arithmetic,
Moore 1966). Open ends are infinities here and `None` in types. A rule raises `TypeMismatch`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from dsl.algebra import MAX_SHIFT
from dsl.errors import TypeMismatch
from dsl.types import BOOL, BoolType, IntType, RealType, RegisterType, Type, join

Rule = Callable[[tuple[Type, ...]], Type]
Ends = tuple[Any, Any]


def ends(kind: Type) -> Ends:
    """Lower and upper end of a numeric type, infinite where open."""
    if not isinstance(kind, IntType | RealType):
        raise TypeMismatch(f"expected a number, got a value of type {kind}")
    return (-math.inf if kind.low is None else kind.low, math.inf if kind.high is None else kind.high)


def interval(low: Any, high: Any, *, real: bool = False) -> Type:
    """The numeric type between two ends, infinite ends left open."""
    low, high = (None if isinstance(end, float) else end for end in (low, high))
    if real:
        return RealType(None if low is None else Fraction(low), None if high is None else Fraction(high))
    return IntType(low, high)


def numeric(bounds: Callable[..., Ends]) -> Rule:
    """A rule for numbers: `bounds` maps the arguments' ends to the result's; rational if any argument is."""

    def rule(kinds: tuple[Type, ...]) -> Type:
        return interval(*bounds(*map(ends, kinds)), real=any(isinstance(kind, RealType) for kind in kinds))

    return rule


def integral(bounds: Callable[..., Ends]) -> Rule:
    """As `numeric`, for integers only."""

    def rule(kinds: tuple[Type, ...]) -> Type:
        for kind in kinds:
            if not isinstance(kind, IntType):
                raise TypeMismatch(f"expected an integer, got a value of type {kind}")
        return interval(*bounds(*map(ends, kinds)))

    return rule


def boolean(kinds: tuple[Type, ...]) -> Type:
    """Truth values in, truth value out."""
    for kind in kinds:
        if not isinstance(kind, BoolType):
            raise TypeMismatch(f"expected a truth value, got a value of type {kind}")
    return BOOL


def comparison(kinds: tuple[Type, ...]) -> Type:
    """Two numbers in, truth value out."""
    for kind in kinds:
        ends(kind)
    return BOOL


def equality(kinds: tuple[Type, ...]) -> Type:
    """Two values of one kind in, truth value out."""
    if join(*kinds) is None:
        raise TypeMismatch(f"expected two values of one kind, got {kinds[0]} and {kinds[1]}")
    return BOOL


def truth_to_integer(kinds: tuple[Type, ...]) -> Type:
    """A truth value in, 0..1 out."""
    boolean(kinds)
    return IntType(0, 1)


def choice(kinds: tuple[Type, ...]) -> Type:
    """A truth value and two values of one kind in; their join out."""
    boolean(kinds[:1])
    joined = join(kinds[1], kinds[2])
    if joined is None:
        raise TypeMismatch(f"expected two branches of one kind, got {kinds[1]} and {kinds[2]}")
    return joined


def quotient(kinds: tuple[Type, ...]) -> Type:
    """Exact quotient of numbers; without bounds unless the divisor keeps away from zero."""
    (low, high), (divisor_low, divisor_high) = map(ends, kinds)
    if divisor_low <= 0 <= divisor_high or math.inf in (high, divisor_high) or -math.inf in (low, divisor_low):
        return RealType()
    corners = [Fraction(a) / b for a in (low, high) for b in (divisor_low, divisor_high)]
    return RealType(min(corners), max(corners))


def element(kinds: tuple[Type, ...]) -> Type:
    """A register and an integer in; an element out."""
    return _register(kinds[0]).element if isinstance(kinds[1], IntType) else integral(lambda a: a)(kinds[1:])


def pushed(kinds: tuple[Type, ...]) -> Type:
    """A register and a value in; a register out."""
    register = _register(kinds[0])
    return RegisterType(_joined(register.element, kinds[-1]), register.length)


def replaced(kinds: tuple[Type, ...]) -> Type:
    """A register, an index and a value in; a register out."""
    integral(lambda a: a)(kinds[1:2])
    return pushed(kinds)


def literal_register(kinds: tuple[Type, ...]) -> Type:
    """Values of one kind in; a register of them out."""
    if not kinds:
        raise TypeMismatch("expected at least one element in a register, got none")
    joined = kinds[0]
    for kind in kinds[1:]:
        joined = _joined(joined, kind)
    return RegisterType(joined, len(kinds))


def _register(kind: Type) -> RegisterType:
    if not isinstance(kind, RegisterType):
        raise TypeMismatch(f"expected a register, got a value of type {kind}")
    return kind


def _joined(a: Type, b: Type) -> Type:
    joined = join(a, b)
    if joined is None:
        raise TypeMismatch(f"expected elements of one kind, got {a} and {b}")
    return joined


# --- bounds of the arithmetic operators, on (low, high) pairs -------------------------------------------------


def times(a: Any, b: Any) -> Any:
    """Product with 0 * infinity = 0, as interval arithmetic wants it."""
    return 0 if a == 0 or b == 0 else a * b


def product(a: Ends, b: Ends) -> Ends:
    """Bounds of `x * y`."""
    corners = [times(x, y) for x in a for y in b]
    return min(corners), max(corners)


def floor_quotient(a: Ends, b: Ends) -> Ends:
    """Bounds of the floored quotient, which is 0 for divisor 0."""
    divisors = {d for d in (*b, -1, 1) if b[0] <= d <= b[1] and d != 0}
    corners = [_floor_corner(x, d) for x in a for d in divisors]
    if b[0] <= 0 <= b[1]:
        corners.append(0)
    return min(corners), max(corners)


def _floor_corner(x: Any, d: Any) -> Any:
    if isinstance(x, float):
        return x if d > 0 else -x
    if isinstance(d, float):
        return 0 if x == 0 or (x > 0) == (d > 0) else -1
    return x // d


def remainder(a: Ends, b: Ends) -> Ends:
    """Bounds of `x mod y`, which has the sign of `y` and is `x` for divisor 0."""
    if b[0] > 0 and a[0] >= 0 and a[1] < b[0]:
        return a
    low = min(0, b[0] + 1 if b[0] < 0 else 0)
    high = max(0, b[1] - 1 if b[1] > 0 else 0)
    if b[0] >= 0 and a[0] >= 0:
        high = min(high, a[1])
    if b[0] <= 0 <= b[1]:
        low, high = min(low, a[0]), max(high, a[1])
    return low, high


def absolute(a: Ends) -> Ends:
    """Bounds of `abs(x)`."""
    return (0 if a[0] <= 0 <= a[1] else min(abs(a[0]), abs(a[1])), max(abs(a[0]), abs(a[1])))


def bitwise(a: Ends, b: Ends) -> Ends:
    """Bounds of `x | y` and `x ^ y`: all words as wide as the wider argument."""
    if math.inf in (a[1], b[1]) or -math.inf in (a[0], b[0]):
        return (0 if a[0] >= 0 and b[0] >= 0 else -math.inf), math.inf
    width = max(int(end).bit_length() for end in (a[0], a[1], b[0], b[1]))
    return (0 if a[0] >= 0 and b[0] >= 0 else -(1 << width)), (1 << width) - 1


def bitwise_and(a: Ends, b: Ends) -> Ends:
    """Bounds of `x & y`: a non-negative argument caps it."""
    caps = [end[1] for end in (a, b) if end[0] >= 0]
    return (0, min(caps)) if caps else (bitwise(a, b)[0], bitwise(a, b)[1])


def shift_amounts(b: Ends) -> tuple[int, int]:
    """The amounts a shift really uses: clamped to 0..MAX_SHIFT."""
    return int(min(max(b[0], 0), MAX_SHIFT)), int(min(max(b[1], 0), MAX_SHIFT))


def shifted_left(a: Ends, b: Ends) -> Ends:
    """Bounds of `x << y`."""
    low, high = shift_amounts(b)
    return product(a, (1 << low, 1 << high))


def shifted_right(a: Ends, b: Ends) -> Ends:
    """Bounds of `x >> y`."""
    low, high = shift_amounts(b)
    return floor_quotient(a, (1 << low, 1 << high))
