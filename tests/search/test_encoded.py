"""A finite network is lifted by the traces of its states."""

import numpy as np

from dsl.programs import program_size
from extract.abstract.choose import abstract
from extract.extraction import Silent
from extract.search import lift
from extract.search.lift import Lifter
from extract.trace import first_record
from tests.verify.stubs import MachineNetwork, machine
from verify.budget import Deadline
from verify.domain import Domain
from verify.equivalence import machines_equal
from verify.verdict import Proved


def test_a_finite_network_comes_back_no_larger_than_it_is_hidden() -> None:
    hidden = machine("machine m(x: 0..5) -> 0..1 state s: 0..1 = 1 next s = min(s, x) output s")
    network, rng = MachineNetwork(hidden, Domain(((0, 5),), 8)), np.random.default_rng(0)
    deadline = Deadline.after(600)
    abstraction = abstract(network, deadline, rng=rng)
    lifter = Lifter(network, abstraction, first_record(network, rng=rng), deadline, Silent(), rng=rng)
    lifter._encode(Deadline.after(0), deadline)  # no time for labellings
    found = lifter.best.machine
    assert found is not None
    assert lifter.best.survives
    assert program_size(found) <= program_size(hidden)
    assert isinstance(machines_equal(found, hidden, timeout_s=60).verdict, Proved)


def test_a_program_right_on_all_uniform_words_is_contested_no_longer_than_it_took(monkeypatch) -> None:
    """Six 9s in a row, which uniform words do not have, reset this network: no reason to search for minutes."""
    slipping = machine(
        "machine m(x: 0..9) -> 0..9 state s: 0..9 = 0 state n: 0..6 = 0 "
        "next s = if n == 5 and x == 9 then 0 else max(s, x) next n = if x == 9 then min(n + 1, 6) else 0 output s'"
    )
    largest = machine("machine m(x: 0..9) -> 0..9 state s: 0..9 = 0 next s = max(s, x) output s'")
    network, rng = MachineNetwork(slipping, Domain(((0, 9),), 10)), np.random.default_rng(0)
    deadline = Deadline.after(600)
    abstraction = abstract(network, deadline, rng=rng)
    lifter = Lifter(network, abstraction, first_record(network, rng=rng), deadline, Silent(), rng=rng)
    lifter._offer(largest)
    assert lifter.best.usual == 1.0
    assert not lifter.best.survives
    assert lifter.deadline.left < 100
    monkeypatch.setattr(lift, "machine_from_table", _not_wanted)
    lifter._encode(Deadline.after(0), deadline)
    assert lifter.best.machine == largest


def _not_wanted(*args: object, **kwargs: object) -> None:
    raise AssertionError("traces are searched only where no program is nearly right")
