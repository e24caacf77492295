"""Time budgets: a deadline is a point of the monotonic clock, so stages can share one and none can overdraw it."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment, in seconds of `time.monotonic()`, after which a stage must stop."""

    at: float

    @staticmethod
    def after(seconds: float) -> Deadline:
        """The moment `seconds` from now."""
        return Deadline(time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds left, at least 0."""
        return max(self.at - time.monotonic(), 0.0)

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.at

    def share(self, fraction: float) -> Deadline:
        """A deadline for a part of the time that is left."""
        return Deadline.after(self.left * fraction)

    def within(self, seconds: float) -> Deadline:
        """The moment `seconds` from now, or this one where it is earlier."""
        return Deadline(min(self.at, time.monotonic() + seconds))


FOREVER = Deadline(float("inf"))
