"""Normal forms: same meaning, stable, never dearer; and programs that are equal print equal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.cost import cost_bits, term_bits
from dsl.printers import print_program, print_term
from dsl.programs import Function, Machine, SequenceProgram
from dsl.rewrites import RULES, Rule, normal_form, normalise
from dsl.rewrites.rules import METAVARIABLES
from dsl.semantics import evaluate, run_function, run_machine, run_sequence
from dsl.syntax import parse, parse_term
from dsl.terms import constant, subterms
from dsl.types import BOOL, INT, IntType, RegisterType
from tests.dsl.strategies import (
    environments,
    functions,
    machines,
    programs,
    scopes,
    sequences,
    some_kind,
    streams,
    terms,
    values,
)

SLACK = 1e-6


@settings(max_examples=120)
@given(data=st.data())
def test_the_normal_form_means_the_same_and_is_stable_and_no_dearer(data: st.DataObject) -> None:
    scope = data.draw(scopes("abc"))
    term = data.draw(terms(scope, data.draw(some_kind), 4))
    size = data.draw(st.integers(1, 8))
    normal = normal_form(term, size)
    for env in data.draw(st.lists(environments(scope), min_size=3, max_size=3)):
        assert evaluate(normal, env) == evaluate(term, env), (print_term(term), print_term(normal), env)
    assert normal_form(normal, size) == normal, (print_term(term), print_term(normal))
    assert term_bits(normal, size) <= term_bits(term, size) + SLACK


@pytest.mark.parametrize("rule", RULES, ids=[rule.name for rule in RULES])
@settings(max_examples=15)
@given(data=st.data())
def test_every_rule_is_true(rule: Rule, data: st.DataObject) -> None:
    scope = METAVARIABLES
    left, right = parse_term(rule.left, scope), parse_term(rule.right, scope)
    env = {name: data.draw(values(kind)) for name, kind in scope.items()}
    nearby = [env | {"l": env["k"] + d} for d in (-1, 1)]  # type: ignore[operator]
    allowed = [e for e in nearby if rule.condition({n: constant(value) for n, value in e.items()})]
    assert allowed
    for e in allowed:
        assert evaluate(left, e) == evaluate(right, e)


SCOPE = {
    "x": IntType(0, 9), "y": INT, "z": INT, "p": BOOL, "q": BOOL, "u": IntType(0, 1), "v": IntType(0, 1),
    "r": RegisterType(INT, 3),
}  # fmt: skip


@pytest.mark.parametrize(
    ("term", "normal"),
    [
        ("x + x", "2 * x"),
        ("y - (y - z)", "z"),
        ("2 * (x + y * z) + (x + y * z)", "3 * (x + y * z)"),
        ("y - (x - z)", "y + z - x"),
        ("not (x < y)", "x >= y"),
        ("y > x", "x < y"),
        ("4 > x", "x < 4"),
        ("x + 1 < y + 1", "x < y"),
        ("x mod 10", "x"),
        ("(x + 4) mod 5", "(x - 1) mod 5"),
        ("((y mod 5) + (z mod 10) * 3) mod 5", "(y - 2 * z) mod 5"),
        ("int(p) == 1", "p"),
        ("if p then 1 else 0", "int(p)"),
        ("not (p and not q)", "not p or q"),
        ("u != 1", "u == 0"),
        ("(u + v) mod 2", "u ^ v"),
        ("if y < z then z else y", "max(y, z)"),
        ("if x >= 3 then 3 else x", "min(x, 3)"),
        ("if p then (if p then x else y) else z", "if p then x else z"),
        ("min(x, 20)", "x"),
        ("(10 * y + x) div 10", "y"),
        ("y div 3 div 4", "y div 12"),
        ("abs(z - y)", "abs(y - z)"),
        ("y ^ z ^ y", "z"),
        ("p and q and not p", "false"),
        ("push(r, y)[2]", "y"),
        ("push(r, y)[0]", "r[1]"),
        ("[x, y][1]", "y"),
        ("1 + y + 2 * 3", "y + 7"),
        ("if p then min(y, x) else min(z, y)", "min(if p then x else z, y)"),
        ("if p then y + z + x else z + u + y", "(if p then x else u) + y + z"),
        ("if p then y * y * x else z * y", "(if p then x * y else z) * y"),
        ("if p then y - x else z - x", "(if p then y else z) - x"),
        ("if p then y < x else z < x", "(if p then y else z) < x"),
        ("if p then y + x else z + z", "if p then x + y else 2 * z"),
    ],
)
def test_normal_forms(term: str, normal: str) -> None:
    assert print_term(normal_form(parse_term(term, SCOPE))) == normal


@given(data=st.data(), program=functions())
def test_normalised_functions_mean_the_same(data: st.DataObject, program: Function) -> None:
    normal = normalise(program)
    assert isinstance(normal, Function)
    arguments = data.draw(st.tuples(*(values(v.type) for v in program.inputs)))
    assert run_function(normal, arguments) == run_function(program, arguments), print_program(normal)
    assert cost_bits(normal) <= cost_bits(program) + SLACK


@settings(max_examples=60)
@given(data=st.data(), program=machines())
def test_normalised_machines_mean_the_same(data: st.DataObject, program: Machine) -> None:
    normal = normalise(program)
    assert isinstance(normal, Machine)
    for symbols in data.draw(st.lists(streams(program.inputs), min_size=2, max_size=2)):
        assert run_machine(normal, symbols) == run_machine(program, symbols), print_program(normal)
    assert cost_bits(normal) <= cost_bits(program) + SLACK


@given(data=st.data(), program=sequences())
def test_normalised_sequences_mean_the_same(data: st.DataObject, program: SequenceProgram) -> None:
    normal = normalise(program)
    assert isinstance(normal, SequenceProgram)
    tokens = data.draw(streams(program.inputs))
    assert run_sequence(normal, tokens) == run_sequence(program, tokens), print_program(normal)
    assert cost_bits(normal) <= cost_bits(program) + SLACK


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "machine m(a: 0..1, b: 0..1) -> 0..1 state c: 0..1 = 0 next c = (a + b + c) div 2 output (a + b + c) mod 2",
            "machine m(a: 0..1, b: 0..1) -> 0..1 state dead: int = 3 state c: 0..1 = 0 let t = c + b + a"
            " next dead = dead + 1 next c = t div 2 output t mod 2",
        ),
        (
            "machine m(x: 0..9) -> int state s: int = 0 state t: int = 0 next s = s + x next t = x + t output s' + t'",
            "machine m(x: 0..9) -> int state s: int = 0 let one = x + s next s = one output one + one",
        ),
        (
            "machine m(x: 0..4) -> 0..4 state k: int = 5 state s: 0..4 = 0 next k = k next s = (s + x) mod 5 output s'",
            "machine m(x: 0..4) -> 0..4 state s: 0..4 = 0 next s = (x + s + 5) mod 5 output (x + s) mod 5",
        ),
    ],
)
def test_equal_programs_print_equal(one: str, other: str) -> None:
    assert print_program(normalise(parse(one))) == print_program(normalise(parse(other)))


def test_states_are_ordered_by_first_use_and_keep_their_names() -> None:
    program = parse("machine m(x: 0..1) -> 0..1 state a: 0..1 = 0 state b: 0..1 = 0 next a = x next b = a output b")
    assert [state.name for state in normalise(program).states] == ["b", "a"]  # type: ignore[union-attr]


@settings(max_examples=40)
@given(program=programs)
def test_normalising_twice_changes_nothing_in_cost(program: Function) -> None:
    once = normalise(program)
    assert cost_bits(normalise(once)) <= cost_bits(once) + SLACK


@given(data=st.data())
def test_a_sub_term_never_costs_more(data: st.DataObject) -> None:
    scope = data.draw(scopes("abc"))
    term = data.draw(terms(scope, data.draw(some_kind), 3))
    assert all(term_bits(part, 3) <= term_bits(term, 3) for part in subterms(term))
