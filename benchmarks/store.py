"""The store of results: a file of JSON objects, one a line, that is only ever appended to.

A line is written whole by one call and forced to the disk, so that a run that is killed loses the jobs in progress and
nothing else. A line that was cut short all the same is ended when the store is next opened, and left out when read.
The latest row of a job counts.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.jobs import IDENTITY, Row
from dsl.errors import BadInput

Key = tuple[str, ...]


def key(row: Row) -> Key:
    """What identifies the job of a row."""
    return tuple(json.dumps(row.get(name)) for name in IDENTITY)


def rows_in(path: Path) -> list[Row]:
    """The latest row of each job, in the order in which jobs first ended; lines cut short are left out."""
    rows: dict[Key, Row] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and "network" in row:
            rows[key(row)] = row
    return list(rows.values())


class Store:
    """A store that is open for appending."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def append(self, row: Row) -> None:
        """Add a row; it is on the disk when this returns."""
        os.write(self.descriptor, (json.dumps(row) + "\n").encode())
        os.fsync(self.descriptor)


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    """The store at `path`, made if it is not there. Raises `BadInput` if it cannot be, or another run has it open."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        raise BadInput(f"expected a file to write results to, got {error.strerror} ({path})") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadInput(f"expected a store that no other run writes to, got one in use ({path})") from None
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.write(descriptor, b"\n")
        yield Store(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: Path) -> Path | None:
    """Give a store that is in the way another name, `results.1.jsonl` and so on; that name, if there was one."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    numbers = (k for k in range(1, 1_000_000) if not path.with_suffix(f".{k}{path.suffix}").exists())
    return path.rename(path.with_suffix(f".{next(numbers)}{path.suffix}"))
