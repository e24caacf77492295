"""The checker's arithmetic holds what it encloses, and no more than it has to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.performance.enclosures import violations
from extract.networks import load_network
from verify import enclosures
from verify.enclosures import Enclosure, Network, Zonotope
from verify.hulls import trimmed

ZOO = Path(__file__).parents[2] / "benchmarks" / "zoo"
DEEP = "run_of_ones_gru_2_layers"


def zonotope(rng: np.random.Generator, count: int, width: int, batch: int = 40) -> Zonotope:
    terms = rng.standard_normal((batch, count, width)) * 10 ** rng.uniform(-3, 0, (batch, count, 1))
    return Zonotope(rng.standard_normal((batch, width)), terms, 0.1 * rng.random((batch, width)))


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_products_of_terms_are_held(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = zonotope(rng, count, 3), zonotope(rng, count, 3)
    middle, half = a.times(b)
    signs = np.concatenate([rng.choice([-1.0, 1.0], (200, 40, count)), rng.uniform(-1, 1, (100, 40, count))])
    products = np.einsum("kbi,biw->kbw", signs, a.terms) * np.einsum("kbi,biw->kbw", signs, b.terms)
    assert (np.abs(products - middle) <= half * (1 + 1e-9) + 1e-300).all()
    terms = a.reach() * b.reach() - np.abs(a.terms * b.terms).sum(axis=1) / 2
    assert (half <= terms * (1 + 1e-9)).all()


@pytest.mark.parametrize("seed", range(20))
def test_what_float32_terms_are_rounded_by_is_in_the_box(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, weight = int(rng.integers(1, 50)), rng.standard_normal((5, 3)).astype(np.float32).astype(np.float64)
    narrow = [zonotope(rng, count, 3) for _ in range(2)]
    narrow = [x.like(x.centre, x.terms.astype(enclosures.NARROW), x.box) for x in narrow]
    wide = [x.like(x.centre, x.terms.astype(np.float64), x.box) for x in narrow]
    unit = rng.random(3) + 0.1
    operations: dict[str, Any] = {
        "sum": enclosures._sum,
        "difference": lambda a, b: enclosures._sum(a, b, -1.0),
        "product": enclosures._product,
        "linear": lambda a, b: enclosures._linear(a, weight, np.zeros(5)),
        "trimmed": lambda a, b: trimmed(a, unit, 3),
    }
    for name, operation in operations.items():
        found, exact = operation(*narrow), operation(*wide)
        assert found.terms.dtype == enclosures.NARROW
        off = np.abs(found.terms - exact.terms).sum(axis=1) + np.abs(found.centre - exact.centre)
        assert off.max() > 0 or name == "trimmed"
        assert (found.box >= exact.box + off).all(), name
    (x, _), (same, _) = narrow, wide
    by = rng.standard_normal((40, 3))
    assert (np.abs(x.scaled(by) - same.scaled(by)) <= x.grain * np.abs(same.scaled(by))).all()
    opened, sides = x.opened(), same.opened()
    assert (np.abs(opened.terms) >= np.abs(sides.terms)).all()
    assert (x.reach() >= np.abs(same.terms).sum(axis=1)).all()


def test_products_with_nothing_are_nothing() -> None:
    rng = np.random.default_rng(0)
    some, none = zonotope(rng, 4, 3), Zonotope(np.zeros((40, 3)), np.zeros((40, 4, 3)), np.zeros((40, 3)))
    for a, b in ((some, none), (none, some), (none, none)):
        assert all((np.abs(part) < 1e-15).all() for part in a.times(b))


def test_sides_among_the_terms_are_the_same_set() -> None:
    x = zonotope(np.random.default_rng(1), 5, 4)
    opened = x.opened()
    assert opened.terms.shape[1] == 9
    assert (opened.box == 0).all()
    along = np.random.default_rng(2).standard_normal((6, 4))
    before = np.abs(x.terms @ along.T).sum(axis=1) + x.box @ np.abs(along).T
    assert np.allclose(np.abs(opened.terms @ along.T).sum(axis=1), before)
    ball = Enclosure(x.centre, x.terms, x.box)
    assert ball.opened() is ball


def test_bounds_that_forget_a_box_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    right = enclosures._blend

    def wrong(new: Any, old: Any, update: Any) -> Any:
        return right(new.like(new.centre, new.terms, np.zeros_like(new.box)), old, update)

    monkeypatch.setattr(enclosures, "_blend", wrong)
    assert violations(ZOO / "tomita/4_gru_1", np.random.default_rng(3))[1] > 0


@pytest.mark.parametrize("name", [DEEP, "tomita4_lstm", "div_3_gru"])
def test_steps_lose_less_of_sides_among_the_terms(name: str) -> None:
    network = load_network(ZOO / name)
    enclosed, rng = Network(dict(network.description), dict(network.tensors)), np.random.default_rng(4)
    width = len(enclosed.start())
    x = Zonotope(0.5 * rng.standard_normal((50, width)), np.zeros((50, width, width)), np.full((50, width), 1e-3))
    closed, opened = (enclosed.step(each, enclosed.symbols[0], cuts=0)[0].radius() for each in (x, x.opened()))
    assert (opened <= closed * (1 + 1e-6) + 1e-9).mean() > 0.9
    assert opened.sum() < closed.sum()
