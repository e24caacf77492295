"""Shared sub-programs: planted ones are found, and nothing is named that does not pay."""

import pytest

from dsl.library import generalise, learn_library, match, term_bits
from dsl.printers.text import print_term
from dsl.programs import terms_of
from dsl.syntax import parse
from dsl.terms import Term


def term(text: str, inputs: str = "x: -9..9, y: -9..9, z: -9..9") -> Term:
    return terms_of(parse(f"function f({inputs}) -> int = {text}"))[-1]


PLANTED = [
    [term("min(max(x - 3, 0), 7) + y")],
    [term("2 * min(max(y * z, 0), 7)")],
    [term("if x < y then min(max(z + y, 0), 7) else z")],
    [term("x - min(max(x * x, 0), 7)"), term("y + z")],
]


def test_a_planted_part_is_found() -> None:
    found = learn_library(PLANTED)
    assert [str(a) for a in found.abstractions] == ["f1(a) = min(max(a, 0), 7)"]
    assert found.abstractions[0].uses == 4
    assert found.abstractions[0].programs == (0, 1, 2, 3)
    assert found.bits_after == pytest.approx(found.bits_before - found.abstractions[0].saved)
    assert found.abstractions[0].saved > 0


def test_bits_saved_are_those_of_the_rewritten_corpus() -> None:
    before = sum(term_bits(t) for terms in PLANTED for t in terms)
    body = term("min(max(x, 0), 7)")
    inside = [term("x - 3"), term("y * z"), term("z + y"), term("x * x")]
    shorter = sum(term_bits(body) - term_bits(term("x")) - term_bits(term("x")) for _ in inside)
    assert learn_library(PLANTED).bits_after == pytest.approx(before - shorter + term_bits(body) + 2)


def test_abstractions_build_on_earlier_ones() -> None:
    inner = "min(max({}, 0), 7)"
    outer = "({} * {} + 5) mod 11"
    texts = [inner.format(v) for v in ("x - 3", "y * z", "x + y", "z - y", "7 * x", "x * x")]
    texts += [outer.format(inner.format(v), w) for v, w in (("x - y", "z"), ("z", "x"), ("y + 1", "y"), ("x", "y"))]
    found = learn_library([[term(text)] for text in texts])
    assert len(found.abstractions) == 2
    first, second = found.abstractions
    assert "f2(" in str(first)  # found first with the other written out, then shortened by it
    assert str(second) == "f2(a) = min(max(a, 0), 7)"
    assert second.uses == 7
    assert second.programs == tuple(range(6))


def test_nothing_is_named_where_nothing_is_shared() -> None:
    assert learn_library([[term("x + y * 2")], [term("max(x, y) - z")]]).abstractions == ()
    assert learn_library([]).abstractions == ()


def test_equal_parts_share_a_hole() -> None:
    pattern = generalise(term("x * x + y"), term("(y - 1) * (y - 1) + 3"))
    assert pattern is not None
    assert print_term(pattern) == "?a * ?a + ?b"
    assert match(pattern, term("z * z + 4")) == {"?a": term("z"), "?b": term("4")}
    assert match(pattern, term("z * x + 4")) is None
    assert generalise(term("x + y"), term("x - y")) is None
