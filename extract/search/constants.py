"""Constants mined from what is known of a network: its ranges, its answers, the size of its state, the state's values.

All small, so that programs stay readable; the smallest in size come first.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from verify.domain import IntArray

LARGEST = 1000
MOST = 12


def mined_constants(ranges: Iterable[tuple[int, int]], answers: IntArray, sizes: Iterable[int]) -> tuple[int, ...]:
    """0 to 3, ends and sizes of the input ranges, the ends of the answers, and sizes of the state with one less."""
    found = {0, 1, 2, 3}
    for low, high in ranges:
        found |= {low, high, high - low + 1}
    least, most = int(answers.min()), int(answers.max())
    found |= {most, most + 1, least}
    for size in sizes:
        found |= {size, size - 1}
    return tuple(sorted({c for c in found if abs(c) <= LARGEST}, key=lambda c: (abs(c), c)))[:MOST]


def with_labels(constants: tuple[int, ...], labels: IntArray) -> tuple[int, ...]:
    """The constants and the two largest labels of states."""
    return tuple(sorted({*constants, *(int(v) for v in np.unique(labels)[-2:])}, key=abs))
