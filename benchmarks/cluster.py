"""Where jobs run: threads of this process that wait for workers, or any backend that joblib knows, such as Dask.

    netlift bench streams --backend dask                               a Dask cluster of --jobs processes, here
    netlift bench streams --backend dask --address tcp://host:8786     a running one, which sees the same files

Whatever runs a job starts the worker process where it is; the rows come back to the runner, which alone writes.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from joblib import Parallel, delayed, parallel_config

from benchmarks.jobs import Job, Row
from benchmarks.worker import run_apart
from dsl.errors import BadInput

THREADS = "threading"
ONE: Any = 1  # a batch of jobs would only be written when all of it has ended


def rows_of(jobs: Iterable[Job], *, at_a_time: int, backend: str, address: str | None) -> Iterator[Row]:
    """The rows of jobs, in the order in which they end. Raises `BadInput` for a backend that is not installed."""
    with _configured(backend, address, at_a_time):
        parallel = Parallel(n_jobs=at_a_time, return_as="generator_unordered", batch_size=ONE, pre_dispatch="2*n_jobs")
        results: Any = parallel(delayed(run_apart)(job) for job in jobs)
        yield from results or ()


@contextmanager
def _configured(backend: str, address: str | None, at_a_time: int) -> Iterator[None]:
    if backend != "dask":
        if address is not None:
            raise BadInput(f"expected --address with --backend dask, got {backend}")
        try:
            chosen = parallel_config(backend=backend)
        except ValueError:
            raise BadInput(f"expected a backend that joblib knows, got {backend!r} (--backend)") from None
        with chosen:
            yield
        return
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise BadInput("expected Dask for --backend dask, got none (pip install 'netlift[cluster]')") from None
    here = {"n_workers": at_a_time, "threads_per_worker": 1, "dashboard_address": None}
    joined = distributed.Client(address) if address else distributed.Client(**here)
    with joined as client, parallel_config(backend="dask", client=client):
        yield
