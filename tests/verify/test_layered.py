"""Layered certificates: layers hold every run however they are merged, and prove the length followed and no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dsl.batch import initial_batch, step_batch
from dsl.printers.text import print_program
from extract.networks import load_network
from tests.verify.stubs import machine
from verify.certificate import certify_layered
from verify.checker import Rejected, check_certificate
from verify.enclosures import Network, Zonotope
from verify.layers import Layers
from verify.reach.layered import grouped
from verify.tube import Fails
from verify.verdict import Proved, Unknown

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"
CELLS = ("tomita7_rnn_tanh", "detect_1011_rnn_relu", "div_3_gru", "tomita4_lstm", "parity_mlp")
DEEP = "run_of_ones_gru_2_layers"
ANYTHING = machine("machine any(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = x  output 0")
PARITY = machine("machine parity(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'")
LEAVES_AT_8 = machine(
    "machine late(x: 0..1) -> 0..1  state s: 0..1 = 0  state n: 0..9 = 0"
    "  next s = s ^ x  next n = min(n + 1, 9)  output if n' == 8 then 1 - s' else s'"
)
FEW = (4, 16)
LENGTH = 12


class Unread(Network):
    """A network that is sure of everything, so that layers can be followed whatever the program."""

    def reads(self, state: Any, outputs: tuple[int, ...]) -> Any:
        return np.ones(len(state.centre), dtype=bool)


@pytest.fixture(scope="module")
def network() -> Any:
    torch.set_num_threads(1)
    return load_network(ZOO / "parity_noisy_rnn_tanh")


def enclosed(network: Any, kind: type[Network] = Network) -> Network:
    return kind(dict(network.description), dict(network.tensors))


def held(x: Any, rows: np.ndarray, states: np.ndarray, part: float = 1.0) -> np.ndarray:
    """Whether each state goes no farther than its zonotope, in many directions: what terms and boxes are long in."""
    directions = np.concatenate([np.eye(states.shape[1]), *x.terms[rows[:4]]])
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    directions = (directions / np.where(lengths > 0, lengths, 1.0)).T
    far = np.abs((states - x.centre[rows]) @ directions)
    reach = np.abs(x.terms[rows] @ directions).sum(axis=1) + x.box[rows] @ np.abs(directions)
    return np.asarray((far <= part * reach + 1e-9).all(axis=1))


@pytest.mark.parametrize("name", [*CELLS, DEEP])
@pytest.mark.parametrize("radius", [1e-3, 0.05, 0.5])
def test_a_step_of_a_zonotope_holds_sampled_states(name: str, radius: float) -> None:
    torch.set_num_threads(1)
    rng, network = np.random.default_rng(3), load_network(ZOO / name)
    second = enclosed(network)
    centre = network.trace(network.domain.draw((4, 8), rng=rng)).activations["h"][:, -1].astype(np.float64)
    terms = radius * rng.standard_normal((4, 5, centre.shape[1])) / 5
    within = rng.choice([-1.0, -0.3, 0.5, 1.0], size=(4, 300, 5))
    states = (centre[:, None] + within @ terms).astype(np.float32)
    narrow = 0
    for symbol in second.symbols:
        image, _ = second.step(Zonotope(centre, terms, np.full_like(centre, 1e-6)), symbol, cuts=0)
        after, _ = network.step(states.reshape(-1, centre.shape[1]), np.tile(symbol, (1200, 1)))
        rows = np.repeat(np.arange(4), 300)
        assert held(image, rows, after.astype(np.float64)).all()
        narrow += int((~held(image, rows, after.astype(np.float64), part=0.5)).sum())
    assert narrow > 0


@pytest.mark.parametrize("name", [*CELLS, DEEP])
def test_layers_hold_every_run_however_they_are_merged(name: str) -> None:
    torch.set_num_threads(1)
    rng, network = np.random.default_rng(5), load_network(ZOO / name)
    layers = Layers(ANYTHING, enclosed(network, Unread))
    words = rng.integers(0, 2, size=(200, 9))
    states = np.repeat(network.initial_state(1), len(words), axis=0)
    columns, rows, narrow = initial_batch(ANYTHING, len(words)), np.zeros(len(words), dtype=np.int64), 0
    for t, symbols in enumerate(words.T):
        states, _ = network.step(states, symbols[:, None])
        columns, _ = step_batch(ANYTHING, columns, symbols[:, None])
        layers.step()
        rows = 2 * rows + symbols
        if t in (3, 4, 7):
            groups = 3 * layers.states + rng.integers(0, 3, size=len(layers.states))
            rows = np.unique(groups, return_inverse=True)[1][rows]
            layers.merge(groups.tolist())
            narrow += int((~held(layers.zonotopes, rows, states.astype(np.float64), part=0.3)).sum())
        assert held(layers.zonotopes, rows, states.astype(np.float64)).all()
        known = np.array([layers._known[number][0] for number in layers.states])
        assert (known[rows] == columns["s"]).all()
    assert layers.length == 9
    assert narrow > 0


@pytest.fixture(scope="module")
def layered(network: Any) -> dict[str, Any]:
    verdict, certificate = certify_layered(network, PARITY, LENGTH, timeout_s=60, budgets=FEW)
    assert isinstance(verdict, Proved)
    assert certificate is not None
    assert certificate["length"] == LENGTH
    assert any(groups is not None for groups in certificate["layers"])
    return certificate


def checked(certificate: dict[str, Any], network: Any) -> str:
    return check_certificate(certificate, dict(network.description), dict(network.tensors))


def test_the_length_followed_is_proved(network: Any, layered: dict[str, Any]) -> None:
    assert checked(layered, network).startswith(f"all inputs of length up to {LENGTH} (")
    shorter = {**layered, "length": LENGTH - 1, "layers": layered["layers"][:-1]}
    assert checked(shorter, network).startswith(f"all inputs of length up to {LENGTH - 1} (")


@pytest.mark.parametrize("length", [LENGTH - 1, LENGTH + 1, 0, -1, 10**9])
def test_a_length_without_its_layers_is_not(network: Any, layered: dict[str, Any], length: int) -> None:
    with pytest.raises(Rejected, match="expected groups"):
        checked({**layered, "length": length}, network)


def test_corrupted_layers_are_rejected(network: Any, layered: dict[str, Any]) -> None:
    at = next(k for k, groups in enumerate(layered["layers"]) if groups is not None)
    groups = layered["layers"][at]
    for wrong in ([], groups[:-1], [*groups, 0], [0.5 * group for group in groups], [[group] for group in groups], 7):
        layers = [*layered["layers"][:at], wrong, *layered["layers"][at + 1 :]]
        with pytest.raises(Rejected, match=r"expected .* numbers of groups"):
            checked({**layered, "layers": layers}, network)
    layers = [*layered["layers"][:at], [0] * len(groups), *layered["layers"][at + 1 :]]
    with pytest.raises(Rejected, match="several program states"):
        checked({**layered, "layers": layers}, network)


@pytest.mark.parametrize("head", ["x: 0..1, z: 0..1", ""])
def test_a_program_of_other_inputs_is_rejected(network: Any, layered: dict[str, Any], head: str) -> None:
    wanted = "s ^ x" if head else "1 - s"
    other = f"machine o({head}) -> 0..1\n  state s: 0..1 = 0\n  next s = {wanted}\n  output s'\n"
    with pytest.raises(Rejected, match="not as many inputs"):
        checked({**layered, "program": other}, network)


def test_groups_that_are_too_wide_prove_nothing(network: Any, layered: dict[str, Any]) -> None:
    enclosed_layers = Layers(PARITY, enclosed(network))
    for _ in range(3):
        enclosed_layers.step()
    by_state = enclosed_layers.states.tolist()
    coarse = [None, None, by_state, *([0, 1] if k % 2 else [0, 1, 1, 0] for k in range(LENGTH - 4))]
    with pytest.raises(Rejected):
        checked({**layered, "layers": coarse}, network)


def test_a_program_that_differs_later_is_proved_only_until_then(network: Any) -> None:
    verdict, certificate = certify_layered(network, LEAVES_AT_8, LENGTH, timeout_s=60, budgets=FEW)
    assert isinstance(verdict, Proved)
    assert certificate is not None
    assert certificate["length"] == 7
    with pytest.raises(Rejected, match="after 7 inputs, the read-out"):
        checked({**certificate, "length": 8, "layers": [*certificate["layers"], None]}, network)
    longer = {**certificate, "program": print_program(PARITY), "length": 8, "layers": [*certificate["layers"], None]}
    assert checked(longer, network).startswith("all inputs of length up to 8 (")


def test_a_wrong_program_is_not_proved_at_all(network: Any) -> None:
    wrong = machine("machine w(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output 1 - s'")
    verdict, certificate = certify_layered(network, wrong, LENGTH, timeout_s=60, budgets=FEW)
    assert certificate is None
    assert isinstance(verdict, Unknown)
    assert "after 0 inputs" in verdict.reason


def test_without_time_nothing_is_claimed(network: Any) -> None:
    verdict, certificate = certify_layered(network, PARITY, LENGTH, timeout_s=0.0)
    assert certificate is None
    assert verdict == Unknown("the time was up")


def test_layers_that_do_not_fit_are_refused(network: Any) -> None:
    layers = Layers(PARITY, enclosed(network))
    layers.states = np.zeros(10**9, dtype=np.int8)
    with pytest.raises(Fails, match="more than can be held"):
        layers.step()


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 60))
def test_groups_are_of_one_state_and_no_more_than_asked_for(seed: int, budget: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    points, states = rng.integers(0, 3, size=(count, 3)).astype(np.float64), rng.integers(0, 3, size=count)
    groups = grouped(points, states, budget)
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))
    assert groups.max() + 1 <= max(budget, len(set(states.tolist())))
    for number in range(groups.max() + 1):
        assert len(set(states[groups == number].tolist())) == 1
    if budget >= count:  # as many as there are different points
        assert groups.max() + 1 == len(np.unique(np.column_stack([points, states]), axis=0))


def test_near_points_are_together() -> None:
    rng = np.random.default_rng(0)
    middles = 10.0 * np.arange(4)[:, None] * np.ones(2)
    points = np.repeat(middles, 20, axis=0) + rng.random((80, 2))
    groups = grouped(points, np.zeros(80, dtype=np.int64), 4)
    assert [len(set(part)) for part in groups.reshape(4, 20).tolist()] == [1] * 4
    assert len(set(groups.tolist())) == 4
