"""Candidate state variables walked beside a Mealy table, many a millisecond.

A tuple of variables with closed updates is itself an automaton. Walked together with the table from the start, it
*determines* the table's state if no tuple of values meets two states; a minimal table's outputs are then functions of
the values and the input. A variable is *decodable* if no state of the table meets two of its values: then it is a
labelling of states, and other variables may read it. Updates come as tables: (candidate, own value, row), or
(candidate, first value, second value, row), where the row numbers what else is read at a state and a symbol.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from verify.domain import IntArray

Rows = NDArray[np.int64]
Forms = NDArray[np.int8]
DECODABLE, DETERMINES = 1, 2


@njit(cache=True)
def walk_singles(
    tables: IntArray, index: Rows, context: Rows, truth: Rows, after: Rows, initial: int, low: int, labels: IntArray,
    verdicts: NDArray[np.int64],
) -> None:  # fmt: skip
    """Verdict bits of each candidate, alone with what `context` (state -> number) tells; what is to be determined is
    `truth` (state -> number).

    `labels` (candidates states) is filled for decodable candidates. Candidates that leave the range get 0.
    """
    count, span, _ = tables.shape
    states, symbols = after.shape
    contexts = context.max() + 1
    seen = np.full((states, span), -1, dtype=np.int64)
    stamp = np.full((contexts, span), -1, dtype=np.int64)
    owner = np.zeros((contexts, span), dtype=np.int64)
    value = np.full(states, -1, dtype=np.int64)
    met = np.full(states, -1, dtype=np.int64)
    queue = np.empty((states * span, 2), dtype=np.int64)
    for k in range(count):
        verdicts[k] = 0
        decodable, determines, inside = True, True, True
        seen[0, initial - low] = k
        stamp[context[0], initial - low] = k
        owner[context[0], initial - low] = truth[0]
        met[0], value[0] = k, initial
        queue[0, 0], queue[0, 1] = 0, initial - low
        head, tail = 0, 1
        while head < tail and inside and (decodable or determines):
            q, s = queue[head]
            head += 1
            for x in range(symbols):
                new = tables[k, s, index[q, x]] - low
                if new < 0 or new >= span:
                    inside = False
                    break
                to = after[q, x]
                if seen[to, new] == k:
                    continue
                seen[to, new] = k
                if met[to] == k:
                    decodable = False
                else:
                    met[to], value[to] = k, new + low
                c = context[to]
                if stamp[c, new] == k:
                    if owner[c, new] != truth[to]:
                        determines = False
                else:
                    stamp[c, new] = k
                    owner[c, new] = truth[to]
                queue[tail, 0], queue[tail, 1] = to, new
                tail += 1
        if inside and decodable:
            verdicts[k] += DECODABLE
            labels[k] = value
        if inside and determines:
            verdicts[k] += DETERMINES


@njit(cache=True)
def walk_pairs(
    tables: IntArray, starts: Rows, index: Rows, context: Rows, truth: Rows, after: Rows,
    initials: tuple[int, int], low: int, most_steps: int, most_cost: int, hits: Rows,
) -> tuple[int, int]:  # fmt: skip
    """Pairs of updates (first, second) that together determine the state, in order of joint cost.

    `starts[c]` is the first candidate of cost `c` or more. The second of a pair reads its own value first, so it is
    looked up with the values exchanged. Returns the number of hits written and of steps made.
    """
    span = tables.shape[1]
    states, symbols = after.shape
    contexts = context.max() + 1
    stamp = np.full((contexts, span, span), -1, dtype=np.int64)
    owner = np.zeros((contexts, span, span), dtype=np.int64)
    queue = np.empty((states * span * span, 3), dtype=np.int64)
    top = len(starts) - 1
    found, steps, number = 0, 0, 0
    for total in range(2, min(2 * top, most_cost + 1)):
        for own in range(max(1, total - top + 1), min(total, top)):
            other = total - own
            for i in range(starts[own], starts[own + 1]):
                for j in range(starts[other], starts[other + 1]):
                    if i >= j and initials[0] == initials[1]:
                        continue
                    number += 1
                    a, b = initials[0] - low, initials[1] - low
                    stamp[context[0], a, b] = number
                    owner[context[0], a, b] = truth[0]
                    queue[0, 0], queue[0, 1], queue[0, 2] = 0, a, b
                    head, tail, good = 0, 1, True
                    while head < tail and good:
                        q, s, t = queue[head]
                        head += 1
                        for x in range(symbols):
                            steps += 1
                            row = index[q, x]
                            u, v = tables[i, s, t, row] - low, tables[j, t, s, row] - low
                            if u < 0 or u >= span or v < 0 or v >= span:
                                good = False
                                break
                            to = after[q, x]
                            c = context[to]
                            if stamp[c, u, v] == number:
                                if owner[c, u, v] != truth[to]:
                                    good = False
                                    break
                            else:
                                stamp[c, u, v] = number
                                owner[c, u, v] = truth[to]
                                queue[tail, 0], queue[tail, 1], queue[tail, 2] = to, u, v
                                tail += 1
                    if good:
                        hits[found, 0], hits[found, 1], hits[found, 2] = i, j, total
                        found += 1
                        if found == len(hits):
                            return found, steps
            if steps > most_steps:
                return found, steps
    return found, steps


@njit(cache=True)
def automata(tables: IntArray, initial: int, low: int, most: int, forms: Forms, sizes: Rows, hashes: Rows) -> None:
    """The automaton of each closed update (candidate, own value, symbol), its states numbered as breadth-first search
    meets them: equal for updates that differ by the names of values only. Size 0 where it leaves the range or is
    larger than `most`."""
    count, span, symbols = tables.shape
    number = np.empty(span, dtype=np.int64)
    value = np.empty(span, dtype=np.int64)
    for k in range(count):
        number[:] = -1
        number[initial - low], value[0] = 0, initial - low
        head, tail, good = 0, 1, True
        code = np.uint64(1469598103934665603)
        while head < tail and good:
            s = value[head]
            for x in range(symbols):
                new = tables[k, s, x] - low
                if new < 0 or new >= span or (number[new] < 0 and tail == most):
                    good = False
                    break
                if number[new] < 0:
                    number[new], value[tail] = tail, new
                    tail += 1
                forms[k, head, x] = number[new]
                code = (code ^ np.uint64(number[new] + 1)) * np.uint64(1099511628211)
                code ^= code >> np.uint64(29)
            head += 1
        sizes[k] = tail if good and tail > 1 else 0
        hashes[k] = np.int64(code >> np.uint64(1))


@njit(cache=True)
def walk_products(
    forms: Forms,
    sizes: Rows,
    after: Rows,
    width: int,
    inner: int,
    pruned: NDArray[np.bool_],
    hits: Rows,
) -> int:
    """Pairs (third -1) or triples (all but the first among the `inner` first) of automata that determine the state of
    the table, but for those with a `pruned` member, which does so alone. Returns the number of hits written."""
    count, most, symbols = len(forms), sizes.max(), after.shape[1]
    stamp = np.full((most, most, most), -1, dtype=np.int64)
    owner = np.zeros((most, most, most), dtype=np.int64)
    queue = np.empty((most * most * most, 4), dtype=np.int64)
    found, number = 0, 0
    for i in range(count):
        for j in range(i if width == 2 else min(i, inner)):
            if pruned[i] or pruned[j]:
                continue
            for k in range(-1 if width == 2 else 0, 0 if width == 2 else j):
                if k >= 0 and pruned[k]:
                    continue
                number += 1
                stamp[0, 0, 0], owner[0, 0, 0] = number, 0
                queue[0] = 0
                head, tail, good = 0, 1, True
                while head < tail and good:
                    q, a, b, c = queue[head]
                    head += 1
                    for x in range(symbols):
                        to, u, v = after[q, x], forms[i, a, x], forms[j, b, x]
                        w = forms[k, c, x] if k >= 0 else 0
                        if stamp[u, v, w] != number:
                            stamp[u, v, w], owner[u, v, w] = number, to
                            queue[tail, 0], queue[tail, 1], queue[tail, 2], queue[tail, 3] = to, u, v, w
                            tail += 1
                        elif owner[u, v, w] != to:
                            good = False
                            break
                if good:
                    hits[found, 0], hits[found, 1], hits[found, 2] = i, j, k
                    found += 1
                    if found == len(hits):
                        return found
    return found
