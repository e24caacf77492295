"""Standalone Python: the text, executed on its own, equals the reference."""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.printers import print_latex, print_python
from dsl.programs import Function, Machine, Program, SequenceProgram
from dsl.semantics import run, unwrap
from dsl.syntax import parse
from tests.dsl.strategies import functions, machines, sequences, streams, values
from tests.dsl.test_operators import same


def executed(program: Program) -> Any:
    """The `run` of the printed text, which imports the standard library alone."""
    text = print_python(program)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            assert (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) in sys.stdlib_module_names
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    return namespace["run"]


@given(data=st.data(), program=functions())
def test_functions(data: st.DataObject, program: Function) -> None:
    arguments = data.draw(st.tuples(*(values(v.type) for v in program.inputs)))
    assert same(executed(program)(*arguments), run(program, arguments))


@given(data=st.data(), program=st.one_of(machines(), sequences()))
def test_machines_and_sequences(data: st.DataObject, program: Machine | SequenceProgram) -> None:
    symbols = data.draw(streams(program.inputs))
    if len(program.inputs) == 1 and any(isinstance(symbol[0], tuple) for symbol in symbols):
        return  # a lone register per step reads as several components
    inputs = [unwrap(symbol) for symbol in symbols]
    got, expected = executed(program)(inputs), run(program, inputs)
    assert len(got) == len(expected)
    assert all(map(same, got, expected))


ADDER = """machine add(a: 0..1, b: 0..1) -> 0..1
  state c: 0..1 = 0
  let s = a + b + c
  next c = s div 2
  output s mod 2
"""

ADDER_PYTHON = '''"""The program `add`, in the language of netlift:

    machine add(a: 0..1, b: 0..1) -> 0..1
      state c: 0..1 = 0
      let s = a + b + c
      next c = s div 2
      output s mod 2
"""

from __future__ import annotations


def run(xs: list[tuple[int, int]]) -> list[int]:
    """The list of outputs, one per input of `add`, for a in 0..1, b in 0..1."""
    ys = []
    c = 0
    for a, b in xs:
        s = a + b + c
        ys.append(s % 2)
        c = s // 2
    return ys
'''


def test_a_machine_reads_as_a_loop() -> None:
    assert print_python(parse(ADDER)) == ADDER_PYTHON


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("state a: int = 0 state b: int = 1 next a = b next b = a + b output a", "a, b = b, a + b"),
        ("state a: int = 0 state b: int = 1 next a = b next b = x output a", "a = b\n        b = x"),
        ("state min: int = 0 next min = min + x output min'", "min_2 = min_2 + x\n        ys.append(min_2)"),
        ("state s: int = 0 next s = s + x output s' - s", "new_s = s + x\n        ys.append(new_s - s)"),
        ("output x div x", "return 0 if b == 0 else a // b"),
        ("output x mod 3", "ys.append(x % 3)"),
        ("output [1, 2, 3][x]", "(1, 2, 3)[x]"),
        ("output [1, 2][x]", "element((1, 2), x)"),
    ],
)
def test_idioms(body: str, expected: str) -> None:
    text = print_python(parse(f"machine m(x: 0..2) -> int {body}"))
    assert expected in text, text


def test_ranges_that_are_not_invariants_are_not_relied_on() -> None:
    program = parse("machine m(x: 0..1) -> int state s: 1..2 = 1 next s = s - x output 6 div s")
    assert executed(program)([1, 1, 1]) == run(program, [1, 1, 1])


def test_latex_of_a_machine() -> None:
    assert print_latex(parse(ADDER)) == (
        "\\begin{aligned}\n"
        "& \\mathrm{add}(a, b),\\quad a \\in \\{0, 1\\},\\quad b \\in \\{0, 1\\} \\\\\n"
        "c &\\in \\{0, 1\\},\\quad c_0 = 0 \\\\\n"
        "s &:= a + b + c \\\\\n"
        "c' &:= \\lfloor s / 2 \\rfloor \\\\\n"
        "\\mathrm{output} &:= s \\bmod 2 \\in \\{0, 1\\}\n"
        "\\end{aligned}\n"
    )
