"""SyGuS files end to end: answers z3 accepts, small ones; clear words for everything else."""

from pathlib import Path

import numpy as np
import pytest

from dsl.errors import BadInput, ParseError, Unsupported
from dsl.terms import Var
from dsl.types import IntType
from extract.search.engine import Limits, Problem, StopReason, synthesise
from extract.sygus import synth_file, synthesise_task
from extract.sygus.calls import size
from extract.sygus.check import refute
from extract.sygus.reader import parse
from extract.sygus.sexpr import read, replace, show
from extract.sygus.sharing import shared

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


SHAPES = {
    "all words": ("""(define-fun hd ((x (_ BitVec 32))) (_ BitVec 32) (bvand x (bvsub x #x00000001)))
        (synth-fun f ((x (BitVec 32))) (BitVec 32) ((Start (BitVec 32) (x #x00000001 (bvneg Start) (bvadd Start Start)
            (bvand Start Start) (bvashr Start #x00000001) (bvsub Start Start)))))
        (declare-var x (BitVec 32)) (constraint (= (f x) (hd x)))""", 2),
    "a predicate on words": ("""(synth-fun f ((x (_ BitVec 16)) (y (_ BitVec 16))) Bool ((B Bool) (W (_ BitVec 16)))
            ((B Bool ((= W W) (bvult W W) (not B))) (W (_ BitVec 16) (x y #x0000 (bvand W W)))))
        (declare-var x (_ BitVec 16)) (declare-var y (_ BitVec 16))
        (constraint (= (f x y) (= #x0000 (bvand y x))))""", 2),
    "words without a grammar": ("""(synth-fun f ((x (_ BitVec 8)) (y (_ BitVec 8))) (_ BitVec 8))
        (declare-var x (_ BitVec 8)) (declare-var y (_ BitVec 8))
        (constraint (bvsge (f x y) x)) (constraint (bvsge (f x y) y))
        (constraint (or (= (f x y) x) (= (f x y) y)))""", 2),
    "several nonterminals of one sort": ("""(synth-fun f ((x (_ BitVec 8))) (_ BitVec 8)
            ((S (_ BitVec 8)) (Shift (_ BitVec 8)) (Base (_ BitVec 8)))
            ((S (_ BitVec 8) (Shift (bvxor S Shift))) (Shift (_ BitVec 8) ((bvlshr Base #x01) (bvshl Base #x02)))
             (Base (_ BitVec 8) (x #x0f))))
        (constraint (= (f #x10) #x48)) (constraint (= (f #xff) #x83)) (constraint (= (f #x03) #x0d))""", 3),
    "a circuit of bounded depth": ("""(synth-fun f ((a Bool) (b Bool)) Bool ((S Bool) (D Bool) (E Bool))
            ((S Bool ((and D D) (or D D))) (D Bool (E (not (and E E)) (or E E))) (E Bool (a b))))
        (declare-var a Bool) (declare-var b Bool) (constraint (= (f a b) (xor a b)))""", 4),
    "literals and variables of a sort": ("""(synth-fun f ((x Int) (y Int)) Int ((I Int) (B Bool))
            ((I Int ((Variable Int) (+ I I) (* (Constant Int) I) (ite B I I))) (B Bool ((<= I I)))))
        (declare-var x Int) (declare-var y Int) (constraint (= (f x y) (ite (<= x y) (* 7 y) (+ x y))))""", 4),
    "negative numerals and sorted lets": ("""(synth-fun f ((x Int)) Int) (declare-var x Int)
        (constraint (= (f x) (let ((s Int (+ x -3))) (let ((t (+ s s))) t))))""", 2),
    "an assumption": ("""(synth-fun f ((x Int)) Int ((S Int)) ((S Int (x (- S) 0)))) (declare-var x Int)
        (assume (> x 0)) (constraint (< (f x) 0))""", 1),
    "an invariant": ("""(synth-inv inv ((x Int) (y Int)))
        (define-fun pre ((x Int) (y Int)) Bool (and (= x 0) (= y 0)))
        (define-fun trans ((x Int) (y Int) (x! Int) (y! Int)) Bool (and (= x! (+ x 1)) (= y! (+ y 1))))
        (define-fun post ((x Int) (y Int)) Bool (=> (= x 9) (= y 9)))
        (inv-constraint inv pre trans post)""", 1),
    "a number and a predicate": ("""(synth-fun f ((x Int)) Int) (synth-fun g ((x Int)) Bool) (declare-var x Int)
        (constraint (=> (g x) (= (f x) (- x 3)))) (constraint (=> (not (g x)) (= (f x) x)))
        (constraint (= (g x) (> x 2)))""", 4),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_the_competition(shape: str) -> None:
    text, most = SHAPES[shape]
    result = synthesise_task(parse(f"(set-logic ALL) (set-option :any true) {text} (check-synth)"), 60)
    assert result.answer is not None, result.message
    assert result.operators <= most


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(synth-fun f ((x Int)) Int) (declare-var x Int) (constraint (= (f x) (g x)))", "unknown constant g"),
        ("(synth-fun f ((x Int)) Int) (declare-var x Int) (constraint (= (f x) (and x 1)))", "Sort mismatch"),
        ("(synth-fun f ((x Int)) Int) (declare-var x Int) (constraint (= (f (f x)) x))", "inside an argument"),
        ("(synth-fun f ((x Int)) Int ((S Int)) ((S Int (x (foo S)))))", "unknown constant foo"),
        ("(synth-fun f ((x Int)) Int ((B Bool)) ((B Bool ((not B)))))", "starts at sort Int"),
        ("(synth-fun f ((s String)) String)", r"expected sort Int, Bool or \(_ BitVec n\)"),
        ("(synth-fun f ((x (_ BitVec 8))) Int) (declare-var x (_ BitVec 8)) (constraint (= (f x) 1))", "one sort"),
        ("(synth-fun f ((x Int)) Int) (synth-fun f ((x Int)) Int)", "declared once"),
        ("(synth-inv inv ((x Int))) (inv-constraint inv pre trans post)", "expected a defined function"),
        ("(synth-fun f ((x Int)) Int) (constraint (let (x) x))", r"expected \(let"),
    ],
)
def test_what_is_refused_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises((BadInput, Unsupported), match=message) as refused:
        synthesise_task(parse(text + "(check-synth)"), 5)
    assert "\n" not in str(refused.value)


