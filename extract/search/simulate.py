"""Running one update over all recorded words, fast: terms as postfix code on a small stack machine.

The meaning is that of `dsl.ops` (tests/extract/test_simulate.py holds the two together); only operators that the
search proposes are here. Values beyond 2**50 end a simulation, so nothing can overflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dsl.errors import Unsupported
from dsl.terms import Const, Term, Var
from verify.domain import IntArray

VARIABLE, CONSTANT = 0, 1
OPERATORS = ("+", "-", "*", "div", "mod", "min", "max", "neg", "abs", "==", "!=", "<", "<=", "and", "or", "xor",
             "not", "int", "if", ">", ">=")  # fmt: skip
CODES = {name: code + 2 for code, name in enumerate(OPERATORS)}
LARGE = float(1 << 50)


def postfix(term: Term, names: Sequence[str]) -> IntArray:
    """The term as rows (code, argument), operands before operators. Raises `Unsupported`."""
    rows: list[tuple[int, int]] = []

    def emit(t: Term) -> None:
        if isinstance(t, Var):
            rows.append((VARIABLE, names.index(t.name)))
        elif isinstance(t, Const):
            if not isinstance(t.value, int):
                raise Unsupported(f"expected an integer constant, got {t.value}")
            rows.append((CONSTANT, int(t.value)))
        else:
            for arg in t.args:
                emit(arg)
            if t.op not in CODES:
                raise Unsupported(f"expected an operator of the search, got {t.op}")
            rows.append((CODES[t.op], 0))

    emit(term)
    return np.array(rows, dtype=np.int64)


def simulate(update: Term, own: str, initial: int, columns: Mapping[str, IntArray]) -> tuple[IntArray, IntArray] | None:
    """Values of a recurrence before and after each step (words time), or None when they leave the range."""
    code = postfix(update, [own, *columns])
    inputs = np.stack([np.ascontiguousarray(c) for c in columns.values()])
    old, new = np.empty_like(inputs[0]), np.empty_like(inputs[0])
    return (old, new) if _run(code, inputs, initial, old, new) else None


@njit(cache=True, nogil=True)
def _run(code: IntArray, inputs: IntArray, initial: int, old: IntArray, new: IntArray) -> bool:
    stack = np.empty(len(code) + 1, dtype=np.int64)
    for w in range(old.shape[0]):
        state = initial
        for t in range(old.shape[1]):
            old[w, t] = state
            if not _evaluate(code, inputs[:, w, t], state, stack):
                return False
            state = stack[0]
            new[w, t] = state
    return True


@njit(cache=True, nogil=True)
def _evaluate(code: IntArray, values: NDArray[np.int64], state: int, stack: IntArray) -> bool:
    """The value of the code in stack[0]; false when an intermediate is too large."""
    top = 0
    for row in range(len(code)):
        op, argument = code[row, 0], code[row, 1]
        if op == 0:
            stack[top] = state if argument == 0 else values[argument - 1]
            top += 1
            continue
        if op == 1:
            stack[top] = argument
            top += 1
            continue
        if op == 20:
            top -= 2
            stack[top - 1] = stack[top] if stack[top - 1] != 0 else stack[top + 1]
            continue
        if op == 9 or op == 10 or op == 18 or op == 19:
            a = stack[top - 1]
            if op == 9:
                stack[top - 1] = -a
            elif op == 10:
                stack[top - 1] = abs(a)
            elif op == 18:
                stack[top - 1] = 1 - a
            continue
        top -= 1
        a, b = stack[top - 1], stack[top]
        r = 0
        if op == 2:
            r = a + b
        elif op == 3:
            r = a - b
        elif op == 4:
            if abs(float(a) * float(b)) > LARGE:
                return False
            r = a * b
        elif op == 5:
            r = a // b if b != 0 else 0
        elif op == 6:
            r = a % b if b != 0 else a
        elif op == 7:
            r = min(a, b)
        elif op == 8:
            r = max(a, b)
        elif op == 11:
            r = 1 if a == b else 0
        elif op == 12:
            r = 1 if a != b else 0
        elif op == 13:
            r = 1 if a < b else 0
        elif op == 14:
            r = 1 if a <= b else 0
        elif op == 15:
            r = a & b
        elif op == 16:
            r = a | b
        elif op == 17:
            r = a ^ b
        elif op == 21:
            r = 1 if a > b else 0
        elif op == 22:
            r = 1 if a >= b else 0
        if abs(float(r)) > LARGE:
            return False
        stack[top - 1] = r
    return True
