"""Random generators by name: each stage has its own, so that a new stage does not disturb the others."""

from __future__ import annotations

import zlib

import numpy as np


def child(stage: str, rng_seed: int) -> np.random.Generator:
    """The generator of one stage."""
    return np.random.default_rng([rng_seed, zlib.crc32(stage.encode())])
