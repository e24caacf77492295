"""The finite-state abstraction: minimal machines from behaviour, and the sign that a network counts."""

import numpy as np
import pytest

from extract.abstract.choose import abstract
from extract.abstract.mealy import MealyLimits, learn_mealy, symbol_index
from tests.verify.stubs import MachineNetwork, machine
from verify.budget import Deadline
from verify.domain import Domain

SIZES = {
    "machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = s ^ x output s'": 2,
    "machine m(x: 0..4) -> 0..4 state s: 0..4 = 0 next s = (s + x) mod 5 output s'": 5,
    # twice as many states as behaviours: s counts modulo 6, outputs see it modulo 3
    "machine m(x: 0..1) -> 0..2 state s: 0..5 = 0 next s = (s + x) mod 6 output s' mod 3": 3,
    # a difference that shows only three steps later
    "machine m(x: 0..1) -> 0..1 state p: 0..1 = 0 state q: 0..1 = 0 state r: 0..1 = 0 "
    "next p = x next q = p next r = q output r": 8,
}


@pytest.mark.parametrize("text", SIZES)
def test_minimal(text: str) -> None:
    network = MachineNetwork(machine(text), Domain(((0, 4) if "0..4" in text else (0, 1),), 9))
    learned = learn_mealy(network, MealyLimits(), rng=np.random.default_rng(0))
    assert learned is not None
    assert (learned.size, learned.closed) == (SIZES[text], True)
    words = network.domain.draw((200, 15), rng=np.random.default_rng(1))
    _, outputs = learned.run(symbol_index(network.domain.ranges, words))
    assert (outputs == network.run(words)).all()


def test_a_counter_is_not_finite() -> None:
    text = "machine m(x: 0..1) -> int state s: int = 0 next s = s + x output s'"
    network = MachineNetwork(machine(text), Domain(((0, 1),), 9))
    found = abstract(network, Deadline.after(10), rng=np.random.default_rng(0))
    assert not found.finite
    assert found.describe().startswith("not finite")


def test_large_alphabets_are_left_to_read_outs() -> None:
    text = "machine m(x: 0..999) -> int state s: int = 0 next s = x output s"
    network = MachineNetwork(machine(text), Domain(((0, 999),), 9))
    assert learn_mealy(network, MealyLimits(), rng=np.random.default_rng(0)) is None


def test_rare_slips_are_exceptions_and_not_states() -> None:
    """The network leaves the machine at one word; explaining that would take a state for every letter of it."""
    text = "machine m(x: 0..4) -> 0..4 state s: 0..4 = 0 next s = (s + x) mod 5 output s'"
    slip = tuple((x,) for x in (2, 4, 1, 0, 3, 1))
    network = MachineNetwork(machine(text), Domain(((0, 4),), 9), planted=slip)
    words = np.array([[*slip, (0,), (0,), (0,)]])
    found = abstract(network, Deadline.after(10), rng=np.random.default_rng(0), hard=words)
    assert found.mealy is not None
    assert (found.mealy.size, found.finite) == (5, True)
    assert found.mealy.exceptions > 0
    answers = network.run(words)
    assert answers[0, 5, 0] == 2
    assert found.cleaned(network, words, answers)[0, 5, 0] == 1


def test_limits_on_steps_end_the_learning() -> None:
    text = "machine m(x: 0..99) -> int state s: int = 0 state t: int = 0 next s = x next t = s output t"
    network = MachineNetwork(machine(text), Domain(((0, 99),), 9))
    assert learn_mealy(network, MealyLimits(max_steps=100_000), rng=np.random.default_rng(0)) is None
