"""The outermost operator of a term for a table, solved backwards from the wanted values.

Arguments come from a bank of small terms (`extract.search.small.bank`). Sums look up what one argument leaves to the
other; extremes, products and conditionals first ask which rows an argument can answer for, which leaves few to pair.
The best so far is `found`: operators in all, then how the term is made (operator, up to five arguments).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.small.bank import (
    ABS,
    ADD,
    DIV,
    LARGEST_QUOTIENT,
    MAX,
    MIN,
    MOD,
    MUL,
    NEG,
    SUB,
    Index,
    Numbers,
    Words,
    find,
    number_hash,
    truth_hash,
)  # fmt: skip

MOD_SUM, MOD_DIFFERENCE = 21, 22
"""A remainder of a sum, of a difference."""
MOST_PAIRED = 4000
Found = NDArray[np.int64]


@njit(cache=True, nogil=True)
def offer(found: Found, size: int, op: int, a: int, b: int, c: int, d: int, e: int) -> None:
    if size < found[0]:
        found[0], found[1], found[2], found[3], found[4], found[5], found[6] = size, op, a, b, c, d, e


@njit(cache=True, nogil=True)
def join_sums(
    target: NDArray[np.int32], values: Numbers, sizes: Index, slots: Index, hashes: Words, found: Found
) -> None:
    """Sums, differences, negations, magnitudes, remainders and quotients with the wanted values."""
    rows = len(target)
    row = np.empty(rows, dtype=np.int32)
    for k in range(rows):
        row[k] = -target[k]
    at, _ = find(number_hash(row), slots, hashes)
    if at >= 0:
        offer(found, sizes[at] + 1, NEG, at, 0, 0, 0, 0)
    low, top = target.min(), target.max()
    for a in range(len(values)):
        if sizes[a] + 1 >= found[0]:
            break
        for k in range(rows):
            row[k] = target[k] - values[a, k]
        b, _ = find(number_hash(row), slots, hashes)
        if b >= 0:
            offer(found, sizes[a] + sizes[b] + 1, ADD, a, b, 0, 0, 0)
        for k in range(rows):
            row[k] = target[k] + values[a, k]
        b, _ = find(number_hash(row), slots, hashes)
        if b >= 0:
            offer(found, sizes[a] + sizes[b] + 1, SUB, b, a, 0, 0, 0)
        if low >= 0:
            good = True
            for k in range(rows):
                if abs(values[a, k]) != target[k]:
                    good = False
                    break
            if good:
                offer(found, sizes[a] + 1, ABS, a, 0, 0, 0, 0)
            for divisor in range(max(2, top + 1), 9):
                good = True
                for k in range(rows):
                    if values[a, k] % divisor != target[k]:
                        good = False
                        break
                if good:
                    offer(found, sizes[a] + 1, MOD, a, divisor, 0, 0, 0)
        for divisor in range(2, LARGEST_QUOTIENT + 1):
            good = True
            for k in range(rows):
                if values[a, k] // divisor != target[k]:
                    good = False
                    break
            if good:
                offer(found, sizes[a] + 1, DIV, a, divisor, 0, 0, 0)


@njit(cache=True, nogil=True)
def join_remainders(target: NDArray[np.int32], values: Numbers, sizes: Index, most: int, found: Found) -> None:
    """`(a + b) mod m` and `(a - b) mod m`, where m is one more than the largest value wanted."""
    modulus = target.max() + 1
    if target.min() < 0 or modulus < 2 or modulus > 64:
        return
    rows, count = len(target), min(most, len(values))
    size = 16
    while size < 2 * count:
        size *= 2
    slots, hashes = np.full(size, -1, dtype=np.int32), np.zeros(count, dtype=np.uint64)
    row = np.empty(rows, dtype=np.int32)
    for a in range(count):
        for k in range(rows):
            row[k] = values[a, k] % modulus
        code = number_hash(row)
        at, slot = find(code, slots, hashes)
        hashes[a] = code
        if at < 0:
            slots[slot] = a
    for a in range(count):
        if sizes[a] + 2 >= found[0]:
            return
        for k in range(rows):
            row[k] = (target[k] - values[a, k]) % modulus
        b, _ = find(number_hash(row), slots, hashes)
        if b >= 0:
            offer(found, sizes[a] + sizes[b] + 2, MOD_SUM, a, b, modulus, 0, 0)
        for k in range(rows):
            row[k] = (target[k] + values[a, k]) % modulus
        b, _ = find(number_hash(row), slots, hashes)
        if b >= 0:
            offer(found, sizes[a] + sizes[b] + 2, MOD_DIFFERENCE, b, a, modulus, 0, 0)


@njit(cache=True, nogil=True)
def matches(target: NDArray[np.int32], values: Numbers, words: int) -> Words:
    """The rows on which each term has the wanted value, as bits."""
    masks = np.zeros((len(values), words), dtype=np.uint64)
    for a in range(len(values)):
        for k in range(len(target)):
            if values[a, k] == target[k]:
                masks[a, k >> 6] |= np.uint64(1) << np.uint64(k & 63)
    return masks


@njit(cache=True, nogil=True)
def distinct(masks: Words, chosen: Index, most: int) -> Index:
    """The first of those with equal bits, in order, without those that match nothing."""
    size = 16
    while size < 2 * len(chosen):
        size *= 2
    slots, hashes = np.full(size, -1, dtype=np.int32), np.zeros(len(masks), dtype=np.uint64)
    kept, count = np.empty(min(most, len(chosen)), dtype=np.int32), 0
    for a in chosen:
        if not masks[a].any():
            continue
        code = truth_hash(masks[a])
        at, slot = find(code, slots, hashes)
        if at < 0:
            slots[slot], hashes[a] = a, code
            kept[count] = a
            count += 1
            if count == len(kept):
                break
    return kept[:count]


@njit(cache=True, nogil=True)
def join_extremes(
    target: NDArray[np.int32], values: Numbers, sizes: Index, masks: Words, full: Words, found: Found
) -> None:
    """Minima and maxima with the wanted values."""
    rows = len(target)
    for op in (MIN, MAX):
        chosen, count = np.empty(len(values), dtype=np.int32), 0
        for a in range(len(values)):
            good = True
            for k in range(rows):
                if (values[a, k] < target[k]) if op == MIN else (values[a, k] > target[k]):
                    good = False
                    break
            if good:
                chosen[count] = a
                count += 1
        kept = distinct(masks, chosen[:count], MOST_PAIRED)
        for i in range(len(kept)):
            for j in range(i):
                a, b = int(kept[i]), int(kept[j])
                size = int(sizes[a]) + int(sizes[b]) + 1
                if size >= found[0]:
                    break
                if covering(masks[a], masks[b], full):
                    offer(found, size, op, b, a, 0, 0, 0)


@njit(cache=True, nogil=True, inline="always")
def covering(a: Words, b: Words, full: Words) -> bool:
    """Whether two sets of rows make up all."""
    good = True
    for k in range(len(full)):
        good &= (a[k] | b[k]) == full[k]
    return good


@njit(cache=True, nogil=True)
def join_products(target: NDArray[np.int32], values: Numbers, sizes: Index, found: Found) -> None:
    """Products with the wanted values."""
    rows = len(target)
    chosen, count = np.empty(MOST_PAIRED, dtype=np.int32), 0
    for a in range(len(values)):
        good = True
        for k in range(rows):
            if target[k] != 0 and (values[a, k] == 0 or target[k] % values[a, k] != 0):
                good = False
                break
        if good and count < MOST_PAIRED:
            chosen[count] = a
            count += 1
    for i in range(count):
        for j in range(i + 1):
            a, b = int(chosen[i]), int(chosen[j])
            if sizes[a] + sizes[b] + 1 >= found[0]:
                break
            good = True
            for k in range(rows):
                if int(values[a, k]) * int(values[b, k]) != target[k]:
                    good = False
                    break
            if good:
                offer(found, sizes[a] + sizes[b] + 1, MUL, b, a, 0, 0, 0)
