"""Arithmetic over small ranges: extremes, absolute values, sorting, comparisons, digit sums, quadratic residues."""

from __future__ import annotations

import numpy as np

from benchmarks.suites.functions import FunctionTask, Range, Truth, by_name, header, several, single

LETTERS = "abcdef"
BIT = (0, 1)


def _task(
    name: str, description: str, inputs: tuple[Range, ...], outputs: tuple[Range, ...], body: str, truth: Truth
) -> FunctionTask:
    declared = header(name.lower(), LETTERS[: len(inputs)], inputs, outputs)
    return FunctionTask(name, description, inputs, outputs, f"{declared} {body}", truth)


def _residue(modulus: int, body: str) -> FunctionTask:
    squares = sorted({k * k % modulus for k in range(1, modulus)})
    return _task(f"Is_Residue_{modulus}", f"is a a non-zero square modulo {modulus}", ((0, 30),), (BIT,), body,
                 single(lambda a: np.isin(a % modulus, squares)))  # fmt: skip


ARITHMETIC: dict[str, FunctionTask] = by_name(
    (
        _task("Max_2", "the larger of two numbers", ((0, 15),) * 2, ((0, 15),), "max(a, b)",
              single(lambda a, b: np.where(a >= b, a, b))),
        _task("Max_3", "the largest of three numbers", ((0, 9),) * 3, ((0, 9),), "max(a, max(b, c))",
              single(lambda *x: np.sort(np.stack(x), axis=0)[-1])),
        _task("Min_2", "the smaller of two numbers, of either sign", ((-10, 10),) * 2, ((-10, 10),), "min(a, b)",
              single(lambda a, b: np.where(a >= b, b, a))),
        _task("Median_3", "the middle one of three numbers", ((0, 7),) * 3, ((0, 7),),
              "max(min(a, b), min(max(a, b), c))", single(lambda *x: np.sort(np.stack(x), axis=0)[1])),
        _task("Abs_1", "the absolute value", ((-30, 30),), ((0, 30),), "abs(a)",
              single(lambda a: np.where(a < 0, -a, a))),
        _task("Abs_Difference", "the distance of two numbers", ((0, 12),) * 2, ((0, 12),), "abs(a - b)",
              single(lambda a, b: np.where(a < b, b - a, a - b))),
        _task("Sort_2", "two numbers, the smaller first", ((0, 9),) * 2, ((0, 9),) * 2, "min(a, b), max(a, b)",
              several(lambda a, b: (np.where(a < b, a, b), np.where(a < b, b, a)))),
        _task("Less", "is the first number less than the second", ((0, 15),) * 2, (BIT,), "int(a < b)",
              single(lambda a, b: b - a > 0)),
        _task("Equal", "are two numbers equal", ((0, 11),) * 2, (BIT,), "int(a == b)",
              single(lambda a, b: (a - b) == 0)),
        _task("Close", "are two numbers at most 2 apart", ((0, 11),) * 2, (BIT,), "int(abs(a - b) <= 2)",
              single(lambda a, b: (a - b) ** 2 < 9)),
        _task("Between", "is c between a and b", ((0, 6),) * 3, (BIT,), "int(a <= c and c <= b)",
              single(lambda a, b, c: ~((c < a) | (c > b)))),
        _task("Sign", "the sign of a number", ((-15, 15),), ((-1, 1),), "int(a > 0) - int(a < 0)", single(np.sign)),
        _task("Digit_Sum", "the sum of the decimal digits", ((0, 99),), ((0, 18),), "a div 10 + a mod 10",
              single(lambda a: np.array([sum(map(int, str(v))) for v in a.tolist()]))),
        _task("Digit_Product", "the product of two decimal digits", ((0, 99),), ((0, 81),), "a div 10 * (a mod 10)",
              single(lambda a: np.array([int(f"{v:02}"[0]) * int(f"{v:02}"[1]) for v in a.tolist()]))),
        _task("Times", "the product of two numbers", ((0, 7),) * 2, ((0, 49),), "a * b",
              single(lambda a, b: sum((np.where(b > k, a, 0) for k in range(7)), np.zeros_like(a)))),
        _task("Saturating_Sum", "the sum of two numbers, at most 12", ((0, 9),) * 2, ((0, 12),), "min(a + b, 12)",
              single(lambda a, b: np.where(a + b > 12, 12, a + b))),
        _task("Positive_Difference", "how much a exceeds b", ((0, 12),) * 2, ((0, 12),), "max(a - b, 0)",
              single(lambda a, b: np.where(a > b, a - b, 0))),
        _task("Divide_3", "a third, rounded down", ((0, 29),), ((0, 9),), "a div 3",
              single(lambda a: np.floor(a / 3 + 1e-9))),
        _task("Weighted", "2 a - 3 b + 1", ((0, 9),) * 2, ((-26, 19),), "2 * a - 3 * b + 1",
              single(lambda a, b: a + a + 1 - b - b - b)),
        _task("Square_Mod_13", "the square modulo 13", ((0, 25),), ((0, 12),), "a * a mod 13",
              single(lambda a: np.array([pow(v, 2, 13) for v in a.tolist()]))),
        _residue(5, "int(a * a mod 5 == 1)"),
        _residue(7, "int(a * a * a mod 7 == 1)"),
        _residue(3, "int(a mod 3 == 1)"),
        _task("Is_Square_Root", "is b the square of a modulo 11", ((0, 10),) * 2, (BIT,), "int(a * a mod 11 == b)",
              single(lambda a, b: (a * a - b) % 11 == 0)),
    )
)  # fmt: skip
