"""Room for many zonotopes, which several processes may share. Part of the checker of layered certificates
(`verify.layers`)."""

from __future__ import annotations

import itertools
import mmap
import os
import sys
import weakref
from collections.abc import Callable
from functools import lru_cache
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from verify.enclosures import NARROW, Enclosure, Zonotope

OPEN = 4  # files that a process keeps open, as it takes time to ask for their pages once more

_numbers = itertools.count()


class Space:
    """Memory that holds `zonotopes`: of this process, or a file, which others open when they are first handed it."""

    def __init__(self, zonotopes: Enclosure, file: tuple[Any, ...] = ()) -> None:
        self.zonotopes, self._file = zonotopes, file

    def fits(self, count: int, terms: int, *, shared: bool) -> bool:
        """Whether there is room for so many of so many terms, which other processes can write if it is to be shared."""
        x = self.zonotopes
        return len(x.centre) >= count and x.terms.shape[1] == terms and bool(self._file or not shared)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_opened, self._file) if self._file else (Space, (self.zonotopes,))

    @staticmethod
    def of(count: int, terms: int, width: int, *, shared: bool) -> Space:
        """For so many, of which nothing is written yet."""
        arrays = _arrays(count, terms, width)
        if not shared or not count:
            return Space(Zonotope(*(np.empty(shape, kind) for shape, kind, _ in arrays)))
        path, close = _file(sum(size for _, _, size in arrays))
        memory = _memory(path)
        weakref.finalize(memory, close).atexit = sys.platform != "linux"  # what is in memory ends with this process
        return Space(_within(memory, count, terms, width), (path, next(_numbers), count, terms, width))

    def shared(self) -> Space:
        """The same in a file, if it is not in one."""
        if self._file:
            return self
        found = Space.of(*self.zonotopes.terms.shape, shared=True)
        found.put(slice(None), self.zonotopes)
        return found

    def put(self, at: Any, x: Enclosure) -> None:
        """Write zonotopes into these rows."""
        own = self.zonotopes
        own.centre[at], own.terms[at], own.box[at] = x.centre, x.terms, x.box


def _arrays(count: int, terms: int, width: int) -> list[tuple[tuple[int, ...], Any, int]]:
    """Shapes, kinds and sizes in bytes of centres, terms and boxes."""
    shapes = ((count, width), (count, terms, width), (count, width))
    kinds = (np.dtype(np.float64), np.dtype(NARROW), np.dtype(np.float64))
    return [(shape, kind, -(-int(np.prod(shape)) * kind.itemsize // 8) * 8) for shape, kind in zip(shapes, kinds)]


def _file(size: int) -> tuple[str, Callable[[], None]]:
    """A file of this size, of which what is not written takes no memory, and what ends it."""
    if sys.platform == "linux":  # a file in memory, of which nothing is left whatever ends this process
        handle = os.memfd_create("netlift")
        os.ftruncate(handle, size)

        def close() -> None:
            os.ftruncate(handle, 0)  # others that have it open hold nothing of it
            os.close(handle)

        return f"/proc/{os.getpid()}/fd/{handle}", close
    directory = TemporaryDirectory(prefix="netlift-", ignore_cleanup_errors=True)
    path = os.path.join(directory.name, "space")
    with open(path, "wb") as file:
        file.truncate(size)
    return path, directory.cleanup


def _memory(path: str) -> mmap.mmap:
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def _within(memory: mmap.mmap, count: int, terms: int, width: int) -> Enclosure:
    found, start = list[Any](), 0
    for shape, kind, size in _arrays(count, terms, width):
        found.append(np.ndarray(shape, kind, memory, start))
        start += size
    return Zonotope(*found)


@lru_cache(maxsize=OPEN)
def _opened(path: str, number: int, count: int, terms: int, width: int) -> Space:
    return Space(_within(_memory(path), count, terms, width), (path, number, count, terms, width))
