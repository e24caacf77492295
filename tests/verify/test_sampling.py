"""Sampling never proves; what it refutes is replayed, shrunk and, where affordable, shortest."""

from __future__ import annotations

import numpy as np
import pytest

from tests.verify.stubs import BITS, COUNTER, PARITY, SUM, MachineNetwork, machine
from verify.domain import Domain, IntArray
from verify.sampling import agreement, output_agreement, sampled
from verify.shrink import shrink
from verify.verdict import Refuted, Unknown
from verify.words import draw_mixed

WIDE = Domain(((0, 99), (-5, 5)), 10)


def test_equal_programs_stay_unknown() -> None:
    finding = sampled(MachineNetwork(COUNTER, BITS), COUNTER, count=2_000, length=24, rng_seed=0)
    assert finding.verdict == Unknown("no difference in 2,000 random inputs of length 24")


def test_deviation_is_shrunk_to_the_shortest() -> None:
    late = machine("machine late(x: 0..99) -> int  state n: int = 0  next n = n + x  output n' + int(n' > 300)")
    network = MachineNetwork(SUM, Domain(((0, 99),), 10))
    finding = sampled(network, late, count=2_000, length=20, rng_seed=0)
    assert isinstance(finding.verdict, Refuted)
    assert finding.verdict.counterexample.length == 4
    assert finding.verdict.counterexample.expected != finding.verdict.counterexample.actual


def test_runs_of_one_symbol_are_tried() -> None:
    text = "machine run(x: 0..1) -> int  state n: int = 0  next n = if x == 1 then {} else 0  output n'"
    saturating, early = machine(text.format("n + 1")), machine(text.format("min(n + 1, 20)"))
    finding = sampled(MachineNetwork(saturating, BITS), early, count=2_000, length=30, rng_seed=1)
    assert isinstance(finding.verdict, Refuted)
    assert finding.verdict.counterexample.inputs == ((1,),) * 21


def test_same_seed_same_finding() -> None:
    network = MachineNetwork(PARITY, BITS, ((1,), (0,), (1,), (1,)))
    one, two = (sampled(network, PARITY, count=500, length=10, rng_seed=5) for _ in range(2))
    assert one.verdict == two.verdict
    assert isinstance(one.verdict, Refuted)


def test_agreement_counts_whole_words() -> None:
    inputs = BITS.draw((400, 3), rng=np.random.default_rng(0))
    network = MachineNetwork(PARITY, BITS, ((1,), (0,)))
    share = float(((inputs[:, 0, 0] == 1) & (inputs[:, 1, 0] == 0)).mean())
    assert agreement(network, PARITY, inputs) == pytest.approx(1 - share)
    assert output_agreement(network, PARITY, inputs) == pytest.approx(1 - share / 3)


def test_mixed_words_lie_in_the_domain() -> None:
    for length in (1, 2, 31):
        words = draw_mixed(WIDE, 1000, length, rng=np.random.default_rng(3))
        assert words.shape == (1000, length, 2)
        for k, (low, high) in enumerate(WIDE.ranges):
            assert words[..., k].min() >= low
            assert words[..., k].max() <= high


def test_shrinking_reaches_a_plain_minimum() -> None:
    def failures(words: np.ndarray) -> np.ndarray:
        """Fails once the first component has summed to 150."""
        bad = words[..., 0].cumsum(axis=1) >= 150
        return np.where(bad.any(axis=1), bad.argmax(axis=1), -1)

    word = WIDE.draw((40,), rng=np.random.default_rng(0))
    small = shrink(failures, WIDE, word)
    assert len(small) <= 3
    assert small[:, 0].sum() == 150
    assert (small[:, 1] == 0).all()


def test_shrinking_survives_a_word_that_gets_shorter_on_the_way() -> None:
    """Making an early symbol plainer may let the word fail sooner, so that later places no longer exist."""

    def failures(words: IntArray) -> IntArray:
        """Words that begin with 1 fail at their next 0, or else at the ninth step."""
        at = np.full(len(words), -1)
        for row, word in enumerate(words[:, :, 0]):
            zeros = [t for t in range(1, len(word)) if word[t] == 0]
            if word[0] == 1:
                at[row] = zeros[0] if zeros else (8 if len(word) > 8 else -1)
        return at

    word = np.ones((9, 1), dtype=np.int64)
    assert shrink(failures, Domain(((0, 1),), 8), word).ravel().tolist() == [1, 0]
