"""The recurrent cells that can be read from disk. To add one: its file, and its name in `CELLS`."""

from __future__ import annotations

from extract.networks.cells.cell import Cell
from extract.networks.cells.gru import GRU
from extract.networks.cells.lstm import LSTM
from extract.networks.cells.mlp import MLP
from extract.networks.cells.rnn import RNN_RELU, RNN_TANH

CELLS: tuple[Cell, ...] = (RNN_TANH, RNN_RELU, GRU, LSTM, MLP)
