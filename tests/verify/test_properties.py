"""Properties are proved for every length or refuted by a shortest input."""

from __future__ import annotations

import pytest

from dsl.errors import ParseError, TypeMismatch
from tests.verify.stubs import machine
from verify.properties import check_property, check_ranges
from verify.verdict import Proved, Refuted

SATURATING = "machine m(x: 0..1) -> 0..4  state n: 0..4 = 0  next n = min(n + x, 4)  output n'"
COUNTER = "machine m(x: 0..9) -> int  state n: int = 0  next n = n + x  output n'"
TWO = """machine m(x: int) -> int, int  state lo: int = 0  state hi: int = 0
         next lo = min(lo, x)  next hi = max(hi, x)  output lo', hi'"""

HOLDS = (
    (SATURATING, "0 <= y and y <= 4"),
    (SATURATING, "n' >= n"),
    (SATURATING, "x == 0 or n' > n or n == 4"),
    (COUNTER, "y >= 0"),
    (COUNTER, "y - n <= 9 and y - n == x"),
    (TWO, "y0 <= x and x <= y1"),
    (TWO, "y0 <= 0 and 0 <= y1"),
    ("machine m(x: 0..1) -> 0..1  state a: 0..1 = 0  state b: 0..1 = 1  next a = b ^ x  next b = a ^ x  output a'",
     "a' != b'"),
    ("machine m(x: 0..1) -> int  state n: int = 0  next n = n + 2 * x  output n'", "y mod 2 == 0"),
)

FAILS = (
    (SATURATING, "y <= 3", 4),
    (COUNTER, "y <= 1000", 112),
    (COUNTER, "y != 45 or x != 0", 6),
    (TWO, "y1 - y0 < 1000", 1),
    (TWO, "y1 - y0 < 1000 or x == 3", 1),
    ("machine m(x: int) -> int  state n: int = 0  next n = if x > n then n + 1 else n  output n'", "y < 7", 7),
)


@pytest.mark.parametrize(("text", "claim"), HOLDS)
def test_property_is_proved(text: str, claim: str) -> None:
    finding = check_property(machine(text), claim, timeout_s=30)
    assert isinstance(finding.verdict, Proved), finding
    assert "every length" in finding.verdict.domain


@pytest.mark.parametrize(("text", "claim", "length"), FAILS)
def test_property_is_refuted_by_a_shortest_input(text: str, claim: str, length: int) -> None:
    finding = check_property(machine(text), claim, timeout_s=30)
    assert isinstance(finding.verdict, Refuted), finding
    assert finding.verdict.counterexample.length == length
    assert finding.verdict.counterexample.actual[-1] == (0,)
    assert len(dict(finding.measured)["outputs"]) == length


def test_bad_properties_are_named() -> None:
    with pytest.raises(ParseError, match="got z"):
        check_property(machine(COUNTER), "z > 0", timeout_s=1)
    with pytest.raises(TypeMismatch, match="expected a truth value"):
        check_property(machine(COUNTER), "y + 1", timeout_s=1)


def test_ranges() -> None:
    assert isinstance(check_ranges(machine(SATURATING), timeout_s=10).verdict, Proved)
    escaping = machine("machine m(x: 0..9) -> 0..20  state n: 0..20 = 0  next n = n + x  output n'")
    finding = check_ranges(escaping, timeout_s=10)
    assert isinstance(finding.verdict, Refuted)
    assert finding.verdict.counterexample.length == 3
    register = "machine m(x: 0..9) -> 0..9  state r: [0..9; 3] = [0, 0, 0]  next r = push(r, x)  output r[0]"
    assert isinstance(check_ranges(machine(register), timeout_s=10).verdict, Proved)
