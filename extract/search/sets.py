"""Which recurrences suffice: sets whose values, with the inputs, determine the outputs on all recorded points."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.recurrences import Recurrence
from verify.domain import IntArray

STATE_BITS = 6.0
"""What a state variable costs beside its update."""
IN_PAIRS, IN_TRIPLES = 160, 48
"""So many of the cheapest recurrences are combined with each other."""
LEAST_SUPPORT = 0.2
"""A set that tells nearly all points apart determines anything: this share of the points must repeat another."""
PER_PARTITION = 8
"""Sets that tell the same points apart carry the same information: so many of them are enough."""
OF_HISTORY = 2
"""So many, where they tell all histories apart and so determine anything."""
NONE = -1
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Sample:
    """Recorded points: input columns (name -> (words, time)) and outputs (words, time, arity)."""

    inputs: dict[str, IntArray]
    outputs: IntArray

    @property
    def arity(self) -> int:
        return self.outputs.shape[-1]


def set_cost(chosen: Sequence[Recurrence]) -> float:
    """Bits of the recurrences and all they need, each once."""
    every = {item.name: item.cost for r in chosen for item in r.closure()}
    return sum(cost + STATE_BITS for cost in every.values())


def sufficient_sets(
    sample: Sample, pool: Sequence[Recurrence], fitted: list[frozenset[str]], whole: Sequence[Recurrence] = ()
) -> Iterator[tuple[Recurrence, ...]]:
    """Sets of recurrences that determine the outputs: `whole`, then up to three of the pool, cheapest first.

    Only those with real support; supersets of a set the caller has put into `fitted` are passed over.
    """
    if whole and _scanned(sample, whole, np.arange(len(whole))[None])[0][0] > LEAST_SUPPORT:
        yield tuple(whole)
    ranked = sorted(pool, key=lambda r: set_cost([r]))
    picks = _picks(len(ranked))
    support, partition = _scanned(sample, ranked, picks)
    holds = [(tuple(ranked[k] for k in picks[row] if k != NONE), int(partition[row]))
             for row in np.flatnonzero(support > LEAST_SUPPORT)]  # fmt: skip
    tried = Counter({_history(sample): PER_PARTITION - OF_HISTORY})
    for chosen, alike in sorted(holds, key=lambda held: set_cost(held[0])):
        names = frozenset(r.name for r in chosen)
        if tried[alike] < PER_PARTITION and not any(known < names for known in fitted):
            tried[alike] += 1
            yield chosen


def _history(sample: Sample) -> int:
    """The hash of the partition of the points by the whole word up to them."""
    columns = list(sample.inputs.values())
    prefixes = np.zeros(columns[0].shape, dtype=np.uint64)
    for t in range(columns[0].shape[1]):
        before = prefixes[:, t - 1] if t else np.full(len(prefixes), MIX)
        prefixes[:, t] = _key([before, *(c[:, t] for c in columns)])
    nothing = np.zeros(prefixes.size, dtype=np.int64)
    return int(_scan(np.zeros((0, prefixes.size), np.uint64), prefixes.ravel(), nothing, _picks(0))[1][0])


def _scanned(
    sample: Sample, members: Sequence[Recurrence], picks: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    keys = [_key([item.old for item in r.closure()]) for r in members]
    answers = np.unique(sample.outputs.reshape(-1, sample.arity), axis=0, return_inverse=True)[1].ravel()
    inputs = _key([*sample.inputs.values()])
    return _scan(np.stack(keys) if keys else np.zeros((0, len(inputs)), np.uint64), inputs, answers, picks)


def _picks(size: int) -> NDArray[np.int64]:
    """Index sets of up to three of `size` recurrences, as rows filled up with NONE."""
    rows = [(NONE, NONE, NONE), *((k, NONE, NONE) for k in range(size))]
    rows += [(*pair, NONE) for pair in itertools.combinations(range(min(size, IN_PAIRS)), 2)]
    rows += list(itertools.combinations(range(min(size, IN_TRIPLES)), 3))
    return np.array(rows, dtype=np.int64)


def _key(columns: Sequence[NDArray[Any]]) -> NDArray[np.uint64]:
    """A hash per point of the values in these columns."""
    key = np.zeros(columns[0].size, dtype=np.uint64)
    for column in columns:
        key = key * MIX + column.ravel().astype(np.uint64) + np.uint64(1)
        key ^= key >> np.uint64(29)
    return key


@njit(cache=True, nogil=True)
def _scan(
    keys: NDArray[np.uint64], inputs: NDArray[np.uint64], outputs: NDArray[np.int64], picks: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """Per set the share of points that repeat another, -1 where two equal points have different outputs; and a hash
    of the partition of the points into equal ones."""
    points = len(inputs)
    size = 1
    while size < 2 * points:
        size *= 2
    mask = np.uint64(size - 1)
    seen = np.empty(size, dtype=np.uint64)
    earliest = np.empty(size, dtype=np.int64)
    stamp = np.full(size, -1, dtype=np.int64)
    support = np.empty(len(picks), dtype=np.float64)
    partition = np.zeros(len(picks), dtype=np.uint64)
    for s in range(len(picks)):
        repeats = 0
        holds = True
        for p in range(points):
            key = inputs[p]
            for k in picks[s]:
                if k >= 0:
                    key = key * MIX + keys[k, p]
                    key ^= key >> np.uint64(31)
            slot = key & mask
            while stamp[slot] == s and seen[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            if stamp[slot] != s:
                stamp[slot], seen[slot], earliest[slot] = s, key, p
            elif outputs[earliest[slot]] != outputs[p]:
                holds = False
                break
            else:
                repeats += 1
            partition[s] = partition[s] * MIX + np.uint64(earliest[slot])
        support[s] = repeats / points if holds else -1.0
    return support, partition
