"""Mealy tables whose states have no names, made of machines written as text."""

import numpy as np

from extract.abstract.mealy import Mealy
from extract.abstract.minimal import mealy_of, renamed
from tests.verify.stubs import machine
from verify.domain import Domain


def table(text: str, domain: Domain, seed: int = 0) -> Mealy:
    """The minimal table of a machine, its states in random order."""
    made = mealy_of(machine(text), domain, max_states=64)
    assert made is not None
    return renamed(made, rng=np.random.default_rng(seed))
