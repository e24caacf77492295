"""A variable known by its labels alone: what some variables leave untold of a table's state.

Joint states in which the known variables are equal but the table's states differ need different labels. Which labels go
together across other values of the known variables is chosen so that the next label is told, on as many steps as can
be, by the label before and at most two values read (coordinate ascent, the labels of one combination of known values at
a time). Numbers for the labels are guessed in several ways; the update is then a problem of one step.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.covers import place, room
from extract.search.histories import Histories, Masks, Rows
from extract.search.unfold import Unfolded
from extract.search.variables import Found, joint_codes, together
from verify.domain import IntArray

MOST_LABELS, MOST_CONTEXTS = 5, 64
STARTS, SWEEPS = 2, 6
KEPT, MISSED = 3, 4
"""Labellings kept for a set of known variables; what a missed step counts against a next label."""
UNTOLD_BITS = 8.0
"""What each value of a label counts in ranking sets of variables that leave one."""


@dataclass(frozen=True, eq=False)
class Labelling:
    """A number for each joint state; steps on which what is read does not tell the next one, and contexts it takes."""

    numbers: IntArray
    missed: int
    contexts: int


def labellings(
    joint: Unfolded, inputs: Mapping[str, IntArray], outputs: IntArray, *, rng: np.random.Generator
) -> list[Labelling]:
    """Labellings of joint states that some known variables do not tell apart, those first whose updates are simplest.

    `inputs` are values by symbol, `outputs` by joint state and symbol (one component).
    """
    values = np.stack(list(joint.values.values()), axis=1)
    _, first, group = np.unique(values, axis=0, return_index=True, return_inverse=True)
    group = np.argsort(np.argsort(first))[group.ravel()]  # numbered as met
    most = int(np.bincount(group).max())
    if not 2 <= most <= MOST_LABELS:
        return []
    graph = _Graph(joint.after, group, most)
    found: list[tuple[int, Rows, int, int]] = []
    for read in _reads(joint, inputs):
        contexts = int(read.max()) + 1
        for start in range(STARTS):
            order = np.arange(len(graph.begins) - 1) if start == 0 else rng.permutation(len(graph.begins) - 1)
            labels, told = graph.labelled(read, contexts, order)
            missed = read.size - told
            found.append((MISSED * missed + most * contexts, labels, missed, contexts))
    kept: dict[bytes, Labelling] = {}
    for _, labels, missed, contexts in sorted(found, key=lambda f: f[0])[:KEPT]:
        for numbers in _numbered(labels, most, joint, inputs, outputs):
            kept.setdefault(numbers.tobytes(), Labelling(numbers, missed, contexts))
    return list(kept.values())


def _reads(joint: Unfolded, inputs: Mapping[str, IntArray]) -> Iterator[Rows]:
    """What an update may read beside the label (joint state, symbol), as classes: nothing, one value, or two."""
    size, symbols = joint.after.shape
    columns = [np.broadcast_to(c, (size, symbols)) for c in inputs.values()]
    columns += [np.broadcast_to(c[:, None], (size, symbols)) for c in joint.values.values()]
    for chosen in itertools.chain([()], ((c,) for c in columns), itertools.combinations(columns, 2)):
        code = np.zeros((size, symbols), dtype=np.int64)
        for column in chosen:
            code = code * (int(np.ptp(column)) + 1) + column - int(column.min())
        classes = np.unique(code, return_inverse=True)[1].reshape(size, symbols)
        if int(classes.max()) < MOST_CONTEXTS:
            yield classes


def _numbered(
    labels: Rows, count: int, joint: Unfolded, inputs: Mapping[str, IntArray], outputs: IntArray
) -> Iterator[IntArray]:
    """Numbers for labels: by what is put out on steps to them, as they are met, or the inputs that bring them about."""
    after = labels[joint.after]
    into = [after == k for k in range(count)]
    mean = np.array([outputs[m].mean() if m.any() else 0.0 for m in into])
    shown = np.argsort(np.argsort(mean, kind="stable"))
    met = np.unique(labels, return_index=True)[1]
    order = np.argsort(np.argsort(met))
    for numbers in (shown, count - 1 - shown, order):
        yield numbers[labels]
    changed = after != labels[:, None]
    for values in inputs.values():
        named = _brought([np.broadcast_to(values, after.shape)[m & changed] for m in into])
        if named is not None:
            yield named[labels]


def _brought(inputs: Sequence[IntArray]) -> IntArray | None:
    """By label the input that most often brings it about, or a number of its own if none does; None if two share it."""
    common = {k: np.unique(b, return_counts=True) for k, b in enumerate(inputs) if len(b)}
    named = {k: int(v[np.argmax(c)]) for k, (v, c) in common.items()}
    if len(set(named.values())) < len(named):
        return None
    free = (n for n in itertools.count() if n not in named.values())
    return np.array([named[k] if k in named else next(free) for k in range(len(inputs))])


def leaving_few(some: Sequence[Found], words: Histories) -> list[tuple[float, tuple[Found, ...]]]:
    """Sets of one or two variables that leave few states of the table untold, in order of their price in bits."""
    counts, found = untold(joint_codes(some, words), words.state), []
    for i, j in np.argwhere((counts >= 2) & (counts <= MOST_LABELS)).tolist():
        members = (some[i],) if i == j else (some[i], some[j])
        found.append((together(members) + UNTOLD_BITS * int(counts[i, j]), members))
    return sorted(found, key=lambda f: f[0])


@njit(cache=True, nogil=True)
def untold(codes: Masks, state: Rows) -> Rows:
    """For each pair of variables (one twice is it alone), how many states of the table share their values, at most.

    `codes` (variable, node) tell a variable's values apart, and their sums those of pairs. More than `MOST_LABELS`
    count as one more than these; a pair stands at its smaller number first, 0 elsewhere.
    """
    count, nodes = codes.shape
    first = room(nodes)
    counts = np.zeros((count, count), dtype=np.int64)
    size, met = np.empty(len(first), dtype=np.int64), np.empty((len(first), MOST_LABELS), dtype=np.int64)
    code = np.empty(nodes, dtype=np.uint64)
    for i in range(count):
        for j in range(i, count):
            first[:] = -1
            for n in range(nodes):
                code[n] = codes[i, n] if i == j else codes[i, n] + codes[j, n]
                slot = place(code, n, first)
                if first[slot] < 0:
                    first[slot], size[slot] = n, 0
                known = False
                for k in range(size[slot]):
                    known |= met[slot, k] == state[n]
                if not known:
                    if size[slot] == MOST_LABELS:
                        counts[i, j] = MOST_LABELS + 1
                        break
                    met[slot, size[slot]] = state[n]
                    size[slot] += 1
                    counts[i, j] = max(counts[i, j], size[slot])
    return counts


class _Graph:
    """Steps between joint states in groups that must be told apart, for `_ascend`."""

    def __init__(self, after: Rows, group: Rows, labels: int) -> None:
        size, symbols = after.shape
        self.size, self.labels = size, labels
        self.source, self.target = np.repeat(np.arange(size), symbols), after.ravel()
        self.members = np.argsort(group, kind="stable")
        self.begins = np.searchsorted(group[self.members], np.arange(group.max() + 2))
        steps = np.arange(len(self.source))
        inner = group[self.source] == group[self.target]
        ends = np.concatenate([group[self.source], group[self.target][~inner]])
        touching = np.concatenate([steps, steps[~inner]])
        by_group = np.argsort(ends, kind="stable")
        self.touching = touching[by_group]
        self.touched = np.searchsorted(ends[by_group], np.arange(group.max() + 2))
        every = [list(itertools.permutations(range(labels), n)) for n in range(labels + 1)]
        self.ways = np.full((sum(map(len, every)), labels), -1, dtype=np.int64)
        self.way_begins = np.cumsum([0, *map(len, every)])
        for at, way in enumerate(w for ways in every for w in ways):
            self.ways[at, : len(way)] = way

    def labelled(self, read: Rows, contexts: int, order: Rows) -> tuple[Rows, int]:
        """Labels, and on how many steps what is read tells the next one."""
        labels = np.full(self.size, -1, dtype=np.int64)
        told = _ascend(
            self.source, self.target, read.ravel(), order, self.members, self.begins, self.touching, self.touched,
            self.ways, self.way_begins, np.zeros((contexts, self.labels, self.labels), np.int64), labels,
        )  # fmt: skip
        return labels, int(told)


@njit(cache=True, nogil=True)
def _ascend(
    source: Rows, target: Rows, read: Rows, order: Rows, members: Rows, begins: Rows, touching: Rows, touched: Rows,
    ways: Rows, way_begins: Rows, counts: NDArray[np.int64], labels: Rows,
) -> int:  # fmt: skip
    """Label one group after the other as is best given the others, until nothing changes."""
    told = 0
    for sweep in range(SWEEPS):
        before = told
        for g in order:
            own, steps = members[begins[g] : begins[g + 1]], touching[touched[g] : touched[g + 1]]
            if sweep > 0:
                told += _count(steps, source, target, read, labels, counts, -1)
            best, chosen = -1, 0
            for way in range(way_begins[len(own)], way_begins[len(own) + 1]):
                labels[own] = ways[way, : len(own)]
                more = _count(steps, source, target, read, labels, counts, 1)
                _count(steps, source, target, read, labels, counts, -1)
                if more > best:
                    best, chosen = more, way
            labels[own] = ways[chosen, : len(own)]
            told += _count(steps, source, target, read, labels, counts, 1)
        if sweep > 0 and told == before:
            break
    return told


@njit(cache=True, nogil=True)
def _count(steps: Rows, source: Rows, target: Rows, read: Rows, labels: Rows, counts: Rows, by: int) -> int:
    """Count steps between labelled states; on how many more the most frequent next label is right."""
    more = 0
    for e in steps:
        a, b = labels[source[e]], labels[target[e]]
        if a >= 0 and b >= 0:
            row = counts[read[e], a]
            more -= row.max()
            row[b] += by
            more += row.max()
    return more
