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
from verify.nodes import Named, Nodes, packed, unpacked
from verify.reach.foresight import foresight
from verify.reach.layered import Limited
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
FEW = (20, 100)
LENGTH = 20


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


class AtRandom:
    """Some words at some levels, whatever comes of them; most from a single zonotope, which else is cut in halves."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.cut = rng, 0

    def asked(self, nodes: Nodes) -> Any:
        some = self.rng.random(nodes.pending.shape) < self.rng.choice([0.0, 0.2, 0.5])
        return some | (nodes.counts == 1)[:, None]

    def taken(self, image: Any, unit: Any, states: Any, certain: Any, single: Any) -> Any:
        return certain & (~single | (self.rng.random(len(single)) < 0.8))

    def followed(self, asked: Any, taken: Any) -> None:
        self.cut += int((asked & ~taken).sum())


@pytest.mark.parametrize("name", [*CELLS, DEEP])
def test_layers_hold_every_run_whatever_is_followed_from_where(name: str) -> None:
    torch.set_num_threads(1)
    rng, network = np.random.default_rng(5), load_network(ZOO / name)
    layers = Layers(ANYTHING, enclosed(network, Unread))
    words, choice = rng.integers(0, 2, size=(100, 11)), AtRandom(rng)
    states = np.repeat(network.initial_state(1), len(words), axis=0)
    columns = initial_batch(ANYTHING, len(words))
    for depth in (1, 1, 1, 1, 3, 1, 2, 1):
        if depth == 1:
            layers.step()
        else:
            layers.follow(depth, choice)
        for symbols in words.T[layers.length - depth : layers.length]:
            states, _ = network.step(states, symbols[:, None])
            columns, _ = step_batch(ANYTHING, columns, symbols[:, None])
        numbers = np.array([layers.program.states.index((value,)) for value in columns["s"].tolist()])
        everywhere = np.arange(len(layers.states))
        inside, narrow = np.zeros(len(words), dtype=bool), np.zeros(len(words), dtype=bool)
        for k, state in enumerate(states.astype(np.float64)):
            own = everywhere[layers.states == numbers[k]]
            inside[k] = held(layers.zonotopes, own, np.tile(state, (len(own), 1))).any()
            narrow[k] = held(layers.zonotopes, own, np.tile(state, (len(own), 1)), part=0.0).any()
        assert inside.all()
    assert layers.length == 11
    assert choice.cut > 0
    assert not narrow.all()


@pytest.fixture(scope="module")
def layered(network: Any) -> dict[str, Any]:
    verdict, certificate = certify_layered(network, PARITY, LENGTH, timeout_s=60, budgets=FEW)
    assert isinstance(verdict, Proved)
    assert certificate is not None
    assert certificate["length"] == LENGTH
    assert any(layer is not None for layer in certificate["layers"][:-1])
    return certificate


def checked(certificate: dict[str, Any], network: Any) -> str:
    return check_certificate(certificate, dict(network.description), dict(network.tensors))


def test_the_length_followed_is_proved(network: Any, layered: dict[str, Any]) -> None:
    assert checked(layered, network).startswith(f"all inputs of length up to {LENGTH} (")
    before = LENGTH - layered["layers"][-1]["inputs"]
    shorter = {**layered, "length": before, "layers": layered["layers"][:-1]}
    assert checked(shorter, network).startswith(f"all inputs of length up to {before} (")


@pytest.mark.parametrize("length", [LENGTH - 1, LENGTH + 1, 0, -1, 10**9])
def test_a_length_without_its_layers_is_not(network: Any, layered: dict[str, Any], length: int) -> None:
    with pytest.raises(Rejected, match="expected layers of"):
        checked({**layered, "length": length}, network)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"levels": []}, "a word is left that no level names"),
        ({"levels": ["", ""]}, "a word is left that no level names"),
        ({"levels": [""] * 100}, "words of 1,024 single zonotopes are not certain, or not followed"),
        ({"levels": ["?"]}, "expected packed flags"),
        ({"levels": [7]}, "expected packed flags"),
        ({"levels": ["AAAA"]}, "expected packed flags"),
        ({"levels": [packed(np.ones(3, dtype=bool))]}, "expected flags of"),
        ({"levels": [packed(np.ones(10**7, dtype=bool))]}, "expected flags of"),
        ({"inputs": 0}, "expected layers of"),
        ({"inputs": -1}, "expected layers of"),
    ],
)
def test_corrupted_layers_are_rejected(
    network: Any, layered: dict[str, Any], wrong: dict[str, Any], reason: str
) -> None:
    at = next(k for k, layer in enumerate(layered["layers"]) if layer is not None)
    layers = [*layered["layers"][:at], {**layered["layers"][at], **wrong}, *layered["layers"][at + 1 :]]
    with pytest.raises(Rejected, match=reason):
        checked({**layered, "layers": layers}, network)


def test_a_layer_of_too_many_words_is_rejected(network: Any, layered: dict[str, Any]) -> None:
    deep = {**layered, "length": 1_000, "layers": [{"inputs": 1_000, "levels": []}]}
    with pytest.raises(Rejected, match="expected at most 10,000 words from a node"):
        checked(deep, network)


@pytest.mark.parametrize("head", ["x: 0..1, z: 0..1", ""])
def test_a_program_of_other_inputs_is_rejected(network: Any, layered: dict[str, Any], head: str) -> None:
    wanted = "s ^ x" if head else "1 - s"
    other = f"machine o({head}) -> 0..1\n  state s: 0..1 = 0\n  next s = {wanted}\n  output s'\n"
    with pytest.raises(Rejected, match="not as many inputs"):
        checked({**layered, "program": other}, network)


def test_nodes_that_are_too_wide_prove_nothing(network: Any, layered: dict[str, Any]) -> None:
    every = {"inputs": 1, "levels": [packed(np.ones((2, 2), dtype=bool))]}  # from all that is of one program state
    with pytest.raises(Rejected, match="are not certain"):
        checked({**layered, "layers": [None, None, None, *[every] * (LENGTH - 3)]}, network)


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
    assert verdict == Unknown("after 0 inputs, the time was up")


def test_layers_that_do_not_fit_are_refused(network: Any) -> None:
    layers = Layers(PARITY, enclosed(network))
    layers.states = np.zeros(10**9, dtype=np.int8)
    with pytest.raises(Fails, match="more than can be held"):
        layers.step()


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 9))
def test_halves_hold_what_is_pending_and_end_in_single_zonotopes(seed: int, count: int, words: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 3, size=(count, 3)).astype(np.float64)
    nodes = Nodes.roots([np.arange(count)], words, places)
    left = np.ones((count, words), dtype=bool)
    while len(nodes):
        done = nodes.pending & (rng.random(nodes.pending.shape) < np.where(nodes.counts == 1, 1.0, 0.2)[:, None])
        nodes.pending[done] = False
        for k in range(len(nodes)):
            assert len(nodes.at(k)) == nodes.counts[k] > 0
            box = np.ptp(places[nodes.at(k)], axis=0)
            assert np.isclose(nodes.widths[k], np.linalg.norm(box))
            left[nodes.at(k)] &= ~done[k]
            assert (left[nodes.at(k)] == nodes.pending[k]).all()
        nodes = nodes.halves(places)
    assert not left.any()


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.integers(2, 9), st.integers(2, 6))
def test_a_node_is_cut_between_its_clusters(seed: int, few: int, more: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    along = rng.standard_normal(width)  # both clusters are wide in other directions than that in which they are apart
    along /= np.linalg.norm(along)
    offset = rng.uniform(-1, 1, size=(few + more, width))
    offset -= np.outer(offset @ along, along)
    first = np.arange(few + more) < few
    places = offset + np.where(first, 0.0, 10.0)[:, None] * along
    order = rng.permutation(few + more)
    halves = Nodes.roots([order], 1, places).halves(places)
    assert sorted(sorted(halves.at(k).tolist()) for k in (0, 1)) == [list(range(few)), list(range(few, few + more))]


def test_no_node_is_cut_near_its_end() -> None:
    places = np.array([[0.0], [3.0], [3.1], [3.2], [4.0], [4.9], [10.0]])
    halves = Nodes.roots([np.arange(7)], 1, places).halves(places)
    assert [halves.at(k).tolist() for k in (0, 1)] in ([[0, 1, 2, 3, 4], [5, 6]], [[5, 6], [0, 1, 2, 3, 4]])


def test_a_single_zonotope_is_left_alone() -> None:
    nodes = Nodes.roots([np.array([1]), np.array([0, 2])], 2, np.zeros((3, 3)))
    nodes.pending[0, 1] = False
    rows, pending = nodes.alone()
    assert (rows.tolist(), pending.tolist()) == ([1], [[True, False]])
    assert sorted(nodes.halves(np.zeros((3, 3))).rows.tolist()) == [0, 2]


def test_no_more_are_named_than_flags_are_set() -> None:
    flags = np.random.default_rng(0).random((5, 3)) < 0.5
    levels = [packed(flags), "", packed(~flags), packed(np.ones(1_000, dtype=bool))]
    assert Named(levels[:3]).most(15) == 15
    assert 1_000 > Named(levels).most(15) > 15  # which is rejected when it is asked for
    with pytest.raises(Fails, match="expected packed flags"):
        Named(["?"]).most(15)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=30))
def test_packed_flags_are_read_again(flags: list[list[bool]]) -> None:
    found = np.array(flags)
    assert (unpacked(packed(found), found.shape) == found).all()
    assert not unpacked("", found.shape).any()
    with pytest.raises(Fails, match="expected flags of"):
        unpacked(packed(found), (len(flags) + 8, 3))


def test_what_a_search_takes_is_what_its_certificate_names(network: Any) -> None:
    sought, named = Layers(PARITY, enclosed(network)), Layers(PARITY, enclosed(network))
    for _ in range(4):
        sought.step()
        named.step()
    ahead = foresight(sought, 3, 3, 500)
    choice = Limited(ahead, 0.3)
    sought.follow(3, choice)
    named.follow(3, Named(choice.levels))
    assert sought.followed == named.followed
    assert (sought.states == named.states).all()
    for part in ("centre", "terms", "box"):
        assert (getattr(sought.zonotopes, part) == getattr(named.zonotopes, part)).all()
    assert (sought.zonotopes.radius() > 0).all()
    fewer = Layers(PARITY, enclosed(network))
    for _ in range(4):
        fewer.step()
    fewer.follow(3, Limited(ahead, 1e-5))
    assert fewer.followed > sought.followed


def test_several_processes_find_and_check_the_same(
    network: Any, layered: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.layers.LARGE", 1)
    monkeypatch.setattr("verify.layers.TOGETHER", 50)
    assert certify_layered(network, PARITY, LENGTH, timeout_s=60, budgets=FEW)[1] == layered
    alone, together = Layers(PARITY, enclosed(network)), Layers(PARITY, enclosed(network))
    alone.processes, together.processes = 1, 2
    for layer in layered["layers"][:-1]:
        for layers in (alone, together):
            layers.step() if layer is None else layers.follow(layer["inputs"], Named(layer["levels"]))
        for part in ("centre", "terms", "box"):
            assert (getattr(alone.zonotopes, part) == getattr(together.zonotopes, part)).all()
        assert (alone.states == together.states).all()
    at = next(k for k, layer in enumerate(layered["layers"]) if layer is not None)
    fewer = {**layered["layers"][at], "levels": layered["layers"][at]["levels"][:-1]}
    with pytest.raises(Rejected, match="a word is left that no level names"):
        checked({**layered, "layers": [*layered["layers"][:at], fewer, *layered["layers"][at + 1 :]]}, network)
    every = [packed(np.ones((count, 2), dtype=bool)) for count in (2, 4, 8)]  # of nodes that are too wide
    wide = {"inputs": 1, "levels": every}
    with pytest.raises(Rejected, match="words of nodes are not certain"):
        checked({**layered, "layers": [None, None, None, *[wide] * (LENGTH - 3)]}, network)