def test_repeated_parts_are_named_once() -> None:
    body = read("(bvadd (bvxor (bvnot x) y) (bvxor (bvnot x) y))")[0]
    named = shared(body, frozenset({"_1"}))
    assert show(named) == "(let ((_2 (bvxor (bvnot x) y))) (bvadd _2 _2))"
    assert size(named) == 3
    assert replace(named, {}) == body


def test_what_few_examples_leave_open_is_told() -> None:
    grammar = "((S Int)) ((S Int (x 0 1 2 (+ S S) (* S S)))))"
    text = f"(synth-fun f ((x Int)) Int {grammar} (constraint (= (f 2) 4)) (constraint (= (f 0) 0)) (check-synth)"
    result = synthesise_task(parse(text), 30)
    left = result.left_open
    assert left is not None
    assert left.programs >= 2
    assert left.answers[0] != left.answers[1]
    assert f"at least {left.programs} programs of this cost fit the examples" in result.message
    assert result.to_json()["left_open"]["answers"] == [show(answer) for answer in left.answers]
    settled = text.replace("(check-synth)", "(constraint (= (f 5) 25)) (constraint (= (f 7) 49)) (check-synth)")
    assert synthesise_task(parse(settled), 30).left_open is None


def test_a_full_bank_is_told() -> None:
    target = np.arange(64, dtype=np.int64) ** 3 % 91
    variables = (Var("x", IntType(0, 63)), Var("y", IntType(0, 63)))
    columns = (np.arange(64, dtype=np.int64), np.arange(64, dtype=np.int64)[::-1].copy())
    found = synthesise(Problem(variables, columns, target), limits=Limits(timeout_s=60, max_bytes=1 << 18))
    assert found.stop is StopReason.MEMORY
    assert not found.minimal
