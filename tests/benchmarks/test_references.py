"""Every task's reference program, read and run by the language, gives the task's truth."""

import numpy as np
import pytest

from benchmarks.suites.tables import TASKS
from benchmarks.suites.task import Task, draw
from dsl.programs import Machine
from dsl.semantics import run_machine
from dsl.syntax import parse


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_reference_equals_truth(task: Task) -> None:
    program = parse(task.reference)
    assert isinstance(program, Machine)
    inputs = draw(task, 20, 2 * task.train_length, rng=np.random.default_rng(0))
    for sequence, expected in zip(inputs.tolist(), task.truth(inputs).tolist(), strict=True):
        assert run_machine(program, [tuple(step) for step in sequence]) == [tuple(step) for step in expected]
