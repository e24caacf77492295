"""Enclosures contain what the networks compute; certificates prove, and only true ones pass the independent checker."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extract.networks import load_network
from tests.verify.stubs import machine
from verify.certificate import certify, save_certificate
from verify.checker import Regions, Rejected, check_certificate, check_directories
from verify.enclosures import Enclosure, Network
from verify.reach.affine import Form, ellipsoids
from verify.reach.cells import step, surely_reads
from verify.reach.ellipsoids import box_norm, contained, largest_norm
from verify.verdict import Proved, Refuted, Unknown
from verify.weights import weights_of

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"
CELLS = ("tomita7_rnn_tanh", "detect_1011_rnn_relu", "div_3_gru", "tomita4_lstm", "parity_mlp")
LAYERS = ("run_of_ones_gru_2_layers",)
PARITY = "machine parity(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'"
TOMITA_1 = "machine t(x: 0..1) -> 0..1  state s: 0..1 = 1  next s = s & x  output s'"


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", CELLS + LAYERS)
@pytest.mark.parametrize("radius", [1e-3, 0.05, 0.5])
def test_enclosures_contain_sampled_states(name: str, radius: float) -> None:
    """Per sampled state some piece holds the next state, for the prover's enclosures and the checker's."""
    rng = np.random.default_rng(7)
    network = load_network(ZOO / name)
    weights = weights_of(network, network.initial_state(1)[0])
    second = Network(dict(network.description), dict(network.tensors))
    centre = network.trace(network.domain.draw((6, 8), rng=rng)).activations["h"][:, -1].astype(np.float64)
    shapes = radius * rng.standard_normal((6, centre.shape[1], centre.shape[1])) / np.sqrt(centre.shape[1])
    units = rng.standard_normal((6, 400, centre.shape[1]))
    units *= rng.choice([0.3, 0.999], size=(6, 400, 1)) / np.linalg.norm(units, axis=2, keepdims=True)
    states = (centre[:, None] + np.einsum("bij,bkj->bki", shapes, units)).astype(np.float32)
    checked, narrow = Enclosure(centre, shapes.transpose(0, 2, 1), np.full_like(centre, 1e-6)), 0
    for symbol in range(len(weights.features)):
        symbols = np.repeat(network.domain.symbols()[[symbol]], states.shape[0] * states.shape[1], axis=0)
        flat, outputs = network.step(states.reshape(-1, centre.shape[1]), symbols)
        after, outputs = flat.reshape(states.shape), outputs.reshape(6, 400, -1)
        form, rows = step(weights, ellipsoids(centre, shapes).widened(1e-6), symbol)
        pieces, origin = second.step(checked, second.symbols[symbol])
        sides = (form.centre, form.radius, rows), (pieces.centre, pieces.radius(), origin)
        for k in range(6):
            for middle, reach, source in sides:
                own = source == k
                inside = (np.abs(after[k][:, None] - middle[own]) <= reach[own]).all(axis=2)
                assert inside.any(axis=1).all()
            for value in range(2):
                sure = surely_reads(weights, form.rows(rows == k), (value,)).all()
                sure_again = second.reads(pieces.rows(origin == k), (value,)).all()
                assert not (sure or sure_again) or (outputs[k] == value).all()
                narrow += int(sure and sure_again)
    assert narrow > 0 or radius > 0.1


@pytest.mark.parametrize("seed", range(5))
def test_largest_norm_bounds_samples_and_is_near_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    offset, matrix = 0.3 * rng.standard_normal((50, 3)), 0.4 * rng.standard_normal((50, 3, 3))
    units = rng.standard_normal((20_000, 3))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    seen = np.linalg.norm(offset[:, None] + np.einsum("bij,kj->bki", matrix, units), axis=2).max(axis=1)
    bound = largest_norm(offset, matrix)
    assert (seen <= bound).all()
    assert (bound <= 1.1 * seen).all()


@pytest.mark.parametrize("seed", range(5))
def test_box_norm_bounds_every_corner(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, box = rng.standard_normal((50, 4, 4)), rng.random((50, 4))
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=4)))
    seen = np.linalg.norm(np.einsum("bij,kj,bj->bki", matrix, corners, box), axis=2).max(axis=1)
    bound = box_norm(matrix, box)
    assert (seen <= bound * (1 + 1e-12)).all()
    assert (bound <= np.linalg.norm(np.abs(matrix) @ box[:, :, None], axis=(1, 2)) * (1 + 1e-12)).all()


@pytest.mark.parametrize(("full", "inside"), [(0.99, True), (1.01, False)])
def test_a_box_in_a_turned_ball_is_held_as_far_as_its_corners(full: float, inside: bool) -> None:
    turned = np.linalg.qr(np.random.default_rng(0).standard_normal((9, 9)))[0]
    region = {"centre": [0.0] * 9, "shape": (3.0 * turned).tolist(), "state": []}
    box = Enclosure(np.zeros((1, 9)), np.zeros((1, 1, 9)), np.full((1, 9), full))
    assert Regions([region], 9).hold(box, np.array([0])).tolist() == [inside]
    form = Form(np.zeros((1, 9)), np.zeros((1, 1, 9)), np.full((1, 9), full))
    assert contained(form, np.zeros((1, 9)), np.linalg.inv(3.0 * turned)[None]).tolist() == [inside]


def test_slow_direction_leaves_room_across_it() -> None:
    """A bound that adds the norms would refuse this: nearly full along one axis, moved along another."""
    form = ellipsoids(np.array([[0.0, 0.3]]), np.array([[[0.9, 0.0], [0.0, 0.1]]]))
    assert contained(form, np.zeros((1, 2)), np.eye(2)[None]).all()


@pytest.fixture(scope="module")
def proved() -> tuple[Any, dict[str, Any]]:
    torch.set_num_threads(1)
    network = load_network(ZOO / "parity_noisy_rnn_tanh")
    finding, certificate = certify(network, machine(PARITY), timeout_s=20)
    assert isinstance(finding.verdict, Proved), finding
    assert certificate is not None
    return network, certificate


def test_noise_trained_network_is_proved_and_rechecked(proved: tuple[Any, dict[str, Any]], tmp_path: Path) -> None:
    save_certificate(proved[1], tmp_path)
    finding = check_directories(tmp_path, ZOO / "parity_noisy_rnn_tanh")
    assert isinstance(finding.verdict, Proved), finding
    other = check_directories(tmp_path, ZOO / "parity_mlp")
    assert isinstance(other.verdict, Unknown)


@pytest.mark.parametrize(("name", "text"), [("tomita1_rnn_tanh", TOMITA_1)])
def test_plainly_trained_network_is_proved(name: str, text: str) -> None:
    finding, _ = certify(load_network(ZOO / name), machine(text), timeout_s=20)
    assert isinstance(finding.verdict, Proved), finding


def test_wrong_program_is_not_proved(proved: tuple[Any, dict[str, Any]]) -> None:
    wrong = machine(PARITY.replace("s ^ x", "if s == 1 and x == 1 then 1 else s ^ x"))
    finding, certificate = certify(proved[0], wrong, timeout_s=20)
    assert isinstance(finding.verdict, Refuted)
    assert finding.verdict.counterexample.inputs == ((1,), (1,))
    assert certificate is None


def corrupted(certificate: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Certificates that no longer prove anything: boxes shrunk or moved, branches lost, wrong states or program."""
    made = []

    def corrupt(name: str, change: Any) -> None:
        copied = copy.deepcopy(certificate)
        change(copied)
        made.append((name, copied))

    def scaled(c: dict[str, Any], k: int, factor: float) -> None:
        c["regions"][k]["shape"] = (factor * np.array(c["regions"][k]["shape"])).tolist()

    for k in range(len(certificate["regions"])):
        last = len(certificate["regions"]) - 1
        moved = [value + 1 for value in certificate["regions"][k]["centre"]]
        corrupt(f"region {k} moved", lambda c, k=k, moved=moved: c["regions"][k].update(centre=moved))
        corrupt(f"region {k} enlarged", lambda c, k=k: scaled(c, k, 40.0))
        corrupt(f"region {k} flat", lambda c, k=k: scaled(c, k, 0.0))
        corrupt(f"region {k} infinite", lambda c, k=k: c["regions"][k]["centre"].__setitem__(0, float("inf")))
        corrupt(f"region {k} of another state", lambda c, k=k: c["regions"][k].update(state=["5"]))
        corrupt(f"region {k} has lost a target", lambda c, k=k: c["regions"][k]["to"][0].pop())
        corrupt(f"region {k} has lost an input", lambda c, k=k: c["regions"][k]["to"].pop())
        corrupt(f"region {k} leads nowhere", lambda c, k=k, n=last + 1: c["regions"][k].update(to=[[n], [n]]))
        if any(k in targets for region in certificate["regions"] for targets in region["to"]):
            corrupt(f"region {k} shrunk", lambda c, k=k: scaled(c, k, 1e-3))
    corrupt("no regions", lambda c: c.update(regions=[]))
    corrupt("another start", lambda c: c["regions"].reverse())
    corrupt("another format", lambda c: c.update(format="netlift-certificate/1"))
    corrupt("another program", lambda c: c.update(program=c["program"].replace("output s'", "output 1 - s'")))
    corrupt("other weights", lambda c: c.update(weights_sha256="0" * 64))
    return made


