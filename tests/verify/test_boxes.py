"""Bounds enclose what float32 networks compute; branch and bound and z3 agree with enumeration."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dsl.errors import Unsupported
from dsl.programs import Function
from dsl.syntax import parse
from extract.networks import FeedForwardNetwork, from_module
from verify.boxes import check_boxes, search_boxes, within
from verify.domain import Domain
from verify.exact import find_violation
from verify.functions import check_function
from verify.graph import Affine, Kind, evaluate
from verify.reach.backward import Bounds, Interval, _curvature, _curve, _value
from verify.verdict import Proved, Refuted

RANGES = ((-3, 3), (0, 5), (0, 2))


def network(activation: type[nn.Module], widths: tuple[int, ...], decoding: str, seed: int) -> FeedForwardNetwork:
    torch.manual_seed(seed)
    outputs = {"argmax": 4, "round": 1, "sign": 1}[decoding]
    layers: list[nn.Module] = []
    for before, after in pairwise([3, *widths, outputs]):
        layers += [activation(), nn.Linear(before, after)]
    ranges = {"argmax": ((0, 3),), "round": ((None, None),), "sign": ((0, 1),)}[decoding]
    found = from_module(nn.Sequential(*layers[1:]), domain=Domain.single(RANGES), output_ranges=ranges,
                        encoding="integer", decoding=decoding)  # fmt: skip
    assert isinstance(found, FeedForwardNetwork)
    return found


CASES = [
    (a, w, d) for a in (nn.ReLU, nn.Tanh, nn.GELU) for w, d in (((6,), "argmax"), ((5, 4), "round"), ((8,), "sign"))
]


class Tangled(nn.Module):
    """Sums, concatenations and a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        return self.last(torch.cat([h + torch.sigmoid(self.second(torch.relu(h))), torch.tanh(h)], dim=1))


def tangled() -> FeedForwardNetwork:
    torch.manual_seed(3)
    found = from_module(
        Tangled(), domain=Domain.single(RANGES), output_ranges=((0, 1),), encoding="integer", decoding="sign"
    )
    assert isinstance(found, FeedForwardNetwork)
    return found


NETWORKS = [*(network(a, w, d, seed) for seed, (a, w, d) in enumerate(CASES)), tangled()]


