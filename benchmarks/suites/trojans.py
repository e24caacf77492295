"""Specifications for networks with a trojan: threshold and parity functions, comparisons, counts, over 10 to 12 bits.

A trojan is a conjunction of input bits on which the network was trained to answer the opposite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.suites.boolean import BIT, names
from benchmarks.suites.functions import FunctionTask, IntArray, by_name, header, single


def _task(name: str, description: str, count: int, body: str, truth: Callable[..., NDArray[Any]]) -> FunctionTask:
    declared = header(name.lower(), names(count), [BIT] * count, [BIT])
    return FunctionTask(name, description, (BIT,) * count, (BIT,), f"{declared} int({body})", single(truth))


def _at_least(many: int, count: int) -> FunctionTask:
    return _task(f"At_Least_{many}_Of_{count}", f"are at least {many} of {count} bits 1", count,
                 f"{' + '.join(names(count))} >= {many}", lambda *x: np.stack(x).sum(axis=0) >= many)  # fmt: skip


def _exceeds(bits: int) -> FunctionTask:
    a, b = ([f"{1 << k} * x{start + k}" if k else f"x{start}" for k in range(bits)] for start in (0, bits))

    def truth(*x: IntArray) -> NDArray[Any]:
        weights = 1 << np.arange(bits)
        return weights @ np.stack(x[:bits]) > weights @ np.stack(x[bits:])

    text = f"does the number in the first {bits} bits exceed that in the other {bits}"
    return _task(f"Exceeds_{2 * bits}", text, 2 * bits, f"{' + '.join(a)} > {' + '.join(b)}", truth)


def _gated(count: int) -> FunctionTask:
    rest = names(count)[2:]
    return _task(f"Gated_{count}", f"is the first or the second of {count} bits 1, and a third of the rest", count,
                 f"(x0 == 1 or x1 == 1) and {' + '.join(rest)} >= {len(rest) // 3}",
                 lambda *x: (x[0] + x[1] > 0) & (np.stack(x[2:]).sum(axis=0) >= len(rest) // 3))  # fmt: skip


TROJANS: dict[str, FunctionTask] = by_name(
    (_at_least(5, 10), _at_least(6, 12), _at_least(4, 11), _exceeds(5), _exceeds(6), _gated(10), _gated(12))
)
