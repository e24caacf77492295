"""Candidates for updates of variables that may read each other, up to three, as entries by all that they may read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dsl.terms import Term
from extract.search.candidates import Candidates, by_terms, by_tests, by_usual, reading
from extract.search.closures import Entries
from extract.search.histories import Masks, Rows
from extract.search.small.bank import number_hash
from extract.search.variables import Found
from verify.domain import Domain, IntArray

MOST_VALUES, FAMILIAR_VALUES = 12, 8
"""Values of each of three variables, and of these in templates."""
FAR_ROWS, MOST_ROWS, FAMILIAR_ROWS = 250, 4500, 3100
"""Entries of updates of three operators, of updates of one of three variables, and of those in templates."""
MOST_TERMS, MOST_ENTRIES = 400_000, 80_000_000
"""Updates, and entries of all."""
FARTHEST, FAR_CONSTANT = (-8, 15), 4
"""The least and the most value of two variables by terms, and the most constant in terms of three operators."""


@dataclass(frozen=True, eq=False)
class Updates:
    """Candidates for updates of `wide` variables that may read each other, as entries (row, candidate) of values from
    `low`, out of range `span`; `begins` (size, kind) are where those begin that read the same others: a bit of the kind
    for each, the last kind for the end."""

    wide: int
    low: int
    span: int
    entries: Entries
    begins: Rows
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
    every = np.concatenate([_within(p.tables.reshape(len(p.size), -1) - low, span) for p in parts])
    order = np.argsort(size, kind="stable")
    order = order[np.sort(np.unique(_hashes(every)[order], return_index=True)[1])]
    table = every.reshape(len(every), *(span,) * wide, -1)
    reads, kinds = np.zeros(len(every), np.int64), 2 ** (wide - 1)
    for k in range(wide - 1):
        first = np.take(table, [0], axis=k + 2)
        reads |= (table != first).reshape(len(every), -1).any(axis=1).astype(np.int64) << k
    keys = kinds * size + reads
    order = order[np.argsort(keys[order], kind="stable")]
    entries, keys = np.ascontiguousarray(every[order].T), keys[order]
    some = kinds * np.arange(int(size.max(initial=0)) + 1)[:, None] + np.arange(kinds + 1)
    return Updates(wide, low, span, entries, np.searchsorted(keys, some), tuple(parts), where[order])


@njit(cache=True, nogil=True)
def _hashes(rows: Entries) -> Masks:
    """A hash of each row."""
    made = np.empty(len(rows), np.uint64)
    for k in range(len(rows)):
        made[k] = number_hash(rows[k])
    return made


def of_two(domain: Domain, constants: Sequence[int]) -> Updates:
    """Updates that read another variable, terms alone, with values in a range that most keep to."""
    values = np.arange(FARTHEST[0], FARTHEST[1] + 1)
    return updates([_terms(domain, values, constants, 2, 2)], 2, FARTHEST[0], len(values))


def far_one(domain: Domain, constants: Sequence[int]) -> Updates:
    """Updates that read inputs alone, terms of up to three operators, with values in a range that most keep to."""
    values = np.arange(FARTHEST[0] // 2, FARTHEST[1] + 1)
    terms = _terms(domain, values, [c for c in constants if 0 <= c <= FAR_CONSTANT], 1, 3)
    return updates([terms], 1, int(values[0]), len(values))


def far_two(domain: Domain, constants: Sequence[int]) -> Updates:
    """Updates that read another variable, terms of up to three operators, with values in a small range."""
    span = _room(domain, 2, MOST_VALUES, FAR_ROWS)
    values = np.arange(span) + min(-1, int(domain.symbols().min()))
    terms = _terms(domain, values, [c for c in constants if 0 <= c <= FAR_CONSTANT], 2, 3)
    return updates([terms], 2, int(values[0]), span)


def of_three(domain: Domain, constants: Sequence[int]) -> Updates:
    """Updates that read two other variables, terms alone, with values in as wide a range as there is room for. What is
    neither changed nor read from anything is no update."""
    span = _room(domain, 3, MOST_VALUES, MOST_ROWS)
    values = np.arange(span) + min(1 - span // 2, int(domain.symbols().min()))
    terms = _terms(domain, values, [c for c in constants if values[0] <= c <= values[-1]], 3, 2)
    flat = terms.tables.reshape(len(terms.size), -1)
    moved = (flat != flat[:, :1]).any(axis=1) & (terms.tables != values[:, None]).any(axis=(1, 2))
    return updates([terms.those(moved)], 3, int(values[0]), span)


def familiar_three(domain: Domain, initials: Sequence[int]) -> Updates:
    """Templates that may read two other variables, and usual choices, with values that most of these have."""
    span = _room(domain, 3, FAMILIAR_VALUES, FAMILIAR_ROWS)
    values = np.arange(span) + min(0, int(domain.symbols().min()))
    names, rows = reading(domain, values, 3)
    plain = next(by_tests(names, values, rows, 0, initials[:1]))
    return updates([plain, by_usual(names, values, rows, initials[:1], 0)], 3, int(values[0]), span)


def _room(domain: Domain, wide: int, most: int, rows: int) -> int:
    """How many values so many variables may have, three at least, for updates to have so many entries."""
    span = 3
    while (span + 1) ** wide * len(domain.symbols()) <= rows and span < most:
        span += 1
    return span


def _terms(domain: Domain, values: IntArray, constants: Sequence[int], wide: int, operators: int) -> Candidates:
    """Terms of so many operators, fewer where they have many entries."""
    names, rows = reading(domain, values, wide)
    most = max(1, min(MOST_TERMS, MOST_ENTRIES // (len(values) * len(rows))))
    return by_terms(names, values, rows, constants, operators, most)


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
    values = np.where(known, table[np.clip(own, 0, len(table) - 1)] - given.low, given.span).astype(np.int16)
    return np.repeat(_within(values, given.span)[:, None], given.span**2, axis=1).ravel()


def _within(values: NDArray[np.int16], span: int) -> Entries:
    """Values from 0 to `span`, which stands for all that are out of range."""
    return np.minimum(values.view(np.uint16), np.uint16(span)).astype(np.int8)
