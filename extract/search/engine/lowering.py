"""How operators reach the engine: one row per operator and signature, its meaning on whole tiles of values.

`INTEGERS` lowers the operator table of `dsl.ops` to numpy; `extract.sygus.words` builds a second table of the same
form for bit-vectors. Numbers come as 64-bit words (examples, ...); truth values come packed into words where
`packed` holds, else as Booleans (examples, ...). Where a result might leave +-2**62 the candidate is dropped: `reach`
bounds the result from the largest magnitudes of the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsl.ops import BY_NAME
from extract.search.engine import kernels

NUMBER, TRUTH = 0, 1
LIMIT = float(1 << 62)
EXACT = float(1 << 51)


def is_truth(kind: int) -> bool:
    """Whether rows of this kind are truth values; further kinds of a grammar alternate, as `NUMBER` and `TRUTH` do."""
    return kind % 2 == TRUTH


@dataclass(frozen=True, slots=True)
class Row:
    """One operator at one signature: kinds of arguments and result, cost in bits, meaning, and facts for pruning.

    `idempotent` marks operators for which `x op x` is idle. `survey` names the same operation in `kernels.survey`,
    which evaluates and hashes pairs in one pass; 0 if it has none.
    """

    operator: str
    arguments: tuple[int, ...]
    result: int
    cost: float
    meaning: Callable[..., Any]
    packed: bool = False
    commutative: bool = False
    idempotent: bool = False
    reach: Callable[..., Any] | None = None
    survey: int = 0


Table = tuple[Row, ...]


def floor_divide(a: Any, b: Any) -> Any:
    """Quotient rounded down, 0 where the divisor is 0; in doubles where these are exact, which is much faster."""
    if float(np.abs(a).max(initial=0)) < EXACT and float(np.abs(b).max(initial=0)) < EXACT:
        divisor = b.astype(np.float64)
        divisor[b == 0] = np.inf
        quotient = np.divide(a, divisor)
        np.floor(quotient, out=quotient)
        result = quotient.astype(np.int64)
        if (b == 0).any():  # -1 for a negative number over infinity
            result *= b != 0
        return result
    result = np.floor_divide(a, np.where(b == 0, 1, b))
    result *= b != 0
    return result


def modulo(a: Any, b: Any) -> Any:
    """`a - b * floor_divide(a, b)`, which is `a` for divisor 0."""
    result = floor_divide(a, b)
    result *= b
    return np.subtract(a, result, out=result)


def shift_left(a: Any, b: Any) -> Any:
    """`a * 2**b` with the amount clamped to 0..63."""
    return np.left_shift(a, np.clip(b, 0, 63))


def shift_right(a: Any, b: Any) -> Any:
    """`a` divided by `2**b`, rounded down, the amount clamped to 0..63."""
    return np.right_shift(a, np.clip(b, 0, 63))


def same_bits(a: Any, b: Any) -> Any:
    """Packed equality of truth values."""
    return np.invert(np.bitwise_xor(a, b))


def _row(operator: str, arguments: str, result: str, meaning: Callable[..., Any], **facts: Any) -> Row:
    kinds = {"n": NUMBER, "t": TRUTH}
    op = BY_NAME[operator]
    return Row(
        operator,
        tuple(kinds[a] for a in arguments),
        kinds[result],
        op.cost,
        meaning,
        commutative=op.commutative,
        **facts,
    )


IDLE = {"idempotent": True}
BITS = {"packed": True}

INTEGERS: Table = (
    _row("+", "nn", "n", np.add, reach=lambda a, b: a + b, survey=kernels.ADD),
    _row("-", "nn", "n", np.subtract, reach=lambda a, b: a + b, survey=kernels.SUBTRACT, **IDLE),
    _row("*", "nn", "n", np.multiply, reach=lambda a, b: a * b, survey=kernels.MULTIPLY),
    _row("div", "nn", "n", floor_divide, **IDLE),
    _row("mod", "nn", "n", modulo, **IDLE),
    _row("neg", "n", "n", np.negative),
    _row("abs", "n", "n", np.abs),
    _row("min", "nn", "n", np.minimum, survey=kernels.MINIMUM, **IDLE),
    _row("max", "nn", "n", np.maximum, survey=kernels.MAXIMUM, **IDLE),
    _row("==", "nn", "t", np.equal, **IDLE),
    _row("==", "tt", "t", same_bits, **BITS, **IDLE),
    _row("!=", "nn", "t", np.not_equal, **IDLE),
    _row("<", "nn", "t", np.less, **IDLE),
    _row("<=", "nn", "t", np.less_equal, **IDLE),
    _row(">", "nn", "t", np.greater, **IDLE),
    _row(">=", "nn", "t", np.greater_equal, **IDLE),
    _row("and", "tt", "t", np.bitwise_and, survey=kernels.AND, **BITS, **IDLE),
    _row("or", "tt", "t", np.bitwise_or, survey=kernels.OR, **BITS, **IDLE),
    _row("xor", "tt", "t", np.bitwise_xor, survey=kernels.XOR, **BITS, **IDLE),
    _row("not", "t", "t", np.invert, **BITS),
    _row("int", "t", "n", lambda a: a.astype(np.int64)),
    _row("if", "tnn", "n", np.where),
    _row("&", "nn", "n", np.bitwise_and, survey=kernels.AND, **IDLE),
    _row("|", "nn", "n", np.bitwise_or, survey=kernels.OR, **IDLE),
    _row("^", "nn", "n", np.bitwise_xor, survey=kernels.XOR, reach=lambda a, b: a + b),
    _row("~", "n", "n", np.invert),
    _row("<<", "nn", "n", shift_left, reach=lambda a, b: a * np.exp2(np.minimum(b, 63.0))),
    _row(">>", "nn", "n", shift_right),
)

DEFAULT: tuple[str, ...] = (
    "+", "-", "*", "div", "mod", "neg", "abs", "min", "max", "==", "!=", "<", "<=", "and", "or", "xor", "not", "int",
    "if",
)  # fmt: skip
"""Operators tried unless the caller says otherwise; `>` and `>=` are `<` and `<=` with arguments exchanged."""
