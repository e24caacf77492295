"""The same work on many tasks, by several processes (joblib), where there is much to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar, cast

from joblib import Parallel, delayed

MOST = 4  # processes

Found = TypeVar("Found")


class Processes(ExitStack):
    """As many as there are processors, begun when they are first needed.

    Used in a `with` statement. With a `count` of 1, all is done in this process.
    """

    def __init__(self, count: int = 0) -> None:
        super().__init__()
        self.count = count or min(MOST, os.cpu_count() or 1)
        self._parallel: Parallel | None = None

    def mapped(self, work: Callable[..., Found], tasks: Sequence[tuple[Any, ...]]) -> Iterator[Found]:
        """What each task comes to, in order. To be read to its end, or the processes have to begin again."""
        if self.count == 1 or len(tasks) <= 1:
            return (work(*task) for task in tasks)
        if self._parallel is None:
            options: dict[str, Any] = {"batch_size": 1, "return_as": "generator"}
            self._parallel = self.enter_context(Parallel(self.count, **options))
        return cast(Iterator[Found], self._parallel(delayed(work)(*task) for task in tasks))
