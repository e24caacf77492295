"""What a search for regions (`verify.reach.regions`) is asked for, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verify.reach.affine import Array

Word = list[int]
Refutes = Callable[[Word], bool]


@dataclass(frozen=True, slots=True)
class Options:
    """`scale` times the tolerance is the size of a region before its image is added; `repairs` of obstacles.

    `settled` is the scale where the program's outputs do not change any more. With a `length`, it is enough to cover
    inputs of that length. `widest` is the size in spreads where nothing depends on it, if it is not to be the scale.
    With a `rate`, sizes are measured in a metric that steps contract by it (`verify.reach.measures`).
    Without `inflation`, no more room than needed is added to an image and that size.
    """

    scale: float = 0.3
    settled: float = 0.3
    inflation: float | None = 1.3
    repairs: int = 1_000
    max_regions: int = 25_000
    length: int | None = None
    widest: float | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Region:
    """An ellipsoid `centre + shape @ s` of program state `state`; `targets` per symbol hold its images.

    Of a region that was not followed nothing is said of its images.
    """

    centre: Array
    shape: Array
    state: int
    targets: tuple[tuple[int, ...], ...] | None


@dataclass(frozen=True)
class Closure:
    """Closed regions, the first of which holds the initial state; or the obstacle, or a word read out wrongly.

    An obstacle that was only the time is `interrupted`; `asked` says that the length asked for is covered.
    """

    regions: list[Region]
    obstacle: str | None
    word: Word | None = None
    interrupted: bool = False
    asked: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is settled, one way or the other."""
        return self.obstacle is None or self.word is not None
