"""Episodes of a pole on a cart (gymnasium's CartPole-v1, optional extra `control`), many at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Policy = Callable[[NDArray[np.float64]], NDArray[np.int64]]
"""Actions (batch,) of observations (batch, 4): position, velocity, angle, angular velocity."""
LONGEST = 500
"""Steps after which an episode ends, each worth 1."""


def returns(policy: Policy, episodes: int, *, seed: int) -> NDArray[np.int64]:
    """The return of each of the episodes (episodes,) that start as the seed says."""
    import gymnasium  # pyright: ignore[reportMissingImports]  (optional)

    worlds: Any = gymnasium.make_vec("CartPole-v1", num_envs=episodes, vectorization_mode="vector_entry_point")
    seen, _ = worlds.reset(seed=seed)
    alive, total = np.ones(episodes, dtype=bool), np.zeros(episodes, dtype=np.int64)
    for _ in range(LONGEST):
        seen, _, ended, cut, _ = worlds.step(policy(seen))
        total += alive
        alive &= ~(ended | cut)
        if not alive.any():
            break
    return total
