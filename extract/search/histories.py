"""Words through a table, as a tree: what a state variable is judged by before anything is known of its values.

Node 0 is the empty word; every other node continues its `parent` by a `symbol`. A variable's *trace* is its value at
every node. Two nodes at different states *conflict*: some variable of an encoding must tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.abstract.mealy import Mealy

Rows = NDArray[np.int64]
Traces = NDArray[np.int16]
Masks = NDArray[np.uint64]
LONG_WORDS, LONG = 24, 14
CONFLICTS = 256


@dataclass(frozen=True, eq=False)
class Histories:
    """The tree (node) with the table's state at each node, and pairs of conflicting nodes (pair, 2)."""

    parent: Rows
    symbol: Rows
    state: Rows
    conflicts: Rows

    def decodable(self, traces: Traces) -> NDArray[np.bool_]:
        """Which traces are functions of the table's state."""
        _, first, inverse = np.unique(self.state, return_index=True, return_inverse=True)
        return (traces == traces[:, first[inverse.ravel()]]).all(axis=1)

    def masks(self, traces: Traces) -> Masks:
        """Which conflicts each trace tells apart, as bits (trace, word)."""
        apart = traces[:, self.conflicts[:, 0]] != traces[:, self.conflicts[:, 1]]
        packed = np.packbits(apart, axis=1, bitorder="little")
        return np.ascontiguousarray(packed).view(np.uint64)


def histories(mealy: Mealy, count: int, *, rng: np.random.Generator) -> Histories:
    """All short words, then long random ones, about `count` nodes in all."""
    symbols = mealy.next.shape[1]
    parent, symbol, state = [0], [0], [0]

    def add(node: int, x: int) -> int:
        parent.append(node)
        symbol.append(x)
        state.append(int(mealy.next[state[node], x]))
        return len(state) - 1

    node = 0
    while len(state) < count - LONG_WORDS * LONG // 2:
        for x in range(symbols):
            add(node, x)
        node += 1
    for word in range(LONG_WORDS):
        at, held = 0, int(rng.integers(symbols))
        for _ in range(LONG):  # every third word repeats one symbol often, which runs counters up
            at = add(at, held if word % 3 == 0 and rng.random() < 0.7 else int(rng.integers(symbols)))
    reached = np.array(state)
    return Histories(np.array(parent), np.array(symbol), reached, _conflicts(reached, rng))


def _conflicts(state: Rows, rng: np.random.Generator) -> Rows:
    """Pairs of nodes at different states, all pairs of states by turns."""
    members = {int(q): np.flatnonzero(state == q) for q in np.unique(state)}
    pairs = [(a, b) for a in members for b in members if a < b]
    chosen = [pairs[k] for k in rng.permutation(len(pairs))]
    found = [chosen[k % len(chosen)] for k in range(CONFLICTS)]
    return np.array([(rng.choice(members[a]), rng.choice(members[b])) for a, b in found])


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
