"""Sets of variables that together determine the state of a table, judged on traces (`extract.search.histories`).

Each variable comes with the conflicts it tells apart as bits; a set that leaves no conflict is checked on all nodes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from extract.search.histories import Masks, Rows


@njit(cache=True, nogil=True)
def room(nodes: int) -> Rows:
    """An empty hash table for so many nodes, a power of two long and at most half full."""
    size = 4
    while size < 2 * nodes:
        size *= 2
    return np.full(size, -1, dtype=np.int64)


@njit(cache=True, nogil=True)
def place(codes: Masks, n: int, slots: Rows) -> int:
    """The slot of a node with the code of node n, or a free one."""
    mask = len(slots) - 1
    slot = int(codes[n] >> np.uint64(13)) & mask
    while slots[slot] >= 0 and codes[slots[slot]] != codes[n]:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def determines(codes: Masks, state: Rows, slots: Rows) -> bool:
    """Whether nodes with equal codes are at one state; `slots` is `room` for them."""
    slots[:] = -1
    for n in range(len(codes)):
        slot = place(codes, n, slots)
        if slots[slot] < 0:
            slots[slot] = n
        elif state[slots[slot]] != state[n]:
            return False
    return True


@njit(cache=True, nogil=True)
def covers(
    masks: Masks, codes: Masks, cost: Rows, state: Rows, width: int, inner: int, hits: Rows, most_steps: int
) -> int:
    """Pairs (third -1), or triples of the `inner` cheapest, that determine the state, cheapest first.

    Variables come in order of `cost`; `codes` (variable, node) hash their values, those of what they need included, so
    that sums of codes are codes of sets. Members that determine the state alone are left out.
    """
    count, words = masks.shape
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    slots = room(codes.shape[1])
    alone = np.zeros(count, dtype=np.bool_)
    for i in range(count):
        alone[i] = True
        for w in range(words):
            alone[i] &= masks[i, w] == full
        alone[i] = alone[i] and determines(codes[i], state, slots)
    limit = inner if width == 3 else count
    limit = min(limit, count)
    begins = np.searchsorted(cost[:limit], np.arange(cost[limit - 1] + 2))
    top, found, steps = len(begins) - 1, 0, 0
    rest = np.empty(words, dtype=np.uint64)
    for total in range(width * cost[0], width * top):
        for i in range(limit):
            if width * cost[i] > total:
                break
            if alone[i]:
                continue
            if width == 2:
                other = total - cost[i]
                if other >= top or other < cost[i]:
                    continue
                for j in range(max(begins[other], i + 1), begins[other + 1]):
                    steps += 1
                    good = True
                    for w in range(words):
                        if (masks[i, w] | masks[j, w]) != full:
                            good = False
                            break
                    if good and not alone[j] and determines(codes[i] + codes[j], state, slots):
                        hits[found, 0], hits[found, 1], hits[found, 2] = i, j, -1
                        found += 1
                        if found == len(hits):
                            return found
                continue
            for j in range(i + 1, limit):
                other = total - cost[i] - cost[j]
                if other < cost[j]:
                    break
                if other >= top or alone[j]:
                    continue
                whole = True
                for w in range(words):
                    rest[w] = masks[i, w] | masks[j, w]
                    whole &= rest[w] == full
                if whole and determines(codes[i] + codes[j], state, slots):
                    continue
                for k in range(max(begins[other], j + 1), begins[other + 1]):
                    steps += 1
                    good = True
                    for w in range(words):
                        if (rest[w] | masks[k, w]) != full:
                            good = False
                            break
                    if good and not alone[k] and determines(codes[i] + codes[j] + codes[k], state, slots):
                        hits[found, 0], hits[found, 1], hits[found, 2] = i, j, k
                        found += 1
                        if found == len(hits):
                            return found
            if steps > most_steps:
                return found
    return found
