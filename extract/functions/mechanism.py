"""What the hidden layers of a network over single inputs are made of, tested by intervention where that is possible."""

from __future__ import annotations

import numpy as np

from dsl.programs import Function, program_size
from extract.distil.fourier import cyclic_size, frequencies_used
from extract.extraction import VariableAlignment
from extract.functions.interactions import interactions, over_bits
from extract.functions.intermediate import intermediate_values
from verify.budget import Deadline
from verify.subject import Subject
from verify.verdict import Finding

MOST_OPERATORS = 60
"""Of longer programs the parts are not looked for in the network."""


def mechanism(
    network: Subject, program: Function | None, deadline: Deadline, *, rng: np.random.Generator
) -> tuple[tuple[VariableAlignment, ...], list[Finding]]:
    """Intermediate values, frequencies of a cyclic group, interactions of bits: whatever the inputs allow."""
    if program is None or deadline.passed:
        return (), []
    aligned: tuple[VariableAlignment, ...] = ()
    findings: list[Finding] = []
    if program_size(program) <= MOST_OPERATORS:
        aligned, findings = intermediate_values(network, program, deadline.share(0.5), rng=rng)
    if cyclic_size(network.domain) is not None and not deadline.passed:
        rotations, found = frequencies_used(network, deadline, rng=rng)
        aligned, findings = (*aligned, *rotations), [*findings, *found]
    if over_bits(network.domain) and not deadline.passed:
        findings = [*findings, *interactions(network)]
    return aligned, findings
