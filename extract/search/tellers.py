"""What each variable of a pool tells apart: nodes at different states conflict (`extract.search.histories`)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numba import njit

from extract.search.histories import Histories, Masks, Rows, Traces

CONFLICTS, EACH, JUDGES = 512, 400, 1500
"""Conflicts branched on, candidates for each pair of states (fewer where there are many), and variables that judge
how rare these are."""
MOST_CANDIDATES, MOST_LOOSE = 40_000, 300


@dataclass(frozen=True, eq=False)
class Tellers:
    """Variables, the first so many (`pool`) in order of `cost`, the others heirs alone; with their traces and which
    conflicts each tells with its base, as bits (variable, word), those first that fewest tell.

    Of each variable the number of its `base` (-1 for none); of each base which of the pool is `serving` as it (-1:
    none), the class of nodes where all that it needs is equal (`bases`), its values (`near`), and from where to where
    in `heirs` those over it are, in order of what they cost beside it (`more`).
    `loose` are the variables that only name the last input.
    """

    pool: int
    masks: Masks
    cost: Rows
    traces: Traces
    base: Rows
    serving: Rows
    bases: Traces
    near: Traces
    heirs: Rows
    begins: Rows
    more: Rows
    loose: Rows


def rare_conflicts(state: Rows, judges: Traces, *, rng: np.random.Generator) -> Rows:
    """Pairs of nodes at different states (pair, 2), the rarest for each pair of states by turns, rarest first; judged
    by these traces (variable, node)."""
    members = [np.flatnonzero(state == q) for q in np.unique(state)]
    kinds = list(itertools.combinations(range(len(members)), 2))
    each = max(1, min(EACH, MOST_CANDIDATES // max(len(kinds), 1)))
    pairs, kind = [], []
    for k, (a, b) in enumerate(kinds):
        one, other = members[a], members[b]
        codes = rng.permutation(len(one) * len(other))[:each]
        pairs.append(np.stack([one[codes // len(other)], other[codes % len(other)]], axis=1))
        kind.append(np.full(len(codes), k))
    every, which = np.concatenate(pairs), np.concatenate(kind)
    apart = np.zeros(len(every), np.int64)
    for trace in judges:
        apart += trace[every[:, 0]] != trace[every[:, 1]]
    order = np.lexsort((apart, which))
    turn = np.arange(len(order)) - np.searchsorted(which[order], which[order])
    best = order[np.lexsort((apart[order], turn))][:CONFLICTS]
    return every[best]


def tellers(
    traces: Traces, pool: int, cost: Rows, base: Rows, serving: Rows, bases: Traces, near: Traces, heirs: Rows,
    more: Rows, words: Histories, *, rng: np.random.Generator,
) -> Tellers:  # fmt: skip
    """Variables with what each tells; the first of them, the `pool`, come in order of cost, `heirs` by their base and
    in order of what they cost `more`."""
    state, symbol = words.state, words.symbol[1:]
    first, some = 1 + np.unique(symbol, return_index=True)[1], traces[:pool]
    loose = np.flatnonzero((some[:, 1:] == some[:, first[symbol]]).all(axis=1))
    loose = loose[np.sort(np.unique(some[loose, 1:], axis=0, return_index=True)[1])][:MOST_LOOSE]
    judged = rng.permutation(pool)[:JUDGES]
    conflicts = rare_conflicts(state, traces[judged], rng=rng)
    under = bases if len(bases) else np.zeros((1, len(state)), np.int16)
    told = _told(some, base, under, conflicts)
    count = np.unpackbits(told.view(np.uint8), axis=1, bitorder="little").sum(axis=0)[: len(conflicts)]
    masks = _told(traces, base, under, conflicts[np.argsort(count, kind="stable")])
    begins = np.searchsorted(base[heirs], np.arange(len(bases) + 1))
    near = near if len(near) else under
    return Tellers(pool, masks, cost, traces, base, serving, under, near, heirs, begins, more, loose)


@njit(cache=True, nogil=True)
def _told(traces: Traces, base: Rows, bases: Traces, conflicts: Rows) -> Masks:
    """Which conflicts each variable tells with its base, as bits in words of 64, those past the end set."""
    masks = np.zeros((len(traces), (len(conflicts) + 63) // 64), np.uint64)
    for k in range(len(traces)):
        for c in range(64 * masks.shape[1]):
            apart = c >= len(conflicts)
            if not apart:
                u, v = conflicts[c, 0], conflicts[c, 1]
                apart = traces[k, u] != traces[k, v] or (base[k] >= 0 and bases[base[k], u] != bases[base[k], v])
            if apart:
                masks[k, c >> 6] |= np.uint64(1) << np.uint64(c & 63)
    return masks