def test_corrupted_certificates_are_rejected(proved: tuple[Any, dict[str, Any]]) -> None:
    network, certificate = proved
    description, tensors = dict(network.description), dict(network.tensors)
    assert "every length" in check_certificate(certificate, description, tensors)
    accepted = []
    for name, wrong in corrupted(certificate):
        try:
            check_certificate(wrong, description, tensors)
            accepted.append(name)
        except (Rejected, IndexError):
            continue
    assert accepted == []


def test_certificate_is_plain_json(proved: tuple[Any, dict[str, Any]]) -> None:
    assert json.loads(json.dumps(proved[1])) == proved[1]


def test_changed_weights_are_rejected(proved: tuple[Any, dict[str, Any]]) -> None:
    network, certificate = proved
    tensors = {name: tensor.copy() for name, tensor in network.tensors.items()}
    tensors["readout.bias"][0] += np.float32(1e-3)
    with pytest.raises(Rejected, match="weights"):
        check_certificate(certificate, dict(network.description), tensors)


def test_network_without_weights_is_unknown() -> None:
    from tests.verify.stubs import BITS, MachineNetwork

    finding, _ = certify(MachineNetwork(machine(PARITY), BITS), machine(PARITY), timeout_s=5)
    assert finding.verdict == Unknown("expected a network that shows its weights, got one that only runs")
