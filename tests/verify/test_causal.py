"""Interchange supports planted variables, and supports neither another network nor decoders of the wrong variable."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.verify.stubs import BITS, MachineNetwork, machine
from verify.causal import causal_finding, interchange
from verify.decoders import fit_decoders
from verify.domain import Domain, IntArray
from verify.statistics import permutation_p_value, wilson
from verify.subject import FloatArray
from verify.verdict import Unknown

TWO = machine(
    "machine two(x: 0..3) -> 0..1, 0..2  state p: 0..1 = 0  state q: 0..2 = 0"
    "  next p = (p + x) mod 2  next q = (q + x div 2) mod 3  output p', q'"
)
DOMAIN = Domain(((0, 3),), 8)


def mixing(seed: int) -> FloatArray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0].astype(np.float32)


NETWORK = MachineNetwork(TWO, DOMAIN, mixing=mixing(0), output_ranges=((0, 1), (0, 2)))
OTHER = machine(
    "machine other(x: 0..3) -> 0..1, 0..2  state p: 0..1 = 1  state q: 0..2 = 0"
    "  next p = if x == 2 then 0 else p * q  next q = (x + p) mod 3  output 1 - p', 2 - q'"
)


def test_planted_variables_are_supported() -> None:
    decoders = fit_decoders(NETWORK, TWO, rng_seed=0)
    assert all(d.exact == 1 and d.r2 > 0.99 for d in decoders)
    score = interchange(NETWORK, TWO, decoders, count=400, rng_seed=1)
    assert score.score > 0.99
    assert score.whole.score == 1
    assert all(v.p_value < 0.01 and v.informative > 50 for v in score.by_variable)


def test_decoders_of_the_wrong_variable_are_not() -> None:
    p, q = fit_decoders(NETWORK, TWO, rng_seed=0)
    swapped = (dataclasses.replace(q, variable="p"), dataclasses.replace(p, variable="q"))
    score = interchange(NETWORK, TWO, swapped, count=400, rng_seed=1)
    assert score.score < 0.2
    assert score.whole.score == 1  # all variables at once cannot tell them apart


def test_network_of_another_machine_is_not() -> None:
    decoy = MachineNetwork(OTHER, DOMAIN, mixing=mixing(1), output_ranges=((0, 1), (0, 2)))
    finding = causal_finding(NETWORK, TWO, rng_seed=0, decoy=decoy, count=400)
    measured = dict(finding.measured)
    assert isinstance(finding.verdict, Unknown)
    assert measured["interchange all variables"]["score"] == 1
    assert measured["decoy interchange all variables"]["score"] < 0.1


def test_variable_without_linear_code_is_read_by_indicators() -> None:
    ring = machine("machine r(x: 0..1) -> 0..3  state q: 0..3 = 0  next q = (q + x) mod 4  output q'")

    class Ring(MachineNetwork):
        """Holds q as a point of a square, so that q is no affine function of the coordinates."""

        def initial_state(self, batch: int) -> FloatArray:
            return _placed(super().initial_state(batch))

        def step(self, state: FloatArray, symbols: IntArray) -> tuple[FloatArray, IntArray]:
            q = np.argmax(state @ CORNERS.T, axis=1)
            after, outputs = super().step(np.stack([q, -np.ones(len(q))], axis=1).astype(np.float32), symbols)
            return _placed(after), outputs

    network = Ring(ring, BITS)
    decoders = fit_decoders(network, ring, rng_seed=0)
    assert decoders[0].values == (0, 1, 2, 3)
    assert decoders[0].exact == 1
    assert interchange(network, ring, decoders, count=200, rng_seed=0).score == 1


CORNERS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=np.float32)


def _placed(plain: FloatArray) -> FloatArray:
    return CORNERS[np.rint(plain[:, 0]).astype(int)]


@pytest.mark.parametrize(("right", "total"), [(0, 10), (5, 10), (10, 10), (990, 1000)])
def test_wilson_contains_the_share(right: int, total: int) -> None:
    low, high = wilson(right, total)
    assert low <= right / total <= high + 1e-12
    assert high - low < 0.65


def test_permutation_p_value() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=(100, 5))
    assert permutation_p_value([truth], [truth], rounds=99, rng=rng) == pytest.approx(0.01)
    assert permutation_p_value([truth], [rng.integers(0, 2, size=(100, 5))], rounds=99, rng=rng) > 0.05
