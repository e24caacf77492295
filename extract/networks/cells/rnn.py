"""The simple recurrent cell: `h' = f(W x + b + U h + c)` with f = tanh or ReLU (torch's `nn.RNN`)."""

from __future__ import annotations

import torch
from torch import Tensor

from extract.networks.cells.layered import LayeredCell, Memories


def _tanh(sent: Tensor, fed_back: Tensor, memories: Memories) -> Memories:
    return (torch.tanh(sent + fed_back),)


def _relu(sent: Tensor, fed_back: Tensor, memories: Memories) -> Memories:
    return (torch.relu(sent + fed_back),)


RNN_TANH = LayeredCell("rnn_tanh", blocks=1, memories=("hidden",), step=_tanh)
RNN_RELU = LayeredCell("rnn_relu", blocks=1, memories=("hidden",), step=_relu)
