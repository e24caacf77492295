"""Sets of variables that determine the state of a table, out of all that were found (`extract.search.finder`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from extract.search.finder import Batch, first_by_turns, places
from extract.search.histories import Histories, Rows, Traces
from extract.search.hitting import Output, hitting_sets
from extract.search.tellers import tellers
from extract.search.variables import Found, joint_codes

UNIT = 4.0
"""Bits that count as one in the cost of a set."""
HEIRS = 4000
"""Variables over each base, the cheapest, beside those of the pool."""


def determining(
    batches: Sequence[Batch], words: Histories, output: Output, *, pool: int, most: int, returned: int, budget: int,
    rng: np.random.Generator,
) -> tuple[list[tuple[Found, ...]], int]:  # fmt: skip
    """Sets of up to three of the `pool` best variables of batches, or of two and an heir of one, that determine the
    state, those with fewest operators first, `most` together at most; what variables are built on is not counted as a
    member. The pool takes by turns those of best rank, the cheapest, and the cheapest templates that read inputs alone.
    First come the sets of three that the output joins, and how many these are."""
    given = {id(b.base): b.base for b in batches if b.base is not None}
    number = {key: n for n, key in enumerate(given)}
    length = [len(b.rows) for b in batches]
    bits, rank = np.concatenate([b.bits for b in batches]), np.concatenate([b.rank for b in batches])
    base = np.repeat([number.get(id(b.base), -1) for b in batches], length)
    bases = list(given.values())
    own = _serving(batches, bases)
    closed = [b.base is None and b.source.candidates is not None and b.source.candidates.templates for b in batches]
    others = ~np.repeat(closed, length)
    orders = np.argsort(rank, kind="stable"), np.lexsort((rank, bits)), np.lexsort((rank, bits, others))
    best = first_by_turns(orders, pool, np.flatnonzero(own >= 0).tolist())
    best = best[np.argsort((bits[best] / UNIT).round(), kind="stable")]
    costs, heirs = np.array([v.cost for v in bases]), np.flatnonzero(base >= 0)
    more = ((bits[heirs] - costs[base[heirs]]) / UNIT).round().astype(np.int64)
    order = np.lexsort((bits[heirs], more, base[heirs]))
    order = order[np.arange(len(order)) - np.searchsorted(base[heirs[order]], base[heirs[order]]) < HEIRS]
    heirs, more = heirs[order], more[order]
    chosen = np.concatenate([best, np.setdiff1d(heirs, best)])
    at = np.empty(len(bits), np.int64)
    at[chosen] = np.arange(len(chosen))
    which, where = (each[chosen] for each in places(batches))
    codes = joint_codes(bases, words) if bases else ()
    serving = np.full(len(bases), -1)
    serving[own[best[own[best] >= 0]]] = np.flatnonzero(own[best] >= 0)
    found = tellers(
        _traces(batches, which, where), len(best), (bits[chosen] / UNIT).round().astype(np.int64), base[chosen],
        serving, np.array([np.unique(code, return_inverse=True)[1] for code in codes], dtype=np.int16),
        np.array([b.trace for b in bases], dtype=np.int16), at[heirs], more, words, rng=rng,
    )  # fmt: skip
    sets, good = hitting_sets(found, words.state, output, most=most, returned=returned, budget=budget)
    made = {
        n: bases[own[chosen[n]]] if own[chosen[n]] >= 0 else batches[int(which[n])].found(int(where[n]))
        for n in {n for row in sets for n in row}
    }
    return [tuple(made[n] for n in row) for row in sets], good


def _serving(batches: Sequence[Batch], given: Sequence[Found]) -> Rows:
    """As which base each variable of the batches serves (-1: none)."""
    served = {(id(b.source.candidates), b.row, b.initial, id(b.base)): n for n, b in enumerate(given)}
    sources = {(source, initial, base) for source, _, initial, base in served}
    own = []
    for b in batches:
        key = id(b.source.candidates), b.initial, id(b.base)
        some = key in sources
        rows = b.rows.tolist() if some else []
        own.append([served.get((key[0], k, *key[1:]), -1) for k in rows] if some else [-1] * len(b.rows))
    return np.concatenate([np.array(each, dtype=np.int64) for each in own])


def _traces(batches: Sequence[Batch], which: Rows, where: Rows) -> Traces:
    """The traces of chosen variables, by batch and place there."""
    made = np.empty((len(which), batches[0].traces.shape[1]), np.int16)
    order = np.argsort(which, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
        made[part] = batches[int(which[part[0]])].traces[where[part]]
    return made
