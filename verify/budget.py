"""Time budgets: a deadline is a point of the monotonic clock, so stages can share one and none can overdraw it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, in seconds of a clock, after which a stage must stop; parts of it go by the same clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @staticmethod
    def after(seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The moment `seconds` from now; of processor time with `time.process_time` for a clock."""
        return Deadline(clock() + seconds, clock)

    @property
    def left(self) -> float:
        """Seconds left, at least 0."""
        return max(self.at - self.clock(), 0.0)

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self.clock() >= self.at

    def share(self, fraction: float) -> Deadline:
        """A deadline for a part of the time that is left."""
        return Deadline.after(self.left * fraction, self.clock)

    def within(self, seconds: float) -> Deadline:
        """The moment `seconds` from now, or this one where it is earlier."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)


FOREVER = Deadline(float("inf"))
