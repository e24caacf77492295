"""Forms of an output: those that a walk keeps are those that make it, and the simple ones are among them."""

import numpy as np
import pytest

from extract.search.forms import Forms, asked, forms, kept, none
from tests.search.tables import table
from verify.domain import Domain, IntArray

DOMAIN = Domain(((0, 3),), 9)
VALUES = np.arange(-1, 7)
BOTH = "machine m(x: 0..3) -> -9..20 state s: 0..3 = 0 state t: 0..6 = 1 next s = x next t = min(s + t, 6) output {}"
THREE = (
    "machine m(x: 0..3) -> -9..20 state s: 0..3 = 0 state t: 0..3 = 1 state u: 0..6 = 0 "
    "next s = x next t = s next u = max(u, t) output {}"
)
Step = tuple[dict[str, int], int, int]


def walk(text: str, names: str) -> tuple[Forms, list[Step]]:
    """Forms for the table of a machine, and its steps: values of variables, old and new, state and symbol."""
    mealy = table(text, DOMAIN)
    rng, steps = np.random.default_rng(0), list[Step]()
    state, old = 0, {n: int(text.split(f"state {n}:")[1].split("=")[1].split()[0]) for n in names}
    for x in rng.integers(0, 4, 80).tolist():
        new = {"s": x, "t": min(old["s"] + old["t"], 6)} if names == "st" else {
            "s": x, "t": old["s"], "u": max(old["u"], old["t"])}  # fmt: skip
        values = old | {n + "'": v for n, v in new.items()} | {"x": x}
        steps.append((values, state, x))
        state, old = int(mealy.next[state, x]), new
    return forms(asked(mealy, DOMAIN), mealy.next, DOMAIN, len(names), VALUES, (0, 1, 2, 3)), steps


def left(given: Forms, steps: list[Step], names: str) -> IntArray:
    """How many forms are left after each step."""
    count = len(given.rows)
    alive, masks = np.zeros(400 * count, np.int64), np.zeros(400 * count, np.uint64)
    alive[:count], masks[:count] = np.arange(count), given.masks
    begin, end, made = 0, count, []
    for values, state, symbol in steps:
        seen = given.given[symbol].copy()
        seen[: 2 * len(names)] = [values[n + mark] for mark in ("", "'") for n in names]
        begin, end = end, kept(given, alive, masks, begin, end, seen, state, symbol)
        made.append(int(np.bitwise_count(masks[begin:end]).sum()))
    return np.array(made)


TWO = ("s + t", "max(s', t)", "t'", "t' mod 3", "t - s'", "int(s' == t)", "3 * t + x", "if x == 2 then s else t")


@pytest.mark.parametrize("output", TWO)
def test_forms_of_two_variables_are_kept_on_all_steps(output: str) -> None:
    given, steps = walk(BOTH.format(output), "st")
    assert left(given, steps, "st")[-1] > 0


@pytest.mark.parametrize("output", ["s + t - u'", "max(s', t + u')", "(t + u) * s'", "min(u, t' - s)"])
def test_forms_of_three_variables_are_kept_on_all_steps(output: str) -> None:
    given, steps = walk(THREE.format(output), "stu")
    assert left(given, steps, "stu")[-1] > 0


def test_other_forms_are_ruled_out_step_by_step() -> None:
    given, steps = walk(BOTH.format("s + t"), "st")
    rng = np.random.default_rng(1)
    wrong = [({n: int(rng.integers(0, 4)) for n in values} | {"x": x}, q, x) for values, q, x in steps]
    count = left(given, wrong, "st")
    assert (np.diff(count) <= 0).all()
    assert count[0] > 0
    assert count[20] == 0


def test_outputs_that_tell_little_have_few_forms() -> None:
    telling, _ = walk(BOTH.format("3 * t + x"), "st")
    flag, _ = walk(BOTH.format("int(t > 2)"), "st")
    bits = [int(np.bitwise_count(given.masks).sum()) for given in (telling, flag)]
    assert 0 < bits[1] < bits[0] / 4
    assert not len(none(telling).rows)
