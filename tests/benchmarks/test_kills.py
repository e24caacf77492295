"""`kill -9` of the runner and of its workers, at random moments: nothing is lost, nothing is done twice."""

import multiprocessing
import os
import random
import shutil
import signal
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from benchmarks.entry import extractor
from benchmarks.jobs import Job
from benchmarks.leaderboard.markdown import table
from benchmarks.run import jobs_of, networks, pending, work
from benchmarks.store import rows_in

STUB = """sh -c 'sleep 0.2; echo "{\\"bytes\\": $(wc -c < {network}/network.json)}"' {program}"""
NAMES = ("parity_gru", "parity_lstm", "sum_all_mlp", "prev1_mlp", "negate_rnn_tanh", "tomita3_gru")
KILLS = 10

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds workers in /proc")


def children(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


def started(jobs: list[Job], store: Path) -> BaseProcess:
    """A run of what is left to do, in a process of its own."""
    left = pending(jobs, store)
    process = multiprocessing.get_context("fork").Process(target=work, args=(left, store), kwargs={"at_a_time": 2})
    process.start()
    return process


def untimed(jobs: list[Job], store: Path) -> str:
    assert {job.directory.name for job in jobs} == {row["network"] for row in rows_in(store)}
    return table([row | {"seconds": 0.0} for row in rows_in(store)])


def test_a_run_that_is_killed_ten_times_ends_in_the_same_table(tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    for path in networks("streams"):
        if path.name in NAMES:
            shutil.copytree(path, folder / path.name)
    jobs = jobs_of(str(folder), [], [extractor(f"stub={STUB}")], 5.0, 0)
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    work(jobs, whole, at_a_time=2)
    rng = random.Random(0)
    for kill in range(KILLS):
        process = started(jobs, broken)
        time.sleep(rng.uniform(0.05, 0.5))
        assert process.pid is not None
        if kill % 2 and (workers := children(process.pid)):
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
            time.sleep(rng.uniform(0.05, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    work(pending(jobs, broken), broken, at_a_time=2)
    assert untimed(jobs, broken) == untimed(jobs, whole)
    ended = [line for line in broken.read_text().splitlines() if '"crash"' not in line]
    assert len(ended) == len(NAMES), "a job that had ended was done again"
    assert pending(jobs, broken) == []
    assert "the command wrote no program" in untimed(jobs, whole)
