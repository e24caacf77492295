"""Interventions support planted variables, and neither another network, nor wrong alignments, nor programs that only
answer alike."""

from __future__ import annotations

import numpy as np
import pytest

from dsl.batch import run_machine_batch
from tests.verify.stubs import BITS, MachineNetwork, machine
from verify.causal.alignment import fit
from verify.causal.assessment import assess
from verify.causal.contrast import contrasts
from verify.causal.decoys import FINER, redescribes, same_outputs, shuffled, wrong_variable
from verify.causal.interventions import SEVERAL, exchange, exchange_several, foretold
from verify.causal.mechanism import judge, numbers_of, split_runs
from verify.domain import Domain, IntArray
from verify.statistics import lowest_interval, permutation_p_value, share_interval
from verify.subject import FloatArray
from verify.verdict import NotSupported, Supported, Undecided

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


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_planted_variables_are_supported() -> None:
    twin = MachineNetwork(OTHER, DOMAIN, mixing=mixing(1), output_ranges=((0, 1), (0, 2)))
    found = judge(NETWORK, TWO, rng=rng(), twin=twin)
    assert isinstance(found.verdict, Supported)
    assert found.score == 1
    assert found.p_value < 0.01
    assert dict(found.decoys)["random network"] < 0.2
    assert found.best_decoy[1] < 0.5
    measured = dict(found.finding().measured)
    assert measured["interchange p"]["informative"] > 50


@pytest.mark.parametrize("change", [shuffled, wrong_variable])
def test_wrong_alignments_are_not(change) -> None:  # type: ignore[no-untyped-def]
    fitted, _, held = split_runs(NETWORK, TWO, rng=rng())
    alignment = fit(fitted, held)
    assert assess(held, alignment, pairs=128, rng=rng()).score == 1
    assert assess(held, change(alignment, rng=rng()), pairs=128, rng=rng()).score < 0.5


def test_network_of_another_machine_is_not_supported() -> None:
    other = MachineNetwork(OTHER, DOMAIN, mixing=mixing(1), output_ranges=((0, 1), (0, 2)))
    verdict = judge(other, TWO, rng=rng()).verdict
    assert isinstance(verdict, NotSupported)
    assert verdict.reason.startswith("outputs agree in ")


def test_programs_that_answer_alike_but_keep_other_state_are_not_supported() -> None:
    """A network that holds p and q is no network that holds p and p + q, though no output tells the two apart."""
    ring = machine(
        "machine ring(x: 0..3) -> 0..3  state p: 0..1 = 0  state q: 0..3 = 0"
        "  next p = (p + x) mod 2  next q = (q + x) mod 4  output (p' * q' + x) mod 4"
    )
    network = MachineNetwork(ring, DOMAIN, mixing=mixing(2), output_ranges=((0, 3),))
    words = DOMAIN.draw((200, 10), rng=rng())
    kinds = dict(same_outputs(ring, DOMAIN))
    assert any(FINER in name for name in kinds)
    assert any(FINER not in name for name in kinds)
    fitted, _, held = split_runs(network, ring, rng=rng())
    code = numbers_of(fit(fitted, held), held) @ fit(fitted, held).encoder
    tried = 0
    for program in kinds.values():
        assert np.array_equal(run_machine_batch(program, words), run_machine_batch(ring, words))
        other_fitted, other_held = fitted.under(program), held.under(program)
        other = fit(other_fitted, other_held)
        if not redescribes(code, numbers_of(other, other_held)):
            tried += 1
            assert assess(other_held, other, pairs=128, rng=rng()).score < 0.8
    assert tried


RING = machine("machine ring(x: 0..1) -> 0..5  state s: 0..5 = 0  next s = (s + x) mod 6  output s'")
SIX = machine(
    "machine six(x: 0..1) -> 0..5  state p: 0..1 = 0  state q: 0..2 = 0"
    "  next p = (p + x) mod 2  next q = (q + x) mod 3  output (3 * p' + 4 * q') mod 6"
)


def test_a_finer_program_implies_a_coarser_one_and_not_the_other_way_round() -> None:
    """Taking s over is taking p and q over; but taking p alone over has no counterpart in the ring."""
    _, _, held = split_runs(MachineNetwork(RING, BITS, output_ranges=((0, 5),)), RING, rng=rng())
    six = held.under(SIX)
    assert contrasts(held, six, rng=rng()) == ()
    assert [name for name, _ in contrasts(six, held, rng=rng())] == ["p", "q"]


def test_exchanges_against_another_program_are_those_on_which_the_two_part() -> None:
    fitted, _, held = split_runs(MachineNetwork(SIX, BITS, output_ranges=((0, 5),)), SIX, rng=rng())
    ring = held.under(RING)
    for name, theirs in contrasts(held, ring, rng=rng()):
        found = exchange(held, fit(fitted, held), name, pairs=128, rng=rng(), against=theirs)
        assert found.score == 1
        assert len(found.scored) > 50


