"""Candidate updates run over histories (`extract.search.histories`), compiled: which stay in range, which tell what."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.histories import Masks, Rows, Traces

FEW = 2


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def simulate(
    tables: NDArray[np.int16], chosen: Rows, rows: Rows, parent: Rows, initial: int, low: int, delayed: bool,
    met: Masks, times: Traces, alike: int, traces: Traces, kept: Rows,
) -> int:  # fmt: skip
    """Traces of the candidates (candidate, own value, row) that stay in range and move; `rows` numbers what is read
    at each node. At most `alike` that tell the same nodes apart are kept, beside `FEW` for each initial value, of equal
    traces the first; those that earlier calls with `met` and `times` (hash tables) kept are counted.

    With `delayed`, rows are (value at the node before, row) with the first most significant. Returns the number kept.
    """
    span, nodes = tables.shape[1], len(parent)
    trace = np.empty(nodes, dtype=np.uint16)
    name = np.empty(span, dtype=np.int64)
    width = tables.shape[2]
    before, read = parent.astype(np.uint64), rows.astype(np.uint64)
    count, wide, least, start = 0, np.uint64(width), np.int64(low), np.uint16(initial - low)
    each = np.uint64(width // span)
    for k in chosen:
        table = tables[k].ravel()
        trace[0] = start
        good, moving, code = True, False, np.uint64(1)
        for n in range(1, nodes):
            at = before[n]
            row = read[n]
            if delayed:
                row += np.uint64(trace[before[at]]) * each
            new = np.uint64(np.int64(table[np.uint64(trace[at]) * wide + row]) - least)
            if new >= np.uint64(span):
                good = False
                break
            trace[n] = new
            moving |= new != start
            code = (code ^ new) * np.uint64(0xC2B2AE3D27D4EB4F)
        if not good or not moving:
            continue
        code = (code ^ (code >> np.uint64(29)) ^ np.uint64(start)) * np.uint64(0x9E3779B97F4A7C15)
        if not _entered(code | np.uint64(1), 1, met, times):
            continue
        name[:] = -1
        names, kernel = 0, np.uint64(2)
        for n in range(nodes):
            own = np.uint64(trace[n])
            if name[own] < 0:
                name[own] = names
                names += 1
            kernel = (kernel ^ np.uint64(name[own])) * np.uint64(0x9E3779B97F4A7C15)
            kernel ^= kernel >> np.uint64(29)
        own = (kernel ^ np.uint64(initial + 1000)) * np.uint64(0xBF58476D1CE4E5B9)
        some = _entered(kernel | np.uint64(1), alike, met, times)
        if not _entered(own | np.uint64(1), FEW, met, times) and not some:
            continue
        for n in range(nodes):
            traces[count, n] = trace[n] + least
        kept[count] = k
        count += 1
        if count == len(kept):
            break
    return count


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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
