"""Sub-programs that several programs share: found by anti-unification, named where that shortens the whole.

A *pattern* is a term whose holes `a`, `b`, ... stand for what differs between its uses (the least general
generalisation of two sub-terms, Plotkin 1970). Naming one costs its definition once and a call at each use; patterns
are named greedily, the one that saves most bits first, as long as bits are saved. The aim is that of Stitch (Bowers et
al. 2023) and DreamCoder (Ellis et al. 2021): a library under which the corpus is shortest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase

from dsl.cost import NAME, constant_bits, operator_bits, variable_bits
from dsl.ops import BY_NAME
from dsl.printers.text import print_term
from dsl.terms import Apply, Const, Term, Var, operator_count, subterms, variables
from dsl.types import BOOL, Type

MOST_TERMS = 400
MOST_HOLES = 4
SCOPE = 4
"""Names in scope, on average: what a variable costs should not depend on the program it stands in."""


@dataclass(frozen=True)
class Abstraction:
    """A named pattern. `uses` counts its calls, also in other definitions; `programs` are those that make one.

    `saved` is what naming it saved at the time, net of the definition.
    """

    name: str
    holes: tuple[str, ...]
    body: Term
    uses: int
    programs: tuple[int, ...]
    saved: float

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.holes)}) = {print_term(self.body)}"


@dataclass(frozen=True)
class Library:
    """Abstractions in the order found, and the bits of the corpus without and with them.

    Bodies may call one another, never in a circle.
    """

    abstractions: tuple[Abstraction, ...]
    bits_before: float
    bits_after: float


def learn_library(corpus: Sequence[Sequence[Term]], most: int = 12) -> Library:
    """The library of a corpus: for each program its terms. At most `most` abstractions; deterministic."""
    current = [list(terms) for terms in corpus]
    before = _total(current)
    patterns: list[Term] = []
    saved: list[float] = []
    while len(patterns) < most:
        best = _best([*current, patterns])
        if best is None:
            break
        name = f"f{len(patterns) + 1}"
        after = [[_rewritten(term, best, name) for term in terms] for terms in (*current, patterns)]
        gain = _total([*current, patterns]) - _total(after) - _definition_bits(best)
        if gain <= 0:
            break
        *current, patterns = after
        patterns.append(best)
        saved.append(gain)
    found = tuple(_named(f"f{k + 1}", p, [*current, patterns], saved[k]) for k, p in enumerate(patterns))
    return Library(found, before, before - sum(saved))


def _total(corpus: Sequence[Sequence[Term]]) -> float:
    return sum(term_bits(term) for terms in corpus for term in terms)


def _named(name: str, pattern: Term, corpus: Sequence[Sequence[Term]], saved: float) -> Abstraction:
    """The abstraction as it ended up; the last of the corpus are the definitions."""
    uses = [sum(_calls(term, name) for term in terms) for terms in corpus]
    programs = tuple(k for k, count in enumerate(uses[:-1]) if count)

    def plain(term: Term) -> Term:
        if isinstance(term, Apply):
            return Apply(term.op, tuple(map(plain, term.args)), term.type)
        return Var(term.name[1:], term.type) if isinstance(term, Var) else term

    return Abstraction(name, tuple(h[1:] for h in _holes(pattern)), plain(pattern), sum(uses), programs, saved)


def term_bits(term: Term) -> float:
    """The cost of a term by the language's code; a call of an abstraction costs a name."""
    if isinstance(term, Var):
        return variable_bits(SCOPE)
    if isinstance(term, Const):
        return constant_bits(term.value)
    return _head_bits(term) + sum(map(term_bits, term.args))


def _head_bits(term: Apply) -> float:
    return operator_bits(term) if term.op in BY_NAME else variable_bits(SCOPE)


def _definition_bits(pattern: Term) -> float:
    return NAME + term_bits(pattern)


# --- candidates


