"""Printing and parsing: one is the inverse of the other, and errors point at the place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.errors import EvaluationError, ParseError, TypeMismatch
from dsl.printers import print_program, print_term
from dsl.programs import Function, Program
from dsl.semantics import run
from dsl.syntax import grammar, parse, parse_term
from dsl.terms import Var
from dsl.types import BOOL, INT
from tests.dsl.strategies import programs, scopes, some_kind, terms


@given(data=st.data())
def test_parsing_a_printed_term_gives_the_term(data: st.DataObject) -> None:
    scope = data.draw(scopes("abc"))
    term = data.draw(terms(scope, data.draw(some_kind), 4))
    again = parse_term(print_term(term), scope)
    assert again == term
    assert again.type == term.type


@given(program=programs)
def test_parsing_a_printed_program_gives_the_program(program: Program) -> None:
    assert parse(print_program(program)) == program


def test_parentheses_are_few() -> None:
    scope = {"a": INT, "b": INT, "c": INT, "p": BOOL, "q": BOOL}
    for text in [
        "(a + b) * c mod 5",
        "a - (b - c)",
        "a - b - c",
        "-a * b",
        "not (p and q) or p",
        "(if p then a else b) + c",
        "if p then a else b + c",
        "a + b == c",
        "(a == b) == p",
        "a & b << c",
        "[a, b][c] + 1",
        "-(-a)",
        "~a",
    ]:
        assert print_term(parse_term(text, scope)) == text


ERRORS = [
    (
        "function f(a: 0..9) -> int = a +",
        "line 1, column 33: expected a name, a number, '(', '-', '[', '~', got the end of the text\n"
        "  function f(a: 0..9) -> int = a +\n"
        "                                  ^",
    ),
    (
        "machine m(x: 0..1) -> int\n  state s: int = 0\n  next s = s + y\n  output s",
        "line 3, column 16: expected one of x, s, got y\n    next s = s + y\n                 ^",
    ),
    (
        "function f(a: int) -> int = a ? 1",
        "line 1, column 31: expected a symbol of the language, got '?'\n"
        "  function f(a: int) -> int = a ? 1\n"
        "                                ^",
    ),
    (
        "function f(a: int) -> bool = a and true",
        "line 1, column 30: expected a truth value, got a value of type int (argument of and)\n"
        "  function f(a: int) -> bool = a and true\n"
        "                               ^",
    ),
    (
        "function f(a: 9..0) -> int = a",
        "line 1, column 15: expected LOW..HIGH with LOW at most HIGH, got 9..0\n"
        "  function f(a: 9..0) -> int = a\n"
        "                ^",
    ),
    (
        "function f(a: 0..1/2) -> int = a",
        "line 1, column 15: expected whole numbers (or real(0..1/2)), got 1/2\n"
        "  function f(a: 0..1/2) -> int = a\n"
        "                ^",
    ),
    (
        "function f(a: real(0..1/0)) -> real = a",
        "line 1, column 25: expected a fraction, got a denominator of 0\n"
        "  function f(a: real(0..1/0)) -> real = a\n"
        "                          ^",
    ),
    (
        "machine m(x: 0..1) -> int\n  state s: int = 0\n  output s",
        "line 1, column 1: expected an update `next s = ...`, got none\n  machine m(x: 0..1) -> int\n  ^",
    ),
    (
        "function f(a: int) -> int = max(a)",
        "line 1, column 29: expected 2 arguments of max, got 1\n"
        "  function f(a: int) -> int = max(a)\n"
        "                              ^",
    ),
    (
        "sequence q(x: int) -> int aggregate c = sum(x, 1) output c",
        "line 1, column 41: expected one of count, mean, pick, got sum\n"
        "  sequence q(x: int) -> int aggregate c = sum(x, 1) output c\n"
        "                                          ^",
    ),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_parse_errors_name_the_place(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    with pytest.raises(ParseError, match="nested less deeply"):
        parse_term("~" * 5000 + "a", {"a": INT})


def test_words_of_the_language_are_no_names() -> None:
    with pytest.raises(TypeMismatch, match="no word of the language, got output"):
        Function("f", (Var("output", INT),), (INT,), (), (Var("output", INT),))


def test_comparisons_do_not_chain() -> None:
    with pytest.raises(ParseError):
        parse_term("a < a < a", {"a": INT})


def test_inputs_outside_their_type_are_refused() -> None:
    program = parse("machine m(x: 0..1) -> int output x")
    with pytest.raises(EvaluationError, match=r"expected x in 0..1, got 2 \(step 1\)"):
        run(program, [0, 2])


def test_the_grammar_holds_every_operator_once() -> None:
    text = grammar()
    assert text.count("-> op") == len({line for line in text.splitlines() if "-> op" in line})
