"""Pairs of atoms under one operator that keep to an aim (`extract.search.aims`), compiled.

Sums are looked up; extremes, products and choices first ask which atoms can be arguments at all, which leaves few.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.aims import (
    ADD,
    EQ,
    FREE,
    FROM,
    GATE,
    IS,
    KEY,
    LT,
    MAX,
    MIN,
    MUL,
    NOT,
    OVER,
    PLAIN,
    SUB,
    UNDER,
    Aim,
    Atoms,
    Noted,
    Outer,
    find,
    key,
    offer,
    residue,
    total,
)  # fmt: skip
from extract.search.histories import Masks, Rows, Traces

MOST_PAIRED, MOST_COMPARED = 2500, 1500
"""Atoms paired with each other, and compared below another operator."""
TOLD, LEAST, VALUES = 96, -8, 40
"""Steps, the least value and values by which whole words of atoms are compared."""


@njit(cache=True, nogil=True)
def pairs(
    aim: Aim, atoms: Atoms, slots: Rows, ordered: Masks, useful: NDArray[np.bool_], outer: Outer, found: Noted
) -> None:  # fmt: skip
    """Atoms, and pairs of them under one operator, that keep to an aim."""
    values, low, high, barred = atoms.values, aim.low, aim.high, aim.barred
    steps, narrow, left = len(low), min(atoms.narrow, len(atoms.values)), found.state
    exact = 0
    for n in range(steps):
        exact += low[n] == high[n]
    whole = exact == steps
    if whole:
        a = find(low, values, slots)
        if a >= 0:
            offer(outer, 0, PLAIN, 0, 0, -1, a, -1, atoms, found)
    kept, count = np.empty((3, MOST_PAIRED), np.int64), np.zeros(3, np.int64)
    for a in range(narrow):
        if outer.size + total(a, -1, outer.c, atoms) >= found.state[1]:
            continue
        under, over, divides, plain = True, True, True, not whole
        for n in range(steps):
            v = values[a, n]
            under &= v <= high[n]
            over &= v >= low[n]
            plain &= low[n] <= v <= high[n] and v != barred[n]
            if divides and low[n] == high[n] and low[n] != 0:
                divides = v != 0 and low[n] % v == 0
            if not (under or over or divides or plain):
                break
        if plain:
            offer(outer, 0, PLAIN, 0, 0, -1, a, -1, atoms, found)
        for k, good in enumerate((under, over, divides)):
            if good and count[k] < MOST_PAIRED:
                kept[k, count[k]] = a
                count[k] += 1
    left[2] -= 2 * narrow + steps
    for k, op in enumerate((MAX, MIN, MUL)):
        for i in range(count[k]):
            if left[2] <= 0:
                break
            left[2] -= 2 * i
            a = kept[k, i]
            for j in range(i):
                b = kept[k, j]
                good = True
                for n in range(steps):
                    v, w = values[a, n], values[b, n]
                    p = max(v, w) if op == MAX else min(v, w) if op == MIN else v * w
                    if p < low[n] or p > high[n] or p == barred[n]:
                        good = False
                        break
                if good:
                    offer(outer, 1, op, 0, 0, -1, a, b, atoms, found)
    if whole:
        _sums(low, atoms, slots, useful, outer, found)
        for e in atoms.spare:
            _gates(low, values[e], e, atoms, outer, found)
    if outer.size + 2 < found.state[1]:
        _comparisons(aim, atoms, ordered, outer, found)


@njit(cache=True, nogil=True)
def _sums(wanted: Traces, atoms: Atoms, slots: Rows, useful: NDArray[np.bool_], outer: Outer, found: Noted) -> None:
    """Sums and differences of two atoms with the wanted values; below another sum only of those that are `useful`."""
    values, row = atoms.values, np.empty(len(wanted), np.int16)
    for a in range(min(atoms.narrow, len(values))):
        if outer.size + 1 + total(a, -1, outer.c, atoms) >= found.state[1] or (outer.op <= FROM and not useful[a]):
            continue
        found.state[2] -= 3 * KEY
        for op in (ADD, SUB, FROM):
            residue(op, wanted[:KEY], values[a, :KEY], row[:KEY])
            if slots[int(key(row) >> np.uint64(20)) & (len(slots) - 1)] < 0:
                continue
            residue(op, wanted, values[a], row)
            b = find(row, values, slots)
            if b >= 0:
                offer(outer, 1, op, 0, 0, -1, b, a, atoms, found)


@njit(cache=True, nogil=True)
def below(values: Traces, most: int) -> Masks:
    """Which of the first atoms have at most a value on a step, as bits (step, value from `LEAST`, word)."""
    steps, count = min(values.shape[1], TOLD), min(most, len(values))
    made = np.zeros((steps, VALUES, (count + 63) // 64), np.uint64)
    for n in range(steps):
        for b in range(count):
            v = max(values[b, n] - LEAST, 0)
            if v < VALUES:
                made[n, v, b // 64] |= np.uint64(1) << np.uint64(b % 64)
        for v in range(1, VALUES):
            made[n, v] |= made[n, v - 1]
    return made


@njit(cache=True, nogil=True)
def _comparisons(aim: Aim, atoms: Atoms, under: Masks, outer: Outer, found: Noted) -> None:
    """Pairs of atoms whose comparison, as a number, keeps to an aim; by whole words of second arguments."""
    values, steps = atoms.values, len(aim.low)
    at, truth, some = np.empty(steps, np.int64), np.empty(steps, np.bool_), 0
    for n in range(steps):
        zero = aim.low[n] <= 0 <= aim.high[n] and aim.barred[n] != 0
        one = aim.low[n] <= 1 <= aim.high[n] and aim.barred[n] != 1
        if not (zero or one):
            return
        if zero != one:
            at[some], truth[some] = n, one
            some += 1
    few = min(atoms.narrow, len(values), FREE if outer.op == PLAIN else MOST_COMPARED)
    words, full = (few + 63) // 64, ~np.uint64(0)
    for a in range(few):
        if outer.size + 2 + total(a, -1, outer.c, atoms) >= found.state[1]:
            continue
        found.state[2] -= 8 * words
        if found.state[2] <= 0:
            return
        for w in range(words):
            alike, less = full, full
            for m in range(some):
                if at[m] >= len(under):
                    break
                v = values[a, at[m]] - LEAST
                if v < 1 or v >= VALUES:
                    continue
                upto, smaller = under[at[m], v, w], under[at[m], v - 1, w]
                if truth[m]:
                    alike &= upto & ~smaller
                    less &= ~upto
                else:
                    alike &= ~upto | smaller
                    less &= upto
                if not alike | less:
                    break
            for op, left in ((EQ, alike), (LT, less)):
                k = 0
                while left:
                    if left & np.uint64(1):
                        _compared(op, a, 64 * w + k, at[:some], truth, few, atoms, outer, found)
                    left >>= np.uint64(1)
                    k += 1


@njit(cache=True, nogil=True)
def _compared(
    op: int, a: int, b: int, at: Rows, truth: NDArray[np.bool_], few: int, atoms: Atoms, outer: Outer, found: Noted
) -> None:
    """Offer a comparison if it is right on all steps that matter."""
    if b >= few:
        return
    found.state[2] -= 1
    for m in range(len(at)):
        v, w = atoms.values[a, at[m]], atoms.values[b, at[m]]
        if ((v == w) if op == EQ else (v < w)) != truth[m]:
            return
    offer(outer, 2, op, 0, 0, -1, a, b, atoms, found)


@njit(cache=True, nogil=True)
def _gates(wanted: Traces, spare: Traces, e: int, atoms: Atoms, outer: Outer, found: Noted) -> None:
    """`if test(a) then b else spare` with the wanted values."""
    values, steps, narrow = atoms.values, len(wanted), min(atoms.narrow, len(atoms.values))
    must, never, some = np.empty(steps, np.int64), np.empty(steps, np.int64), 0
    for n in range(steps):
        if spare[n] != wanted[n]:
            must[some] = n
            some += 1
    if some == 0 or outer.size + 2 >= found.state[1]:
        return
    found.state[2] -= narrow
    for b in range(narrow):
        if outer.size + 2 + total(b, -1, outer.c, atoms) >= found.state[1]:
            continue
        good = True
        for m in range(some):
            if values[b, must[m]] != wanted[must[m]]:
                good = False
                break
        if not good:
            continue
        rest = 0
        for n in range(steps):
            if values[b, n] != wanted[n]:
                never[rest] = n
                rest += 1
        found.state[2] -= 3 * narrow
        if rest == 0 or found.state[2] <= 0:
            continue
        for a in range(narrow):
            kind, k = _separating(values[a], must[:some], never[:rest])
            if kind >= 0:
                offer(outer, 2, GATE, kind, k, e, a, b, atoms, found)


@njit(cache=True, nogil=True)
def _separating(row: Traces, must: Rows, never: Rows) -> tuple[int, int]:
    """A test of values (-1: none) that holds on steps where it must and on none where it must not; its constant."""
    one, other = int(row[must[0]]), int(row[never[0]])
    alike, unlike, least, most = one != other, one != other, one, one
    for n in must:
        v = int(row[n])
        alike &= v == one
        unlike &= v != other
        least, most = min(least, v), max(most, v)
        if not alike and not unlike and least <= other <= most:
            return -1, 0
    over, under = True, True
    for n in never:
        v = int(row[n])
        alike &= v != one
        unlike &= v == other
        over &= v < least
        under &= v > most
        if not (alike or unlike or over or under):
            return -1, 0
    if alike:
        return IS, one
    if unlike:
        return NOT, other
    return (OVER, least - 1) if over else (UNDER, most)
