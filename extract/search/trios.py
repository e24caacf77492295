"""Whether an output is a join of three given variables, `(a op b) op c`, each in its old or its new value, compiled."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numba import njit

from extract.search.aims import ADD, EQ, FROM, GATE, GT, IS, LT, MAX, MIN, MUL, NOT, OVER, SUB, THEN, UNDER, applied
from extract.search.histories import Masks, Rows, Traces

MOST_CONSTANT = 2
LOW, WIDTH, LEAST, SPAN = -16, 128, -8, 56
"""The least inner value in a table of operators, and how many; the same for values of variables."""


def operators_over(spare: int, more: Sequence[int] = ()) -> Rows:
    """Operators as rows (operator, test, its constant, which of the `spare` values is taken else)."""
    plain = [(op, 0, 0, 0) for op in (ADD, SUB, FROM, MUL, MAX, MIN, EQ, LT, GT, *more)]
    tests = itertools.product((GATE, THEN), (IS, NOT, OVER, UNDER), range(MOST_CONSTANT), range(spare))
    return np.array([*plain, *tests][:64], dtype=np.int64)


@njit(cache=True, nogil=True)
def fitting(kinds: Rows, spare: Traces, ops: Rows) -> Masks:
    """Which operators make what is wanted of an inner value and a variable's, as bits (kind, variable, inner value);
    `kinds` (kind, 2) are what is wanted and a step, for its `spare` values (value, step)."""
    made = np.zeros((len(kinds), SPAN, WIDTH), np.uint64)
    for k in range(len(kinds)):
        wanted, n = kinds[k, 0], kinds[k, 1]
        for c in range(SPAN):
            for v in range(WIDTH):
                for o in range(len(ops)):
                    if _value(ops[o], v + LOW, c + LEAST, spare, n) == wanted:
                        made[k, c, v] |= np.uint64(1) << np.uint64(o)
    return made


@njit(cache=True, nogil=True)
def joined(members: Traces, kind: Rows, fits: Masks, spare: Traces, ops: Rows) -> int:
    """How much work it took to see that some join has the wanted values, negative if none has; `members` (variable, new
    or old, step), `kind` by step as in `fits`."""
    work = 0
    for last in range(3):
        first, second = (last + 1) % 3, (last + 2) % 3
        for ages in range(8):
            a, b, c = members[first, ages & 1], members[second, (ages >> 1) & 1], members[last, ages >> 2]
            for i in range(len(ops)):
                left, n = ~np.uint64(0), 0
                while left and n < len(kind):
                    v, w = _value(ops[i], a[n], b[n], spare, n) - LOW, c[n] - LEAST
                    if 0 <= v < WIDTH and 0 <= w < SPAN:
                        left &= fits[kind[n], w, v]
                    else:
                        left = np.uint64(0)
                    n += 1
                work += n
                if left:
                    return work
    return -work


@njit(cache=True, nogil=True, inline="always")
def _value(op: Rows, a: int, b: int, spare: Traces, n: int) -> int:
    return applied(op[0], op[1], op[2], a, b, spare[op[3], n])
