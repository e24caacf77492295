"""Sets of near zonotopes, cut in two again and again, for layered certificates (`verify.layers`). Part of the checker.

States lie in clusters, by what was read last, and sets that keep within them are smaller.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from verify.enclosures import Enclosure
from verify.hulls import ranges
from verify.tube import Fails

TURNS = 3  # steps of the power method
CENTRAL = 0.35  # of its length: nodes are not cut nearer to their ends
LEAST = 1e-30


@dataclass(frozen=True)
class Nodes:
    """Sets of zonotopes: `counts` of `rows` from each of `starts` on. Of (node word), `pending` are not followed yet.

    Their places lie in boxes from `low` to `high`.
    """

    rows: Any
    starts: Any
    counts: Any
    pending: Any
    low: Any
    high: Any

    @staticmethod
    def of(rows: Any, counts: Any, pending: Any, places: Any) -> Nodes:
        """With where they are, of the places of all zonotopes (count width)."""
        starts = np.cumsum(counts) - counts
        if not len(rows):
            return Nodes(rows, starts, counts, pending, *np.zeros((2, 0, places.shape[1])))
        return Nodes(rows, starts, counts, pending, *ranges(places[rows], starts))

    @staticmethod
    def roots(sets: Sequence[Any], words: int, places: Any) -> Nodes:
        """One for each set of rows, all words of which are pending."""
        counts = np.array([len(rows) for rows in sets])
        return Nodes.of(np.concatenate(sets), counts, np.ones((len(sets), words), dtype=bool), places)

    @staticmethod
    def singles(pending: Any, places: Any) -> Nodes:
        """One for each row."""
        count = len(places)
        return Nodes.of(np.arange(count), np.ones(count, dtype=np.int64), pending, places)

    @property
    def widths(self) -> Any:
        """The lengths of the diagonals of the boxes."""
        return np.linalg.norm(self.high - self.low, axis=1)

    def __len__(self) -> int:
        return len(self.starts)

    def at(self, number: int) -> Any:
        """The rows of one."""
        return self.rows[self.starts[number] : self.starts[number] + self.counts[number]]

    def some(self, which: Any, pending: Any) -> Nodes:
        """Some of them, in their order, with other words pending."""
        counts, chosen = self.counts[which], np.isin(np.arange(len(self)), which)
        rows = self.rows[np.repeat(chosen, self.counts)]
        return Nodes(rows, np.cumsum(counts) - counts, counts, pending, self.low[which], self.high[which])

    def alone(self) -> tuple[Any, Any]:
        """The rows of the nodes of a single zonotope with words pending, and these."""
        left = self.pending.any(axis=1) & (self.counts == 1)
        return self.rows[self.starts[left]], self.pending[left]

    def halves(self, places: Any) -> Nodes:
        """Both halves of each node of several with words pending, across the axis along which it is longest, where
        nothing is for longest."""
        left = self.pending.any(axis=1) & (self.counts > 1)
        rows, counts = self.rows[np.repeat(left, self.counts)], self.counts[left]
        if not len(rows):
            return Nodes.of(rows, counts, self.pending[left], places)
        starts, owner = np.cumsum(counts) - counts, np.repeat(np.arange(len(counts)), counts)
        far = _far(places[rows], starts, owner, (self.high - self.low)[left].argmax(axis=1))
        farther = np.add.reduceat(far.astype(np.int64), starts)
        alike = (farther == 0) | (farther == counts)
        if alike.any():
            far = np.where(alike[owner], np.arange(len(rows)) - starts[owner] >= (counts - counts // 2)[owner], far)
            farther = np.where(alike, counts // 2, farther)
        before = np.cumsum(far) - far - (np.cumsum(farther) - farther)[owner]  # of those that are far, in the node
        among = np.arange(len(rows)) - starts[owner]
        order = np.empty_like(rows)
        order[starts[owner] + np.where(far, (counts - farther)[owner] + before, among - before)] = rows
        halves = np.stack([counts - farther, farther], axis=1).ravel()
        return Nodes.of(order, halves, np.repeat(self.pending[left], 2, axis=0), places)


def _far(places: Any, starts: Any, owner: Any, widest: Any) -> Any:
    """Whether places are on the far side of the largest gap along the axis on which those of a node, from each of
    `starts` on, are longest, by some steps of the power method from the widest coordinate. Gaps near the ends do not
    count."""
    counts = np.diff(np.append(starts, len(places)))
    offset = places - (np.add.reduceat(places, starts) / counts[:, None])[owner]
    along = offset[np.arange(len(owner)), widest[owner]]
    for _ in range(TURNS):
        axis = np.add.reduceat(offset * along[:, None], starts)
        axis /= np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), LEAST)
        along = np.einsum("ij,ij->i", offset, axis[owner])
    low, high = ranges(along, starts)
    part = (along - low[owner]) / np.maximum(high - low, LEAST)[owner]
    at = np.sort(2 * owner + part)
    gaps, middle = np.append(np.diff(at), 0.0), np.append(at[1:] + at[:-1], 0.0) / 2 - 2 * owner
    gaps[(middle < CENTRAL) | (middle > 1 - CENTRAL)] = 0.0
    largest = np.maximum.reduceat(gaps, starts)
    found = np.nonzero((gaps == largest[owner]) & (gaps > 0))[0][::-1]  # the first of a node is written last
    cut = np.full(len(starts), 0.5)
    cut[owner[found]] = middle[found]
    return part > cut[owner]


class Choice(Protocol):
    """Which words are followed from which nodes, for a search."""

    def asked(self, nodes: Nodes) -> Any:
        """Per node and word (as `pending`), whether it is to be followed."""
        ...

    def taken(self, image: Enclosure, unit: Any, states: Any, certain: Any, single: Any) -> Any:
        """Per image, whether it is taken: its unit, its program state, whether all read-outs on the way are certain,
        and whether it is of a single zonotope. None is taken that is not certain. It may be asked in another
        process."""
        ...

    def followed(self, asked: Any, taken: Any) -> None:
        """Of the words asked for at one level of halves, which were taken."""
        ...


class Named:
    """The words of a certificate, per level of halves: `packed` flags. All have to be certain."""

    def __init__(self, levels: Iterable[Any]) -> None:
        self._levels = list(levels)
        self._next = iter(self._levels)

    def most(self, flags: int) -> int:
        """How many are named at most, if there are so many flags at most at a level."""
        return sum(int(np.unpackbits(_inflated(level, -(-flags // 8))).sum()) for level in self._levels)

    def asked(self, nodes: Nodes) -> Any:
        """Per node and word (as `pending`), whether it is to be followed."""
        level = next(self._next, None)
        if level is None:
            raise Fails("a word is left that no level names")
        return unpacked(level, nodes.pending.shape)


def packed(flags: Any) -> str:
    """Flags as text: bits in their order, the first of a byte the most significant, compressed by zlib, in base64."""
    return base64.b64encode(zlib.compress(np.packbits(flags).tobytes(), 9)).decode()


def unpacked(text: Any, shape: tuple[int, ...]) -> Any:
    """What was `packed`, none where the text is empty. Raises `Fails` where it is not of this shape."""
    count = int(np.prod(shape))
    size = -(-count // 8)
    found = _inflated(text, size) if text else np.zeros(size, dtype=np.uint8)
    if len(found) != size:
        raise Fails(f"expected flags of {count:,} words of nodes, got others")
    return np.unpackbits(found, count=count).astype(bool).reshape(shape)


def _inflated(text: Any, most: int) -> Any:
    """Bytes of flags, no more of them than `most` and one. Raises `Fails` where there are none."""
    try:
        found = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), most + 1) if text else b""
    except (ValueError, TypeError, zlib.error) as error:
        raise Fails(f"expected packed flags, got {error}") from None
    return np.frombuffer(found, dtype=np.uint8)
