"""Programs restated over other state variables, and the one a network keeps chosen among them by intervention."""

from __future__ import annotations

import numpy as np

from dsl.cost import cost_bits
from dsl.programs import Machine
from dsl.syntax import parse
from extract.align import align, judged
from extract.networks import RecurrentNetwork
from extract.plant import PlantOptions, plant
from extract.restate import DEARER, restated
from verify.budget import Deadline
from verify.domain import Domain
from verify.equivalence import machines_equal
from verify.verdict import NotSupported, Proved, Supported


def machine(text: str) -> Machine:
    found = parse(text)
    assert isinstance(found, Machine)
    return found


PARITIES = machine("""machine both(x: 0..1) -> 0..1
  state t: 0..1 = 0
  state s: 0..1 = 0
  next t = int(t != x)
  next s = int(s == x)
  output int(-t' == s')""")
LENGTH = machine("""machine both(x: 0..1) -> 0..1
  state t: 0..1 = 0
  state n: 0..1 = 0
  next t = int(t != x)
  next n = 1 - n
  output int(t' == 0) * int(n' == 0)""")


def test_restated_programs_are_equal_short_and_keep_other_state() -> None:
    found = list(restated(PARITIES, Domain(((0, 1),), 8), Deadline.after(30)))
    assert found
    for other in found:
        assert isinstance(machines_equal(PARITIES, other, timeout_s=10).verdict, Proved)
        assert cost_bits(other) <= DEARER * cost_bits(PARITIES)
        assert {s.update for s in other.states} != {s.update for s in PARITIES.states}


def test_the_program_that_the_network_keeps_takes_the_place_of_its_equal() -> None:
    planted = plant(LENGTH, Domain(((0, 1),), 12), PlantOptions("rnn_tanh", 16))
    network = planted.network
    assert isinstance(network, RecurrentNetwork)
    found = judged(network, PARITIES, Deadline.after(60), rng=np.random.default_rng(0))
    assert isinstance(found.verdict, NotSupported)
    assert found.verdict.reason.startswith("another claim does better (same outputs")
    own, alignment, findings = align(network, PARITIES, Deadline.after(60), rng=np.random.default_rng(0))
    assert isinstance(findings[0].verdict, Supported)
    assert own != PARITIES
    assert {a.variable for a in alignment} == {s.name for s in own.states}
    kept, _, _ = align(network, LENGTH, Deadline.after(60), rng=np.random.default_rng(0))
    assert kept is LENGTH
