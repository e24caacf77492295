"""Long short-term memory as torch computes it (`nn.LSTM`): blocks input, forget, cell, output."""

from __future__ import annotations

import torch
from torch import Tensor

from extract.networks.cells.layered import LayeredCell, Memories


def _step(sent: Tensor, fed_back: Tensor, memories: Memories) -> Memories:
    _, c = memories
    enter, keep, new, leave = (sent + fed_back).chunk(4, dim=1)
    c = torch.sigmoid(keep) * c + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(leave) * torch.tanh(c), c


LSTM = LayeredCell("lstm", blocks=4, memories=("hidden", "cell"), step=_step)
