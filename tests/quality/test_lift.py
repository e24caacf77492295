"""The search does find the program, and finds a small one: machines hidden behind the network protocol."""

import numpy as np
import pytest

from dsl.programs import program_size
from extract.pipeline import extract
from tests.verify.stubs import MachineNetwork, machine
from verify.domain import Domain
from verify.equivalence import machines_equal
from verify.verdict import Proved

HIDDEN = {
    "toggle on 1": "machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = s ^ x output s'",
    "sum modulo 4": "machine m(x: 0..3) -> 0..3 state s: 0..3 = 0 next s = (s + x) mod 4 output s'",
    "delay of two": "machine m(x: 0..9) -> 0..9 state p: 0..9 = 0 state q: 0..9 = 0 next p = x next q = p output q",
    "largest so far": "machine m(x: 0..9) -> 0..9 state s: 0..9 = 0 next s = max(s, x) output s'",
    "carry": """machine m(a: 0..2, b: 0..2) -> 0..2 state c: 0..1 = 0 let s = a + b + c
        next c = s div 3 output s mod 3""",
    "sum without bound": "machine m(x: 0..50) -> int state s: int = 0 next s = s + x output s'",
    "twice the sum less x": "machine m(x: -5..5) -> int state s: int = 0 next s = s + x output 2 * s' - x",
    "saturating counter": """machine m(x: 0..1) -> 0..3 state n: 0..3 = 0
        next n = if x == 1 then min(n + 1, 3) else 0 output n""",
    "second-order sum": """machine m(x: -3..3) -> int state v: int = 0 state p: int = 0
        next v = v + x next p = p + v + x output p'""",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_finds_the_hidden_machine(name: str) -> None:
    hidden = machine(HIDDEN[name])
    ranges = tuple((v.type.low, v.type.high) for v in hidden.inputs)  # type: ignore[union-attr]
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(len(hidden.states) + 1,) * 2).astype(np.float32)
    network = MachineNetwork(hidden, Domain(ranges, 8), mixing=mixing)  # type: ignore[arg-type]
    found = extract(network, timeout_s=40, rng_seed=0)
    assert found.program is not None
    equal = machines_equal(hidden, found.program, timeout_s=10)  # type: ignore[arg-type]
    assert isinstance(equal.verdict, Proved), found.program
    assert program_size(found.program) <= 2 * program_size(hidden)


def test_a_planted_deviation_is_reported_with_its_shortest_input() -> None:
    hidden = machine(HIDDEN["toggle on 1"])
    word = tuple((int(b),) for b in "110100110101")
    found = extract(MachineNetwork(hidden, Domain(((0, 1),), 8), planted=word), timeout_s=40, rng_seed=0)
    refuted = [f for f in found.evidence if "length up to 11" in getattr(f.verdict, "domain", "")]
    assert refuted, found.evidence
    examples = [f.verdict.counterexample for f in found.evidence if hasattr(f.verdict, "counterexample")]
    assert [e.inputs for e in examples][:1] == [word]


def test_the_same_seed_gives_the_same_program() -> None:
    network = MachineNetwork(machine(HIDDEN["carry"]), Domain(((0, 2), (0, 2)), 8))
    first, second = (extract(network, timeout_s=40, rng_seed=3).program for _ in range(2))
    assert first == second
