"""SyGuS files end to end: answers z3 accepts, small ones; clear words for everything else."""

from pathlib import Path

import pytest

from dsl.errors import BadInput, ParseError, Unsupported
from extract.search.engine import StopReason
from extract.sygus import synth_file, synthesise_task
from extract.sygus.check import refute
from extract.sygus.reader import parse
from extract.sygus.sexpr import read, show

GRAMMAR = """(set-logic BV)
(define-fun ehad ((x (_ BitVec 64))) (_ BitVec 64) (bvlshr x #x0000000000000001))
(define-fun smol ((x (_ BitVec 64))) (_ BitVec 64) (bvshl x #x0000000000000001))
(define-fun im ((x (_ BitVec 64)) (y (_ BitVec 64)) (z (_ BitVec 64))) (_ BitVec 64)
  (ite (= x #x0000000000000001) y z))
(synth-fun f ((x (_ BitVec 64))) (_ BitVec 64) ((Start (_ BitVec 64)))
  ((Start (_ BitVec 64) (#x0000000000000000 #x0000000000000001 x (bvnot Start) (smol Start) (ehad Start)
    (bvand Start Start) (bvor Start Start) (bvxor Start Start) (bvadd Start Start) (im Start Start Start)))))
"""


def examples(function: str, count: int = 40) -> str:
    """Constraints from a Python expression over `x`, on pseudo-random words."""
    word, lines = 0x9E3779B97F4A7C15, []
    for _ in range(count):
        word = (word * 6364136223846793005 + 1442695040888963407) % 2**64
        lines.append(f"(constraint (= (f #x{word:016x}) #x{eval(function, {'x': word}) % 2**64:016x}))")
    return GRAMMAR + "\n".join(lines) + "\n(check-synth)\n"


@pytest.mark.parametrize(
    ("function", "most"),
    [
        ("x ^ (x >> 1)", 2),
        ("x + (x & 1)", 2),
        ("~x if x & 1 else x << 1", 4),
        ("(x >> 2) + 1 if x & 4 else x & (x - 1)", 12),
    ],
)
def test_words(function: str, most: int) -> None:
    result = synthesise_task(parse(examples(function)), 30)
    assert result.answer is not None
    assert result.operators <= most
    assert "checked by z3" in result.message


LIA = """(set-logic LIA)
(synth-fun f ((x Int) (y Int) (z Int)) Int)
(declare-var x Int) (declare-var y Int) (declare-var z Int)
{}
(check-synth)
"""


@pytest.mark.parametrize(
    ("constraints", "most"),
    [
        ("(constraint (= (f x y z) (+ x y)))", 1),
        ("(constraint (>= (f x y z) x)) (constraint (>= (f x y z) y)) (constraint (>= (f x y z) z))"
         "(constraint (or (= x (f x y z)) (= y (f x y z)) (= z (f x y z))))", 4),
        ("(constraint (=> (< x y) (= (f x y z) (+ (* 3 z) 2)))) (constraint (=> (>= x y) (= (f x y z) (- z x))))", 5),
        ("(constraint (= (f x y z) (f y x z))) (constraint (>= (f x y z) x)) (constraint (>= (f x y z) y))", 3),
    ],
)  # fmt: skip
def test_integers(constraints: str, most: int) -> None:
    task = parse(LIA.format(constraints))
    result = synthesise_task(task, 30)
    assert result.answer is not None
    assert result.operators <= most


LIMITED = """(set-logic LIA)
(synth-fun f ((x Int) (y Int)) Int ((Start Int) (Test Bool))
  ((Start Int (x y 0 1 (+ Start Start) (ite Test Start Start))) (Test Bool ((<= Start Start) (>= Start Start){}))))
(declare-var x Int) (declare-var y Int)
(constraint (>= (f x y) x)) (constraint (>= (f x y) y)) (constraint (or (= x (f x y)) (= y (f x y)))) (check-synth)
"""


def test_an_integer_grammar_is_respected() -> None:
    inside = synthesise_task(parse(LIMITED.format("")), 30)
    assert inside.answer is not None
    assert inside.operators == 2
    outside = synthesise_task(parse(LIMITED.replace("(ite Test Start Start)", "").format("")), 30)
    assert outside.answer is None
    assert "every program within the cost limit was tried" in outside.message


def test_the_check_rejects_a_wrong_answer() -> None:
    task = parse(LIA.format("(constraint (= (f x y z) (+ x y)))"))
    assert refute(task, {"f": ("+", "x", "y")}, 10) is None
    assert isinstance(refute(task, {"f": ("+", "x", "z")}, 10), dict)


def test_several_functions() -> None:
    text = """(set-logic LIA)
    (synth-fun f ((a Int) (b Int)) Int) (synth-fun g ((a Int) (b Int)) Int)
    (declare-var x Int) (declare-var y Int)
    (constraint (= (+ (f x y) (f x y)) (g x y))) (constraint (> (g x y) x)) (check-synth)"""
    result = synthesise_task(parse(text), 30)
    assert result.answer is not None
    assert result.answer.count("define-fun") == 2


def test_contradictions_and_budgets_are_told() -> None:
    contradiction = LIA.format("(constraint (> (f x y z) x)) (constraint (< (f x y z) x))")
    result = synthesise_task(parse(contradiction), 10)
    assert result.stop is StopReason.EXHAUSTED
    assert "contradict" in result.message
    words = examples("x * 0x123456789", 30)
    result = synthesise_task(parse(words), 0.5)
    assert result.stop is StopReason.TIME
    assert "search budget of 0.5 s used" in result.message


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("(set-logic LIA", ParseError, "line 1, column 1"),
        ("(set-logic LIA)", BadInput, "expected a synth-fun"),
        ("(synth-fun f ((x Int)) Int)", BadInput, "check-synth"),
        ("(synth-fun f ((x Real)) Real) (check-synth)", Unsupported, "expected sort"),
        ("(frobnicate)", Unsupported, "expected a command"),
        ("(synth-fun f (x) Int) (check-synth)", BadInput, r"expected \(name sort\)"),
    ],
)
def test_malformed_files_have_one_clear_line(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        synthesise_task(parse(text), 1)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="expected a readable SyGuS file"):
        synth_file(tmp_path / "absent.sl")


def test_expressions_print_as_read() -> None:
    text = "(constraint (= (f #x0a |odd name|) (ite true -1 2)))"
    assert show(read("; comment\n" + text)[0]) == text
