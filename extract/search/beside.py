"""Circles are searched for beside the rest of a search, by a thread: compiled code leaves the interpreter free.

Searches for circles share the time of the thread by their weights, so that none waits for another to end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event
from types import TracebackType

from extract.search.circles import Circle, Circling
from verify.budget import Deadline

LISTING = 2.5
"""Seconds that listing candidates may take."""
A_SECOND, LEAST = 150_000_000, 1_000_000
"""Work in a second on slow machines, and the least work worth beginning."""


@dataclass(eq=False)
class Part:
    """One search for circles: its kind, its share of the time, and the seconds spent on it."""

    kind: Hashable
    weight: float
    circling: Circling
    spent: float = 0.0


Lister = Callable[[], Iterable[Part]]
"""Lists candidates, and gives the searches over them."""


class Beside:
    """Searches for circles with fewer operators than `bound` tells, in a thread for as long as it is entered."""

    def __init__(self, bound: Callable[[], int], deadline: Deadline) -> None:
        self.bound, self.deadline = bound, deadline
        self._listers: SimpleQueue[Lister | None] = SimpleQueue()
        self._found: SimpleQueue[tuple[Hashable, Circle]] = SimpleQueue()
        self._left, self._pool = Event(), ThreadPoolExecutor(1, "circles")
        self._work: Future[None] | None = None

    def add(self, lister: Lister) -> None:
        """More to search for."""
        self._listers.put(lister)

    def close(self) -> None:
        """There will be no more."""
        self._listers.put(None)

    @property
    def busy(self) -> bool:
        """Whether more may be found, or is."""
        return not (self._work is None or self._work.done()) or not self._found.empty()

    def found(self) -> Iterator[tuple[Hashable, Circle]]:
        """What was found since, with its kind."""
        while not self._found.empty():
            yield self._found.get()

    def __enter__(self) -> Beside:
        self._work = self._pool.submit(self._search)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        self._left.set()
        self.close()
        self._pool.shutdown()
        if self._work is not None:
            self._work.result()

    def _search(self) -> None:
        parts, more = list[Part](), True
        while not (self._left.is_set() or self.deadline.passed) and (more or parts):
            if more and (not parts or not self._listers.empty()):
                lister = self._listers.get()
                more = lister is not None
                if lister is not None and self.deadline.left > LISTING:
                    parts += lister()
                continue
            part = min(parts, key=lambda p: p.spent / p.weight)
            began, most = time.thread_time(), A_SECOND * self.deadline.left
            if most < LEAST:
                return
            for circle in part.circling.go_on(self.bound(), most):
                self._found.put((part.kind, circle))
            part.spent += time.thread_time() - began
            parts = [p for p in parts if not p.circling.spent]
