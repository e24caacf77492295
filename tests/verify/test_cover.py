"""Ellipsoids around enclosures hold what the enclosures hold; a search for regions names words that refute."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.suites.tables import TASKS
from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks import load_recurrent
from verify.budget import Deadline
from verify.certificate import certify
from verify.lockstep import outputs_of
from verify.reach.affine import Array, Form
from verify.reach.cover import Cover
from verify.verdict import Refuted

TOMITA = Path(__file__).parents[2] / "benchmarks" / "zoo" / "tomita"


def drawn(rng: np.random.Generator, count: int, width: int) -> Form:
    generators = 0.2 * rng.standard_normal((count, width, width))
    return Form(rng.uniform(-1, 1, (count, width)), generators, 0.02 * rng.random((count, width)))


def inside(form: Form, row: int, rng: np.random.Generator) -> Array:
    """Points of one enclosure, most of them on its rim."""
    width = form.centre.shape[1]
    units = rng.standard_normal((300, width))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    corners = rng.choice([-1.0, 1.0], size=(300, width))
    return form.centre[row] + units @ form.generators[row] + corners * form.box[row]


@pytest.mark.parametrize("seed", range(3))
def test_each_enclosure_is_held_by_the_ellipsoid_named(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image, cover = drawn(rng, 80, 3), Cover(np.ones(3), 1.3)
    states = np.repeat([4, 5], 40)
    holder, made = cover.surround(image, states, np.repeat(0.3 * np.eye(3)[None], 80, axis=0))
    assert 0 < len(made) == cover.count < 80
    assert (holder[made] == np.arange(cover.count)).all()
    for row in range(80):
        offset = inside(image, row, rng) - cover.centres[holder[row]]
        assert (np.linalg.norm(offset @ cover.inverses[holder[row]].T, axis=1) <= 1).all()
    assert (cover.states[holder] == states).all()
    again = cover.holders(image, states)
    assert (again >= 0).mean() > 0.9
    assert (cover.holders(image, np.full(80, 3)) == -1).all()
    cover.drop([int(again[0])])
    assert again[0] not in cover.holders(image, states)


def test_word_met_by_the_search_refutes() -> None:
    """The network answers 200 random and structured words of length 1,000 right, and fails on one of length 20."""
    directory = TOMITA / "2_gru_2"
    network, machine = load_recurrent(directory), parse(TASKS["Tomita_2"].reference)
    assert isinstance(machine, Machine)
    finding, certificate = certify(network, machine, timeout_s=60)
    assert certificate is None
    assert isinstance(finding.verdict, Refuted)
    example = finding.verdict.counterexample
    assert example.expected == outputs_of(machine, example.inputs)
    answers = network.run(np.array(example.inputs)[None])[0]
    assert tuple(map(tuple, answers.tolist())) == example.actual
    assert example.actual[:-1] == example.expected[:-1]
    assert example.actual[-1] != example.expected[-1]


def test_deadline_by_another_clock() -> None:
    now = 10.0
    deadline = Deadline.after(4.0, lambda: now)
    part = deadline.share(0.5)
    assert (deadline.left, part.left, part.within(1.0).left) == (4.0, 2.0, 1.0)
    now = 12.0
    assert part.passed
    assert not deadline.passed
    assert Deadline.after(60.0, time.process_time).left > 50
