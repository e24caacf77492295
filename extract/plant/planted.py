"""A planted network: weights compiled from a program, with the alignment that is true by construction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from dsl.errors import BadInput
from dsl.printers import print_program
from dsl.programs import Machine
from extract.networks.disk import DESCRIPTION, FORMAT, Stored
from extract.networks.recurrent import RecurrentNetwork
from extract.networks.recurrent_file import read_recurrent
from extract.plant.cells import Tensors, Woven, weave
from extract.plant.circuit import Circuit, Matrix, circuit
from extract.plant.values import finite_program
from verify.domain import Domain
from verify.lockstep import first_failures

WEIGHTS = "model.safetensors"
ALIGNMENT = "alignment.json"
PROGRAM = "program.nl"
WORDS = 2_000


@dataclass(frozen=True)
class PlantOptions:
    """How a program is planted. `noise`: deviation of what is added to every weight, as a share of the root mean square
    of its tensor. `superposition`: by how many directions the code is smaller than the number of values. `tune`: steps
    of gradient descent on the program's own outputs afterwards."""

    cell: str
    hidden: int
    noise: float = 0.0
    seed: int = 0
    redundancy: int = 1
    superposition: int = 0
    joint: bool = False
    tune: int = 0
    length: int = 12


@dataclass(frozen=True)
class Planted:
    """The network, its program, and per variable an orthonormal basis (directions, width) of where its value lies: the
    directions in which the state moves, as far as later steps look, when the value changes and nothing else does.

    `wrong` is how many of `WORDS` random words of twice the training length the network answers differently.
    """

    network: RecurrentNetwork
    machine: Machine
    options: PlantOptions
    subspaces: Mapping[str, Matrix]
    values: Mapping[str, tuple[Any, ...]]
    moves: Mapping[str, Matrix]
    wrong: int

    def save(self, directory: Path) -> None:
        """Write network, program and alignment. Raises `BadInput` if that cannot be done."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            tensors = {name: torch.from_numpy(np.array(t)).contiguous() for name, t in self.network.tensors.items()}
            save_file(tensors, directory / WEIGHTS)
            (directory / DESCRIPTION).write_text(json.dumps(dict(self.network.description), indent=1) + "\n")
            (directory / PROGRAM).write_text(print_program(self.machine))
            (directory / ALIGNMENT).write_text(json.dumps(self.alignment(), indent=1) + "\n")
        except OSError as error:
            raise BadInput(f"expected a directory to write to, got {error.strerror} ({directory})") from None

    def alignment(self) -> dict[str, Any]:
        """The true alignment as JSON: per variable its values, how the state moves from the first to each other, and an
        orthonormal basis of these moves."""
        return {
            "format": "netlift-alignment/1", "site": "h",
            "variables": [
                {"variable": name, "values": _plain(self.values[name]), "moves": self.moves[name].tolist(),
                 "basis": self.subspaces[name].tolist()}
                for name in self.values
            ],
        }  # fmt: skip


def plant(machine: Machine, domain: Domain, options: PlantOptions) -> Planted:
    """A network that computes `machine` on `domain`. Raises `BadInput` where the cell or its size does not allow it."""
    rng = np.random.default_rng([options.seed, 5])
    made = circuit(finite_program(machine, domain), joint=options.joint, fewer=options.superposition, rng=rng)
    clipped = options.noise > 0 or options.superposition > 0 or options.tune > 0
    woven = weave(made, options.cell, options.hidden, redundancy=options.redundancy, clipped=clipped, rng=rng)
    tensors = _noisy(woven.tensors, options.noise, rng)
    network = _network(made, domain, tensors, options)
    if options.tune:
        from extract.plant.tune import tuned

        network = tuned(network, machine, steps=options.tune, rng=rng)
    moves = _moves(made, woven)
    words = domain.draw((WORDS, 2 * options.length), rng=rng)
    wrong = int((first_failures(network, machine, words) >= 0).sum())
    values = made.program.values
    return Planted(network, machine, options, {n: _basis(m) for n, m in moves.items()}, values, moves, wrong)


def _noisy(tensors: Tensors, noise: float, rng: np.random.Generator) -> Tensors:
    """Weights with noise; a bias takes that of its weight's size, and initial states none."""
    result = {}
    for name, tensor in tensors.items():
        beside = tensors.get(name.replace("bias", "weight"), tensor)
        size = 0.0 if name in ("h0", "c0") else noise * float(np.sqrt((beside**2).mean()))
        result[name] = tensor + rng.normal(size=tensor.shape) * size
    return result


def _network(made: Circuit, domain: Domain, tensors: Tensors, options: PlantOptions) -> RecurrentNetwork:
    lows, highs = map(list, zip(*domain.ranges, strict=True))
    outputs = [target.values for target, _, _ in made.outputs]
    description = {
        "format": FORMAT, "family": "recurrent", "cell": options.cell, "hidden_size": options.hidden, "layers": 1,
        "input": {"encoding": "one_hot_joint", "arity": domain.arity, "low": lows, "high": highs},
        "output": {"decoding": "argmax", "arity": len(outputs), "low": [min(v) for v in outputs],
                   "high": [max(v) for v in outputs]},
        "lengths": {"train": options.length}, "weights": WEIGHTS,
        "notes": f"planted: {made.program.machine.name}, noise {options.noise:g}, seed {options.seed}",
    }  # fmt: skip
    stored = {name: torch.from_numpy(tensor.astype(np.float32)) for name, tensor in tensors.items()}
    return read_recurrent(Stored(Path("planted"), description, stored, Path("planted")))


def _moves(made: Circuit, woven: Woven) -> dict[str, Matrix]:
    """How the state moves (values but the first, width) within the directions that the units of the next step look
    at. Units for combinations of values that no reachable state has never fire, so they look at nothing."""
    looked_at = _basis(made.seek[made.live] @ woven.read)
    seen = looked_at.T @ looked_at @ np.linalg.pinv(woven.read) @ made.code
    return {name: seen[:, span].T for name, span in made.spans.items()}


def _basis(rows: Matrix) -> Matrix:
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    return directions[sizes > max(1e-6 * sizes.max(initial=0.0), 1e-9)]


def _plain(values: tuple[Any, ...]) -> list[Any]:
    return [list(v) if isinstance(v, tuple) else int(v) for v in values]
