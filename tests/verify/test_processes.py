"""The same work by several processes: results in order, tasks when they are needed, nothing left of what was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from verify.processes import Processes

WAITING = """
import os, time
from verify.processes import Processes
def work(seconds):
    print(os.getpid(), flush=True)
    time.sleep(seconds)
with Processes(2) as processes:
    list(processes.mapped(work, [(0.1,), (0.1,), *[(60.0,)] * 4]))
"""


def power(base: int, exponent: int) -> tuple[int, int]:
    return base**exponent, os.getpid()


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("tasks", [0, 1, 2, 9])
def test_results_come_in_order(count: int, tasks: int) -> None:
    with Processes(count) as processes:
        found = list(processes.mapped(power, ((k, 3) for k in range(tasks))))
    assert [value for value, _ in found] == [k**3 for k in range(tasks)]
    assert (os.getpid() in {process for _, process in found}) == (tasks > 0 and (count == 1 or tasks == 1))


def test_tasks_are_asked_for_while_others_are_done() -> None:
    asked = list[int]()

    def tasks() -> Iterator[tuple[int, int]]:
        for k in range(40):
            asked.append(k)
            yield k, 2

    with Processes(2) as processes:
        found = processes.mapped(power, tasks())
        assert len(asked) < 40
        assert [value for value, _ in found] == [k**2 for k in range(40)]


@pytest.mark.skipif(sys.platform == "win32", reason="a process keeps its parent's number there")
def test_processes_end_with_the_one_that_began_them() -> None:
    began = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True)
    assert began.stdout is not None
    others = {int(began.stdout.readline()) for _ in range(4)}
    began.kill()
    began.communicate(timeout=20)  # what they print into is open until they ended
    assert len(others) == 2
    assert began.pid not in others
