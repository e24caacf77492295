"""Networks with real outputs: the form near them, the distance that is proved, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dsl.errors import BadInput
from dsl.printers import print_program
from dsl.programs import Function
from dsl.syntax import parse
from dsl.terms import Var
from dsl.types import IntType
from extract import extract, from_module, load_network
from extract.distil.pieces import SHAPES, _active, _count, nearest_form
from extract.networks import FeedForwardNetwork
from verify.boxes import search_boxes, values_of
from verify.budget import FOREVER, Deadline
from verify.domain import Domain
from verify.near import check_near, near
from verify.verdict import Proved, Unknown


class Larger(nn.Module):
    """The larger of two numbers, plus a ripple of at most `height`."""

    def __init__(self, height: float) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 4), nn.Linear(4, 1)
        self.ripple, self.height = nn.Linear(2, 1), nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[1.0, -1.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0]]))
            self.first.bias.zero_()
            self.last.weight.copy_(torch.tensor([[1.0, 1.0, -1.0, 0.0]]))
            self.last.bias.zero_()
            self.ripple.weight.copy_(torch.tensor([[7.0, 5.0]]))
            self.height.weight.fill_(height)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(x))) + self.height(torch.tanh(self.ripple(x)))


def larger(bound: int, height: float) -> FeedForwardNetwork:
    domain = Domain.single(((-bound, bound),) * 2)
    ranges = ((None, None),)
    network = from_module(
        Larger(height), domain=domain, output_ranges=ranges, encoding="real", units=(0.01,) * 2, decoding="real",
        output_units=(0.01,),
    )  # fmt: skip
    assert isinstance(network, FeedForwardNetwork)
    return network


def program(body: str, bound: int) -> Function:
    found = parse(f"function f(a: {-bound}..{bound}, b: {-bound}..{bound}) -> int = {body}")
    assert isinstance(found, Function)
    return found


def test_the_rule_is_found_and_its_distance_proved() -> None:
    network = larger(50, 0.05)
    found = extract(network, timeout_s=30)
    assert isinstance(found.program, Function)
    assert "max(a, b)" in print_program(found.program)
    (finding,) = found.evidence
    assert isinstance(finding.verdict, Proved)
    inputs = network.domain.symbols()
    logits = network.trace(inputs[:, None]).activations["logits"][:, 0, 0].astype(np.float64)
    apart = np.abs(values_of(found.program, inputs)[:, 0] * 0.01 - logits).max()
    (within,) = dict(finding.measured)["within"]
    assert apart <= within <= apart + 0.0101


def test_a_large_box_is_settled_by_bounds() -> None:
    network, wanted = larger(800, 0.0), program("(a + b) div 2", 800)
    finding = check_near(network, wanted, deadline=Deadline.after(30))
    assert isinstance(finding.verdict, Proved)
    assert finding.method == "branch and bound"
    (within,) = dict(finding.measured)["within"]
    assert 8.0 <= within <= 9.0
    lows, highs = np.array(network.domain.ranges).T
    broken, _, _ = search_boxes(network, near(wanted, np.array([700])), lows, highs)
    assert broken is not None
    assert np.abs(values_of(wanted, broken[None]) - network.run(broken[None, None])[:, 0]).max() > 700


def test_without_time_nothing_is_proved() -> None:
    finding = check_near(larger(800, 0.8), program("a", 800), deadline=Deadline.after(0))
    assert isinstance(finding.verdict, Unknown)


@pytest.mark.parametrize(
    "truth",
    [
        lambda a, b: np.minimum(np.maximum(a, -30), b),
        lambda a, b: (a * b) // 10,
        lambda a, b: np.maximum(a + b, 0) - 2 * b,
    ],
    ids=["clip", "product", "hinge"],
)
def test_forms_are_found(truth) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.integers(-100, 101, size=(1_000, 2))
    variables = [Var("a", IntType(-100, 100)), Var("b", IntType(-100, 100))]
    form = nearest_form(variables, inputs, truth(*inputs.T), FOREVER, rng=rng)
    assert form.farthest <= 1


def test_what_a_shape_is_made_of() -> None:
    values = np.random.default_rng(0).normal(size=(100, 4))

    def value(shape, row):
        if isinstance(shape, int):
            return row[shape]
        left, right = (value(part, row) for part in shape[1:])
        return {"max": max, "min": min, "+": lambda a, b: a + b}[shape[0]](left, right)

    for shape in SHAPES:
        own = values[:, : _count(shape)]
        assert np.allclose((_active(shape, own) * own).sum(axis=1), [value(shape, row) for row in own])


def test_saved_with_a_test_that_passes_within_the_distance(tmp_path: Path) -> None:
    zoo = Path(__file__).parents[2] / "benchmarks" / "zoo" / "reals"
    extract(load_network(zoo / "clamp_tanh"), timeout_s=30).save(tmp_path / "out")
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "test_program.py"], cwd=tmp_path / "out", check=False)
    assert ran.returncode == 0
    assert "FARTHEST = [" in (tmp_path / "out" / "test_program.py").read_text()


@pytest.mark.parametrize(("key", "value", "told"), [
    ("output", {"decoding": "real", "arity": 1, "unit": 0}, "a positive number"),
    ("output", {"decoding": "real", "arity": 1, "unit": "x"}, "a number"),
])  # fmt: skip
def test_a_wrong_unit_is_told(tmp_path: Path, key: str, value: object, told: str) -> None:
    zoo = Path(__file__).parents[2] / "benchmarks" / "zoo" / "reals" / "abs_relu"
    described = json.loads((zoo / "network.json").read_text())
    (tmp_path / "network.json").write_text(json.dumps({**described, key: value}))
    (tmp_path / "model.safetensors").write_bytes((zoo / "model.safetensors").read_bytes())
    with pytest.raises(BadInput, match=told):
        load_network(tmp_path)


def test_streams_have_no_real_outputs() -> None:
    with pytest.raises(BadInput, match="decoding"):
        from_module(
            nn.Identity(), domain=Domain(((0, 1),), 5), output_ranges=((None, None),), decoding="real",
            output_units=(0.1,), state_width=2,
        )  # fmt: skip
