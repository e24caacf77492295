"""Metrics that steps contract do so where they were made, and bounded certificates follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extract.networks import load_network
from tests.verify.stubs import machine
from verify.budget import FOREVER
from verify.certificate import certify_bounded
from verify.checker import Rejected, check_certificate
from verify.reach.measures import Contracting
from verify.reach.samples import COARSE, Samples
from verify.reach.table import ProgramTable
from verify.verdict import Proved
from verify.weights import weights_of

NETWORK = Path(__file__).parents[2] / "benchmarks" / "zoo" / "parity_noisy_rnn_tanh"
PARITY = machine("machine parity(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'")
RATE, LENGTH = 1.2, 4


@pytest.fixture(scope="module")
def network() -> Any:
    torch.set_num_threads(1)
    return load_network(NETWORK)


def test_every_step_contracts_by_the_rate(network: Any) -> None:
    weights, table = weights_of(network, network.initial_state(1)[0]), ProgramTable(PARITY, network.domain)
    words = np.random.default_rng(0).integers(0, 2, size=(16, 12))
    samples = Samples(weights, table, np.full(len(weights.initial), 0.5), words, COARSE)
    measure = Contracting(samples, RATE, LENGTH, FOREVER)
    for number in (0, 1):
        states = samples.states[samples.numbers == number]
        numbers, count = np.full(len(states), number), len(states)
        for ahead in range(2, LENGTH + 1):
            now = measure.at(states, numbers, np.full(count, ahead))
            for symbol in (0, 1):
                local, jacobian, after = samples.linearised(states, numbers, symbol)
                then = measure.at(samples.states[after], samples.numbers[after], np.full(count, ahead - 1))
                left = now - local - RATE**2 * jacobian.transpose(0, 2, 1) @ then @ jacobian
                least = np.linalg.eigvalsh(left)[:, 0]
                assert (least >= -1e-6 * np.trace(now, axis1=1, axis2=2)).all()


def test_bounded_certificates_cover_what_is_asked_for(network: Any) -> None:
    verdict, certificate = certify_bounded(network, PARITY, LENGTH, timeout_s=60)
    assert isinstance(verdict, Proved)
    assert certificate is not None
    assert certificate["length"] == LENGTH
    longer = {**certificate, "length": LENGTH + 1}
    with pytest.raises(Rejected, match="are not named"):
        check_certificate(longer, dict(network.description), dict(network.tensors))
