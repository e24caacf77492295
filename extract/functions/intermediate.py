"""Where a network over single inputs holds the intermediate values of its program, tested by interchange.

An intermediate value is a proper part of the program. At each hidden site the mean activation of every value it takes
is estimated on half of the inputs. On the other half, pairs A, B are drawn; A's activation is moved by the difference
of the means of B's and A's value, and the network should then answer as the program does with that part taken from B
(interchange interventions, Geiger et al. 2021). Only pairs whose answer must change count. A random network with means
estimated in the same way is put to the same test.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsl.batch import evaluate_batch
from dsl.ops import apply
from dsl.printers import print_term
from dsl.programs import Function
from dsl.terms import Apply, Term, Var, operator_count, subterms
from dsl.types import BoolType, IntType
from extract.extraction import VariableAlignment
from extract.networks.decoy import random_twin
from verify.budget import Deadline
from verify.domain import IntArray
from verify.equivalence import as_machine
from verify.statistics import share_interval
from verify.subject import Forced, Subject
from verify.verdict import Finding, Unknown

CLAIM = "intermediate values of the program are used at a hidden site"
METHOD = "interchange intervention"
MOST_PARTS, MOST_OPERATORS, MOST_VALUES = 6, 12, 256
MOST_INPUTS = 1 << 14
PAIRS = 1_000
CUT = "cut"


@dataclass(frozen=True)
class Held:
    """A part of the program at a site: `right` of `informative` interchanges had the program's effect."""

    part: Term
    site: str
    informative: int
    right: int

    @property
    def score(self) -> float:
        """Share of interchanges with the program's effect."""
        return self.right / self.informative if self.informative else 0.0


def parts_of(function: Function) -> list[Term]:
    """The proper parts of the outputs, largest first, each once; parts of a `let` count where it is used."""
    outputs = as_machine(function).outputs
    found: dict[Term, None] = {}
    for output in outputs:
        inner = (part for part in subterms(output) if isinstance(part, Apply) and part not in outputs)
        found.update((part, None) for part in inner if _short(part))
    return sorted(found, key=lambda part: -len(list(subterms(part))))[:MOST_PARTS]


def _short(part: Term) -> bool:
    """Whether a part is one value, and short enough to be named in a line."""
    return isinstance(part.type, IntType | BoolType) and operator_count(part) <= MOST_OPERATORS


def replaced(term: Term, part: Term) -> Term:
    """The term with a variable in place of every occurrence of the part."""
    if term == part:
        return Var(CUT, part.type)
    if isinstance(term, Apply):
        return apply(term.op, tuple(replaced(arg, part) for arg in term.args))
    return term


def intermediate_values(
    network: Subject, function: Function, deadline: Deadline, *, rng: np.random.Generator
) -> tuple[tuple[VariableAlignment, ...], list[Finding]]:
    """For each part the site that holds it best, and one finding with all scores beside the decoy's."""
    began = time.monotonic()
    if not parts_of(function):
        return (), []
    seed = int(rng.integers(1 << 31))
    best = _best(_scores(network, function, deadline, np.random.default_rng(seed)))
    if not best:
        return (), []
    twin = random_twin(network, rng=rng)
    decoys = {} if twin is None else _best(_scores(twin, function, deadline, np.random.default_rng(seed)))
    measured, told = [], []
    for part, held in best.items():
        low, high = share_interval(held.right, held.informative)
        decoy = decoys[part].score if part in decoys else None
        entry = {"site": held.site, "right": held.right, "informative": held.informative, "low": low, "high": high}
        measured.append((print_term(part), entry | {"decoy": decoy}))
        beside = "" if decoy is None else f", decoy {decoy:.1%}"
        told.append(f"{print_term(part)} at {held.site} {held.score:.1%} of {held.informative}{beside}")
    finding = Finding(
        CLAIM, METHOD, Unknown("; ".join(told)), "pairs of inputs", time.monotonic() - began, tuple(measured)
    )
    aligned = tuple(
        VariableAlignment(print_term(part), held.site, None, (), held.score, "means of activations by value")
        for part, held in best.items()
    )
    return aligned, [finding]


def _best(scores: Iterator[Held]) -> dict[Term, Held]:
    found: dict[Term, Held] = {}
    for held in scores:
        if held.informative and (held.part not in found or held.score > found[held.part].score):
            found[held.part] = held
    return found


def _scores(network: Subject, function: Function, deadline: Deadline, rng: np.random.Generator) -> Iterator[Held]:
    domain = network.domain
    count = min(domain.symbol_count, MOST_INPUTS)
    index = np.arange(count) if count == domain.symbol_count else rng.integers(0, domain.symbol_count, count)
    inputs = rng.permutation(domain.symbols_at(index))
    trace = network.trace(inputs[:, None])
    half = len(inputs) // 2
    machine = as_machine(function)
    names = [v.name for v in machine.inputs]
    a, b = (half + rng.integers(0, len(inputs) - half, PAIRS) for _ in range(2))
    columns = dict(zip(names, inputs.T, strict=True))
    first = {name: column[a] for name, column in columns.items()}
    plain = _values(machine.outputs, first)
    for part in parts_of(function):
        column = _values((part,), columns)[:, 0]
        known, place = np.unique(column, return_inverse=True)
        if len(known) < 2 or len(known) > MOST_VALUES:
            continue
        cut = tuple(replaced(output, part) for output in machine.outputs)
        taken = column[b] != 0 if isinstance(part.type, BoolType) else column[b]
        wanted = _values(cut, first | {CUT: taken})
        matters = (wanted != plain).any(axis=1) & np.isin(place[a], place[:half]) & np.isin(place[b], place[:half])
        if not matters.any():
            continue
        for site in network.sites:
            if site.name in ("x", "logits") or deadline.passed:
                continue
            held = trace.activations[site.name][:, 0].astype(np.float64)
            means = np.zeros((len(known), site.width))
            np.add.at(means, place[:half], held[:half])
            means /= np.maximum(np.bincount(place[:half], minlength=len(known)), 1)[:, None]
            moved = (held[a] + means[place[b]] - means[place[a]]).astype(np.float32)
            answers = network.run_forced(inputs[a][:, None], [Forced(site.name, 0, moved)])[:, 0]
            right = (answers == wanted).all(axis=1) & matters
            yield Held(part, site.name, int(matters.sum()), int(right.sum()))


def _values(terms: tuple[Term, ...], columns: Mapping[str, NDArray[Any]]) -> IntArray:
    """Whole numbers (batch, terms); truth values count as 0 and 1."""
    size = len(next(iter(columns.values())))
    values = [np.broadcast_to(evaluate_batch(term, columns), size) for term in terms]
    return np.stack(values, axis=1).astype(np.int64)
