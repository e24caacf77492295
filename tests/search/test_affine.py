"""Exact identification of affine dynamics: the smallest order, and nothing where the dynamics are not affine."""

import numpy as np
import pytest

from dsl.batch import run_machine_batch
from dsl.programs import Machine
from dsl.terms import operator_count
from extract.search.affine import affine_choice
from extract.search.recurrences import Recurrence, delays
from extract.search.select import remembered_outputs
from extract.search.sets import Sample
from tests.verify.stubs import machine
from verify.domain import IntArray

WINDOW = """machine m(x: 0..99) -> int
    state p: int = 0 state q: int = 0 state r: int = 0 state s: int = 0 state t: int = 0 state u: int = 0
    next p = x next q = p next r = q next s = r next t = s next u = t output x + p + q + r + s + t + u"""
MAGNET = """machine m(a: -9..9, b: -9..9) -> int, int
    state u: int = 0 state v: int = 0 state p: int = 0 state q: int = 0 let f = u - v + a let g = u + v + b
    next u = f next v = g next p = p + f next q = q + g output p', q'"""


class Everything:
    """Evidence that sees every stream in the network."""

    def score(self, values: IntArray) -> np.ndarray:
        return np.ones(len(values))


def recorded(hidden: Machine, low: int, high: int) -> tuple[Sample, list[Recurrence]]:
    words = np.random.default_rng(0).integers(low, high + 1, size=(40, 12, len(hidden.inputs)))
    inputs = {v.name: words[..., k] for k, v in enumerate(hidden.inputs)}
    return Sample(inputs, run_machine_batch(hidden, words)), delays(inputs, Everything(), most=8)


@pytest.mark.parametrize(("text", "low", "states", "operators"), [(WINDOW, 0, 6, 6), (MAGNET, -9, 4, 12)])
def test_finds_the_smallest_order(text: str, low: int, states: int, operators: int) -> None:
    sample, chain = recorded(machine(text), low, 9)
    choice = affine_choice(sample, chain, remembered_outputs(sample, (0,)))
    assert choice is not None
    assert len(choice.recurrences) == states
    assert sum(operator_count(term) for term in choice.outputs) <= operators


def test_offers_nothing_where_the_dynamics_bend() -> None:
    sample, chain = recorded(
        machine("machine m(x: -9..9) -> int state s: int = 0 next s = max(s, x) output s'"), -9, 9
    )
    assert affine_choice(sample, chain, remembered_outputs(sample, (0,))) is None
