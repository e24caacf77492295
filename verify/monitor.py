"""Monitors: a question about programs as a machine whose single Boolean output must always be true.

"Do these two machines agree?" is a monitor that runs both and compares; "does this property hold?" is the machine with
the property for its output. One engine (`verify.always`) answers both.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsl.errors import TypeMismatch
from dsl.ops import apply
from dsl.programs import Machine, State
from dsl.terms import Const, Term, Var, constant, substitute
from dsl.types import BOOL, BoolType, IntType, RealType, RegisterType, Type, join
from verify.domain import Domain

TRUE = Const(True, BOOL)


def product(a: Machine, b: Machine) -> Machine:
    """Both machines on the same inputs (those that both accept); true where all outputs are equal."""
    if len(a.inputs) != len(b.inputs):
        raise TypeMismatch(f"expected equally many inputs, got {len(a.inputs)} and {len(b.inputs)}")
    if len(a.outputs) != len(b.outputs):
        raise TypeMismatch(f"expected equally many outputs, got {len(a.outputs)} and {len(b.outputs)}")
    shared = tuple(Var(f"x{k}", _meet(u, v)) for k, (u, v) in enumerate(zip(a.inputs, b.inputs, strict=True)))
    left, right = _renamed(a, shared, "a_"), _renamed(b, shared, "b_")
    same = conjunction(equal(u, v) for u, v in zip(left.outputs, right.outputs, strict=True))
    return Machine("equal", shared, (BOOL,), left.states + right.states, left.lets + right.lets, (same,))


def with_output(machine: Machine, claim: Term) -> Machine:
    """The machine with a Boolean term over inputs, lets, state and new state as its only output."""
    return Machine(machine.name, machine.inputs, (BOOL,), machine.states, machine.lets, (claim,))


def input_domain(machine: Machine) -> Domain | None:
    """The inputs a machine declares as a domain, or None when they are not finitely many."""
    ranges = []
    for var in machine.inputs:
        low, high = (0, 1) if isinstance(var.type, BoolType) else (None, None)
        if isinstance(var.type, IntType):
            low, high = var.type.low, var.type.high
        if low is None or high is None:
            return None
        ranges.append((low, high))
    return Domain(tuple(ranges), train_length=0)


def equal(a: Term, b: Term) -> Term:
    """Whether two outputs are equal; a truth value equals the integers 0 and 1."""
    if isinstance(a.type, BoolType) != isinstance(b.type, BoolType):
        a, b = (apply("int", (t,)) if isinstance(t.type, BoolType) else t for t in (a, b))
    return apply("==", (a, b))


def conjunction(claims: Iterable[Term]) -> Term:
    """All of them."""
    result: Term = TRUE
    for claim in claims:
        result = claim if result == TRUE else apply("and", (result, claim))
    return result


def within(term: Term, kind: Type) -> Term:
    """Whether a value lies in a type."""
    match kind:
        case IntType(low, high) | RealType(low, high):
            lower = [apply("<=", (constant(low), term))] if low is not None else []
            upper = [apply("<=", (term, constant(high)))] if high is not None else []
            return conjunction([*lower, *upper])
        case RegisterType(element, length):
            return conjunction(within(apply("index", (term, constant(i))), element) for i in range(length))
        case _:
            return TRUE


def _renamed(machine: Machine, inputs: tuple[Var, ...], prefix: str) -> Machine:
    """The machine over other input variables, every other name prefixed."""
    names: dict[str, Term] = dict(zip((v.name for v in machine.inputs), inputs, strict=True))
    names |= {s.name: Var(prefix + s.name, s.type) for s in machine.states}
    lets = []
    for name, term in machine.lets:
        term = substitute(term, names)
        lets.append((prefix + name, term))
        names[name] = Var(prefix + name, term.type)
    states = tuple(State(prefix + s.name, s.type, s.initial, substitute(s.update, names)) for s in machine.states)
    names |= {s.name + "'": Var(prefix + s.name + "'", s.type) for s in machine.states}
    outputs = tuple(substitute(output, names) for output in machine.outputs)
    return Machine(machine.name, inputs, machine.output_types, states, tuple(lets), outputs)


def _meet(u: Var, v: Var) -> Type:
    """The inputs both variables accept."""
    if join(u.type, v.type) is None:
        raise TypeMismatch(f"expected inputs of one kind, got {u.name}: {u.type} and {v.name}: {v.type}")
    if u.type == v.type:
        return u.type
    match u.type, v.type:
        case (IntType(low, high), IntType(other_low, other_high)):
            lows = [end for end in (low, other_low) if end is not None]
            highs = [end for end in (high, other_high) if end is not None]
            meet = IntType(max(lows, default=None), min(highs, default=None))
            if meet.size is None or meet.size > 0:
                return meet
    raise TypeMismatch(f"expected inputs with values in common, got {u.name}: {u.type} and {v.name}: {v.type}")

