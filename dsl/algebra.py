"""The few things in which Python, numpy, z3 and source text spell a meaning differently.

An operator's meaning (`dsl.ops`) is written once against an `Algebra`: with `PythonAlgebra` it runs, with
numpy's (`dsl.batch`) it scores a batch, with z3's (`verify.smt`) it is the solver encoding. Plain `+ - *`
and comparisons are used directly; everything else goes through the algebra.
"""

from __future__ import annotations

from typing import Any, Protocol


class Algebra(Protocol):
    """What a reading of terms must provide. Values are opaque; `+ - *` and `< <= ==` act on them directly."""

    def constant(self, value: Any) -> Any:
        """A literal as a value of this reading."""

    def ite(self, condition: Any, then: Any, otherwise: Any) -> Any:
        """`then` where the condition holds, else `otherwise`; both are evaluated."""

    def conj(self, a: Any, b: Any) -> Any:
        """Both hold."""

    def disj(self, a: Any, b: Any) -> Any:
        """At least one holds."""

    def neg(self, a: Any) -> Any:
        """Does not hold."""

    def floordiv(self, a: Any, b: Any) -> Any:
        """Quotient rounded down; `b` is not zero where the result is used."""

    def mod(self, a: Any, b: Any) -> Any:
        """`a - b * floordiv(a, b)`; `b` is not zero where the result is used."""

    def truediv(self, a: Any, b: Any) -> Any:
        """Exact quotient of rationals; `b` is not zero where the result is used."""

    def bitand(self, a: Any, b: Any) -> Any:
        """Bitwise and of integers in two's complement of unlimited width."""

    def bitor(self, a: Any, b: Any) -> Any:
        """Bitwise or, likewise."""

    def bitxor(self, a: Any, b: Any) -> Any:
        """Bitwise exclusive or, likewise."""

    def shift_left(self, a: Any, b: Any) -> Any:
        """`a * 2**b`; `b` is within 0..MAX_SHIFT where the result is used."""

    def eq(self, a: Any, b: Any) -> Any:
        """Equality of numbers, truth values or registers."""

    def register(self, elements: tuple[Any, ...]) -> Any:
        """A register of the given elements."""

    def elements(self, register: Any) -> tuple[Any, ...]:
        """The elements of a register, oldest first."""
        ...

    def select(self, register: Any, index: Any) -> Any:
        """The element at `index`, which is within the register where the result is used."""


class PythonAlgebra:
    """Exact Python integers, fractions and tuples: the reference."""

    def constant(self, value: Any) -> Any:
        return value

    def ite(self, condition: Any, then: Any, otherwise: Any) -> Any:
        return then if condition else otherwise

    def conj(self, a: Any, b: Any) -> Any:
        return a and b

    def disj(self, a: Any, b: Any) -> Any:
        return a or b

    def neg(self, a: Any) -> Any:
        return not a

    # `ite` evaluates both arms, so a guarded division still sees its zero; any value will do there.
    def floordiv(self, a: Any, b: Any) -> Any:
        return a // b if b else 0

    def mod(self, a: Any, b: Any) -> Any:
        return a % b if b else a

    def truediv(self, a: Any, b: Any) -> Any:
        from fractions import Fraction

        return Fraction(a) / b if b else Fraction(0)

    def bitand(self, a: Any, b: Any) -> Any:
        return a & b

    def bitor(self, a: Any, b: Any) -> Any:
        return a | b

    def bitxor(self, a: Any, b: Any) -> Any:
        return a ^ b

    def shift_left(self, a: Any, b: Any) -> Any:
        return a << b if 0 <= b <= MAX_SHIFT else a

    def eq(self, a: Any, b: Any) -> Any:
        return a == b

    def register(self, elements: tuple[Any, ...]) -> Any:
        return tuple(elements)

    def elements(self, register: Any) -> tuple[Any, ...]:
        return tuple(register)

    def select(self, register: Any, index: Any) -> Any:
        return register[index]


MAX_SHIFT = 63
"""Shifts are total and small: an amount is clamped to 0..MAX_SHIFT, so no term can ask for 2**(10**9)."""
