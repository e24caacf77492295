"""Cost in bits: how long a program is in one fixed code (minimum description length, Rissanen 1978).

The model. A term is written in prefix order. An operator costs the bits of its row; a register also its length. A
constant costs a tag of 1 bit and its value: a truth value 1 bit; an integer Elias' gamma code of its position in
0, 1, 2, -1, 3, 4, -2, ..., so 0 takes 1 bit, 1 and 2 take 3, and n about 2 log2 n; a fraction numerator and
denominator; a register or table its length and each entry. A variable costs a tag of 3 bits and log2 of the number of
names in scope (so `2 * x` is no dearer than `x + x` as soon as two names are in scope). A `let` costs 2 bits for the
name, then its term; each use is a variable. A state costs 2 bits, its type (kind 2 bits, each bound as an integer), its
initial value and its update. Inputs and output types come with the task and are free. Steps of a sequence program:
2 bits and the term; an aggregate also its selection and default.

Costs compare programs for one task; they are not normalised to a probability. A sub-term never costs more than
the term around it.
"""

from __future__ import annotations

import math
from fractions import Fraction

from dsl.ops import BY_NAME
from dsl.programs import Aggregate, Function, Machine, Program, Select, SequenceProgram
from dsl.terms import Apply, Const, Term, Var
from dsl.types import BoolType, IntType, RealType, RegisterType, Type, Value

TAG = 1.0
NAME = 2.0


def cost_bits(program: Program) -> float:
    """The cost of a program: definitions, states, updates and outputs."""
    match program:
        case Function():
            scope, bits = len(program.inputs), 0.0
            for _, term in program.lets:
                bits += NAME + term_bits(term, scope)
                scope += 1
            return bits + sum(term_bits(term, scope) for term in program.outputs)
        case Machine():
            scope, bits = len(program.inputs) + len(program.states), 0.0
            for _, term in program.lets:
                bits += NAME + term_bits(term, scope)
                scope += 1
            for state in program.states:
                bits += NAME + type_bits(state.type) + value_bits(state.initial) + term_bits(state.update, scope)
            return bits + sum(term_bits(term, scope + len(program.states)) for term in program.outputs)
        case SequenceProgram():
            return _sequence_bits(program)


def _sequence_bits(program: SequenceProgram) -> float:
    columns, selections, bits = len(program.inputs) + 2, 0, 1.0
    for item in program.steps:
        bits += NAME
        if isinstance(item, Select):
            bits += term_bits(item.predicate, 2 * columns)
            selections += 1
            continue
        if isinstance(item, Aggregate):
            bits += 2 + _choice(selections) + (0 if item.kind == "count" else value_bits(item.default))
        bits += 0 if isinstance(item, Aggregate) and item.kind == "count" else term_bits(item.term, columns)
        columns += 1
    return bits + sum(term_bits(term, columns) for term in program.outputs)


def term_bits(term: Term, scope_size: int) -> float:
    """The cost of a term where `scope_size` names can be used."""
    return _term_bits(term, variable_bits(scope_size), {})


def _term_bits(term: Term, variable: float, known: dict[int, float]) -> float:
    if isinstance(term, Var):
        return variable
    if isinstance(term, Const):
        return constant_bits(term.value)
    if id(term) not in known:
        known[id(term)] = operator_bits(term) + sum(_term_bits(arg, variable, known) for arg in term.args)
    return known[id(term)]


def operator_bits(term: Apply) -> float:
    """The cost of an application without its arguments."""
    row = BY_NAME[term.op]
    return row.cost + (integer_bits(len(term.args)) if row.arity is None else 0)


def variable_bits(scope_size: int) -> float:
    """The cost of a variable where `scope_size` names can be used."""
    return TAG + 2 + _choice(scope_size)


def constant_bits(value: Value) -> float:
    """The cost of a constant in a term."""
    return TAG + value_bits(value)


def value_bits(value: Value) -> float:
    """The cost of a literal."""
    if isinstance(value, bool):
        return 1
    if isinstance(value, tuple):
        return integer_bits(len(value)) + sum(map(value_bits, value))
    if isinstance(value, Fraction):
        return integer_bits(value.numerator) + integer_bits(value.denominator)
    return integer_bits(value)


def integer_bits(value: int) -> int:
    """Length of Elias' gamma code (1975) of the value's position in 0, 1, 2, -1, 3, 4, -2, ..., from 1."""
    position = value + 1 + (value - 1) // 2 if value > 0 else 1 - 3 * value
    return 2 * position.bit_length() - 1


def type_bits(kind: Type) -> float:
    """The cost of a state's declared type."""
    match kind:
        case BoolType():
            return 2
        case IntType(low, high) | RealType(low, high):
            return 2 + sum(1 if end is None else 1 + value_bits(end) for end in (low, high))
        case RegisterType(element, length):
            return 2 + type_bits(element) + integer_bits(length)


def _choice(count: int) -> float:
    return math.log2(max(count, 1))
