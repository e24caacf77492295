"""What the hidden layers of a network over single inputs are made of, tested by intervention."""

from __future__ import annotations

import numpy as np

from dsl.programs import Function
from extract.distil.fourier import cyclic_size, frequencies_used
from extract.extraction import VariableAlignment
from verify.budget import Deadline
from verify.subject import Subject
from verify.verdict import Finding


def mechanism(
    network: Subject, program: Function | None, deadline: Deadline, *, rng: np.random.Generator
) -> tuple[tuple[VariableAlignment, ...], list[Finding]]:
    """Frequencies of a cyclic group, where the inputs are elements of one."""
    if program is None or deadline.passed or cyclic_size(network.domain) is None:
        return (), []
    return frequencies_used(network, deadline, rng=rng)
