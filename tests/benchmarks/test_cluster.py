"""Jobs run wherever joblib runs them; rows come back to the runner, which writes them."""

from pathlib import Path

import pytest

from benchmarks.cluster import rows_of
from benchmarks.entry import extractor
from benchmarks.run import jobs_of, work
from benchmarks.store import rows_in
from dsl.errors import BadInput

STUB = """stub=sh -c 'echo "{\\"bytes\\": $(wc -c < {network}/network.json)}"' {program}"""
JOBS = jobs_of("streams", ["parity_gru", "prev1_mlp", "sum_all_mlp"], [extractor(STUB)], 5.0, 0)


def test_a_backend_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInput, match="expected a backend that joblib knows, got 'nothing'"):
        list(rows_of(JOBS, at_a_time=1, backend="nothing", address=None))


def test_a_local_cluster_of_two_gives_the_rows_that_threads_give(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    expected = {row["network"]: row["figures"] for row in rows_of(JOBS, at_a_time=2, backend="threading", address=None)}
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        store = tmp_path / "store.jsonl"
        work(JOBS, store, at_a_time=2, backend="dask", address=cluster.scheduler_address)
    assert {row["network"]: row["figures"] for row in rows_in(store)} == expected
    assert len(expected) == len(JOBS)
