"""The alignment of a lifted program with its network: a linear decoder per state variable, tested by intervention."""

from __future__ import annotations

import numpy as np

from dsl.programs import Machine
from extract.extraction import VariableAlignment
from extract.networks.decoy import random_twin
from verify.budget import Deadline
from verify.causal import causal_finding
from verify.decoders import SITE, Decoder, fit_decoders
from verify.subject import RecurrentSubject
from verify.verdict import Finding

PAIRS = 1_000


def align(
    network: RecurrentSubject, machine: Machine | None, deadline: Deadline, *, rng: np.random.Generator
) -> tuple[tuple[VariableAlignment, ...], list[Finding]]:
    """Where each state variable lives, and the interchange test of that beside the same test of a random network."""
    if machine is None or not machine.states or deadline.passed:
        return (), []
    seed = int(rng.integers(1 << 31))
    alignment = tuple(map(_described, fit_decoders(network, machine, rng_seed=seed)))
    decoy = random_twin(network, rng=rng)
    finding = causal_finding(network, machine, rng_seed=seed, decoy=decoy, count=PAIRS, deadline=deadline)
    return alignment, [finding]


def _described(decoder: Decoder) -> VariableAlignment:
    """A decoder as it is reported; score is the share of held-out states whose value is read right."""
    how = f"indicators of {', '.join(map(str, decoder.values))}" if decoder.values else "read as a number"
    return VariableAlignment(
        variable=decoder.variable, site=SITE, decoder=tuple(map(tuple, decoder.weights.tolist())),
        offset=tuple(decoder.offset.tolist()), score=decoder.exact,
        note=f"{how}; {len(decoder.weights)} directions, r2 {decoder.r2:.3f} on held-out inputs",
    )  # fmt: skip
