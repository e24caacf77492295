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

    `settled` is the scale where the program's outputs do not change any more. `widest` is the size in spreads where
    nothing depends on it, if it is not to be the scale.
    """

    scale: float = 0.3
    settled: float = 0.3
    inflation: float = 1.3
    repairs: int = 1_000
    max_regions: int = 25_000
    widest: float | None = None


@dataclass(frozen=True)
class Region:
    """An ellipsoid `centre + shape @ s` of program state `state`; `targets` per symbol hold its images."""

    centre: Array
    shape: Array
    state: int
    targets: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Closure:
    """Closed regions, the first of which holds the initial state; or the obstacle, or a word read out wrongly.

    An obstacle that was only the time is `interrupted`.
    """

    regions: list[Region]
    obstacle: str | None
    word: Word | None = None
    interrupted: bool = False

    @property
    def ended(self) -> bool:
        """Whether it is settled, one way or the other."""
        return self.obstacle is None or self.word is not None
