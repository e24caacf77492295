"""Words through a table, as a tree: what a state variable is judged by before anything is known of its values.

Node 0 is the empty word; every other node continues its `parent` by a `symbol`. A variable's *trace* is its value at
every node. Two nodes at different states *conflict*: some variable of an encoding must tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.abstract.mealy import Mealy

Rows = NDArray[np.int64]
Traces = NDArray[np.int16]
Masks = NDArray[np.uint64]
LONG_WORDS, LONG = 24, 14
MOST_NODES = 1024
"""Where a table has so many steps, not all of them are on a word."""
CONFLICTS = 256


@dataclass(frozen=True, eq=False)
class Histories:
    """The tree (node) with the table's state at each node, and pairs of conflicting nodes (pair, 2)."""

    parent: Rows
    symbol: Rows
    state: Rows
    conflicts: Rows

    def masks(self, traces: Traces) -> Masks:
        """Which conflicts each trace tells apart, as bits (trace, word)."""
        apart = traces[:, self.conflicts[:, 0]] != traces[:, self.conflicts[:, 1]]
        packed = np.packbits(apart, axis=1, bitorder="little")
        return np.ascontiguousarray(packed).view(np.uint64)


def histories(mealy: Mealy, count: int, *, rng: np.random.Generator) -> Histories:
    """All short words, then long random ones, about `count` nodes; then each step of the table not met yet, twice."""
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
    met = {(state[parent[n]], symbol[n]) for n in range(1, len(state))}
    first = {q: n for n, q in reversed(list(enumerate(state)))}
    reachable = list(first)  # grows
    for q in reachable:
        for x in range(symbols):
            if (q, x) not in met and len(state) < MOST_NODES:
                after = add(first[q], x)
                add(after, x)
                for node in (after, after + 1):
                    if state[node] not in first:
                        first[state[node]] = node
                        reachable.append(state[node])
    reached = np.array(state)
    return Histories(np.array(parent), np.array(symbol), reached, _conflicts(reached, rng))


def _conflicts(state: Rows, rng: np.random.Generator) -> Rows:
    """Pairs of nodes at different states, all pairs of states by turns."""
    members = {int(q): np.flatnonzero(state == q) for q in np.unique(state)}
    pairs = [(a, b) for a in members for b in members if a < b]
    chosen = [pairs[k] for k in rng.permutation(len(pairs))]
    found = [chosen[k % len(chosen)] for k in range(CONFLICTS)]
    return np.array([(rng.choice(members[a]), rng.choice(members[b])) for a, b in found])
