"""Tiles: the arguments of one operator, a block of rows against another, evaluated together.

A tile holds candidates as columns (examples, batch) and knows the argument rows that each was made from. Large ranges
are broadcast, small ones gathered into one tile; operators with a `survey` kernel are evaluated and hashed in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from extract.search.engine.bank import Bank
from extract.search.engine.kernels import SUBTRACT, SUBTRACT_FROM
from extract.search.engine.lowering import LIMIT, Row, is_truth
from extract.search.engine.problem import Array

SURVEY_WORDS = 1 << 14
HEIGHT = 16
NO_MASK: Array = np.zeros(0, dtype=bool)
Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tile:
    """Candidates in columns; `valid` marks those to keep (empty: all); `rows` gives the argument rows of positions."""

    values: Array
    valid: Array
    rows: Callable[[Array], tuple[Array, ...]]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """Of `tried` pairs only those worth evaluating: `fresh` columns not seen before, then those of the wanted hash."""

    tried: int
    fresh: int
    values: Array | None
    rows: tuple[Array, ...]


def broadcast(bank: Bank, row: Row, ranges: tuple[Range, ...], batch_size: int) -> Iterator[Tile]:
    """All pairs of two ranges: the longer runs along the tile, blocks of the other across it."""
    triangle, flipped, outer, inner = _orient(row, ranges)
    length = min(inner[1] - inner[0], batch_size)
    height = max(batch_size // length, 1)
    for a in range(outer[0], outer[1], height):
        a1 = min(a + height, outer[1])
        for b in range(max(inner[0], a) if triangle else inner[0], inner[1], length):
            b1 = min(b + length, inner[1])
            x = operand(bank, row, 0, slice(b, b1) if flipped else slice(a, a1))
            y = operand(bank, row, 1, slice(a, a1) if flipped else slice(b, b1))
            width = x.shape[0]
            x, y = (x[:, None, :], y[:, :, None]) if flipped else (x[:, :, None], y[:, None, :])
            tile = row.meaning(x, y).reshape(width, -1)
            span = b1 - b
            valid = NO_MASK
            if row.reach is not None:
                m = bank.stores[row.arguments[flipped]].magnitudes(slice(a, a1))
                u = bank.stores[row.arguments[not flipped]].magnitudes(slice(b, b1))
                if not row.reach(*((u.max(), m.max()) if flipped else (m.max(), u.max()))) <= LIMIT:
                    pair = (u[None, :], m[:, None]) if flipped else (m[:, None], u[None, :])
                    valid = np.broadcast_to(row.reach(*pair) <= LIMIT, (a1 - a, span)).reshape(-1)

            def rows(at: Array, a: int = a, b: int = b, span: int = span) -> tuple[Array, ...]:
                across, along = at // span + a, at % span + b
                return (along, across) if flipped else (across, along)

            yield Tile(tile, valid, rows)


def survey(bank: Bank, row: Row, ranges: tuple[Range, ...], goal: Any, judged: bool) -> Iterator[Surveyed]:
    """As `broadcast`, evaluated and hashed in one pass; only new candidates are evaluated again to be stored.

    Those that a closed store would not keep are left out, unless they are `judged`.
    """
    triangle, flipped, outer, inner = _orient(row, ranges)
    operation = SUBTRACT_FROM if flipped and row.survey == SUBTRACT else row.survey
    source, store = bank.stores[row.arguments[0]], bank.stores[row.result]
    length = min(max(SURVEY_WORDS // store.width, 64), 1024)
    for b in range(inner[0], inner[1], length):
        b1 = min(b + length, inner[1])
        along = np.ascontiguousarray(source.columns(slice(b, b1)))
        for a in range(outer[0], min(outer[1], b1) if triangle else outer[1], HEIGHT):
            a1 = min(a + HEIGHT, outer[1])
            across = np.ascontiguousarray(source.columns(slice(a, a1)))
            valid = NO_MASK
            if row.reach is not None:
                m, u = source.magnitude[a:a1], source.magnitude[b:b1]
                if not row.reach(m.max(), u.max()) <= LIMIT:
                    valid = (row.reach(m[:, None], u[None, :]) <= LIMIT).reshape(-1)
            fresh, hits = store.survey(operation, across, along, valid, goal)
            fresh = fresh if judged or not store.closed else fresh[:0]
            both = np.concatenate([fresh, hits])
            tried = (a1 - a) * (b1 - b)
            if not len(both):
                yield Surveyed(tried, 0, None, ())
                continue
            x, y = both // (b1 - b), both % (b1 - b)
            pair = (along[:, y], across[:, x]) if flipped else (across[:, x], along[:, y])
            rows = (y + b, x + a) if flipped else (x + a, y + b)
            yield Surveyed(tried, len(fresh), row.meaning(*pair), rows)


def gather(bank: Bank, row: Row, blocks: list[tuple[Array, ...]]) -> Tile:
    """One tile from index vectors of each argument."""
    indices = blocks[0] if len(blocks) == 1 else tuple(np.concatenate(parts) for parts in zip(*blocks, strict=True))
    values = row.meaning(*(operand(bank, row, position, index) for position, index in enumerate(indices)))
    valid = NO_MASK
    if row.reach is not None:
        stores = (bank.stores[kind] for kind in row.arguments)
        reached = row.reach(*(store.magnitudes(index) for store, index in zip(stores, indices, strict=True)))
        if not np.max(reached) <= LIMIT:
            valid = np.broadcast_to(reached <= LIMIT, indices[0].shape)
    return Tile(values, valid, lambda at: tuple(index[at] for index in indices))


def operand(bank: Bank, row: Row, position: int, rows: Any) -> Array:
    """Values of rows as one argument of an operator."""
    kind = row.arguments[position]
    values = bank.stores[kind].columns(rows)
    return bank.unpacked(values) if is_truth(kind) and not row.packed else values


def _orient(row: Row, ranges: tuple[Range, ...]) -> tuple[bool, bool, Range, Range]:
    """Whether only pairs above the diagonal count, whether the arguments are exchanged, the range across and along."""
    first, second = ranges
    triangle = row.commutative and first[0] == second[0] and row.arguments[0] == row.arguments[1]
    flipped = first[1] - first[0] > second[1] - second[0]
    return triangle, flipped, *((second, first) if flipped else (first, second))


def blocks(ranges: tuple[Range, ...], batch_size: int, row: Row) -> Iterator[tuple[Array, ...]]:
    """Index vectors of a small product of ranges, in pieces."""
    sizes = [high - low for low, high in ranges]
    total = int(np.prod(sizes))
    for at in range(0, total, batch_size):
        flat = np.arange(at, min(at + batch_size, total))
        parts = np.unravel_index(flat, sizes)
        indices = tuple(np.asarray(part) + low for part, (low, _) in zip(parts, ranges, strict=True))
        if row.idempotent and len(ranges) == 2 and ranges[0] == ranges[1] and row.arguments[0] == row.arguments[1]:
            keep = indices[0] < indices[1] if row.commutative else indices[0] != indices[1]
            indices = tuple(index[keep] for index in indices)
        elif row.commutative and ranges[0] == ranges[1]:
            keep = indices[0] <= indices[1]
            indices = tuple(index[keep] for index in indices)
        if len(indices[0]):
            yield indices
