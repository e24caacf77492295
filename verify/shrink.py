"""Shrinking: from an input that fails to a shorter and plainer one (delta debugging, Zeller & Hildebrandt 2002).

First cut to the first failing step, then delete runs of steps, halving their length, then move each component towards
its plainest value. All candidates of one kind are evaluated in one batch. Deterministic.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from verify.budget import FOREVER, Deadline
from verify.domain import Domain, IntArray

Failures = Callable[[IntArray], IntArray]
"""For words (batch time arity): the first failing step of each, or -1."""


def shrink(failures: Failures, domain: Domain, word: IntArray, *, deadline: Deadline = FOREVER) -> IntArray:
    """A failing word no longer than `word` (time arity), which fails; the last step is the one that fails."""
    word = _cut(failures, word)
    while not deadline.passed:
        smaller = _delete(failures, word, deadline)
        smaller = _simplify(failures, domain, smaller, deadline)
        if smaller.shape == word.shape and (smaller == word).all():
            return word
        word = smaller
    return word


def _cut(failures: Failures, word: IntArray) -> IntArray:
    at = int(failures(word[None])[0])
    return word[: at + 1] if at >= 0 else word


def _delete(failures: Failures, word: IntArray, deadline: Deadline) -> IntArray:
    size = max(len(word) // 2, 1)
    while size >= 1 and not deadline.passed:
        offsets = range(0, len(word) - size + 1, max(size // 2, 1))
        if len(word) > size:
            candidates = np.stack([np.delete(word, np.s_[o : o + size], axis=0) for o in offsets])
            at = failures(candidates)
            if (at >= 0).any():
                best = int(np.argmin(np.where(at >= 0, at, len(word))))
                word = candidates[best, : at[best] + 1]
                size = min(size, max(len(word) // 2, 1))
                continue
        size //= 2
    return word


def _simplify(failures: Failures, domain: Domain, word: IntArray, deadline: Deadline) -> IntArray:
    """Try, at each place, the plainest value, then values ever nearer to the present one."""
    for t in range(len(word)):
        for k, (low, high) in enumerate(domain.ranges):
            if deadline.passed or t >= len(word):  # a simpler word may fail earlier, and is then cut
                return word
            plain, present = min(max(0, low), high), int(word[t, k])
            gaps = sorted({abs(present - plain) >> shift for shift in range(abs(present - plain).bit_length())})
            values = [present - gap if present > plain else present + gap for gap in reversed(gaps)]
            if not values:
                continue
            candidates = np.repeat(word[None], len(values), axis=0)
            candidates[:, t, k] = values
            at = failures(candidates)
            if (at >= 0).any():
                best = int(np.flatnonzero(at >= 0)[0])
                word = candidates[best, : at[best] + 1]
    return word