def boxes(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    domain, rng = Domain.single(RANGES), np.random.default_rng(seed)
    ends = np.sort(domain.draw((count, 2), rng=rng), axis=1)
    return ends[:, 0], ends[:, 1]


def inside(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return Domain.single(tuple(zip(low.tolist(), high.tolist(), strict=True))).symbols()


@pytest.mark.parametrize("subject", NETWORKS)
def test_the_graph_computes_what_torch_does(subject: FeedForwardNetwork) -> None:
    inputs = subject.domain.symbols()
    logits = subject.trace(inputs[:, None]).activations["logits"][:, 0]
    np.testing.assert_allclose(evaluate(subject.layers(), inputs), logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("subject", NETWORKS)
def test_bounds_enclose_every_input_of_a_box(subject: FeedForwardNetwork) -> None:
    lows, highs = boxes(12)
    width = subject.layers().nodes[-1].width
    bounds = Bounds(subject.layers(), lows, highs)
    least, most = bounds.least(np.eye(width), np.zeros(width)), -bounds.least(-np.eye(width), np.zeros(width))
    for k in range(12):
        logits = subject.trace(inside(lows[k], highs[k])[:, None]).activations["logits"][:, 0]
        assert (logits >= least[k]).all()
        assert (logits <= most[k]).all()
        spread = logits.max(axis=0) - logits.min(axis=0)
        assert ((most - least)[k] <= 12 * spread + 1e-3).all()


def test_bounds_of_another_network_would_be_noticed() -> None:
    subject, other = NETWORKS[0], NETWORKS[3]
    lows, highs = boxes(12)
    width = subject.layers().nodes[-1].width
    least = Bounds(subject.layers(), lows, highs).least(np.eye(width), np.zeros(width))
    logits = [other.trace(inside(a, b)[:, None]).activations["logits"][:, 0] for a, b in zip(lows, highs, strict=True)]
    assert any((part < bound).any() for part, bound in zip(logits, least, strict=True))


@pytest.mark.parametrize("subject", NETWORKS)
def test_branch_and_bound_agrees_with_enumeration(subject: FeedForwardNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.boxes.LEAF", 2)
    lows, highs = boxes(12, seed=1)
    for k, (low, high) in enumerate(zip(lows, highs, strict=True)):
        outputs = subject.run(inside(low, high)[:, None])[:, 0]
        ranges = ((int(outputs.min()) + k % 2, int(outputs.max())),)
        claim = within(ranges)
        found, done, _ = search_boxes(subject, claim, low, high)
        holds = bool(claim.right(inside(low, high), outputs).all())
        assert (found is None and done) == holds
        if found is not None:
            assert not claim.right(found[None], subject.run(found[None, None])[:, 0])[0]


@pytest.mark.parametrize("subject", NETWORKS[:3])
def test_z3_agrees_with_enumeration(subject: FeedForwardNetwork) -> None:
    lows, highs = boxes(5, seed=2)
    for k, (low, high) in enumerate(zip(lows, highs, strict=True)):
        outputs = subject.run(inside(low, high)[:, None])[:, 0]
        ranges = ((int(outputs.min()) + k % 2, int(outputs.max())),)
        found, obstacle = find_violation(subject, ranges, low, high)
        assert obstacle == ""
        assert (found is None) == bool(within(ranges).right(inside(low, high), outputs).all())


class Scaled(nn.Module):
    """A sum that is more than a sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 1), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.first(x), self.second(x), alpha=2)


def test_what_has_no_reading_is_refused() -> None:
    subject = from_module(
        Scaled(), domain=Domain.single(RANGES), output_ranges=((0, 1),), encoding="integer", decoding="sign"
    )
    assert isinstance(subject, FeedForwardNetwork)
    with pytest.raises(Unsupported, match="a common layer"):
        subject.layers()


def test_z3_refuses_curves() -> None:
    with pytest.raises(Unsupported, match="rectifiers"):
        find_violation(NETWORKS[3], ((0, 0),), *(end[0] for end in boxes(1)))


def adding() -> FeedForwardNetwork:
    """A network that adds its inputs, up to 5 on the wrong side of one kink."""
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]))
        net[0].bias.copy_(torch.tensor([10.0, -9.0]))
        net[2].weight.copy_(torch.tensor([[1.0, -1.0]]))
        net[2].bias.copy_(torch.tensor([-10.0]))
    found = from_module(
        net, domain=Domain.single(RANGES), output_ranges=((None, None),), encoding="integer", decoding="round"
    )
    assert isinstance(found, FeedForwardNetwork)
    return found


def function(body: str) -> Function:
    parsed = parse(f"function f(a: -3..3, b: 0..5, c: 0..2) -> int = {body}")
    assert isinstance(parsed, Function)
    return parsed


@pytest.mark.parametrize("check", [check_function, check_boxes])
def test_equality_with_a_function_is_decided(check: object) -> None:
    subject = adding()
    equal = check(subject, function("min(a + b + c, 9)"))  # type: ignore[operator]
    assert isinstance(equal.verdict, Proved)
    assert "all 126 inputs" in equal.verdict.domain
    wrong = check(subject, function("a + b + c"))  # type: ignore[operator]
    assert isinstance(wrong.verdict, Refuted)
    assert wrong.verdict.counterexample.inputs == ((3, 5, 2),)
    assert wrong.verdict.counterexample.expected == ((10,),)
    assert wrong.verdict.counterexample.actual == ((9,),)


def test_the_counterexample_is_the_most_central() -> None:
    verdict = check_function(adding(), function("a + b + c + 1")).verdict
    assert isinstance(verdict, Refuted)
    assert verdict.counterexample.inputs[0] in {(0, 2, 1), (0, 3, 1)}


def test_a_wrong_weight_is_noticed() -> None:
    subject = adding()
    node = subject.layers().nodes[-1].operation
    assert isinstance(node, Affine)
    node.weight[0, 1] = -0.5
    lows, highs = np.array(RANGES).T
    least = Bounds(subject.layers(), lows[None], highs[None]).least(-np.eye(1), np.zeros(1))
    assert -least[0, 0] > 9.4  # the true network never exceeds 9


@pytest.mark.parametrize("kind", ["tanh", "gelu", "sigmoid"])
def test_lines_enclose_a_curve_and_the_nearest_ones_leave_less_area(kind: Kind) -> None:
    ends = np.sort(np.random.default_rng(0).normal(0, 4, (500, 2)), axis=1)
    interval = Interval(ends[:, 0], ends[:, 1])
    grid = np.linspace(ends[:, 0], ends[:, 1], 257)
    areas = []
    for lines in _curve(kind, interval):
        low = lines.low_slope * grid + lines.low_offset
        high = lines.high_slope * grid + lines.high_offset
        assert (low <= _value(kind, grid)).all()
        assert (_value(kind, grid) <= high).all()
        areas.append((high - low).mean(axis=0))
    assert (areas[1] <= areas[0] + 1e-9).all()
    second = np.abs(np.diff(_value(kind, grid), 2, axis=0)) / np.maximum(np.diff(grid[:2], axis=0), 1e-3) ** 2
    assert (second.max(axis=0) <= _curvature(kind, interval) + 1e-3).all()
