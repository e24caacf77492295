"""The same work on many tasks, by several processes (joblib), where there is much to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import chain, islice
from threading import Thread
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

    def mapped(self, work: Callable[..., Found], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Found]:
        """What each task comes to, in order. To be read to its end, or the processes have to begin again; tasks are
        asked for while others are done."""
        rest = iter(tasks)
        begun = list(islice(rest, 2))
        tasks = chain(begun, rest)
        if self.count == 1 or len(begun) <= 1:
            return (work(*task) for task in tasks)
        if self._parallel is None:
            options: dict[str, Any] = {"batch_size": 1, "return_as": "generator"}
            self._parallel = self.enter_context(Parallel(self.count, **options))
        return cast(Iterator[Found], self._parallel(delayed(_done)(os.getpid(), work, task) for task in tasks))


def _done(begun_by: int, work: Callable[..., Found], task: tuple[Any, ...]) -> Found:
    if os.getpid() != begun_by:
        _end_with(begun_by)
    return work(*task)


@cache
def _end_with(process: int) -> None:
    """Have this process end with the one that began it: where that is killed, joblib would leave it waiting."""

    def watch() -> None:
        while os.getppid() == process:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