def test_a_variable_that_nothing_reads_makes_no_decoy() -> None:
    """Only the new value of s is put out, so s + t for s is the same program to every intervention."""
    idle = machine(
        "machine idle(x: 0..3) -> 0..1  state s: 0..2 = 1  state t: 0..3 = 0"
        "  next s = t mod 3  next t = x  output int(s' > 0)"
    )
    found = judge(MachineNetwork(idle, DOMAIN, mixing=mixing(3), output_ranges=((0, 1),)), idle, rng=rng())
    assert isinstance(found.verdict, Supported)
    tried = [name for name, _ in found.decoys]
    assert any(name.startswith("same outputs") for name in tried)
    assert not any("s + t for s" in name for name in tried)


def test_a_clock_is_exchanged_between_different_steps() -> None:
    """All runs have the same phase after the same step, so that only an earlier step can lend another."""
    clock = machine(
        "machine clock(x: 0..1) -> 0..1  state c: 0..2 = 0  state s: 0..1 = 0"
        "  next c = (c + 1) mod 3  next s = if c == 0 then x else s  output s'"
    )
    fitted, _, held = split_runs(MachineNetwork(clock, BITS, output_ranges=((0, 1),)), clock, rng=rng())
    found = exchange(held, fit(fitted, held), "c", pairs=128, rng=rng())
    assert len(found.scored) > 50
    assert found.score == 1


def test_a_change_after_which_a_variable_takes_a_value_it_never_had_is_told() -> None:
    """a and b are never alike, so c is always 1; exchanging a alone would make it 0 or 2, which no network holds."""
    never = machine(
        "machine never(x: 0..1) -> 0..2  state a: 0..1 = 0  state b: 0..1 = 1  state c: 0..2 = 1"
        "  next a = x  next b = 1 - x  next c = a + b  output c'"
    )
    _, _, held = split_runs(MachineNetwork(never, BITS, output_ranges=((0, 2),)), never, rng=rng())
    base, source = np.arange(100), rng().integers(0, held.words, 100)
    _, met, inside = foretold(held, base, [(0, {"a": source})])
    same = held.states[0]["a"][base] == held.states[0]["a"][source]
    assert same.any()
    assert np.array_equal(met, same)
    assert np.array_equal(inside, same)


def test_variables_that_never_vary_apart_are_undecided() -> None:
    twins = machine(
        "machine twins(x: 0..1) -> 0..1  state s: 0..1 = 0  state t: 0..1 = 1"
        "  next s = s ^ x  next t = t ^ x  output s' & (1 - t')"
    )
    network = MachineNetwork(twins, BITS, mixing=mixing(0), output_ranges=((0, 1),))
    assert isinstance(judge(network, twins, rng=rng()).verdict, Undecided)


def test_several_variables_at_once_are_judged_where_their_values_were_met() -> None:
    fitted, _, held = split_runs(NETWORK, TWO, rng=rng())
    seen, unseen = exchange_several(held, fit(fitted, held), pairs=64, rng=rng())
    assert seen.name == SEVERAL
    assert seen.score == 1
    assert not len(unseen.right)  # all six joint values come up


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

    fitted, _, held = split_runs(Ring(ring, BITS), ring, rng=rng())
    alignment = fit(fitted, held)
    assert alignment.variables[0].values is not None
    assert alignment.exact == (1.0,)
    assert exchange(held, alignment, "q", pairs=128, rng=rng()).score == 1


CORNERS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], dtype=np.float32)


def _placed(plain: FloatArray) -> FloatArray:
    return CORNERS[np.rint(plain[:, 0]).astype(int)]


def test_same_seed_same_verdict() -> None:
    first, second = (judge(NETWORK, TWO, rng=rng(7)) for _ in range(2))
    assert (first.score, first.p_value, first.decoys) == (second.score, second.p_value, second.decoys)


@pytest.mark.parametrize(("right", "total"), [(0, 10), (5, 10), (10, 10), (990, 1000)])
def test_interval_contains_the_share(right: int, total: int) -> None:
    low, high = share_interval(right, total)
    assert low <= right / total <= high + 1e-12
    assert high - low < 0.65


def test_interval_of_the_lowest_share_contains_it() -> None:
    samples = [rng().random(200) < share for share in (0.9, 0.7)]
    low, high = lowest_interval(samples, rounds=200, rng=rng())
    assert low < min(s.mean() for s in samples) < high
    assert high - low < 0.2


def test_permutation_p_value() -> None:
    truth = rng().integers(0, 4, size=100)
    assert permutation_p_value(truth, truth, rounds=99, rng=rng()) == pytest.approx(0.01)
    assert permutation_p_value(truth, rng(1).integers(0, 4, size=100), rounds=99, rng=rng()) > 0.05
