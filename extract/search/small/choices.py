"""The outermost operator solved backwards where it chooses: truth values as numbers, tests, and conditionals."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.small.bank import (
    AND,
    EQ,
    IF,
    INT,
    LE,
    LT,
    NE,
    OR,
    Index,
    Numbers,
    Words,
)  # fmt: skip
from extract.search.small.joins import MOST_PAIRED, Found, distinct, matches, offer

IF_IF = 20
"""A conditional whose else-branch is a conditional."""
MOST_MASKS = 1500


@njit(cache=True, nogil=True)
def join_tests(
    target: NDArray[np.int32], values: Numbers, sizes: Index, truths: Words, truth_sizes: Index, most: int, found: Found
) -> None:
    """`int` of a comparison or of a connective; numbers compared have at most `most` operators together."""
    if target.min() < 0 or target.max() > 1:
        return
    rows = len(target)
    wanted = matches(np.ones(rows, dtype=np.int32), target.reshape(1, -1).astype(np.int16), truths.shape[1])[0]
    both, either = np.empty(MOST_PAIRED, dtype=np.int32), np.empty(MOST_PAIRED, dtype=np.int32)
    above, below = 0, 0
    for t in range(len(truths)):
        over, under = True, True
        for k in range(len(wanted)):
            over &= (truths[t, k] & wanted[k]) == wanted[k]
            under &= (truths[t, k] | wanted[k]) == wanted[k]
        if over and under:
            offer(found, truth_sizes[t] + 1, INT, t, 0, 0, 0, 0)
        if over and above < MOST_PAIRED:
            both[above] = t
            above += 1
        if under and below < MOST_PAIRED:
            either[below] = t
            below += 1
    for op in (AND, OR):
        chosen = both[:above] if op == AND else either[:below]
        for i in range(len(chosen)):
            for j in range(i):
                a, b = int(chosen[i]), int(chosen[j])
                if truth_sizes[a] + truth_sizes[b] + 2 >= found[0]:
                    break
                good = True
                for k in range(len(wanted)):
                    got = truths[a, k] & truths[b, k] if op == AND else truths[a, k] | truths[b, k]
                    if got != wanted[k]:
                        good = False
                        break
                if good:
                    offer(found, truth_sizes[a] + truth_sizes[b] + 2, op, a, b, 0, 0, 0)
    for a in range(len(values)):
        for b in range(len(values)):
            if sizes[a] + sizes[b] > most or sizes[a] + sizes[b] + 2 >= found[0]:
                break
            alike, less, at_most, unlike = a < b, True, True, a < b
            for k in range(rows):
                one, left, right = target[k] == 1, values[a, k], values[b, k]
                alike &= (left == right) == one
                unlike &= (left != right) == one
                less &= (left < right) == one
                at_most &= (left <= right) == one
                if not (alike or less or at_most or unlike):
                    break
            size = sizes[a] + sizes[b] + 2
            if alike:
                offer(found, size, EQ, a, b, 0, 0, 0)
            if unlike:
                offer(found, size, NE, a, b, 0, 0, 0)
            if less:
                offer(found, size, LT, a, b, 0, 0, 0)
            if at_most:
                offer(found, size, LE, a, b, 0, 0, 0)


@njit(cache=True, nogil=True, inline="always")
def _within(part: Words, mask: Words) -> bool:
    good = True
    for k in range(len(part)):
        good &= (part[k] & ~mask[k]) == 0
    return good


@njit(cache=True, nogil=True)
def _undominated(masks: Words, chosen: Index) -> Index:
    """Those chosen that none before them is right wherever they are."""
    kept, count = np.empty_like(chosen), 0
    for a in chosen:
        good = True
        for n in range(count):
            if _within(masks[a], masks[kept[n]]):
                good = False
                break
        if good:
            kept[count] = a
            count += 1
    return kept[:count]


@njit(cache=True, nogil=True)
def _first_over(part: Words, masks: Words, kept: Index) -> int:
    for a in kept:
        if _within(part, masks[a]):
            return a
    return -1


@njit(cache=True, nogil=True)
def join_conditionals(
    values: Numbers, sizes: Index, truths: Words, truth_sizes: Index, masks: Words, full: Words, nested: int,
    found: Found,
) -> None:  # fmt: skip
    """Conditionals with the wanted values; for the first `nested` tests also with another in the else-branch."""
    kept = _undominated(masks, distinct(masks, np.arange(len(values), dtype=np.int32), MOST_MASKS))
    rest, inner = np.empty_like(full), np.empty_like(full)
    for t in range(len(truths)):
        if truth_sizes[t] + 1 >= found[0]:
            break
        for k in range(len(full)):
            rest[k] = full[k] & ~truths[t, k]
        a = _first_over(truths[t], masks, kept)
        b = _first_over(rest, masks, kept)
        if a >= 0 and b >= 0:
            offer(found, truth_sizes[t] + sizes[a] + sizes[b] + 1, IF, t, a, b, 0, 0)
    some = kept[: MOST_MASKS // 5]
    count = min(nested, len(truths))
    for t in range(2 * count):
        test = t >> 1
        if truth_sizes[test] + 3 >= found[0]:
            break
        for k in range(len(full)):
            inner[k] = full[k] & (~truths[test, k] if t & 1 else truths[test, k])
        a = _first_over(inner, masks, some)
        if a < 0:
            continue
        for u in range(count):
            size = truth_sizes[test] + truth_sizes[u] + sizes[a] + 2
            if size >= found[0]:
                break
            for k in range(len(full)):
                rest[k] = full[k] & ~inner[k] & truths[u, k]
            b = _first_over(rest, masks, some)
            if b < 0:
                continue
            for k in range(len(full)):
                rest[k] = full[k] & ~inner[k] & ~truths[u, k]
            c = _first_over(rest, masks, some)
            if c >= 0:
                offer(found, size + sizes[b] + sizes[c], IF_IF, t, u, a, b, c)
