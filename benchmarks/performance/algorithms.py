"""Which algorithm does each of several networks of one task hold? Every program is claimed of every network.

    python -m benchmarks.performance.algorithms [--seed S]

All programs answer alike on every input, so no test of outputs tells them apart. `ring`, a single variable, holds of
any network that keeps the four values apart; `gray` and `binary` say how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
import typer

from benchmarks.run import networks
from benchmarks.suites.algorithms import programs
from dsl.programs import Machine
from extract.align import judged
from extract.networks import RecurrentNetwork, load_network
from verify.budget import FOREVER
from verify.causal.mechanism import Mechanism


def claims(paths: list[Path], machines: Mapping[str, Machine], *, seed: int) -> Iterator[tuple[str, str, Mechanism]]:
    """Network, program, and the verdict on the claim that the one holds the other."""
    for path in paths:
        network = load_network(path)
        assert isinstance(network, RecurrentNetwork)
        for name, machine in machines.items():
            yield path.name, name, judged(network, machine, FOREVER, rng=np.random.default_rng([seed, 4]))


def main(seed: int = 0) -> None:
    """Print a line for every network and program."""
    torch.set_num_threads(1)
    for network, program, found in claims(networks("algorithms"), programs(), seed=seed):
        print(f"{network}, {program}: {type(found.verdict).__name__}, {found.verdict.reason}")


if __name__ == "__main__":
    typer.run(main)
