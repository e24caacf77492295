"""Candidates for updates of variables that read each other, two or three, as entries by all that they may read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dsl.terms import Term
from extract.search.candidates import Candidates, by_terms, by_tests, by_usual, reading
from extract.search.closures import Entries
from extract.search.histories import Rows
from extract.search.variables import Found
from verify.domain import Domain, IntArray

MOST_VALUES, FAMILIAR_VALUES, MOST_ROWS, MOST_TERMS, MOST_ENTRIES = 10, 8, 3100, 30_000, 48_000_000
"""Values of each of three variables, in templates, entries of each update of theirs, updates, and entries of all."""
FARTHEST = -8, 15
"""The least and the most value of two variables by terms."""


@dataclass(frozen=True, eq=False)
class Updates:
    """Candidates for updates of `wide` variables that may read each other, as entries (row, candidate) of values from
    `low`, out of range `span`; `begins` are where sizes begin, `closed` where in each those that read no other do."""

    wide: int
    low: int
    span: int
    entries: Entries
    begins: Rows
    closed: Rows
    parts: tuple[Candidates, ...]
    origin: Rows

    def term(self, k: int) -> Term:
        """The k-th update over its own value and the others (`extract.search.candidates`)."""
        part = int(self.origin[k, 0])
        return self.parts[part].term(int(self.origin[k, 1]))


def updates(parts: Sequence[Candidates], wide: int, low: int, span: int) -> Updates:
    """Those of all parts together, in order of size, of equal ones the first."""
    size = np.concatenate([p.size for p in parts])
    count = [len(p.size) for p in parts]
    where = np.stack([np.repeat(np.arange(len(parts)), count), np.concatenate([np.arange(n) for n in count])], axis=1)
    each = []
    for p in parts:
        values = p.tables.reshape(len(p.size), math.prod(p.tables.shape[1:])) - low
        each.append(_within(values, span))
    order = np.argsort(size, kind="stable")
    every = np.ascontiguousarray(np.concatenate(each)[order])
    first = np.sort(np.unique(every.view(np.dtype((np.void, every.shape[1]))).ravel(), return_index=True)[1])
    every, order = every[first], order[first]
    table = every.reshape(len(every), span, span ** (wide - 1), -1)
    alone = (table == table[:, :, :1]).all(axis=(1, 2, 3))
    last = np.lexsort((alone, size[order]))
    every, order, keys = every[last], order[last], (2 * size[order] + alone)[last]
    sizes = 2 * np.arange(int(size.max(initial=0)) + 2)
    begins, closed = np.searchsorted(keys, sizes), np.searchsorted(keys, sizes + 1)
    return Updates(wide, low, span, np.ascontiguousarray(every.T), begins, closed, tuple(parts), where[order])


def of_two(domain: Domain, constants: Sequence[int]) -> Updates:
    """Updates that read another variable, terms alone, with values in a range that most keep to."""
    values = np.arange(FARTHEST[0], FARTHEST[1] + 1)
    return updates([_terms(domain, values, constants, 2)], 2, FARTHEST[0], len(values))


def of_three(domain: Domain, constants: Sequence[int]) -> Updates:
    """Updates that read two other variables, terms alone, with values in as wide a range as there is room for. What is
    neither changed nor read from anything is no update."""
    span = _room(domain, MOST_VALUES)
    values = np.arange(span) + min(-(span // 4), int(domain.symbols().min()))
    terms = _terms(domain, values, [c for c in constants if values[0] <= c <= values[-1]], 3)
    flat = terms.tables.reshape(len(terms.size), -1)
    moved = (flat != flat[:, :1]).any(axis=1) & (terms.tables != values[:, None]).any(axis=(1, 2))
    return updates([terms.those(moved)], 3, int(values[0]), span)


def familiar_three(domain: Domain, initials: Sequence[int]) -> Updates:
    """Templates that may read two other variables, and usual choices, with values that most of these have."""
    span = _room(domain, FAMILIAR_VALUES)
    values = np.arange(span) + min(0, int(domain.symbols().min()))
    names, rows = reading(domain, values, 3)
    plain = next(by_tests(names, values, rows, 0, initials[:1]))
    return updates([plain, by_usual(names, values, rows, initials[:1], 0)], 3, int(values[0]), span)


def _room(domain: Domain, most: int) -> int:
    """How many values there is room for, three at least."""
    span = 3
    while (span + 1) ** 3 * len(domain.symbols()) <= MOST_ROWS and span < most:
        span += 1
    return span


def _terms(domain: Domain, values: IntArray, constants: Sequence[int], wide: int) -> Candidates:
    """Terms of up to two operators, fewer where they have many entries."""
    names, rows = reading(domain, values, wide)
    most = max(1, min(MOST_TERMS, MOST_ENTRIES // (len(values) * len(rows))))
    return by_terms(names, values, rows, constants, 2, most)


@dataclass(frozen=True)
class Base:
    """A variable that reads inputs alone: its candidate, initial value and operators."""

    column: int
    initial: int
    size: int


def with_bases(given: Updates, found: Sequence[Found], low: int) -> tuple[Updates, list[Base]]:
    """Candidates for three variables with more that are known variables, whose tables begin at `low`; those of them
    that read inputs alone, with values in the range."""
    inside, columns = [], []
    for v in found:
        part = v.source.candidates if v.base is None and not v.source.delayed else None
        if part is not None and given.low <= v.trace.min() and v.trace.max() < given.low + given.span:
            inside.append(v)
            columns.append(_column(given, part.tables[v.row], low))
    if not inside:
        return given, []
    size, first = np.array([v.size for v in inside]), given.entries.shape[1]
    part = Candidates(np.zeros((len(inside), 0, 0), np.int16), size, np.array([v.cost for v in inside]),
                      lambda k: inside[k].update)  # fmt: skip
    origin = np.stack([np.full(len(inside), len(given.parts)), np.arange(len(inside))], axis=1)
    more = replace(
        given, entries=np.concatenate([given.entries, np.stack(columns, axis=1)], axis=1),
        parts=(*given.parts, part), origin=np.concatenate([given.origin, origin]),
    )  # fmt: skip
    return more, [Base(first + k, v.initial, v.size) for k, v in enumerate(inside)]


def _column(given: Updates, table: NDArray[np.int16], low: int) -> Entries:
    """The entries of an update that reads inputs alone, with its table (own value from `low`, symbol)."""
    own = np.arange(given.span) + given.low - low
    known = ((own >= 0) & (own < len(table)))[:, None]
    values = np.where(known, table[np.clip(own, 0, len(table) - 1)].astype(np.int64) - given.low, given.span)
    return np.repeat(_within(values, given.span)[:, None], given.span**2, axis=1).ravel()


def _within(values: IntArray | NDArray[np.int16], span: int) -> Entries:
    """Values from 0 to `span`, which stands for all that are out of range."""
    return np.where((values < 0) | (values >= span), span, values).astype(np.int8)
