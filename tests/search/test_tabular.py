"""Machines from unlabelled tables: planted machines are sane, tables are what they say, and programs come back."""

import numpy as np
import pytest

from benchmarks.suites.planted import planted
from dsl.programs import Machine, program_size
from dsl.syntax import parse
from dsl.terms import Var
from dsl.types import INT
from extract.abstract.mealy import Mealy
from extract.abstract.minimal import equal, mealy_of, renamed
from extract.search.encodings import Proposer, encoding, unfold
from extract.search.tabular import machine_from_table
from verify.budget import Deadline
from verify.domain import Domain

BITS = Domain(((0, 1),), 9)


def machine(text: str) -> Machine:
    program = parse(text)
    assert isinstance(program, Machine)
    return program


def table(text: str, domain: Domain, seed: int = 0) -> Mealy:
    made = mealy_of(machine(text), domain, max_states=64)
    assert made is not None
    return renamed(made, rng=np.random.default_rng(seed))


def test_a_table_is_minimal_and_keeps_its_start_when_renamed() -> None:
    text = "machine m(x: 0..1) -> 0..2 state s: 0..5 = 0 next s = (s + x) mod 6 output s' mod 3"
    plain = mealy_of(machine(text), BITS, max_states=64)
    assert plain is not None
    assert plain.size == 3
    assert plain.output[0, :, 0].tolist() == [0, 1]
    other = renamed(plain, rng=np.random.default_rng(3))
    assert equal(plain, other)
    assert not equal(plain, table("machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = s ^ x output s'", BITS))


def test_a_machine_without_end_has_no_table() -> None:
    text = "machine m(x: 0..1) -> int state s: int = 1 next s = s * s + s output s"
    assert mealy_of(machine(text), BITS, max_states=64) is None


def test_planted_machines_are_reproducible_and_worth_recovering() -> None:
    first, again = planted(12, seed=5), planted(12, seed=5)
    assert [str(p.program) for p in first] == [str(p.program) for p in again]
    for p in first:
        exact = mealy_of(p.program, p.domain, max_states=256)
        assert exact is not None
        assert equal(exact, p.mealy)
        assert exact.size == p.mealy.size
        assert 2 <= p.mealy.size <= 64
    assert [len(p.program.states) for p in first] == [1, 1, 2, 2, 3, 3] * 2


def test_an_encoding_determines_the_state() -> None:
    text = (
        "machine m(x: 0..1) -> 0..5 state s: 0..1 = 0 state t: 0..2 = 0 "
        "next s = x next t = (t + s) mod 3 output t + 3 * s"
    )
    mealy = table(text, BITS)
    proposer = Proposer(mealy, BITS, (0, 1, 2, 3), (0, 1))
    alone = proposer.frame(())
    assert alone is not None
    proposer.singles(alone, high=8, max_cost=14, candidates=5_000)
    base = next(v for v in proposer.pool if isinstance(v.update, Var))
    frame = proposer.frame([base])
    assert frame is not None
    complete = proposer.singles(frame, high=8, max_cost=18, candidates=20_000)
    assert complete
    for found in complete:
        joint = unfold(mealy, BITS, encoding(found.variables))
        assert joint is not None
        both = np.stack([*joint.values.values(), joint.table], axis=1)
        assert len(np.unique(both[:, :-1], axis=0)) == len(np.unique(both, axis=0))


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("machine m(x: 0..1) -> 0..1 state s: 0..1 = 0 next s = int(s != x) output s'", BITS),
        ("machine m(x: 0..4) -> 0..4 state s: 0..4 = 0 next s = max(s, x) output s'", Domain(((0, 4),), 9)),
        ("machine m(x: 0..2) -> 0..3 state s: 0..3 = 0 next s = min(s + x, 3) output s", Domain(((0, 2),), 9)),
    ],
)  # fmt: skip
def test_a_program_comes_back_no_larger(text: str, domain: Domain) -> None:
    mealy = table(text, domain)
    planted_program = machine(text)
    found = machine_from_table(mealy, domain, planted_program.output_types, deadline=Deadline.after(60))
    assert found.machine is not None
    exact = mealy_of(found.machine, domain, max_states=256)
    assert exact is not None
    assert equal(exact, mealy)
    assert program_size(found.machine) <= program_size(planted_program)


def test_failure_says_why() -> None:
    rng = np.random.default_rng(0)
    nothing = np.zeros((9, 0), dtype=np.float32)
    mealy = Mealy(rng.integers(0, 9, (9, 2)), rng.integers(-99, 99, (9, 2, 1)), nothing, np.zeros(9, int), True)
    found = machine_from_table(mealy, BITS, (INT,), deadline=Deadline.after(0))
    assert found.machine is None
    assert found.stop == "time limit"
