"""Trained networks behind the protocol of `verify.subject`: from a directory, or from a torch module.

To add a family: the file that reads it, and its name in `FAMILIES`. No later stage asks which family a network is of.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from extract.networks.disk import Stored, read_directory
from extract.networks.module import from_module
from extract.networks.recurrent import RecurrentNetwork
from extract.networks.recurrent_file import read_recurrent

FAMILIES: tuple[tuple[str, Callable[[Stored], RecurrentNetwork]], ...] = (("recurrent", read_recurrent),)

__all__ = ["FAMILIES", "RecurrentNetwork", "from_module", "load_network"]


def load_network(path: str | Path) -> RecurrentNetwork:
    """The network in a directory of the format `netlift-network/1`. Raises `BadInput`."""
    stored = read_directory(path)
    family = stored.fields.choice("family", [name for name, _ in FAMILIES])
    return next(read for name, read in FAMILIES if name == family)(stored)
