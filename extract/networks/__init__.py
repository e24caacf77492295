"""Trained networks behind the protocol of `verify.subject`: from a directory, or from a torch module.

To add a family: the file that reads it, and its name in `FAMILIES`. No later stage asks which family a network is of.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dsl.errors import BadInput
from extract.networks.disk import Stored, read_directory
from extract.networks.feed_forward import FeedForwardNetwork
from extract.networks.feed_forward_file import read_feed_forward
from extract.networks.module import from_module
from extract.networks.recurrent import RecurrentNetwork
from extract.networks.recurrent_file import read_recurrent

Network = RecurrentNetwork | FeedForwardNetwork

FAMILIES: tuple[tuple[str, Callable[[Stored], Network]], ...] = (
    ("recurrent", read_recurrent),
    ("feed_forward", read_feed_forward),
)

__all__ = ["FAMILIES", "FeedForwardNetwork", "Network", "RecurrentNetwork", "from_module", "load_network",
           "load_recurrent"]  # fmt: skip


def load_network(path: str | Path) -> Network:
    """The network in a directory of the format `netlift-network/1`. Raises `BadInput`."""
    return read_stored(read_directory(path))


def load_recurrent(path: str | Path) -> RecurrentNetwork:
    """The network over streams in a directory, for what has a meaning only there. Raises `BadInput`."""
    network = load_network(path)
    if not isinstance(network, RecurrentNetwork):
        raise BadInput(f"expected a recurrent network, got a {network.description['family']} one ({path})")
    return network


def read_stored(stored: Stored) -> Network:
    """The network that a description and tensors make. Raises `BadInput`."""
    family = stored.fields.choice("family", [name for name, _ in FAMILIES])
    return next(read for name, read in FAMILIES if name == family)(stored)
