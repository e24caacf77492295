"""A finite network is lifted by the traces of its states."""

import numpy as np

from dsl.programs import program_size
from extract.abstract.choose import abstract
from extract.extraction import Silent
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
