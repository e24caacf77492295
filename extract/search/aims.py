"""What joins of a few variables are made of (`extract.search.meets`), compiled: atoms, aims, and what was found.

An *aim* says of every step which values are good: from `low` to `high` but not `barred`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.histories import Rows, Traces

ADD, SUB, FROM, MUL, MAX, MIN, EQ, LT, GT, GATE, THEN, PLAIN, MOD, DIV = range(14)
"""`p + c`, `p - c`, `c - p`, ..., `int(c < p)`; `if test(c) then p else e`, `if test(p) then c else e`; p itself;
`p mod c`, `p div c`."""
SIZES = (1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0, 1, 1)
IS, NOT, OVER, UNDER = range(4)
"""Tests: `p == k`, `p != k`, `p > k`, `p <= k`."""
FREE = 30_000
KEY = 16
FIELDS = 12

Hits = NDArray[np.int64]


class Atoms(NamedTuple):
    """What may be joined: `values` (atom, step) in order of merit, `cheap` in order of operators.

    An atom costs its `own` operators and the `given` ones of the variable `base` that it is built on (-1 for none),
    each variable (`group`) once. `spare` ones may stand in an else-branch; operators that all arguments allow take
    the first `narrow` atoms only.
    """

    values: Traces
    own: Rows
    group: Rows
    base: Rows
    given: Rows
    cheap: Rows
    spare: Rows
    narrow: int


class Aim(NamedTuple):
    """The values wanted, by step."""

    low: Traces
    high: Traces
    barred: Traces


class Outer(NamedTuple):
    """The outermost operator with its operators, test, its constant, else-branch, and the argument known (-1: none)."""

    op: int
    size: int
    test: int
    k: int
    e: int
    c: int


class Noted(NamedTuple):
    """Joins found, their number, the operators of the last and the steps of work left, each in an array."""

    hits: Hits
    state: Rows


@njit(cache=True, nogil=True)
def total(a: int, b: int, c: int, atoms: Atoms) -> int:
    """Operators of the variables of up to three atoms (-1 for none) and of what they are built on, each once."""
    own, group, base, given = atoms.own, atoms.group, atoms.base, atoms.given
    total = own[a]
    if base[a] >= 0:
        total += given[a]
    if b >= 0:
        if group[b] != group[a] and group[b] != base[a]:
            total += own[b]
        if base[b] >= 0 and base[b] != group[a] and base[b] != base[a]:
            total += given[b]
    if c >= 0:
        apart = b < 0 or (group[c] != group[b] and group[c] != base[b])
        if apart and group[c] != group[a] and group[c] != base[a]:
            total += own[c]
        apart = b < 0 or (base[c] != group[b] and base[c] != base[b])
        if apart and base[c] >= 0 and base[c] != group[a] and base[c] != base[a]:
            total += given[c]
    return total


@njit(cache=True, nogil=True, inline="always")
def applied(op: int, test: int, k: int, a: int, b: int, e: int) -> int:
    """What an operator makes of two values, `FREE` where it makes nothing; `e` is the else-branch of a choice."""
    if op == ADD:
        return a + b
    if op == SUB:
        return a - b
    if op == FROM:
        return b - a
    if op == MUL:
        return a * b
    if op == MAX:
        return max(a, b)
    if op == MIN:
        return min(a, b)
    if op == EQ:
        return int(a == b)
    if op == LT:
        return int(a < b)
    if op == GT:
        return int(b < a)
    if op == PLAIN:
        return a
    if op == MOD:
        return a % b if b > 0 else FREE
    if op == DIV:
        return a // b if b > 0 else FREE
    v, w = (b, a) if op == GATE else (a, b)
    true = v == k if test == IS else v != k if test == NOT else v > k if test == OVER else v <= k
    return w if true else e


@njit(cache=True, nogil=True)
def key(row: Traces) -> np.uint64:
    code = np.uint64(0x9E3779B97F4A7C15)
    for n in range(KEY):
        code = (code ^ np.uint64(row[n] & 0xFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
        code ^= code >> np.uint64(29)
    return code


@njit(cache=True, nogil=True)
def find(row: Traces, values: Traces, slots: Rows) -> int:
    """The cheapest atom with these values, or -1."""
    slot = int(key(row) >> np.uint64(20)) & (len(slots) - 1)
    while slots[slot] >= 0:
        a = slots[slot]
        good = True
        for n in range(len(row)):
            if values[a, n] != row[n]:
                good = False
                break
        if good:
            return a
        slot = (slot + 1) & (len(slots) - 1)
    return -1


@njit(cache=True, nogil=True)
def offer(
    outer: Outer, size: int, op: int, test: int, k: int, e: int, a: int, b: int, atoms: Atoms, found: Noted
) -> None:
    """Note a join with an inner operator of `size` operators, unless it is larger than the last one noted."""
    count, cost = found.state[0], outer.size + size + total(a, b, outer.c, atoms)
    if cost > found.state[1] or (cost == found.state[1] and (count == 0 or count == len(found.hits))):
        return
    row = found.hits[min(count, len(found.hits) - 1)]
    row[0], row[1], row[2], row[3], row[4], row[5] = cost, outer.op, outer.test, outer.k, outer.e, outer.c
    row[6], row[7], row[8], row[9], row[10], row[11] = op, test, k, e, a, b
    found.state[0], found.state[1] = min(count + 1, len(found.hits)), cost


@njit(cache=True, nogil=True)
def residue(op: int, wanted: Traces, c: Traces, residue: Traces) -> None:
    """What is left to the other argument of a sum or a difference."""
    for n in range(len(residue)):
        residue[n] = wanted[n] - c[n] if op == ADD else wanted[n] + c[n] if op == SUB else c[n] - wanted[n]
