"""Sets of variables that determine the state of a table, found by branching on what few variables tell apart.

Nodes at different states conflict (`extract.search.histories`), and a set that determines the state tells each conflict
apart: it is a *hitting set* of them. One member must tell the conflict that fewest variables tell, another one the
rarest conflict that is left, and so on, so that few branches are met even where the pool is large.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.covers import determines, room
from extract.search.finder import Batch
from extract.search.histories import Histories, Masks, Rows, Traces
from extract.search.trios import fitting, joined, operators_over
from extract.search.variables import Found, joint_codes

CONFLICTS, EACH, JUDGES = 512, 400, 1500
"""Conflicts branched on, candidates for each pair of states (fewer where there are many), and variables that judge
how rare these are."""
MOST_CANDIDATES, MOST_LOOSE = 40_000, 300
UNIT = 4.0
"""Bits that count as one in the cost of a set."""
DETERMINING, JOINING = 500, 5000
"""Steps that checking a set on all nodes takes, and looking for a join."""

Hits = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tellers:
    """Variables in order of `cost`, with their traces and which conflicts each tells with its base, as bits (variable,
    word), those first that fewest tell.

    Of each variable the number of its `base` (-1 for none); of each base the class of nodes where all that it needs is
    equal (`bases`) and its values (`near`). `loose` are the variables that only name the last input.
    """

    masks: Masks
    cost: Rows
    traces: Traces
    base: Rows
    bases: Traces
    near: Traces
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


def determining(
    batches: Sequence[Batch], words: Histories, output: Output, *, pool: int, most: int, returned: int, budget: int,
    rng: np.random.Generator,
) -> tuple[list[tuple[Found, ...]], int]:  # fmt: skip
    """Sets of up to three of the `pool` best variables of batches that determine the state, those with fewest operators
    first, `most` together at most; what variables are built on is not counted as a member. First those of three that
    the output joins, and how many these are."""
    given = {id(b.base): b.base for b in batches if b.base is not None}
    number = {key: n for n, key in enumerate(given)}
    bits = np.concatenate([b.bits for b in batches])
    rank = np.concatenate([b.rank for b in batches])
    which = np.repeat(np.arange(len(batches)), [len(b.rows) for b in batches])
    where = np.concatenate([np.arange(len(b.rows)) for b in batches])
    orders = np.argsort(rank, kind="stable"), np.lexsort((rank, bits))
    best = np.array(list(dict.fromkeys(np.stack(orders, axis=1)[:pool].ravel().tolist()))[:pool], dtype=np.int64)
    cost = (bits[best] / UNIT).round().astype(np.int64)
    order = np.argsort(cost, kind="stable")
    best, cost = best[order], cost[order]
    members = list(zip(which[best].tolist(), where[best].tolist(), strict=True))
    base = np.array([number.get(id(batches[b].base), -1) for b, _ in members])
    codes = joint_codes(list(given.values()), words) if given else ()
    bases = np.array([np.unique(code, return_inverse=True)[1] for code in codes], dtype=np.int16)
    near = np.array([b.trace for b in given.values()], dtype=np.int16)
    traces = np.stack([batches[b].traces[k] for b, k in members])
    found = tellers(traces, cost, base, bases, near, words, rng=rng)
    sets, good = hitting_sets(found, words.state, output, most=most, returned=returned, budget=budget)
    made = {n: batches[members[n][0]].found(members[n][1]) for n in {n for row in sets for n in row}}
    return [tuple(made[n] for n in row) for row in sets], good


def tellers(
    traces: Traces, cost: Rows, base: Rows, bases: Traces, near: Traces, words: Histories, *, rng: np.random.Generator
) -> Tellers:
    """Variables with what each tells; those come in order of cost."""
    state, symbol = words.state, words.symbol[1:]
    first = 1 + np.unique(symbol, return_index=True)[1]
    loose = np.flatnonzero((traces[:, 1:] == traces[:, first[symbol]]).all(axis=1))
    loose = loose[np.sort(np.unique(traces[loose, 1:], axis=0, return_index=True)[1])][:MOST_LOOSE]
    judged = rng.permutation(len(traces))[:JUDGES]
    conflicts = rare_conflicts(state, traces[judged], rng=rng)
    apart = traces[:, conflicts[:, 0]] != traces[:, conflicts[:, 1]]
    if len(bases):
        given = bases[:, conflicts[:, 0]] != bases[:, conflicts[:, 1]]
        some = base >= 0
        apart[some] |= given[base[some]]
    apart = apart[:, np.argsort(apart.sum(axis=0), kind="stable")]
    return Tellers(_packed(apart), cost, traces, base, bases, near, loose)


def _packed(apart: NDArray[np.bool_]) -> Masks:
    """Bits in words of 64, those past the end set."""
    missing = -apart.shape[1] % 64
    full = np.concatenate([apart, np.ones((len(apart), missing), dtype=bool)], axis=1)
    return np.ascontiguousarray(np.packbits(full, axis=1, bitorder="little")).view(np.uint64)


@dataclass(frozen=True, eq=False)
class Output:
    """What is put out on some steps, its values (step), with the nodes before and after and values that any join may
    take (value, step)."""

    wanted: Traces
    before: Rows
    after: Rows
    spare: Traces

    def kinds(self) -> tuple[Rows, Rows]:
        """What is wanted with a step where it is (kind, 2), once for the values that any join may take there, and the
        kind of each step."""
        every = np.concatenate([self.wanted[None], self.spare])
        _, first, kind = np.unique(every, axis=1, return_index=True, return_inverse=True)
        return np.stack([self.wanted[first].astype(np.int64), first], axis=1), kind.ravel()


def hitting_sets(
    given: Tellers, state: Rows, output: Output, *, most: int, returned: int, budget: int
) -> tuple[list[tuple[int, ...]], int]:
    """Sets of up to three variables that determine the state on all nodes, none with one that is not needed for the
    conflicts, cheapest first, of cost `most` together at most; first those of three that the output joins, and how
    many these are."""
    if not len(given.traces) or not len(np.unique(state)) > 1:
        return [], 0
    apart = np.unpackbits(given.masks.view(np.uint8), axis=1, bitorder="little").T
    lists = [np.flatnonzero(row) for row in apart]
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in lists])]).astype(np.int64)
    costs = np.arange(most + 2)
    begins = np.stack([np.searchsorted(given.cost[rows], costs) for rows in lists]) + starts[:-1, None]
    hits = np.full((2, returned, 3), -1, dtype=np.int64)
    bases = given.bases if len(given.bases) else np.zeros((1, len(state)), np.int16)
    near = given.near if len(given.near) else bases
    ops, (kinds, kind) = operators_over(len(output.spare)), output.kinds()
    good, count = _search(
        given.masks, given.cost, np.concatenate(lists), begins, given.traces, given.base, bases, state,
        kind, fitting(kinds, output.spare, ops), output.before, output.after, output.spare, ops, given.loose, near,
        most, hits, budget,
    )  # fmt: skip
    rows = [*hits[0, :good].tolist(), *hits[1, :count].tolist()]
    return [tuple(k for k in row if k >= 0) for row in rows], good


@njit(cache=True)
def _search(
    masks: Masks, cost: Rows, lists: Rows, begins: Rows, traces: Traces, base: Rows, bases: Traces,
    state: Rows, kind: Rows, fits: Masks, before: Rows, after: Rows, spare: Traces, ops: Rows, loose: Rows,
    near: Traces, most: int, hits: Hits, budget: int,
) -> tuple[int, int]:  # fmt: skip
    """Fill rows of `hits`, in the first part with sets that the output joins.

    `lists` are those that tell a conflict in order of cost, `begins` (conflict, cost) where in them a cost begins. Of
    members that tell the conflict branched on the first in order is branched to first, so that each set is met once.
    """
    words = masks.shape[1]
    slots, codes = room(len(state)), np.empty(len(state), np.uint64)
    rest, both = np.empty(words, np.uint64), np.empty(words, np.uint64)
    members = np.empty((3, 2, len(kind)), np.int16)
    dear = cost[loose]
    good, found, steps = 0, 0, 0
    for total in range(most + 1):
        for i in range(begins[0, 0], begins[0, total + 1]):
            a = int(lists[i])
            p = _first_untold(masks[a])
            if p < 0:
                if cost[a] == total and _determine(a, -1, -1, traces, base, bases, state, slots, codes):
                    found = _noted(a, -1, -1, hits[1], found)
                continue
            _laid(traces[a], before, after, members[0])
            for j in range(begins[p, 0], begins[p, total - cost[a] + 1]):
                b = int(lists[j])
                if b < a and _tells(masks[b], 0):
                    continue
                steps += 1
                for w in range(words):
                    both[w] = masks[a, w] | masks[b, w]
                q, left = _first_untold(both), total - cost[a] - cost[b]
                if q < 0:
                    first, end = np.searchsorted(dear, left), np.searchsorted(dear, left + 1)
                    if left > 0 and first == end:
                        continue
                    if not _determine(a, b, -1, traces, base, bases, state, slots, codes):
                        continue
                    _laid(traces[b], before, after, members[1])
                    if left == 0:
                        found = _noted(a, b, -1, hits[1], found)
                        for c in (a, b):
                            if base[c] >= 0:
                                steps += JOINING
                                _laid(near[base[c]], before, after, members[2])
                                if joined(members, kind, fits, spare, ops):
                                    good = _noted(a, b, -1, hits[0], good)
                    else:
                        for c in loose[first:end]:
                            steps += JOINING
                            _laid(traces[c], before, after, members[2])
                            if joined(members, kind, fits, spare, ops):
                                good = _noted(a, b, c, hits[0], good)
                    continue
                for w in range(words):
                    rest[w] = ~both[w]
                steps += begins[q, left + 1] - begins[q, left]
                for k in range(begins[q, left], begins[q, left + 1]):
                    c = int(lists[k])
                    whole = True
                    for w in range(q >> 6, words):
                        if rest[w] & ~masks[c, w]:
                            whole = False
                            break
                    if not whole or (c < a and _tells(masks[c], 0)) or (c < b and _tells(masks[c], p)):
                        continue
                    steps += DETERMINING
                    if _determine(a, b, c, traces, base, bases, state, slots, codes):
                        steps += JOINING
                        _laid(traces[b], before, after, members[1])
                        _laid(traces[c], before, after, members[2])
                        if joined(members, kind, fits, spare, ops):
                            good = _noted(a, b, c, hits[0], good)
                        else:
                            found = _noted(a, b, c, hits[1], found)
            if steps > budget:
                return good, found
    return good, found


@njit(cache=True)
def _laid(trace: Traces, before: Rows, after: Rows, rows: Traces) -> None:
    """A variable's new values by step, then its old ones."""
    for n in range(len(before)):
        rows[0, n], rows[1, n] = trace[after[n]], trace[before[n]]


