"""Is a candidate variable in the network? Two tests that a stream of values can be read off the hidden state.

A *decoder* maps activations to the value of a variable. With a finite-state abstraction the test is exact: the
value must be a function of the merged state. Without one, a linear read-out is fitted on half of the words and
scored on the other half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from verify.domain import IntArray
from verify.subject import FloatArray


class Evidence(Protocol):
    """Scores streams of values by how well the state *after* each step determines them."""

    def score(self, streams: IntArray) -> NDArray[np.float64]:
        """How well each stream is decoded, at most 1, for streams of shape (candidates, words, time)."""
        ...


@dataclass(frozen=True)
class StateEvidence:
    """The merged state after each step, of shape (words, time)."""

    states: NDArray[np.int64]

    def score(self, streams: IntArray) -> NDArray[np.float64]:
        """1 where the stream is a function of the merged state, else half the share of states on which it is."""
        flat = self.states.ravel()
        order = np.argsort(flat, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(flat[order]) != 0])
        values = streams.reshape(len(streams), -1)[:, order]
        same = np.maximum.reduceat(values, starts, axis=1) == np.minimum.reduceat(values, starts, axis=1)
        return np.where(same.all(axis=1), 1.0, same.mean(axis=1) / 2)


class LinearEvidence:
    """A ridge read-out from recorded hidden states of shape (words, time, width)."""

    def __init__(self, hidden: FloatArray, *, ridge: float = 1e-6) -> None:
        words = len(hidden)
        self.half = max(1, words // 2)
        design = np.concatenate([hidden, np.ones((*hidden.shape[:2], 1), dtype=hidden.dtype)], axis=-1)
        design = design.astype(np.float64)
        scale = np.maximum(np.abs(design).max(axis=(0, 1)), 1e-9)
        fit = (design[: self.half] / scale).reshape(-1, design.shape[-1])
        self.test = (design[self.half :] / scale).reshape(-1, design.shape[-1])
        gram = fit.T @ fit + ridge * len(fit) * np.eye(fit.shape[1])
        self.solve = np.linalg.solve(gram, fit.T).astype(np.float32)
        self.test = self.test.astype(np.float32)

    def score(self, streams: IntArray) -> NDArray[np.float64]:
        """On held-out points: 1 if the rounded read-out hits nearly every value, else the share of variance explained
        (a saturating network carries a counter, but not in equal steps)."""
        values = streams.astype(np.float32)
        fitted = self.solve @ values[:, : self.half].reshape(len(streams), -1).T
        truth = values[:, self.half :].reshape(len(streams), -1).T
        error = np.abs(self.test @ fitted - truth)
        variance = np.maximum(truth.var(axis=0), 1e-12)
        explained = 1.0 - (error**2).mean(axis=0) / variance
        return np.where(((error < 0.5).mean(axis=0) > 0.998) & (explained > 0.5), 1.0, explained)


@dataclass(frozen=True)
class EitherEvidence:
    """The better score of two tests: a bounded counter merges states that a linear read-out tells apart."""

    first: Evidence
    second: Evidence

    def score(self, streams: IntArray) -> NDArray[np.float64]:
        """The larger of both shares."""
        return np.maximum(self.first.score(streams), self.second.score(streams))
