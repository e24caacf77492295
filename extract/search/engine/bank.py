"""The bank of distinct values found so far: a structure of arrays, in order of cost, one store per kind of value.

Beside the values of a row on all examples stand the operator that made it, the rows of its arguments and its cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extract.search.engine.kernels import absorb, fingerprint, gather, keep, pack, rehash, survey, unpack
from extract.search.engine.lowering import TRUTH, is_truth
from extract.search.engine.problem import Array

LEAF = -1
CHUNK = 1 << 12


class Store:
    """Rows of one kind, `most` at most. `start[c]` is the first row of cost `c` or more, for costs finished.

    A full store is `closed`: candidates are still compared with it and with what is wanted, but no longer kept.

    Values lie in blocks of CHUNK rows (block, example, row), so that memory is touched only as rows come in.
    """

    def __init__(self, kind: int, width: int, most: int, keys: Array) -> None:
        self.kind, self.width, self.most, self.keys = kind, width, most, keys
        self.used = 0
        self.closed = False
        self.start: list[int] = [0]
        self.blocks: Array = np.empty((-(-most // CHUNK), width, CHUNK), dtype=np.uint64)
        self.magnitude: Array = np.empty(0 if is_truth(kind) else most)
        self.made_by: Array = np.empty(most, dtype=np.int16)
        self.arguments: Array = np.empty((3, most), dtype=np.int32)
        self.cost: Array = np.empty(most, dtype=np.int32)
        self.table: Array = np.zeros(1 << 12, dtype=np.uint64)
        self._scratch: tuple[Array, Array, Array] = _scratch(1 << 12)
        self._counts: Array = np.zeros(2, dtype=np.int64)

    def columns(self, rows: slice | Array) -> Array:
        """Values of rows (width, rows), as int64 for numbers and packed words for truth values."""
        if isinstance(rows, slice):
            block, first = divmod(rows.start, CHUNK)
            if rows.stop <= (block + 1) * CHUNK:
                found = self.blocks[block][:, first : first + rows.stop - rows.start]
                return found if is_truth(self.kind) else found.view(np.int64)
        wanted = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        found = np.empty((self.width, len(wanted)), dtype=np.uint64)
        gather(self.blocks, wanted, found)
        return found if is_truth(self.kind) else found.view(np.int64)

    def magnitudes(self, rows: slice | Array) -> Array:
        """The largest magnitude among each row's values; 0 for truth values."""
        if is_truth(self.kind):
            return np.zeros(rows.stop - rows.start if isinstance(rows, slice) else len(rows))
        return self.magnitude[rows]

    @property
    def bytes(self) -> int:
        """Memory touched."""
        return self.used * (8 * self.width + 26) + self.table.nbytes

    def range(self, cost: int) -> tuple[int, int]:
        """Rows of exactly this cost, once that level is finished."""
        return (self.start[cost], self.start[cost + 1]) if cost + 1 < len(self.start) else (0, 0)

    def close_level(self) -> None:
        """All rows of the current cost are in."""
        self.start.append(self.used)

    def hash_of(self, column: Array) -> Any:
        """The fingerprint of one column of values."""
        hashes = np.zeros(1, dtype=np.uint64)
        fingerprint(np.ascontiguousarray(column).reshape(-1, 1).view(np.uint64), self.keys, hashes)
        return hashes[0]

    def absorb(self, tile: Array, valid: Array, goal: Any) -> tuple[Array, Array]:
        """Positions in the tile of candidates whose values are new, and of those with the wanted hash."""
        hashes = self._room(tile.shape[1])
        fingerprint(tile.view(np.uint64), self.keys, hashes)
        return self._enter(hashes, valid, goal)

    def survey(self, operation: int, outer: Array, inner: Array, valid: Array, goal: Any) -> tuple[Array, Array]:
        """As `absorb` for all pairs of columns under an operation of `kernels.survey`."""
        hashes = self._room(outer.shape[1] * inner.shape[1])
        survey(operation, outer.view(np.uint64), inner.view(np.uint64), self.keys, hashes)
        return self._enter(hashes, valid, goal)

    def _room(self, batch: int) -> Array:
        """Scratch space for that many hashes, in a table large enough to take them all."""
        needed = (self.used + batch) * 4 // 3
        if needed > len(self.table) and not self.closed:
            larger = np.zeros(1 << needed.bit_length(), dtype=np.uint64)
            rehash(self.table, larger)
            self.table = larger
        if len(self._scratch[0]) < batch:
            self._scratch = _scratch(batch)
        return self._scratch[0][:batch]

    def _enter(self, hashes: Array, valid: Array, goal: Any) -> tuple[Array, Array]:
        _, fresh, hits = self._scratch
        absorb(hashes, valid, self.table, not self.closed, goal, fresh, hits, self._counts)
        return fresh[: self._counts[0]], hits[: self._counts[1]]

    def append(self, tile: Array, fresh: Array, made_by: int, arguments: tuple[Array, ...], cost: int) -> bool:
        """Store the fresh columns of a tile; false when the bank is full, with as many stored as fit."""
        count = min(len(fresh), self.most - self.used)
        rows = slice(self.used, self.used + count)
        keep(tile.view(np.uint64), fresh[:count], self.blocks, self.used, self.magnitude[rows])
        self.made_by[rows] = made_by
        for position, argument in enumerate(arguments):
            self.arguments[position, rows] = argument[:count]
        self.cost[rows] = cost
        self.used += count
        self.closed |= count < len(fresh)
        return not self.closed


