"""Bit-vector operators of SMT-LIB on numpy arrays of unsigned 64-bit words; a word of width w lies below 2**w."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from extract.search.engine import kernels

U = np.uint64
SURVEY = {"bvand": kernels.AND, "bvor": kernels.OR, "bvxor": kernels.XOR, "bvadd": kernels.ADD,
          "bvsub": kernels.SUBTRACT}  # fmt: skip
"""Operators with a one-pass kernel; those of arithmetic at 64 bits only."""


def literal(text: str) -> int | None:
    """The value of `#x...` or `#b...`, or None."""
    if text.startswith("#x"):
        return int(text[2:], 16)
    return int(text[2:], 2) if text.startswith("#b") else None


def as_word(value: int) -> np.int64:
    """An unsigned value below 2**64 as the int64 of the same bits."""
    return np.int64(value - (1 << 64) if value >= 1 << 63 else value)


def unsigned(values: Any) -> Any:
    """Words carried as int64, as uint64; truth values as they are."""
    return values.view(U) if values.dtype == np.int64 else values


def carried(values: Any) -> Any:
    """Words as the int64 that the bank holds; everything else as it is."""
    return values.view(np.int64) if values.dtype == U else values


def _divide(a: Any, b: Any) -> Any:
    return np.where(b == 0, ~U(0), a // np.where(b == 0, U(1), b))


def _remainder(a: Any, b: Any) -> Any:
    return np.where(b == 0, a, a % np.where(b == 0, U(1), b))


@cache
def operators(width: int) -> dict[str, Callable[..., Any]]:
    """The operators at a width of at most 64 bits."""
    mask, sign = U((1 << width) - 1), U(1 << (width - 1))

    def cut(operation: Callable[..., Any]) -> Callable[..., Any]:
        return operation if width == 64 else lambda *args: operation(*args) & mask

    def shift(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda a, b: np.where(b < U(width), operation(a, np.minimum(b, U(63))), U(0))

    def negative(a: Any) -> Any:
        return (a & sign) != 0

    def negated(a: Any) -> Any:
        return (U(0) - a) & mask

    def size(a: Any) -> Any:
        return np.where(negative(a), negated(a), a)

    def arithmetic_shift(a: Any, b: Any) -> Any:
        amount = np.minimum(b, U(width - 1))
        return np.where(negative(a), ~((~a & mask) >> amount) & mask, a >> amount)

    def signed_divide(a: Any, b: Any) -> Any:
        quotient = _divide(size(a), size(b)) & mask
        return np.where(negative(a) ^ negative(b), negated(quotient), quotient)

    def signed_remainder(a: Any, b: Any) -> Any:
        rest = _remainder(size(a), size(b))
        return np.where(negative(a), negated(rest), rest)

    def signed_modulo(a: Any, b: Any) -> Any:
        rest = _remainder(size(a), size(b))
        rest = np.where(negative(a), negated(rest), rest)
        return np.where((rest != 0) & (negative(a) ^ negative(b)), (rest + b) & mask, rest)

    def signed(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda a, b: compare(a ^ sign, b ^ sign)

    return {
        "bvnot": cut(np.invert), "bvneg": negated, "bvand": np.bitwise_and, "bvor": np.bitwise_or,
        "bvxor": np.bitwise_xor, "bvnand": cut(lambda a, b: ~(a & b)), "bvnor": cut(lambda a, b: ~(a | b)),
        "bvxnor": cut(lambda a, b: ~(a ^ b)), "bvadd": cut(np.add), "bvsub": cut(np.subtract),
        "bvmul": cut(np.multiply), "bvudiv": cut(_divide), "bvurem": _remainder, "bvsdiv": signed_divide,
        "bvsrem": signed_remainder, "bvsmod": signed_modulo, "bvshl": cut(shift(np.left_shift)),
        "bvlshr": shift(np.right_shift), "bvashr": arithmetic_shift, "bvult": np.less, "bvule": np.less_equal,
        "bvugt": np.greater, "bvuge": np.greater_equal, "bvslt": signed(np.less), "bvsle": signed(np.less_equal),
        "bvsgt": signed(np.greater), "bvsge": signed(np.greater_equal),
    }  # fmt: skip
