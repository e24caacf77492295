"""Two trained networks of one task hold different algorithms, and the verdict on the mechanism tells them apart."""

from __future__ import annotations

import numpy as np

from benchmarks.performance.algorithms import claims
from benchmarks.run import networks
from benchmarks.suites.algorithms import TASK, programs
from benchmarks.suites.task import uniform
from dsl.batch import run_machine_batch
from verify.verdict import NotSupported, Supported


def test_every_algorithm_computes_the_task() -> None:
    words = uniform(TASK, 200, 20, rng=np.random.default_rng(0))
    for machine in programs().values():
        assert np.array_equal(run_machine_batch(machine, words), TASK.truth(words))


def test_trained_networks_of_one_task_are_told_apart() -> None:
    machines = {name: m for name, m in programs().items() if name in ("ring", "gray")}
    found = {(network, name): m.verdict for network, name, m in claims(networks("algorithms"), machines, seed=0)}
    assert isinstance(found["counter_corners_mlp", "gray"], Supported)
    assert isinstance(found["counter_line_mlp", "gray"], NotSupported)
    assert isinstance(found["counter_line_mlp", "ring"], Supported)