def _scratch(batch: int) -> tuple[Array, Array, Array]:
    return np.empty(batch, np.uint64), np.empty(batch, np.int64), np.empty(64, np.int64)


class Bank:
    """Stores for numbers and truth values, and further kinds of these, on `examples` working examples."""

    def __init__(self, examples: int, max_bytes: int, kinds: int = 2) -> None:
        self.examples = examples
        self.words = (examples + 63) // 64
        rng = np.random.default_rng(0)
        keys = rng.integers(0, 1 << 63, max(examples, self.words), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        rows = max(2 * max_bytes // (kinds * (8 * examples + 8 * self.words + 110)), 1 << 10)
        widths = [self.words if is_truth(kind) else examples for kind in range(kinds)]
        self.stores = tuple(Store(kind, width, rows, keys[:width]) for kind, width in enumerate(widths))
        tail = (np.uint64(1) << np.uint64(examples & 63)) - np.uint64(1) if examples & 63 else ~np.uint64(0)
        self.mask: Array = np.full((self.words, 1), ~np.uint64(0))
        self.mask[-1, 0] = tail
        self.segments: list[tuple[int, int, int, int]] = []  # kind, operator row, first and last row, as they were made

    @property
    def classes(self) -> int:
        """Number of distinct values stored."""
        return sum(store.used for store in self.stores)

    def close_level(self) -> None:
        """All rows of the current cost are in."""
        for store in self.stores:
            store.close_level()

    def append(
        self, kind: int, tile: Array, fresh: Array, made_by: int, arguments: tuple[Array, ...], cost: int
    ) -> bool:
        """Store the fresh columns of a tile; false when the bank is full."""
        store = self.stores[kind]
        first = store.used
        fits = store.append(tile, fresh, made_by, arguments, cost)
        if self.segments and self.segments[-1][:2] == (kind, made_by) and self.segments[-1][3] == first:
            self.segments[-1] = (kind, made_by, self.segments[-1][2], store.used)
        else:
            self.segments.append((kind, made_by, first, store.used))
        return fits

    def packed(self, truths: Array) -> Array:
        """Booleans (examples, batch) as words."""
        words = np.empty((self.words, truths.shape[1]), dtype=np.uint64)
        pack(np.ascontiguousarray(truths), words)
        return words

    def unpacked(self, words: Array, examples: int | None = None) -> Array:
        """Words (words, batch) as Booleans, for this bank's examples or another number of them."""
        truths = np.empty((self.examples if examples is None else examples, words.shape[1]), dtype=bool)
        unpack(words, truths)
        return truths

    def signatures(self, truths: Array) -> Array:
        """One number per column of Booleans (examples, batch), equal for equal columns."""
        hashes = np.empty(truths.shape[1], dtype=np.uint64)
        fingerprint(self.packed(truths), self.stores[TRUTH].keys, hashes)
        return hashes

    def column(self, values: Array) -> Array:
        """One vector of example values as a column of its store."""
        return self.packed(values.reshape(-1, 1)) if values.dtype == bool else values.reshape(-1, 1)
