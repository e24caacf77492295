"""Random inputs for testing: uniform ones, and structured ones that uniform draws almost never contain.

Long runs of one symbol, periodic words, extremes of the range and rare symbols are where trained recurrent networks
drift away from the machine they imitate (their state moves slowly along runs), so they get half of the samples.
"""

from __future__ import annotations

import numpy as np

from verify.domain import Domain, IntArray


def draw_mixed(domain: Domain, count: int, length: int, *, rng: np.random.Generator) -> IntArray:
    """Inputs of shape (count, length, arity): half uniform, the other half in equal parts of each structure."""
    kinds = (_constant, _runs, _periodic, _extremes, _sparse, _few_symbols)
    share = count // (2 * len(kinds))
    parts = [domain.draw((count - share * len(kinds), length), rng=rng)]
    parts += [kind(domain, share, length, rng) for kind in kinds]
    return np.concatenate(parts)


def _constant(domain: Domain, count: int, length: int, rng: np.random.Generator) -> IntArray:
    """A random prefix, then one symbol for ever."""
    words = domain.draw((count, length), rng=rng)
    settled = np.arange(length) >= rng.integers(0, max(length // 2, 1), size=(count, 1))
    return np.where(settled[:, :, None], domain.draw((count, 1), rng=rng), words)


def _runs(domain: Domain, count: int, length: int, rng: np.random.Generator) -> IntArray:
    """Each symbol repeated, with a mean run length drawn per word."""
    change = rng.random((count, length)) < 1 / rng.integers(2, max(length, 3), size=(count, 1))
    change[:, 0] = True
    latest = np.maximum.accumulate(np.where(change, np.arange(length), 0), axis=1)
    return np.take_along_axis(domain.draw((count, length), rng=rng), latest[:, :, None], axis=1)


def _periodic(domain: Domain, count: int, length: int, rng: np.random.Generator) -> IntArray:
    """A short word over and over."""
    period = rng.integers(1, min(length, 8) + 1, size=(count, 1))
    return np.take_along_axis(domain.draw((count, length), rng=rng), (np.arange(length) % period)[:, :, None], axis=1)


def _extremes(domain: Domain, count: int, length: int, rng: np.random.Generator) -> IntArray:
    """Every component at an end of its range."""
    low, high = (np.array(ends, dtype=np.int64) for ends in zip(*domain.ranges, strict=True))
    share_high = rng.random((count, 1, 1))
    return np.where(rng.random((count, length, domain.arity)) < share_high, high, low)


def _sparse(domain: Domain, count: int, length: int, rng: np.random.Generator) -> IntArray:
    """One symbol nearly everywhere, others here and there."""
    rare = rng.random((count, length, 1)) < rng.choice([0.02, 0.05, 0.1, 0.2], size=(count, 1, 1))
    return np.where(rare, domain.draw((count, length), rng=rng), domain.draw((count, 1), rng=rng))


def _few_symbols(domain: Domain, count: int, length: int, rng: np.random.Generator) -> IntArray:
    """Two symbols only, in a random proportion."""
    first, second = domain.draw((count, 1), rng=rng), domain.draw((count, 1), rng=rng)
    return np.where(rng.random((count, length, 1)) < rng.random((count, 1, 1)), first, second)
