"""Values of steps as joins of few variables of a large pool, `(a op b) op c`, solved from the outside, compiled.

The outermost operator and one argument turn the aim of the whole into one for the other argument, which most
candidates miss within a few steps; for what remains there is `extract.search.pairs`.
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
    LT,
    MAX,
    MIN,
    MUL,
    NOT,
    OVER,
    PLAIN,
    SIZES,
    SUB,
    THEN,
    Aim,
    Atoms,
    Hits,
    Noted,
    Outer,
    key,
    residue,
    total,
)  # fmt: skip
from extract.search.histories import Masks, Rows, Traces
from extract.search.pairs import below, pairs

MOST_CONSTANT, MOST_TRIED = 3, 1000
"""Constants of tests, and arguments tried below each outermost operator."""


@njit(cache=True, nogil=True)
def joins(wanted: Traces, atoms: Atoms, bound: int, hits: Hits, budget: int) -> int:
    """Joins with the wanted values and fewer operators than `bound`, each no larger than those before it; returns their
    number. Rows of `hits`: operators, outer operator, test, its constant, e, c, inner operator, test, ..., a, b."""
    values, steps = atoms.values, len(wanted)
    aim = Aim(np.empty(steps, np.int16), np.empty(steps, np.int16), np.empty(steps, np.int16))
    slots, left_to_tell = _table(atoms), _residues(wanted, values)
    ordered = below(values, atoms.narrow)
    useful = (left_to_tell[:, :2] < _entropy(wanted)).sum(axis=1) > 0
    found = Noted(hits, np.array([0, bound, budget]))
    aim.low[:], aim.high[:], aim.barred[:] = wanted, wanted, FREE
    pairs(aim, atoms, slots, ordered, useful, Outer(PLAIN, 0, 0, 0, 0, -1), found)
    _sums(wanted, atoms, slots, ordered, useful, left_to_tell, aim, found, budget * 2 // 5)
    _under_others(wanted, atoms, slots, ordered, useful, aim, found, budget // 6)
    _under_choices(wanted, atoms, slots, ordered, useful, aim, found, 0)
    return found.state[0]


@njit(cache=True, nogil=True)
def _sums(
    wanted: Traces, atoms: Atoms, slots: Rows, ordered: Masks, useful: NDArray[np.bool_],
    left_to_tell: NDArray[np.float64], aim: Aim, found: Noted, least: int,
) -> None:  # fmt: skip
    """Sums and differences outermost, until so little work is left."""
    for place in np.argsort(left_to_tell.ravel())[:MOST_TRIED]:
        c, op = place // 3, place % 3
        if found.state[2] > least and _open(c, SIZES[op], atoms, found):
            residue(op, wanted, atoms.values[c], aim.low)
            aim.high[:], aim.barred[:] = aim.low, FREE
            pairs(aim, atoms, slots, ordered, useful, Outer(op, SIZES[op], 0, 0, 0, c), found)


@njit(cache=True, nogil=True)
def _under_others(
    wanted: Traces, atoms: Atoms, slots: Rows, ordered: Masks, useful: NDArray[np.bool_], aim: Aim, found: Noted,
    least: int,
) -> None:  # fmt: skip
    """Products and extremes outermost, those first that settle most steps alone, and comparisons, until so little work
    is left."""
    values, kinds = atoms.values, 3
    settled = np.full((len(values), kinds), -1, np.int64)
    for c in range(len(values)):
        for k in range(kinds):
            if _aimed(MUL + k, wanted, values[c], aim):
                settled[c, k] = (aim.low < aim.high).sum()
    order = np.argsort(-settled.ravel(), kind="mergesort")
    tried = 0
    for place in order:
        c, k = place // kinds, place % kinds
        if settled[c, k] <= 0 or tried == MOST_TRIED or found.state[2] <= least:
            break
        if _open(c, SIZES[MUL + k], atoms, found) and _aimed(MUL + k, wanted, values[c], aim):
            tried += 1
            pairs(aim, atoms, slots, ordered, useful, Outer(MUL + k, SIZES[MUL + k], 0, 0, 0, c), found)
    if wanted.min() < 0 or wanted.max() > 1:
        return
    for c in range(min(len(values), MOST_TRIED)):
        for op in range(EQ, GATE):
            if found.state[2] > least and _open(c, SIZES[op], atoms, found) and _aimed(op, wanted, values[c], aim):
                pairs(aim, atoms, slots, ordered, useful, Outer(op, SIZES[op], 0, 0, 0, c), found)


@njit(cache=True, nogil=True)
def _aimed(op: int, wanted: Traces, c: Traces, aim: Aim) -> bool:
    """Set the aim of the other argument on all steps; whether there is one."""
    good, n = True, 0
    while good and n < len(wanted):
        good = _rest(op, wanted[n], c[n], n, aim)
        n += 1
    return good


@njit(cache=True, nogil=True)
def _under_choices(
    wanted: Traces, atoms: Atoms, slots: Rows, ordered: Masks, useful: NDArray[np.bool_], aim: Aim, found: Noted,
    least: int,
) -> None:  # fmt: skip
    """Choices outermost, until so little work is left."""
    values, tried = atoms.values, np.zeros(PLAIN, dtype=np.int64)
    for c in range(len(values)):
        for e in atoms.spare:
            for op in (GATE, THEN):
                if tried[op] == MOST_TRIED or not _open(c, SIZES[op], atoms, found):
                    continue
                for test in range(4):
                    for k in range(MOST_CONSTANT):
                        if _chosen(op, test, k, wanted, values[c], values[e], aim):
                            tried[op] = min(tried[op] + 1, MOST_TRIED)
                            pairs(aim, atoms, slots, ordered, useful, Outer(op, SIZES[op], test, k, e, c), found)
        if found.state[2] <= least:
            return


@njit(cache=True, nogil=True)
def _open(a: int, size: int, atoms: Atoms, found: Noted) -> bool:
    """Whether an atom with so many operators more is smaller than what was found, and there is work left."""
    return found.state[2] > 0 and size + total(a, -1, -1, atoms) < found.state[1]


@njit(cache=True, nogil=True)
def _entropy(row: Traces) -> float:
    """The entropy of values, in nats times their number, up to a constant."""
    low = row.min()
    count = np.zeros(row.max() - low + 1, dtype=np.int64)
    for v in row:
        count[v - low] += 1
    total = 0.0
    for n in count:
        if n > 1:
            total -= n * np.log(n)
    return total


@njit(cache=True, nogil=True)
def _residues(wanted: Traces, values: Traces) -> NDArray[np.float64]:
    """What each atom leaves to tell in a sum or a difference (atom, operator): less than the whole where it is a part
    of it that does not depend on the rest."""
    made = np.empty((len(values), 3), dtype=np.float64)
    rest = np.empty_like(wanted)
    for c in range(len(values)):
        for op in (ADD, SUB):
            residue(op, wanted, values[c], rest)
            made[c, op] = _entropy(rest)
        made[c, FROM] = made[c, ADD] + 1e-9
    return made


@njit(cache=True, nogil=True)
def _rest(op: int, y: int, c: int, n: int, aim: Aim) -> bool:
    """What the other argument may be on a step where the whole is y; False where nothing is good."""
    low, high, bar = -FREE, FREE, FREE
    good = True
    if op == MUL:
        if c == 0:
            good = y == 0
        else:
            good = y % c == 0
            low = high = y // c
    elif op == MAX:
        good, high = c <= y, y
        low = y if c < y else low
    elif op == MIN:
        good, low = c >= y, y
        high = y if c > y else high
    elif op == EQ:
        if y:
            low = high = c
        else:
            bar = c
    elif (op == LT) == (y == 1):
        high = c - 1 if y else c
    else:
        low = c + 1 if y else c
    aim.low[n], aim.high[n], aim.barred[n] = low, high, bar
    return good


@njit(cache=True, nogil=True)
def _test(test: int, k: int, v: int) -> bool:
    if test == IS:
        return v == k
    if test == NOT:
        return v != k
    return v > k if test == OVER else v <= k


@njit(cache=True, nogil=True)
def _chosen(op: int, test: int, k: int, wanted: Traces, c: Traces, e: Traces, aim: Aim) -> bool:
    """The aim of p in `if test(c) then p else e` (neither always nor never e), or in `if test(p) then c else e`."""
    some, other = False, False
    for n in range(len(wanted)):
        aim.low[n], aim.high[n], aim.barred[n] = -FREE, FREE, FREE
        y = wanted[n]
        if op == GATE:
            if _test(test, k, c[n]):
                aim.low[n], aim.high[n] = y, y
                some = True
            elif e[n] != y:
                return False
            else:
                other = True
            continue
        if c[n] == y and e[n] == y:
            continue
        true = c[n] == y
        if not true and e[n] != y:
            return False
        some, other = some or true, other or not true
        if test >= OVER:
            if true == (test == OVER):
                aim.low[n] = k + 1
            else:
                aim.high[n] = k
        elif true == (test == IS):
            aim.low[n], aim.high[n] = k, k
        else:
            aim.barred[n] = k
    return some and other


@njit(cache=True, nogil=True)
def _table(atoms: Atoms) -> Rows:
    """A hash table of atoms by their first values; those that share them follow each other."""
    size = 16
    while size < 4 * len(atoms.values):
        size *= 2
    slots = np.full(size, -1, dtype=np.int64)
    for a in atoms.cheap:
        slot = int(key(atoms.values[a]) >> np.uint64(20)) & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = a
    return slots
