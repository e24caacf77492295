"""What `netlift diff` answers: two programs are proved equal, or the shortest input separates them."""

from __future__ import annotations

import itertools
import time

from dsl.errors import TypeMismatch
from dsl.programs import Function, Machine, Program, SequenceProgram
from dsl.semantics import run_sequence
from dsl.terms import Var
from dsl.types import IntType
from verify.budget import Deadline
from verify.equivalence import CLAIM, functions_equal, machines_equal, numbers
from verify.verdict import Counterexample, Finding, Proved, Refuted, Unknown, Verdict

MAX_LENGTH = 64


def diff_programs(a: Program, b: Program, *, timeout_s: float) -> Finding:
    """The finding "programs are equal"; a counterexample's `expected` is what `a` answers, `actual` what `b` does.

    Raises `TypeMismatch` for programs of different shapes, or with inputs or outputs that cannot be compared.
    """
    match a, b:
        case (Machine(), Machine()):
            return machines_equal(a, b, timeout_s=timeout_s)
        case (Function(), Function()):
            return functions_equal(a, b, timeout_s=timeout_s)
        case (SequenceProgram(), SequenceProgram()):
            return _sequences_equal(a, b, timeout_s=timeout_s)
    shapes = (type(a).__name__.lower(), type(b).__name__.lower())
    raise TypeMismatch(f"expected two programs of one shape, got a {shapes[0]} and a {shapes[1]}")


def _sequences_equal(a: SequenceProgram, b: SequenceProgram, *, timeout_s: float) -> Finding:
    """All inputs, shortest first, in the reference interpreter, for as long as the time lasts."""
    began, deadline = time.monotonic(), Deadline.after(timeout_s)
    if len(a.inputs) != len(b.inputs) or len(a.outputs) != len(b.outputs):
        raise TypeMismatch("expected equally many inputs and outputs in both programs")
    symbols = list(itertools.product(*(_values(u, v) for u, v in zip(a.inputs, b.inputs, strict=True))))
    verdict: Verdict = Unknown("the time was up before all inputs of length 1 were compared")
    for length in range(1, MAX_LENGTH + 1):
        for word in itertools.product(symbols, repeat=length):
            if deadline.passed:
                break
            expected, actual = run_sequence(a, word), run_sequence(b, word)
            if expected != actual:
                verdict = Refuted(Counterexample(word, numbers(expected), numbers(actual)), shortest=True)
                break
        if deadline.passed or isinstance(verdict, Refuted):
            break
        verdict = Proved(f"all inputs of length up to {length}")
    return Finding(CLAIM, "enumeration", verdict, "inputs of any length", time.monotonic() - began)


def _values(u: Var, v: Var) -> range:
    if not isinstance(u.type, IntType) or not isinstance(v.type, IntType):
        raise TypeMismatch(f"expected integer inputs, got {u.type} and {v.type}")
    lows = [end for end in (u.type.low, v.type.low) if end is not None]
    highs = [end for end in (u.type.high, v.type.high) if end is not None]
    if not lows or not highs or max(lows) > min(highs):
        raise TypeMismatch(f"expected bounded inputs with values in common, got {u.type} and {v.type}")
    return range(max(lows), min(highs) + 1)
