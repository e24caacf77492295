"""The battery refutes planted deviations wherever they are, and keeps to its time."""

from __future__ import annotations

import time

import pytest

from tests.verify.stubs import BITS, COUNTER, PARITY, SUM, MachineNetwork, machine
from verify.check import check, check_program, find_counterexample
from verify.domain import Domain
from verify.verdict import Proved, Unknown


def test_equal_program_is_proved_and_sampled() -> None:
    findings = check_program(MachineNetwork(PARITY, BITS), PARITY, rng_seed=0, timeout_s=30, samples=2_000)
    assert [type(f.verdict) for f in findings] == [Proved, Unknown, Unknown]
    assert [f.domain for f in findings[1:]] == [f"2,000 random inputs of length {n}" for n in (8, 24)]
    assert find_counterexample(findings) is None


@pytest.mark.parametrize("length", [1, 5, 12])
def test_rare_word_is_found_by_the_exhaustive_part(length: int) -> None:
    planted = tuple((int(bit),) for bit in format(1234567, "b")[:length])
    findings = check_program(MachineNetwork(COUNTER, BITS, planted), COUNTER, rng_seed=0, timeout_s=30, samples=500)
    found = find_counterexample(findings)
    assert found is not None
    assert found.inputs == planted


def test_length_limit_is_found_by_sampling() -> None:
    limited = machine("machine s(x: 0..99) -> int  state n: int = 0  next n = n + x  output min(n', 1000)")
    network = MachineNetwork(SUM, Domain(((0, 99),), 10))
    findings = check_program(network, limited, rng_seed=0, timeout_s=30, max_inputs=10_100, samples=2_000)
    found = find_counterexample(findings)
    assert isinstance(findings[0].verdict, Proved)
    assert found is not None
    assert found.length == 11  # 11 inputs of 99 are the fewest that pass 1,000


@pytest.mark.parametrize("timeout_s", [0.3, 1.0])
def test_timeout_is_honoured(timeout_s: float) -> None:
    history = machine("machine h(x: 0..1) -> int  state n: int = 1  next n = 2 * n + x  output n'")
    began = time.monotonic()
    findings = check_program(
        MachineNetwork(history, BITS), history, rng_seed=0, timeout_s=timeout_s, max_inputs=10**8, samples=10**6
    )
    assert time.monotonic() - began < 1.1 * timeout_s + 0.1
    assert len(findings) == 3


def test_certificate_is_tried_when_asked_for() -> None:
    findings = check_program(MachineNetwork(COUNTER, BITS), COUNTER, rng_seed=0, timeout_s=5, samples=100, certify_s=1)
    assert findings[-1].method == "simulation certificate"
    assert isinstance(findings[-1].verdict, Unknown)


def test_a_certificate_has_what_the_others_leave() -> None:
    """`check` hands on what is set aside; without it, none is tried."""
    network = MachineNetwork(COUNTER, BITS)
    for certify_s, methods in ((0.0, ["exhaustive", "sampling"]), (0.5, ["exhaustive", "sampling", "simulation"])):
        findings = check(network, COUNTER, rng_seed=0, timeout_s=1.0, certify_s=certify_s)
        assert sorted({finding.method.split()[0] for finding in findings}) == methods
