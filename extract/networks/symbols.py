"""Checks that every family makes of its callers: inputs within the domain, forced values of the right shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from dsl.errors import BadInput
from verify.domain import Domain, IntArray
from verify.subject import Forced


def checked_symbols(symbols: IntArray, domain: Domain, name: str) -> Tensor:
    """Symbols (batch, arity) as a tensor, once they are known to lie in the domain. Raises `BadInput`."""
    if symbols.ndim != 2 or symbols.shape[1] != domain.arity:
        raise BadInput(f"expected inputs of {domain.arity} components, got shape {symbols.shape} ({name})")
    lows, highs = np.array(domain.ranges).T
    outside = (symbols < lows) | (symbols > highs)
    if outside.any():
        row, k = np.argwhere(outside)[0]
        low, high = domain.ranges[k]
        raise BadInput(f"expected inputs from {low} to {high}, got {symbols[row, k]} (component {k} of {name})")
    return torch.from_numpy(np.ascontiguousarray(symbols, dtype=np.int64))


def check_forced(forced: Sequence[Forced], widths: Mapping[str, int], batch: int, time: int, name: str) -> None:
    """That every order names a site, a time and values (batch, width) of it. Raises `BadInput`."""
    for order in forced:
        if order.site not in widths:
            raise BadInput(f"expected a site among {', '.join(widths)}, got {order.site} ({name})")
        if not 0 <= order.time < time:
            raise BadInput(f"expected a time from 0 to {time - 1}, got {order.time} (forced {order.site})")
        if order.value.shape != (batch, widths[order.site]):
            wanted = (batch, widths[order.site])
            raise BadInput(f"expected forced values of shape {wanted}, got {order.value.shape} (site {order.site})")
