"""Candidate updates run over histories (`extract.search.histories`), compiled: which stay in range, which tell what."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.histories import Masks, Rows, Traces


@njit(cache=True)
def purity(traces: Traces, state: Rows) -> NDArray[np.float64]:
    """The mutual information of trace and state over the entropy of the trace, by trace."""
    nodes, states = len(state), state.max() + 1
    made = np.ones(len(traces))
    for k in range(len(traces)):
        low, high = traces[k].min(), traces[k].max()
        span = high - low + 1
        joint, own, table = np.zeros(span * states), np.zeros(span), np.zeros(states)
        for n in range(nodes):
            joint[(traces[k, n] - low) * states + state[n]] += 1
            own[traces[k, n] - low] += 1
            table[state[n]] += 1
        both, alone, rest = 0.0, 0.0, 0.0
        for c in joint:
            if c > 0:
                both += c * np.log(c)
        for c in own:
            if c > 0:
                alone += c * np.log(c)
        for c in table:
            if c > 0:
                rest += c * np.log(c)
        total = nodes * np.log(nodes)
        if total > alone:
            made[k] = 1.0 - (rest - both) / (total - alone)
    return made


def hash_table(size: int) -> tuple[Masks, Traces]:
    """Room for codes met and how often."""
    return np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.int16)


@njit(cache=True)
def simulate(
    tables: NDArray[np.int16], chosen: Rows, rows: Rows, parent: Rows, initial: int, low: int, delayed: bool,
    met: Masks, times: Traces, alike: int, traces: Traces, kept: Rows,
) -> int:  # fmt: skip
    """Traces of the candidates (candidate, own value, row) that stay in range and move; `rows` numbers what is read
    at each node. At most `alike` that tell the same nodes apart are kept, of equal traces the first, those counted that
    earlier calls with `met` and `times` (hash tables) kept.

    With `delayed`, rows are (value at the node before, row) with the first most significant. Returns the number kept.
    """
    span, nodes = tables.shape[1], len(parent)
    trace = np.empty(nodes, dtype=np.int16)
    name = np.empty(span, dtype=np.int64)
    count, width = 0, tables.shape[2] // span
    for k in chosen:
        trace[0] = initial
        good, moving = True, False
        for n in range(1, nodes):
            at = parent[n]
            row = rows[n]
            if delayed:
                row += (trace[parent[at]] - low) * width
            new = tables[k, trace[at] - low, row]
            if new < low or new >= low + span:
                good = False
                break
            trace[n] = new
            moving |= new != initial
        if not good or not moving:
            continue
        name[:] = -1
        names = 0
        code, kernel = np.uint64(1), np.uint64(2)
        for n in range(nodes):
            own = trace[n] - low
            if name[own] < 0:
                name[own] = names
                names += 1
            code = (code ^ np.uint64(own)) * np.uint64(0xC2B2AE3D27D4EB4F)
            code ^= code >> np.uint64(29)
            kernel = (kernel ^ np.uint64(name[own])) * np.uint64(0x9E3779B97F4A7C15)
            kernel ^= kernel >> np.uint64(29)
        if not _entered(code | np.uint64(1), 1, met, times):
            continue
        if not _entered(kernel | np.uint64(1), alike, met, times):
            continue
        traces[count], kept[count] = trace, k
        count += 1
        if count == len(kept):
            break
    return count


@njit(cache=True)
def closing(
    tables: NDArray[np.int16], most: int, rows: Rows, parent: Rows, initial: int, low: int, given: Rows, classes: int,
    state: Rows, kept: Rows,
) -> int:  # fmt: skip
    """Candidates among the first `most` that stay in range and with which what is `given` (a class by node) determines
    the state. Returns the number kept."""
    span, nodes = tables.shape[1], len(parent)
    trace = np.empty(nodes, dtype=np.int64)
    owner, stamp = np.empty(classes * span, dtype=np.int64), np.full(classes * span, -1, dtype=np.int64)
    count = 0
    for k in range(most):
        trace[0] = initial - low
        at = given[0] * span + initial - low
        owner[at], stamp[at] = state[0], k
        good = True
        for n in range(1, nodes):
            new = tables[k, trace[parent[n]], rows[n]] - low
            if new < 0 or new >= span:
                good = False
                break
            trace[n] = new
            at = given[n] * span + new
            if stamp[at] != k:
                owner[at], stamp[at] = state[n], k
            elif owner[at] != state[n]:
                good = False
                break
        if good:
            kept[count] = k
            count += 1
            if count == len(kept):
                break
    return count


@njit(cache=True)
def closing_pairs(
    tables: NDArray[np.int16], firsts: tuple[int, int], seconds: tuple[int, int], symbol: Rows, parent: Rows,
    initials: tuple[int, int], low: int, symbols: int, state: Rows, kept: Rows,
) -> int:  # fmt: skip
    """Pairs of candidates that read each other, stay in range and determine the state; rows number (value of the other,
    symbol). Returns the number kept."""
    span, nodes = tables.shape[1], len(parent)
    one, two = np.empty(nodes, dtype=np.int64), np.empty(nodes, dtype=np.int64)
    owner, stamp = np.empty(span * span, dtype=np.int64), np.full(span * span, -1, dtype=np.int64)
    count, steps = 0, 0
    one[0], two[0] = initials[0] - low, initials[1] - low
    for a in range(firsts[0], firsts[1]):
        for b in range(seconds[0], seconds[1]):
            steps += 1
            at = one[0] * span + two[0]
            owner[at], stamp[at] = state[0], steps
            good = True
            for n in range(1, nodes):
                s, t = one[parent[n]], two[parent[n]]
                new = tables[a, s, t * symbols + symbol[n]] - low
                if new < 0 or new >= span:
                    good = False
                    break
                other = tables[b, t, s * symbols + symbol[n]] - low
                if other < 0 or other >= span:
                    good = False
                    break
                one[n], two[n] = new, other
                at = new * span + other
                if stamp[at] != steps:
                    owner[at], stamp[at] = state[n], steps
                elif owner[at] != state[n]:
                    good = False
                    break
            if good:
                kept[count, 0], kept[count, 1] = a, b
                count += 1
                if count == len(kept):
                    return count
    return count


@njit(cache=True)
def _entered(code: np.uint64, most: int, slots: Masks, counts: Traces) -> bool:
    """Whether a code was met fewer than `most` times before."""
    slot = int(code >> np.uint64(20)) & (len(slots) - 1)
    while slots[slot] != 0 and slots[slot] != code:
        slot = (slot + 1) & (len(slots) - 1)
    slots[slot] = code
    if counts[slot] < most:
        counts[slot] += 1
        return True
    return False
