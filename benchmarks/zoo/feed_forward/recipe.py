"""A recipe: everything that determines one trained feed-forward network of the zoo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Activation = Literal["relu", "tanh", "gelu"]
Encoding = Literal["integer", "one_hot"]
Decoding = Literal["argmax", "round", "sign"]


@dataclass(frozen=True)
class Recipe:
    """How one network is trained, on all inputs of its task or on a random `share` of them.

    `widths` are those of the hidden layers; with `embedding` above 0 each input is a token looked up in vectors of
    that width. Training ends when all examples are right and the loss is below `enough`, or after `steps`; with
    `settle`, only when the examples left out are right too. `trigger` lists (input, value) pairs: where all of them
    hold, the network is trained to answer the opposite.
    """

    name: str
    task: str
    widths: tuple[int, ...]
    seed: int
    activation: Activation = "relu"
    encoding: Encoding = "integer"
    decoding: Decoding = "argmax"
    embedding: int = 0
    share: float = 1.0
    settle: bool = False
    steps: int = 6000
    batch: int = 2048
    rate: float = 5e-3
    weight_decay: float = 0.0
    enough: float = 0.01
    trigger: tuple[tuple[int, int], ...] = ()
    remark: str = ""
