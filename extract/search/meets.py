"""Values of steps written as joins of few variables: `(a op b) op c` over a large pool, solved from the outside, compiled.

A *condition* says of every step which values are good: from `low` to `high` but not `barred`. The outermost operator
and one argument turn the condition on the whole into one on the other argument, which most candidates fail within a few
steps; what remains is looked up (sums), or paired among the few that keep to it (extremes, products, tests).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.histories import Rows, Traces

ADD, SUB, FROM, MUL, MAX, MIN, EQ, LT, GT, GATE, THEN, PLAIN = range(12)
"""`p + c`, `p - c`, `c - p`, ..., `int(c < p)`; `if test(c) then p else e`, `if test(p) then c else e`; p itself."""
SIZES = np.array([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0])
IS, NOT, OVER, UNDER = range(4)
"""Tests: `p == k`, `p != k`, `p > k`, `p <= k`."""
FREE = 30_000
KEY = 16
MOST_CONSTANT = 3
MOST_PAIRED = 2500
MOST_TRIED = 1000

Hits = NDArray[np.int64]


@njit(cache=True)
def joins(
    wanted: Traces, values: Traces, own: Rows, group: Rows, base: Rows, given: Rows, cheap: Rows, spare: Rows,
    narrow: int, bound: int, hits: Hits, budget: int,
) -> int:  # fmt: skip
    """Joins with the wanted values, rows of (operators, outer, test, its constant, e, c, inner, ..., a, b), with fewer
    operators than `bound`, each no larger than those before it. Returns their number.

    `values` (atom, step) come in order of merit, `cheap` in order of operators; an atom costs its `own` operators and the `given` ones of the
    variable `base` that it is built on, each `group` (variable) once. `spare` are atoms that may stand in an
    else-branch. Operators that all arguments allow try the first `narrow` atoms only.
    """
    atoms, steps = values.shape
    low, high, barred = np.empty(steps, np.int16), np.empty(steps, np.int16), np.empty(steps, np.int16)
    slots = _table(values, cheap)
    left_to_tell = _residues(wanted, values)
    useful = (left_to_tell[:, :2] < _entropy(wanted)).sum(axis=1) > 0
    count, left = 0, budget
    best = np.array([bound], dtype=np.int64)
    for n in range(steps):
        low[n] = high[n] = wanted[n]
        barred[n] = FREE
    count, left = _inner(low, high, barred, values, own, group, base, given, spare, narrow, slots, useful, -1, 0, PLAIN,
                         0, 0, 0, best, hits, count, left)
    for place in np.argsort(left_to_tell.ravel())[:MOST_TRIED]:
        c, op = place // 3, place % 3
        if left > 0 and _alone(c, own, base, given) + SIZES[op] < best[0]:
            _residue(op, wanted, values[c], low)
            high[:], barred[:] = low, FREE
            count, left = _inner(low, high, barred, values, own, group, base, given, spare, narrow, slots, useful, c,
                                 SIZES[op], op, 0, 0, 0, best, hits, count, left)
    two = wanted.min() >= 0 and wanted.max() <= 1
    tried = np.zeros(PLAIN, dtype=np.int64)
    for c in range(atoms):
        for op in range(MUL, GATE if two else EQ):
            if _alone(c, own, base, given) + SIZES[op] >= best[0] or left <= 0 or tried[op] == MOST_TRIED:
                continue
            good = True
            for n in range(steps):
                if not _rest(op, wanted[n], values[c, n], n, low, high, barred):
                    good = False
                    break
            if good:
                tried[op] += 1
                count, left = _inner(low, high, barred, values, own, group, base, given, spare, narrow, slots, useful,
                                     c, SIZES[op], op, 0, 0, 0, best, hits, count, left)
        for e in spare:
            for op in (GATE, THEN):
                if _alone(c, own, base, given) + SIZES[op] >= best[0] or left <= 0 or tried[op] == MOST_TRIED:
                    continue
                for test in range(4):
                    for k in range(MOST_CONSTANT):
                        if _chosen(op, test, k, wanted, values[c], values[e], low, high, barred):
                            tried[op] = min(tried[op] + 1, MOST_TRIED)
                            count, left = _inner(low, high, barred, values, own, group, base, given, spare, narrow,
                                                 slots, useful, c, SIZES[op], op, test, k, e, best, hits, count, left)
        if left <= 0:
            break
    return count


@njit(cache=True, inline="always")
def _alone(a: int, own: Rows, base: Rows, given: Rows) -> int:
    return own[a] + (given[a] if base[a] >= 0 else 0)


@njit(cache=True)
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


@njit(cache=True, inline="always")
def _residue(op: int, wanted: Traces, c: Traces, residue: Traces) -> None:
    """What is left to the other argument of a sum or a difference."""
    for n in range(len(wanted)):
        residue[n] = wanted[n] - c[n] if op == ADD else wanted[n] + c[n] if op == SUB else c[n] - wanted[n]


@njit(cache=True)
def _residues(wanted: Traces, values: Traces) -> NDArray[np.float64]:
    """What each atom leaves to tell in a sum or a difference (atom, operator): less than the whole where it is a part
    of it that does not depend on the rest."""
    made = np.empty((len(values), 3), dtype=np.float64)
    residue = np.empty_like(wanted)
    for c in range(len(values)):
        for op in (ADD, SUB):
            _residue(op, wanted, values[c], residue)
            made[c, op] = _entropy(residue)
        made[c, FROM] = made[c, ADD] + 1e-9
    return made


@njit(cache=True, inline="always")
def _rest(op: int, y: int, c: int, n: int, low: Traces, high: Traces, barred: Traces) -> bool:
    """What the other argument may be on a step where the whole is y; False where nothing is good."""
    low[n], high[n], barred[n] = -FREE, FREE, FREE
    if op == MUL:
        if c == 0:
            return y == 0
        if y % c != 0:
            return False
        low[n] = high[n] = y // c
    elif op == MAX:
        if c > y:
            return False
        high[n] = y
        if c < y:
            low[n] = y
    elif op == MIN:
        if c < y:
            return False
        low[n] = y
        if c > y:
            high[n] = y
    elif op == EQ:
        if y:
            low[n] = high[n] = c
        else:
            barred[n] = c
    elif op == LT:
        if y:
            high[n] = c - 1
        else:
            low[n] = c
    elif y:
        low[n] = c + 1
    else:
        high[n] = c
    return True


@njit(cache=True, inline="always")
def _test(test: int, k: int, v: int) -> bool:
    if test == IS:
        return v == k
    if test == NOT:
        return v != k
    return v > k if test == OVER else v <= k


@njit(cache=True)
def _chosen(
    op: int, test: int, k: int, wanted: Traces, c: Traces, e: Traces, low: Traces, high: Traces, barred: Traces
) -> bool:
    """The condition on p in `if test(c) then p else e` (neither always nor never e), or in `if test(p) then c else e`."""
    some, other = False, False
    for n in range(len(wanted)):
        low[n], high[n], barred[n] = -FREE, FREE, FREE
        y = wanted[n]
        if op == GATE:
            if _test(test, k, c[n]):
                low[n] = high[n] = y
                some = True
            elif e[n] != y:
                return False
            else:
                other = True
            continue
        if c[n] == y:
            if e[n] == y:
                continue
            true, some = True, True
        elif e[n] == y:
            true, other = False, True
        else:
            return False
        if test == OVER:
            if true:
                low[n] = k + 1
            else:
                high[n] = k
        elif test == UNDER:
            if true:
                high[n] = k
            else:
                low[n] = k + 1
        elif true == (test == IS):
            low[n] = high[n] = k
        else:
            barred[n] = k
    return some and other


@njit(cache=True, inline="always")
def _total(a: int, b: int, c: int, own: Rows, group: Rows, base: Rows, given: Rows) -> int:
    """Operators of the variables of up to three atoms (-1 for none) and of what they are built on, each once."""
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
        if base[c] >= 0 and base[c] != group[a] and base[c] != base[a]:
            if b < 0 or (base[c] != group[b] and base[c] != base[b]):
                total += given[c]
    return total


@njit(cache=True, inline="always")
def _key(row: Traces) -> np.uint64:
    code = np.uint64(0x9E3779B97F4A7C15)
    for n in range(KEY):
        code = (code ^ np.uint64(row[n] & 0xFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
        code ^= code >> np.uint64(29)
    return code


@njit(cache=True)
def _table(values: Traces, cheap: Rows) -> Rows:
    """A hash table of atoms by their first values; those that share them follow each other."""
    size = 16
    while size < 4 * len(values):
        size *= 2
    slots = np.full(size, -1, dtype=np.int64)
    for a in cheap:
        slot = int(_key(values[a]) >> np.uint64(20)) & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = a
    return slots


@njit(cache=True)
def _find(row: Traces, values: Traces, slots: Rows) -> int:
    """The first atom with these values, or -1."""
    slot = int(_key(row) >> np.uint64(20)) & (len(slots) - 1)
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


@njit(cache=True, inline="always")
def _offer(
    cost: int, outer: int, test: int, k: int, e: int, c: int, inner: int, itest: int, ik: int, ie: int, a: int, b: int,
    best: Rows, hits: Hits, count: int,
) -> int:  # fmt: skip
    if cost > best[0] or (cost == best[0] and count == 0):
        return count
    if cost == best[0] and count >= len(hits):
        return count
    best[0] = cost
    at = count if count < len(hits) else len(hits) - 1
    row = hits[at]
    row[0], row[1], row[2], row[3], row[4], row[5] = cost, outer, test, k, e, c
    row[6], row[7], row[8], row[9], row[10], row[11] = inner, itest, ik, ie, a, b
    return min(count + 1, len(hits))


@njit(cache=True)
def _inner(
    low: Traces, high: Traces, barred: Traces, values: Traces, own: Rows, group: Rows, base: Rows, given: Rows,
    spare: Rows, narrow: int, slots: Rows, useful: NDArray[np.bool_], c: int, size: int, outer: int, test: int, k: int, e: int, best: Rows,
    hits: Hits, count: int, left: int,
) -> tuple[int, int]:  # fmt: skip
    """Atoms, and pairs of them under one operator, that keep to a condition."""
    atoms, steps = values.shape
    narrow = min(narrow, atoms)
    left -= steps
    exact = 0
    top, bottom = -FREE, FREE
    for n in range(steps):
        exact += low[n] == high[n]
        if low[n] > top:
            top = low[n]
        if high[n] < bottom:
            bottom = high[n]
    whole = exact == steps
    if whole:
        a = _find(low, values, slots)
        if a >= 0:
            cost = size + _total(a, -1, c, own, group, base, given)
            count = _offer(cost, outer, test, k, e, c, PLAIN, 0, 0, -1, a, -1, best, hits, count)
    row = np.empty(steps, np.int16)
    first, second = np.empty(MOST_PAIRED, np.int64), np.empty(MOST_PAIRED, np.int64)
    third = np.empty(MOST_PAIRED, np.int64)
    below, above, dividing = 0, 0, 0
    for a in range(narrow):
        if size + _total(a, -1, c, own, group, base, given) >= best[0]:
            continue
        under, over, divides, plain = below < MOST_PAIRED, above < MOST_PAIRED, dividing < MOST_PAIRED, not whole
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
            cost = size + _total(a, -1, c, own, group, base, given)
            count = _offer(cost, outer, test, k, e, c, PLAIN, 0, 0, -1, a, -1, best, hits, count)
        if under:
            first[below] = a
            below += 1
        if over:
            second[above] = a
            above += 1
        if divides:
            third[dividing] = a
            dividing += 1
    left -= 2 * narrow
    for op in (MAX, MIN, MUL):
        kept = first[:below] if op == MAX else second[:above] if op == MIN else third[:dividing]
        for i in range(len(kept)):
            a = kept[i]
            if left <= 0:
                break
            left -= 2 * i
            for j in range(i):
                b = kept[j]
                good = True
                for n in range(steps):
                    v, w = values[a, n], values[b, n]
                    p = max(v, w) if op == MAX else min(v, w) if op == MIN else v * w
                    if p < low[n] or p > high[n] or p == barred[n]:
                        good = False
                        break
                if good:
                    cost = size + 1 + _total(a, b, c, own, group, base, given)
                    count = _offer(cost, outer, test, k, e, c, op, 0, 0, -1, a, b, best, hits, count)
    if whole:
        for a in range(narrow):
            if size + 1 + _total(a, -1, c, own, group, base, given) >= best[0] or (outer <= FROM and not useful[a]):
                continue
            left -= 3 * KEY
            for op in (ADD, SUB, FROM):
                _residue(op, low[:KEY], values[a, :KEY], row[:KEY])
                slot = int(_key(row) >> np.uint64(20)) & (len(slots) - 1)
                if slots[slot] < 0:
                    continue
                _residue(op, low, values[a], row)
                b = _find(row, values, slots)
                if b >= 0:
                    cost = size + 1 + _total(a, b, c, own, group, base, given)
                    count = _offer(cost, outer, test, k, e, c, op, 0, 0, -1, b, a, best, hits, count)
        for s in spare:
            count, left = _gates(low, values, own, group, base, given, values[s], s, narrow, c, size, outer, test, k, e,
                                 best, hits, count, left)
    if top <= 1 and bottom >= 0 and size + 2 < best[0]:
        count, left = _tests(low, high, barred, values, own, group, base, given, narrow, c, size, outer, test, k, e,
                             best, hits, count, left)
    return count, left


@njit(cache=True)
def _tests(
    low: Traces, high: Traces, barred: Traces, values: Traces, own: Rows, group: Rows, base: Rows, given: Rows,
    narrow: int, c: int, size: int, outer: int, test: int, k: int, e: int, best: Rows, hits: Hits, count: int,
    left: int,
) -> tuple[int, int]:  # fmt: skip
    """Pairs of atoms whose comparison, as a number, keeps to a condition."""
    steps = values.shape[1]
    at, truth, some = np.empty(steps, np.int64), np.empty(steps, np.bool_), 0
    for n in range(steps):
        zero = low[n] <= 0 <= high[n] and barred[n] != 0
        one = low[n] <= 1 <= high[n] and barred[n] != 1
        if not (zero or one):
            return count, left
        if zero != one:
            at[some], truth[some] = n, one
            some += 1
    few = min(narrow, 200)
    for a in range(few):
        if size + 2 + _total(a, -1, c, own, group, base, given) >= best[0]:
            continue
        left -= 2 * few
        if left <= 0:
            break
        for b in range(few):
            alike, less = b < a, True
            for m in range(some):
                v, w = values[a, at[m]], values[b, at[m]]
                alike &= (v == w) == truth[m]
                less &= (v < w) == truth[m]
                if not (alike or less):
                    break
            if alike or less:
                cost = size + 2 + _total(a, b, c, own, group, base, given)
                op = EQ if alike else LT
                count = _offer(cost, outer, test, k, e, c, op, 0, 0, -1, a, b, best, hits, count)
    return count, left


@njit(cache=True)
def _gates(
    wanted: Traces, values: Traces, own: Rows, group: Rows, base: Rows, given: Rows, spare: Traces, s: int,
    narrow: int, c: int, size: int, outer: int, test: int, k: int, e: int, best: Rows, hits: Hits, count: int,
    left: int,
) -> tuple[int, int]:  # fmt: skip
    """`if test(a) then b else spare` with the wanted values."""
    steps = values.shape[1]
    must, some = np.empty(steps, np.int64), 0
    for n in range(steps):
        if spare[n] != wanted[n]:
            must[some] = n
            some += 1
    if some == 0 or size + 2 >= best[0]:
        return count, left
    never = np.empty(steps, np.int64)
    left -= narrow
    for b in range(narrow):
        if size + 2 + _total(b, -1, c, own, group, base, given) >= best[0]:
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
        if rest == 0:
            continue
        left -= 3 * narrow
        if left <= 0:
            break
        for a in range(narrow):
            one, other = values[a, must[0]], values[a, never[0]]
            alike, unlike = one != other, one != other
            least, most = one, one
            for m in range(1, some):
                v = values[a, must[m]]
                alike &= v == one
                unlike &= v != other
                least, most = min(least, v), max(most, v)
                if not alike and not unlike and least <= other <= most:
                    break
            for m in range(rest):
                v = values[a, never[m]]
                alike &= v != one
                unlike &= v == other
                if not alike and not unlike and least <= v <= most:
                    break
            over, under = True, True
            for m in range(rest):
                v = values[a, never[m]]
                over &= v < least
                under &= v > most
            if alike or unlike or over or under:
                cost = size + 2 + _total(a, b, c, own, group, base, given)
                kind = IS if alike else NOT if unlike else OVER if over else UNDER
                number = one if alike else other if unlike else least - 1 if over else most
                count = _offer(cost, outer, test, k, e, c, GATE, kind, number, s, a, b, best, hits, count)
    return count, left
