"""Statistics that every sampled score is reported with, from scipy: intervals of shares and of the lowest of several,
and the p-value of a match."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); everything when nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    found = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def lowest_interval(
    samples: Sequence[NDArray[np.bool_]], *, rounds: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The 95 % interval of the lowest of several shares: bootstrap of each sample by itself, and no narrower than the
    interval of the lowest share alone, since a bootstrap of samples without a failure has no width."""
    kept = [sample.astype(np.float64) for sample in samples if len(sample)]
    if not kept:
        return 0.0, 1.0

    def lowest(*parts: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        return np.min([part.mean(axis=axis) for part in parts], axis=0)

    worst = min(kept, key=lambda sample: sample.mean())
    low, high = share_interval(int(worst.sum()), len(worst))
    if len(worst) > 1 and any(0 < sample.mean() < 1 for sample in kept):
        found = stats.bootstrap(kept, lowest, n_resamples=rounds, method="percentile", rng=rng, vectorized=True)
        low, high = min(low, float(found.confidence_interval.low)), max(high, float(found.confidence_interval.high))
    return low, high


def permutation_p_value(
    wanted: NDArray[np.int64], actual: NDArray[np.int64], *, rounds: int, rng: np.random.Generator
) -> float:
    """How often answers dealt out at random are what is wanted as often as the true ones; 1 when there are none."""
    if len(wanted) < 2:
        return 1.0

    def met(first: NDArray[np.int64], second: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:
        return (first == second).mean(axis=axis)

    found = stats.permutation_test(
        (wanted, actual), met, permutation_type="pairings", vectorized=True, n_resamples=rounds, alternative="greater",
        rng=rng,
    )  # fmt: skip
    return float(found.pvalue)
