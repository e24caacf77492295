"""Which declared state types are invariants, by range inference alone.

A declared range is a claim, not a typing rule: an update may leave it. Whoever relies on ranges along a run (readable
source without guards, for one) asks for `sound` types, in which every end that an update may cross is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dsl.programs import Machine
from dsl.terms import Term, Var, substitute
from dsl.types import IntType, RealType, RegisterType, Type


def sound(machine: Machine) -> Machine:
    """The machine with state types that hold along every run on inputs of the declared types."""
    while True:
        machine = retype(machine, {s.name: s.type for s in machine.states})
        widened = {s.name: widen(s.type, s.update.type) for s in machine.states}
        if all(widened[s.name] == s.type for s in machine.states):
            return machine
        machine = replace(machine, states=tuple(replace(s, type=widened[s.name]) for s in machine.states))


def retype(machine: Machine, kinds: Mapping[str, Type]) -> Machine:
    """The machine with the types of all its terms inferred anew from the types of its state variables."""
    scope: dict[str, Term] = {name: Var(name, kind) for name, kind in kinds.items()}
    lets = []
    for name, term in machine.lets:
        lets.append((name, substitute(term, scope)))
        scope[name] = Var(name, lets[-1][1].type)
    states = tuple(replace(s, type=kinds[s.name], update=substitute(s.update, scope)) for s in machine.states)
    scope |= {s.name + "'": Var(s.name + "'", s.type) for s in states}
    outputs = tuple(substitute(term, scope) for term in machine.outputs)
    return replace(machine, states=states, lets=tuple(lets), outputs=outputs)


def widen(declared: Type, inferred: Type) -> Type:
    """`declared` without the ends that `inferred` crosses (widening, Cousot and Cousot 1977)."""
    match declared, inferred:
        case (IntType(), IntType()) | (RealType(), IntType() | RealType()):
            low, high = declared.low, declared.high
            keep_low = low is None or (inferred.low is not None and inferred.low >= low)
            keep_high = high is None or (inferred.high is not None and inferred.high <= high)
            return replace(declared, low=low if keep_low else None, high=high if keep_high else None)
        case (RegisterType(), RegisterType()):
            return RegisterType(widen(declared.element, inferred.element), declared.length)
        case _:
            return declared
