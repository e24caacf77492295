"""Fine-tuning of a planted network on its own program: weights a gradient would leave, around the same mechanism."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from dsl.batch import run_machine_batch
from dsl.programs import Machine
from extract.networks.cells import CELLS
from extract.networks.cells.cell import Sizes
from extract.networks.disk import Stored
from extract.networks.recurrent import RecurrentNetwork
from extract.networks.recurrent_file import CellAndReadout, read_recurrent
from extract.networks.stack import read_stack

RATE = 3e-4
BATCH = 64


def tuned(network: RecurrentNetwork, machine: Machine, *, steps: int, rng: np.random.Generator) -> RecurrentNetwork:
    """The network after `steps` of Adam on the cross-entropy of the program's outputs on random words."""
    tensors = {name: torch.from_numpy(np.array(t)).requires_grad_() for name, t in network.tensors.items()}
    description = dict(network.description)
    cell = next(c for c in CELLS if c.name == description["cell"])
    sizes = Sizes(network.input_coding.width, description["hidden_size"], 1)
    optimiser = torch.optim.Adam(tensors.values(), lr=RATE)
    lows = torch.tensor([low or 0 for low, _ in network.output_ranges])
    for _ in range(steps):
        body = CellAndReadout(cell.build(tensors, sizes), read_stack(tensors, "readout"))
        words = network.domain.draw((BATCH, network.domain.train_length), rng=rng)
        wanted = torch.from_numpy(run_machine_batch(machine, words).astype(np.int64)) - lows
        state, loss = body.initial.expand(BATCH, -1), torch.zeros(())
        for t in range(words.shape[1]):
            state = body.step(state, network.input_coding.encode(torch.from_numpy(words[:, t])))
            blocks = body.readout(state).split(network.output_coding.block_sizes, dim=1)
            loss = loss + sum(
                (functional.cross_entropy(b, wanted[:, t, k]) for k, b in enumerate(blocks)), torch.zeros(())
            )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tensors.values(), 1.0)
        optimiser.step()
    stored: Any = {name: tensor.detach() for name, tensor in tensors.items()}
    return read_recurrent(Stored(Path("planted"), description, stored, Path("planted")))
