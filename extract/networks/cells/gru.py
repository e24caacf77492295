"""The gated recurrent unit as torch computes it (`nn.GRU`): blocks reset, update, new."""

from __future__ import annotations

import torch
from torch import Tensor

from extract.networks.cells.layered import LayeredCell, Memories


def _step(sent: Tensor, fed_back: Tensor, memories: Memories) -> Memories:
    (h,) = memories
    reset_sent, update_sent, new_sent = sent.chunk(3, dim=1)
    reset_fed, update_fed, new_fed = fed_back.chunk(3, dim=1)
    update = torch.sigmoid(update_sent + update_fed)
    new = torch.tanh(new_sent + torch.sigmoid(reset_sent + reset_fed) * new_fed)
    return (new + update * (h - new),)


GRU = LayeredCell("gru", blocks=3, memories=("hidden",), step=_step)
