"""The word so far read as a number, most or least significant digit first: what a network that compares or adds does.

`f' = B * f + x`, and `b' = b + w * x` with `w' = B * w`, where `B` is the number of values of the input. Few networks
keep such numbers as they are, so hidden states rarely tell; they are proposed all the same, at the price of the
undecoded.
"""

from __future__ import annotations

from collections.abc import Mapping

from dsl.cost import term_bits
from dsl.ops import apply
from dsl.terms import Term, Var, constant
from dsl.types import INT
from extract.abstract.evidence import Evidence
from extract.search.recurrences import THRESHOLD, Recurrence, available
from extract.search.simulate import simulate
from verify.domain import IntArray

LEAVES = 4
WIDEST_BASE = 10


def numerals(inputs: Mapping[str, IntArray], evidence: Evidence, *, undecoded_bits: float) -> list[Recurrence]:
    """Both readings of each input whose values start at 0; what grows too large to simulate is left out."""
    found: list[Recurrence] = []
    for name, column in inputs.items():
        base = constant(int(column.max()) + 1)
        if column.min() < 0 or not 2 <= column.max() + 1 <= WIDEST_BASE:
            continue
        forward, backward, weight = (Var(f"{name}_{tag}", INT) for tag in "fbw")
        x = Var(name, INT)
        known: dict[str, Recurrence] = {}
        for own, update, initial, need in (
            (forward, _sum(_product(base, forward), x), 0, ()),
            (weight, _product(base, weight), 1, ()),
            (backward, _sum(backward, _product(weight, x)), 0, (weight.name,)),
        ):
            needs = tuple(known[n] for n in need if n in known)
            if len(needs) < len(need):
                continue
            run = simulate(update, own.name, initial, available(dict(inputs), needs))
            if run is not None:
                score = float(evidence.score(run[1][None])[0])
                price = term_bits(update, LEAVES) + (0.0 if score >= THRESHOLD else undecoded_bits)
                known[own.name] = Recurrence(own.name, update, initial, *run, price, needs, score)
        found += known.values()
    return found


def _sum(a: Term, b: Term) -> Term:
    return apply("+", (a, b))


def _product(a: Term, b: Term) -> Term:
    return apply("*", (a, b))
