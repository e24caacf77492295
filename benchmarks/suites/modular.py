"""Arithmetic modulo a prime, of pairs of residues: a + b, a - b, a * b, a^2 + b."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.suites.functions import FunctionTask, IntArray, by_name, header, single

OPERATIONS: dict[str, tuple[str, Callable[[IntArray, IntArray], IntArray]]] = {
    "Add": ("a + b", np.add),
    "Subtract": ("a - b", np.subtract),
    "Multiply": ("a * b", np.multiply),
    "Square_Add": ("a * a + b", lambda a, b: a**2 + b),
}
ROWS = (("Add", 7), ("Add", 13), ("Add", 23), ("Add", 31), ("Add", 59), ("Add", 113), ("Subtract", 11),
        ("Subtract", 29), ("Multiply", 7), ("Multiply", 17), ("Multiply", 23), ("Square_Add", 7),
        ("Square_Add", 19))  # fmt: skip


def _task(operation: str, p: int) -> FunctionTask:
    body, meaning = OPERATIONS[operation]
    whole = ((0, p - 1),)
    reference = f"{header(f'{operation.lower()}_mod_{p}', 'ab', whole * 2, whole)} ({body}) mod {p}"
    truth = single(lambda a, b: np.mod(meaning(a, b), p))
    return FunctionTask(f"{operation}_Mod_{p}", f"{body} modulo {p}", whole * 2, whole, reference, truth)


MODULAR: dict[str, FunctionTask] = by_name(_task(*row) for row in ROWS)
