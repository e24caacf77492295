"""Encodings that wait to be fitted: a queue for each kind, which share the work evenly."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass

from extract.search.fits import Fit
from extract.search.variables import Found


@dataclass(eq=False)
class Waiting:
    """An encoding of a kind, its price in bits, and its fit once begun."""

    kind: Hashable
    chosen: tuple[Found, ...]
    price: float
    fit: Fit | None = None


class Queues:
    """Queues by kind, each in order of a key; the next is of the kind on which least was spent."""

    def __init__(self) -> None:
        self._heaps: dict[Hashable, list[tuple[float, int, Waiting]]] = defaultdict(list)
        self._spent: dict[Hashable, float] = defaultdict(float)
        self._pushed = 0

    def __len__(self) -> int:
        return sum(map(len, self._heaps.values()))

    def push(self, key: float, item: Waiting) -> None:
        """One more to wait; those with one key come in the order in which they were pushed."""
        self._pushed += 1
        heapq.heappush(self._heaps[item.kind], (key, self._pushed, item))

    def pop(self) -> tuple[float, Waiting]:
        """The first of the kind whose turn it is, with its key. Raises `ValueError` when nothing waits."""
        kind = min((k for k, heap in self._heaps.items() if heap), key=self._spent.__getitem__)
        key, _, item = heapq.heappop(self._heaps[kind])
        return key, item

    def charge(self, kind: Hashable, work: float) -> None:
        """Note work on a kind."""
        self._spent[kind] += work