def _best(corpus: Sequence[Sequence[Term]]) -> Term | None:
    """The pattern whose naming would save most, or None if none saves anything."""
    counts: Counter[Apply] = Counter()
    for terms in corpus:
        counts.update(sub for term in terms for sub in subterms(term) if isinstance(sub, Apply))
    frequent = sorted(counts, key=lambda t: (-counts[t] * term_bits(t), repr(t)))[:MOST_TERMS]
    by_head: dict[tuple[str, int], list[Apply]] = {}
    for term in frequent:
        by_head.setdefault((term.op, len(term.args)), []).append(term)
    best: Term | None = None
    most, seen = 0.0, set[Term]()
    for group in by_head.values():
        for i, first in enumerate(group):
            for second in group[i:]:
                pattern = generalise(first, second)
                if pattern is None or pattern in seen:
                    continue
                seen.add(pattern)
                saved = _estimate(pattern, group, counts)
                if saved > most + 1e-9:
                    best, most = pattern, saved
    return best


def _estimate(pattern: Term, group: Sequence[Apply], counts: Mapping[Apply, int]) -> float:
    """Bits saved if every match were replaced; matches inside one another make it an upper bound."""
    saved = -_definition_bits(pattern)
    for term in group:
        bindings = match(pattern, term)
        if bindings is not None:
            call = variable_bits(SCOPE) + sum(map(term_bits, bindings.values()))
            saved += counts[term] * (term_bits(term) - call)
    return saved


def generalise(first: Term, second: Term) -> Term | None:
    """What two terms have in common, variables and whatever differs left open; None where that is too little.

    Equal pairs of parts share a hole. A pattern has at least two operators and at most MOST_HOLES holes.
    """
    holes: dict[tuple[Term, Term], Var] = {}

    def common(a: Term, b: Term) -> Term | None:
        if isinstance(a, Apply) and isinstance(b, Apply) and a.op == b.op and len(a.args) == len(b.args):
            parts = [common(x, y) for x, y in zip(a.args, b.args, strict=True)]
            given = tuple(part for part in parts if part is not None)
            return Apply(a.op, given, a.type) if len(given) == len(parts) else None
        if isinstance(a, Const) and a == b:
            return a
        if (a.type == BOOL) != (b.type == BOOL):
            return None
        if (a, b) not in holes:
            if len(holes) == MOST_HOLES:
                return None
            holes[a, b] = Var(f"?{ascii_lowercase[len(holes)]}", a.type)
        return holes[a, b]

    found = common(first, second)
    return found if found is not None and operator_count(found) >= 2 else None


def match(pattern: Term, term: Term) -> dict[str, Term] | None:
    """What each hole stands for if the term is an instance of the pattern, else None."""
    bindings: dict[str, Term] = {}

    def matches(p: Term, t: Term) -> bool:
        if isinstance(p, Var):
            return _alike(p.type, t.type) and bindings.setdefault(p.name, t) == t
        if isinstance(p, Const) or isinstance(t, Var | Const):
            return p == t
        return p.op == t.op and len(p.args) == len(t.args) and all(map(matches, p.args, t.args))

    return bindings if matches(pattern, term) else None


def _alike(a: Type, b: Type) -> bool:
    return (a == BOOL) == (b == BOOL)


# --- use


def _rewritten(term: Term, pattern: Term, name: str) -> Term:
    """The term with matches replaced by calls, outermost first, where that saves bits."""
    if not isinstance(term, Apply):
        return term
    bindings = match(pattern, term)
    if bindings is not None:
        call = Apply(name, tuple(bindings[hole] for hole in _holes(pattern)), term.type)
        if term_bits(call) < term_bits(term):
            return Apply(name, tuple(_rewritten(arg, pattern, name) for arg in call.args), term.type)
    return Apply(term.op, tuple(_rewritten(arg, pattern, name) for arg in term.args), term.type)


def _holes(pattern: Term) -> list[str]:
    return sorted(variables(pattern))


def _calls(term: Term, name: str) -> int:
    return sum(isinstance(sub, Apply) and sub.op == name for sub in subterms(term))