@njit(cache=True)
def _noted(a: int, b: int, c: int, hits: Rows, found: int) -> int:
    """One row more, where there is room."""
    if found < len(hits):
        hits[found, 0], hits[found, 1], hits[found, 2] = a, b, c
        found += 1
    return found


@njit(cache=True, inline="always")
def _tells(mask: Masks, p: int) -> bool:
    return (mask[p >> 6] >> np.uint64(p & 63)) & np.uint64(1) != 0


@njit(cache=True)
def _first_untold(mask: Masks) -> int:
    """The rarest conflict that is not told, or -1."""
    for w in range(len(mask)):
        left = ~mask[w]
        if left:
            n = 64 * w
            while not left & np.uint64(1):
                left >>= np.uint64(1)
                n += 1
            return n
    return -1


@njit(cache=True)
def _determine(
    a: int, b: int, c: int, traces: Traces, base: Rows, bases: Traces, state: Rows, slots: Rows, codes: Masks
) -> bool:
    """Whether nodes where the members and their bases have equal values are at one state."""
    codes[:] = 0
    for member in (a, b, c):
        if member >= 0:
            _mix(traces[member], codes)
            if base[member] >= 0:
                _mix(bases[base[member]], codes)
    return determines(codes, state, slots)


@njit(cache=True)
def _mix(trace: Traces, codes: Masks) -> None:
    for n in range(len(codes)):
        code = (codes[n] ^ np.uint64(trace[n] & 0xFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
        codes[n] = code ^ (code >> np.uint64(29))

