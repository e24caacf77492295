"""All terms with few operators, distinct on the rows of a small table: numbers as rows of 16-bit words, truths as bits.

Level `n` holds the terms with `n` operators. A term is dropped where it leaves +-`LARGEST`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Numbers = NDArray[np.int16]
Words = NDArray[np.uint64]
Index = NDArray[np.int32]
Starts = NDArray[np.int64]

LEAF, ADD, SUB, MUL, MIN, MAX, NEG, ABS, MOD, DIV, INT, IF = range(12)
EQ, NE, LT, LE, AND, OR = range(12, 18)
LARGEST = 8000
DIVISORS = np.array([2, 3, 4, 5, 6, 7, 8])
LARGEST_QUOTIENT = 4


@dataclass(frozen=True, eq=False)
class Store:
    """Terms of one kind: values (term, row or word), how each is made (term, operator and arguments), a hash table."""

    values: NDArray[np.generic]
    made: Index
    slots: Index
    hashes: Words


@njit(cache=True, nogil=True, inline="always")
def number_hash(row: NDArray[np.int32]) -> np.uint64:
    """A hash of values."""
    code = np.uint64(0x9E3779B97F4A7C15)
    for value in row:
        code = (code ^ np.uint64(value & 0xFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
        code ^= code >> np.uint64(29)
    return code


@njit(cache=True, nogil=True, inline="always")
def truth_hash(words: Words) -> np.uint64:
    """A hash of bits."""
    code = np.uint64(0x9E3779B97F4A7C15)
    for word in words:
        code = (code ^ word) * np.uint64(0xC2B2AE3D27D4EB4F)
        code ^= code >> np.uint64(29)
    return code


@njit(cache=True, nogil=True, inline="always")
def find(code: np.uint64, slots: Index, hashes: Words) -> tuple[int, int]:
    """The term of a hash, or -1, and the slot where it stands or would stand."""
    mask = len(slots) - 1
    slot = int(code >> np.uint64(20)) & mask
    while slots[slot] >= 0:
        if hashes[slots[slot]] == code:
            return slots[slot], slot
        slot = (slot + 1) & mask
    return -1, slot


@njit(cache=True, nogil=True)
def place(row: NDArray[np.int32], slots: Index, hashes: Words) -> int:
    """The term with these values, or -1."""
    return find(number_hash(row), slots, hashes)[0]


@njit(cache=True, nogil=True)
def add_number(
    row: NDArray[np.int32], count: int, values: Numbers, made: Index, slots: Index, hashes: Words,
    op: int, a: int, b: int, c: int,
) -> int:  # fmt: skip
    """The number of terms after one is entered, if it is new."""
    if count == len(values):
        return count
    code = number_hash(row)
    at, slot = find(code, slots, hashes)
    if at >= 0:
        return count
    slots[slot], hashes[count] = count, code
    for k in range(len(row)):
        values[count, k] = row[k]
    made[count, 0], made[count, 1], made[count, 2], made[count, 3] = op, a, b, c
    return count + 1


@njit(cache=True, nogil=True)
def add_truth(
    words: Words, count: int, values: Words, made: Index, slots: Index, hashes: Words, op: int, a: int, b: int
) -> int:
    """The number of truths after one is entered, if it is new."""
    if count == len(values):
        return count
    code = truth_hash(words)
    at, slot = find(code, slots, hashes)
    if at >= 0:
        return count
    slots[slot], hashes[count] = count, code
    values[count] = words
    made[count, 0], made[count, 1], made[count, 2], made[count, 3] = op, a, b, 0
    return count + 1


@njit(cache=True, nogil=True)
def _unary(op: int, value: int, divisor: int) -> int:
    if op == NEG:
        return -value
    if op == ABS:
        return abs(value)
    if op == MOD:
        return value % divisor
    return value // divisor


@njit(cache=True, nogil=True)
def _binary(op: int, a: int, b: int) -> int:
    if op == ADD:
        return a + b
    if op == SUB:
        return a - b
    if op == MUL:
        return a * b
    if op == MIN:
        return min(a, b)
    return max(a, b)


@njit(cache=True, nogil=True)
def _compare(op: int, a: int, b: int) -> bool:
    if op == EQ:
        return a == b
    if op == NE:
        return a != b
    if op == LT:
        return a < b
    return a <= b


@njit(cache=True, nogil=True)
def add_tests(
    first: int, end: int, count: int, values: Numbers, made: Index, slots: Index, hashes: Words, truths: Words
) -> int:  # fmt: skip
    """Enter some truths as numbers. Returns the terms in all."""
    rows = values.shape[1]
    row = np.empty(rows, dtype=np.int32)
    for a in range(first, end):
        for k in range(rows):
            row[k] = (truths[a, k >> 6] >> np.uint64(k & 63)) & np.uint64(1)
        count = add_number(row, count, values, made, slots, hashes, INT, a, 0, 0)
    return count


@njit(cache=True, nogil=True)
def grow_numbers(
    level: int, begins: Starts, values: Numbers, made: Index, slots: Index, hashes: Words, truth_begins: Starts,
    truths: Words, divisors: Starts,
) -> int:  # fmt: skip
    """Enter the numbers with `level` operators; `begins[n]` is the first term of level n. Returns the terms in all."""
    count, rows = int(begins[level]), values.shape[1]
    row = np.empty(rows, dtype=np.int32)
    for a in range(begins[level - 1], begins[level]):
        for op in (NEG, ABS, MOD, DIV):
            for divisor in divisors:
                if op == DIV and divisor > LARGEST_QUOTIENT:
                    break
                for k in range(rows):
                    row[k] = _unary(op, int(values[a, k]), divisor)
                count = add_number(row, count, values, made, slots, hashes, op, a, divisor, 0)
                if op <= ABS:
                    break
    count = add_tests(truth_begins[level - 1], truth_begins[level], count, values, made, slots, hashes, truths)
    for left in range(level):
        right = level - 1 - left
        for a in range(begins[left], begins[left + 1]):
            for b in range(begins[right], begins[right + 1]):
                for op in (ADD, SUB, MUL, MIN, MAX):
                    if (op == SUB and a == b) or (op != SUB and (left > right or (left == right and b < a))):
                        continue
                    good = True
                    for k in range(rows):
                        row[k] = _binary(op, int(values[a, k]), int(values[b, k]))
                        if abs(row[k]) > LARGEST:
                            good = False
                            break
                    if good:
                        count = add_number(row, count, values, made, slots, hashes, op, a, b, 0)
    for test in range(1, level):
        for left in range(level - test):
            right = level - 1 - test - left
            for t in range(truth_begins[test], truth_begins[test + 1]):
                for a in range(begins[left], begins[left + 1]):
                    for b in range(begins[right], begins[right + 1]):
                        for k in range(rows):
                            true = (truths[t, k >> 6] >> np.uint64(k & 63)) & np.uint64(1)
                            row[k] = values[a, k] if true else values[b, k]
                        count = add_number(row, count, values, made, slots, hashes, IF, t, a, b)
    return count


@njit(cache=True, nogil=True)
def grow_truths(
    level: int, begins: Starts, values: Numbers, truth_begins: Starts, truths: Words, made: Index, slots: Index,
    hashes: Words,
) -> int:  # fmt: skip
    """Enter the truths with `level` operators, from numbers and truths with fewer. Returns the truths in all."""
    count, rows = int(truth_begins[level]), values.shape[1]
    words = np.empty(truths.shape[1], dtype=np.uint64)
    for left in range(level):
        right = level - 1 - left
        for a in range(begins[left], begins[left + 1]):
            for b in range(begins[right], begins[right + 1]):
                for op in (EQ, NE, LT, LE):
                    if a == b or (op <= NE and (left > right or (left == right and b < a))):
                        continue
                    words[:] = 0
                    for k in range(rows):
                        if _compare(op, values[a, k], values[b, k]):
                            words[k >> 6] |= np.uint64(1) << np.uint64(k & 63)
                    count = add_truth(words, count, truths, made, slots, hashes, op, a, b)
        for a in range(truth_begins[left], truth_begins[left + 1]):
            for b in range(truth_begins[right], truth_begins[right + 1]):
                for op in (AND, OR):
                    if left > right or (left == right and b <= a):
                        continue
                    for k in range(len(words)):
                        words[k] = truths[a, k] & truths[b, k] if op == AND else truths[a, k] | truths[b, k]
                    count = add_truth(words, count, truths, made, slots, hashes, op, a, b)
    return count
