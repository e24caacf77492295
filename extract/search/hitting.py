"""Sets of variables that determine the state of a table, found by branching on what few variables tell apart.

Nodes at different states conflict, and a set that determines the state tells each conflict apart: it is a *hitting set*
of them. One member must tell the conflict that fewest variables tell (`extract.search.tellers`), another one the rarest
conflict that is left, and so on, so that few branches are met even where the pool is large. Variables over a base are
many more than a pool holds: those over a base, its *heirs*, are tried only together with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from extract.search.covers import determines, room
from extract.search.histories import Masks, Rows, Traces
from extract.search.tellers import Tellers
from extract.search.trios import fitting, joined, operators_over

DETERMINING = 12
"""Steps that checking a set takes for each node."""
PAIRS = 4
"""Pairs that determine the state, the cheapest, to which the output may join any third variable."""
BAND, SPARE = 3, 16
"""Costs of sets met in one pass, as each pass meets all cheaper pairs again, and how many times the sets returned are
kept until its end."""

Hits = NDArray[np.int64]


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
    if not given.pool or not len(np.unique(state)) > 1:
        return [], 0
    some = given.cost[: given.pool]
    apart = np.unpackbits(given.masks[: given.pool].view(np.uint8), axis=1, bitorder="little").T
    lists = [np.flatnonzero(row) for row in apart]
    starts = np.concatenate([[0], np.cumsum([len(rows) for rows in lists])]).astype(np.int64)
    costs = np.arange(most + 2)
    begins = np.stack([np.searchsorted(some[rows], costs) for rows in lists]) + starts[:-1, None]
    hits = np.full((2, SPARE * returned, 4), -1, dtype=np.int64)
    ops, (kinds, kind) = operators_over(len(output.spare)), output.kinds()
    fits = fitting(kinds, output.spare, ops)
    good, count = _search(
        given.masks, given.cost, np.concatenate(lists), begins, given.traces, given.base, given.bases, given.serving,
        given.heirs, given.begins, given.more, state, kind, fits, output.before, output.after, output.spare, ops,
        given.loose, given.near, most, hits, budget,
    )  # fmt: skip
    pairs = hits[1, :count][(hits[1, :count, 2] >= 0) & (hits[1, :count, 3] < 0)]
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")][:PAIRS]
    good = _thirds(
        pairs, given.pool, given.cost, given.traces, kind, fits, output.before, output.after, output.spare, ops,
        hits[0], good, budget // 4,
    )  # fmt: skip
    parts = [part[np.argsort(part[:, 0], kind="stable")][:returned] for part in (hits[0, :good], hits[1, :count])]
    rows = [row for part in parts for row in part[:, 1:].tolist()]
    return [tuple(k for k in row if k >= 0) for row in rows], len(parts[0])


@njit(cache=True, nogil=True)
def _search(
    masks: Masks, cost: Rows, lists: Rows, begins: Rows, traces: Traces, base: Rows, bases: Traces, serving: Rows,
    heirs: Rows, heir_begins: Rows, more: Rows, state: Rows, kind: Rows, fits: Masks, before: Rows, after: Rows,
    spare: Traces, ops: Rows, loose: Rows, near: Traces, most: int, hits: Hits, budget: int,
) -> tuple[int, int]:  # fmt: skip
    """Fill rows of `hits` (part, row, cost and members), in the first part with sets that the output joins.

    Costs are met in bands, sets of one band in no order; heirs and the pool have half of the budget each. `lists` are
    those that tell a conflict in order of cost, `begins` (conflict, cost) where in them a cost begins. Of members that
    tell the conflict branched on the first in order is branched to first, so that each set is met once.
    """
    words = masks.shape[1]
    slots, codes = room(len(state)), np.empty(len(state), np.uint64)
    both = np.empty(words, np.uint64)
    members = np.empty((3, 2, len(kind)), np.int16)
    dear = cost[loose]
    good, found, steps, own, checking = 0, 0, 0, 0, DETERMINING * len(state)
    for start in range(0, most + 1, BAND):
        last = min(start + BAND - 1, most)
        for g in range(len(serving)):
            a = serving[g]
            if a < 0 or own > budget // 2:
                continue
            _laid(traces[a], before, after, members[0])
            for h in range(heir_begins[g], heir_begins[g + 1]):
                given, c = cost[a] + more[h], heirs[h]
                if given > last or own > budget // 2:
                    break
                own += 1
                for w in range(words):
                    both[w] = masks[a, w] | masks[c, w]
                q = _first_untold(both)
                if q < 0:
                    own += checking
                    if given >= start and _determine(a, c, -1, traces, base, bases, state, slots, codes):
                        found = _noted(given, a, c, -1, hits[1], found)
                        if base[a] >= 0:
                            work = _joining(traces[c], near[base[a]], before, after, members, kind, fits, spare, ops)
                            own += abs(work)
                            if work > 0:
                                good = _noted(given, a, c, -1, hits[0], good)
                    continue
                k, end = begins[q, max(start - given, 0)], begins[q, last - given + 1]
                own += end - k
                k = _next_complete(k, end, lists, both, q >> 6, masks)
                while k < end and own <= budget // 2:
                    b = int(lists[k])
                    k = _next_complete(k + 1, end, lists, both, q >> 6, masks)
                    own += checking
                    if _determine(a, b, c, traces, base, bases, state, slots, codes):
                        total = given + cost[b]
                        work = _joining(traces[b], traces[c], before, after, members, kind, fits, spare, ops)
                        own += abs(work)
                        if work > 0:
                            good = _noted(total, a, b, c, hits[0], good)
                        else:
                            found = _noted(total, a, b, c, hits[1], found)
        for i in range(begins[0, 0], begins[0, last + 1]):
            a = int(lists[i])
            p = _first_untold(masks[a])
            if p < 0:
                if cost[a] >= start and _determine(a, -1, -1, traces, base, bases, state, slots, codes):
                    found = _noted(cost[a], a, -1, -1, hits[1], found)
                continue
            _laid(traces[a], before, after, members[0])
            for j in range(begins[p, 0], begins[p, last - cost[a] + 1]):
                b = int(lists[j])
                if b < a and _tells(masks[b], 0):
                    continue
                if steps > budget // 2:
                    break
                steps += 1
                for w in range(words):
                    both[w] = masks[a, w] | masks[b, w]
                q, given = _first_untold(both), cost[a] + cost[b]
                if q < 0:
                    first = np.searchsorted(dear, max(start - given, 1))
                    end = np.searchsorted(dear, last - given + 1)
                    if given < start and first == end:
                        continue
                    steps += checking
                    if not _determine(a, b, -1, traces, base, bases, state, slots, codes):
                        continue
                    if given >= start:
                        found = _noted(given, a, b, -1, hits[1], found)
                        for c in (a, b):
                            if base[c] >= 0:
                                third = near[base[c]]
                                work = _joining(traces[b], third, before, after, members, kind, fits, spare, ops)
                                steps += abs(work)
                                if work > 0:
                                    good = _noted(given, a, b, -1, hits[0], good)
                    for c in loose[first:end]:
                        work = _joining(traces[b], traces[c], before, after, members, kind, fits, spare, ops)
                        steps += abs(work)
                        if work > 0:
                            good = _noted(given + cost[c], a, b, c, hits[0], good)
                    continue
                k, end = begins[q, max(start - given, 0)], begins[q, last - given + 1]
                steps += end - k
                k = _next_complete(k, end, lists, both, q >> 6, masks)
                while k < end and steps <= budget // 2:
                    c = int(lists[k])
                    k = _next_complete(k + 1, end, lists, both, q >> 6, masks)
                    if (c < a and _tells(masks[c], 0)) or (c < b and _tells(masks[c], p)):
                        continue
                    steps += checking
                    if _determine(a, b, c, traces, base, bases, state, slots, codes):
                        total = given + cost[c]
                        work = _joining(traces[b], traces[c], before, after, members, kind, fits, spare, ops)
                        steps += abs(work)
                        if work > 0:
                            good = _noted(total, a, b, c, hits[0], good)
                        else:
                            found = _noted(total, a, b, c, hits[1], found)
            if steps > budget // 2:
                return good, found
    return good, found


@njit(cache=True, nogil=True)
def _thirds(
    pairs: Rows, pool: int, cost: Rows, traces: Traces, kind: Rows, fits: Masks, before: Rows, after: Rows,
    spare: Traces, ops: Rows, hits: Hits, good: int, budget: int,
) -> int:  # fmt: skip
    """Fill rows of `hits` with pairs that determine the state and a third variable that only the output needs, of as
    many for each pair as the budget allows."""
    members = np.empty((3, 2, len(kind)), np.int16)
    for total, a, b, _ in pairs:
        _laid(traces[a], before, after, members[0])
        left = budget // len(pairs)
        for c in range(pool):
            if c in (a, b) or left <= 0:
                continue
            work = _joining(traces[b], traces[c], before, after, members, kind, fits, spare, ops)
            left -= abs(work)
            if work > 0:
                good = _noted(total + cost[c], a, b, c, hits, good)
    return good


@njit(cache=True, nogil=True)
def _next_complete(k: int, end: int, numbers: Rows, told: Masks, first: int, masks: Masks) -> int:
    """The next place from k on of a variable that tells all conflicts that are not told, from some word on."""
    missing = ~told[first]
    while k < end:
        c = numbers[k]
        if not missing & ~masks[c, first]:
            w = first + 1
            while w < len(told) and not ~(told[w] | masks[c, w]):
                w += 1
            if w == len(told):
                break
        k += 1
    return k


@njit(cache=True, nogil=True)
def _joining(
    second: Traces, third: Traces, before: Rows, after: Rows, members: Traces, kind: Rows, fits: Masks, spare: Traces,
    ops: Rows,
) -> int:  # fmt: skip
    """The work of seeing that the output joins these two and the first of the members, which is laid out already;
    negative if it does not."""
    _laid(second, before, after, members[1])
    _laid(third, before, after, members[2])
    return joined(members, kind, fits, spare, ops)


@njit(cache=True, nogil=True)
def _laid(trace: Traces, before: Rows, after: Rows, rows: Traces) -> None:
    """A variable's new values by step, then its old ones."""
    for n in range(len(before)):
        rows[0, n], rows[1, n] = trace[after[n]], trace[before[n]]


@njit(cache=True, nogil=True)
def _noted(total: int, a: int, b: int, c: int, hits: Rows, found: int) -> int:
    """One row more, of this cost, where there is room."""
    if found < len(hits):
        hits[found, 0], hits[found, 1], hits[found, 2], hits[found, 3] = total, a, b, c
        found += 1
    return found


@njit(cache=True, nogil=True, inline="always")
def _tells(mask: Masks, p: int) -> bool:
    return (mask[p >> 6] >> np.uint64(p & 63)) & np.uint64(1) != 0


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _mix(trace: Traces, codes: Masks) -> None:
    for n in range(len(codes)):
        code = (codes[n] ^ np.uint64(trace[n] & 0xFFFF)) * np.uint64(0xC2B2AE3D27D4EB4F)
        codes[n] = code ^ (code >> np.uint64(29))

