"""Equal programs are proved equal for every length, nearly equal ones separated by a shortest input."""

from __future__ import annotations

import pytest

from dsl.errors import TypeMismatch
from dsl.syntax import parse
from tests.verify.pairs import DIFFERENT, EQUAL
from tests.verify.stubs import machine
from verify.budget import Deadline
from verify.diff import diff_programs
from verify.monitor import input_domain, product
from verify.spacer import spacer
from verify.unroll import shortest_violation, sound_types
from verify.verdict import Proved, Refuted, Unknown


def test_at_least_twenty_pairs_of_each_kind() -> None:
    assert min(len(EQUAL), len(DIFFERENT)) >= 20


@pytest.mark.parametrize(("name", "a", "b"), EQUAL, ids=[row[0] for row in EQUAL])
def test_equal_machines_are_proved_for_every_length(name: str, a: str, b: str) -> None:
    finding = diff_programs(machine(a), machine(b), timeout_s=30)
    assert isinstance(finding.verdict, Proved), finding
    assert finding.verdict.domain.startswith("all inputs of every length")


@pytest.mark.parametrize(("name", "a", "b", "length"), DIFFERENT, ids=[row[0] for row in DIFFERENT])
def test_different_machines_are_separated_by_a_shortest_input(name: str, a: str, b: str, length: int) -> None:
    finding = diff_programs(machine(a), machine(b), timeout_s=30)
    assert isinstance(finding.verdict, Refuted), finding
    assert finding.verdict.counterexample.length == length
    assert finding.verdict.shortest


@pytest.mark.parametrize("name", ["a limit at 1000", "delay 2 and delay 3", "saturation at 4 and at 5"])
def test_unrolling_finds_the_length_that_exploration_finds(name: str) -> None:
    a, b, length = next(row[1:] for row in DIFFERENT if row[0] == name)
    monitor, deadline = product(machine(a), machine(b)), Deadline.after(30)
    assert input_domain(monitor) is not None
    proved, word = shortest_violation(monitor, sound_types(monitor, deadline), max_length=length, deadline=deadline)
    assert (proved, len(word or ())) == (length - 1, length)


def test_spacer_proves_and_refutes_alone() -> None:
    for rows, answer in ((EQUAL[1], "unsat"), (DIFFERENT[0], "sat")):
        monitor, deadline = product(machine(rows[1]), machine(rows[2])), Deadline.after(30)
        assert str(spacer(monitor, sound_types(monitor, deadline), [], deadline=deadline)) == answer


def test_without_time_nothing_is_claimed() -> None:
    a, b = EQUAL[2][1:]
    assert isinstance(diff_programs(machine(a), machine(b), timeout_s=0).verdict, Unknown)


FUNCTIONS = (
    ("function f(a: 0..112, b: 0..112) -> 0..112 = (a + b) mod 113",
     "function g(a: 0..112, b: 0..112) -> 0..112 = if a + b < 113 then a + b else a + b - 113", Proved),
    ("function f(a: int, b: int) -> int = max(a, b)", "function g(a: int, b: int) -> int = -min(-a, -b)", Proved),
    ("function f(a: int) -> int = a div 2", "function g(a: int) -> int let h = a - a mod 2 = h div 2", Proved),
    ("function f(a: int) -> int = abs(a)", "function g(a: int) -> int = if a == 77 then 0 else max(a, -a)", Refuted),
    ("function f(a: 0..9, b: bool) -> 0..9 = if b then a else 0",
     "function g(a: 0..9, b: bool) -> 0..9 = a * int(b) + int(a == 9)", Refuted),
)


@pytest.mark.parametrize(("a", "b", "verdict"), FUNCTIONS)
def test_functions(a: str, b: str, verdict: type) -> None:
    assert isinstance(diff_programs(parse(a), parse(b), timeout_s=20).verdict, verdict)


def test_sequence_programs_are_compared_by_enumeration() -> None:
    text = "sequence s(x: 0..1) -> int  select s1 = key.x == query.x  aggregate c = count(s1)  output c"
    other = text.replace("key.x == query.x", "key.x == query.x or query.i > 2")
    finding = diff_programs(parse(text), parse(other), timeout_s=20)
    assert isinstance(finding.verdict, Refuted)
    assert finding.verdict.counterexample.length == 4


def test_programs_that_cannot_be_compared() -> None:
    one = machine("machine a(x: 0..1) -> 0..1 output x")
    with pytest.raises(TypeMismatch, match="expected equally many inputs, got 1 and 2"):
        diff_programs(one, machine("machine b(x: 0..1, z: 0..1) -> 0..1 output x"), timeout_s=1)
    with pytest.raises(TypeMismatch, match="expected two programs of one shape, got a machine and a function"):
        diff_programs(one, parse("function f(x: 0..1) -> 0..1 = x"), timeout_s=1)
    with pytest.raises(TypeMismatch, match="values in common"):
        diff_programs(one, machine("machine b(x: 5..9) -> 0..1 output 0"), timeout_s=1)


def test_numbers_that_outgrow_memory_end_in_unknown() -> None:
    left, right = (
        machine(f"machine m(x: 0..0) -> 0..1 state s: int = 2 next s = s * s + 1 output int({seven})")
        for seven in ("s mod 7 == 3", "(s mod 7) * (s mod 7) == 9 and s mod 7 < 4")
    )
    assert isinstance(diff_programs(left, right, timeout_s=3).verdict, Unknown)
