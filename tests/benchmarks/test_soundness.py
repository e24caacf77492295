"""What must not be called proved is not: mutated certificates, networks nudged until one answer flips."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from benchmarks.performance import mutations, nudged
from benchmarks.performance.certificates import TOMITA
from benchmarks.performance.second_opinion import Claim, enclosed, stepped
from extract.networks import load_network

NETWORK = TOMITA / "2_rnn_tanh_noisy_1"


@pytest.fixture(scope="module")
def certificate() -> dict[str, Any]:
    found = mutations.proved_of(NETWORK, 30.0)
    assert found is not None
    return found


def test_mutations_are_rejected_or_true_by_another_argument(certificate: dict[str, Any]) -> None:
    kinds = mutations.kinds_of(certificate)
    outcomes = [mutations.judged(NETWORK, certificate, kind, seed) for kind in kinds for seed in range(2)]
    assert [o for o in outcomes if o.accepted and not o.argument] == []
    assert {o.mutation for o in outcomes if not o.accepted} >= {"redirected", "transition lost", "of another state"}
    total = mutations.summary(outcomes)[-1]
    assert total.startswith(f"| all | {2 * len(kinds)} | ")
    assert total.endswith("| 0 |")


def test_mutated_layers_too() -> None:
    layered = mutations.layered_of(NETWORK, 30.0)
    assert layered is not None
    assert layered["length"] == mutations.STEPS
    kinds = mutations.kinds_of(layered)
    outcomes = [mutations.judged(NETWORK, layered, kind, seed) for kind in kinds for seed in range(2)]
    assert [o for o in outcomes if o.accepted and not o.argument] == []
    assert {o.mutation for o in outcomes if not o.accepted} >= {"word lost", "bit flipped only", "program changed"}
    assert {o.mutation for o in outcomes if o.accepted} >= {"layer one by one", "word named too early"}


def test_second_opinion_tells_true_from_broken(certificate: dict[str, Any]) -> None:
    network = load_network(NETWORK)
    assert enclosed(Claim(certificate, network))
    assert stepped(Claim(certificate, network), rng=np.random.default_rng(0)) == 0
    broken = copy.deepcopy(certificate)
    for region in broken["regions"]:  # moved apart, they hold each other's images no longer
        region["centre"] = (-2.0 * np.array(region["centre"])).tolist()
    assert not enclosed(Claim(broken, network))
    assert stepped(Claim(broken, network), rng=np.random.default_rng(0)) > 0


def test_nudged_copies_are_not_proved() -> None:
    rows = nudged.measure([NETWORK], 2, 1.0, 0)
    assert [row.proved for row in rows] == [False, False]
    assert all(row.moved != 0 and row.reason for row in rows)
