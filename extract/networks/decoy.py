"""Decoys: networks that should fail. The same architecture with random weights, each tensor's spread kept."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch

from extract.networks import Network, read_stored
from extract.networks.disk import Stored
from verify.subject import Subject

Kind = TypeVar("Kind", bound=Subject)


def random_twin(network: Kind, *, rng: np.random.Generator) -> Kind | None:
    """The network with weights drawn anew (normal, with the mean and deviation of each tensor), or None for a network
    that did not come from a file of tensors."""
    if not isinstance(network, Network) or not network.tensors or "family" not in network.description:
        return None
    drawn = {
        name: torch.from_numpy(rng.normal(tensor.mean(), tensor.std() + 1e-3, tensor.shape).astype(np.float32))
        for name, tensor in network.tensors.items()
    }
    return cast("Kind", read_stored(Stored(Path("random"), dict(network.description), drawn, Path("random"))))
