"""First-order terms: a variable, a constant, or an operator applied to terms.

Terms are immutable, hashable and know their type. `Apply` holds the operator's *name*; what the name
means is a row of `dsl.ops`. Build applications with `dsl.ops.apply`, which checks and infers types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dsl.types import Type, Value, type_of


@dataclass(frozen=True, slots=True)
class Var:
    """A named input, state variable or local definition. A trailing `'` marks a state's new value."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Const:
    """A literal. Carries its type because `True == 1` in Python."""

    value: Value
    type: Type


class Apply:
    """An operator applied to argument terms, with the inferred result type; hash computed once."""

    __slots__ = ("_hash", "args", "op", "type")
    __match_args__ = ("op", "args")

    def __init__(self, op: str, args: tuple[Term, ...], type: Type) -> None:
        self.op, self.args, self.type = op, args, type
        self._hash = hash((op, args))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Apply)
            and self._hash == other._hash
            and self.op == other.op
            and self.args == other.args
        )

    def __repr__(self) -> str:
        return f"Apply({self.op!r}, {self.args!r})"


Term = Var | Const | Apply


def constant(value: Value) -> Const:
    """The literal `value` with its smallest type."""
    return Const(value, type_of(value))


def subterms(term: Term) -> Iterator[Term]:
    """Every occurrence of a sub-term, the term itself last."""
    if isinstance(term, Apply):
        for arg in term.args:
            yield from subterms(arg)
    yield term


def variables(term: Term) -> frozenset[str]:
    """Names of the variables that occur."""
    return frozenset(t.name for t in subterms(term) if isinstance(t, Var))


def operator_count(term: Term) -> int:
    """Number of operator applications, the measure of size that readers see."""
    return sum(isinstance(t, Apply) for t in subterms(term))


def rebuild(term: Term, leaf: Callable[[Var | Const], Term], node: Callable[[str, tuple[Term, ...]], Term]) -> Term:
    """The term with `leaf` applied to its leaves and `node` to its applications, bottom-up."""
    if isinstance(term, Apply):
        return node(term.op, tuple(rebuild(arg, leaf, node) for arg in term.args))
    return leaf(term)


def substitute(term: Term, replacement: Mapping[str, Term]) -> Term:
    """The term with variables replaced by terms; types are inferred anew."""
    from dsl.ops import apply

    return rebuild(term, lambda t: replacement.get(t.name, t) if isinstance(t, Var) else t, apply)
