"""Compilation of numeric kernels, kept on disk between runs where that is possible.

numba refuses `cache=True` when no cache directory can be written; the kernels are then compiled in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled to machine code at its first call."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:
        return numba.njit(nogil=True, error_model="numpy")(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """A part of kernels, compiled into each of them."""
    return numba.njit(inline="always")(function)
