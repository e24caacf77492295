"""A recipe: everything that determines one trained network of the zoo."""

import zlib
from dataclasses import dataclass
from typing import Literal

Cell = Literal["rnn_tanh", "rnn_relu", "gru", "lstm", "mlp"]
InputEncoding = Literal["one_hot", "one_hot_joint", "integer"]
Decoding = Literal["argmax", "round", "sign"]


@dataclass(frozen=True)
class Recipe:
    """How one network is trained: `members` networks at a time, from which the best is kept.

    `hidden_depth`, `readout_depth` and `width` shape the two `Linear`+ReLU stacks of the cell `mlp`. `stretch`
    multiplies the training length in the last third of the steps; `stopping` is how many sequences decide when to
    stop. `noise` is the standard deviation of Gaussian noise added to the hidden state after every step of training.
    With `scaled`, inputs and outputs are brought to about unit size during training, and the scales are folded into
    the first and last weights when the network is written. `long_steps` steps on words far beyond the training length
    follow (`benchmarks.zoo.lengthen`), at `long_rate` falling to zero, once with each of `long_decays` as weight decay,
    and again, up to `long_rounds` times, where words are still answered wrong.
    """

    name: str
    task: str
    cell: Cell
    hidden: int
    seed: int
    encoding: InputEncoding = "one_hot"
    decoding: Decoding = "argmax"
    layers: int = 1
    width: int = 0
    hidden_depth: int = 1
    readout_depth: int = 1
    members: int = 6
    steps: int = 2000
    batch: int = 128
    lr_low: float = 5e-3
    lr_high: float = 1.5e-2
    weight_decay: float = 0.0
    noise: float = 0.0
    stretch: float = 1.0
    stopping: int = 2048
    scaled: bool = False
    long_steps: int = 0
    long_rounds: int = 1
    long_rate: float = 1e-2
    long_decays: tuple[float, ...] = (1.0, 0.3, 0.1)
    remark: str = ""


def child_seed(seed: int, stream: str) -> int:
    """The seed of one named stream of random numbers."""
    return (seed << 32) + zlib.crc32(stream.encode())
