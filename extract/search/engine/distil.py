"""Distillers: closed-form fits that give whole solutions or sub-terms at once, where enumeration would take long.

Each returns a term that is right on all examples, or None: an integer-linear form (least squares on few columns,
rounded, then checked exactly), a linear form modulo m, a Boolean polynomial (algebraic normal form over GF(2)).
`distil` gives them all, for the search to contest; `guidance` applies them to parts of the examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from dsl.ops import apply
from dsl.terms import Term, Var, constant
from dsl.types import BoolType
from extract.search.engine.problem import Array, Problem

LARGEST = 1 << 40


def distil(problem: Problem, pool: Array) -> Iterator[Term]:
    """Terms that fit the examples of `pool`, from every distiller that succeeds."""
    columns = [column[pool] for column in problem.columns]
    target = problem.target[pool]
    for fit in (constant_fit, linear_fit, modular_fit, boolean_fit):
        term = fit(problem.variables, columns, target)
        if term is not None:
            yield term


def constant_fit(variables: Sequence[Var], columns: Sequence[Array], target: Array) -> Term | None:
    """The constant the target is, if it is one."""
    return constant(target[0].item()) if len(target) and (target == target[0]).all() else None


def numeric(variables: Sequence[Var], columns: Sequence[Array]) -> tuple[list[Term], list[Array]]:
    """The variables as integers: truth values count as 0 and 1."""
    terms: list[Term] = [apply("int", (v,)) if isinstance(v.type, BoolType) else v for v in variables]
    return terms, [column.astype(np.int64) for column in columns]


def linear_fit(variables: Sequence[Var], columns: Sequence[Array], target: Array) -> Term | None:
    """`a1 x1 + ... + c` with integer coefficients, as few columns as possible (up to three by search, then all)."""
    if target.dtype == bool or not columns:
        return None
    terms, data = numeric(variables, columns)
    design = np.stack([*data, np.ones(len(target), dtype=np.int64)], axis=1)
    if np.abs(design).max() > LARGEST or np.abs(target).max() > LARGEST:
        return None
    everything = tuple(range(len(data)))
    if not _fits(design, target, everything)[0]:
        return None
    for count in range(1, min(4, len(data))):
        for subset in combinations(range(len(data)), count):
            fits, coefficients = _fits(design, target, subset)
            if fits:
                return linear_term([terms[i] for i in subset], coefficients)
    return linear_term(terms, _fits(design, target, everything)[1])


def _fits(design: Array, target: Array, subset: tuple[int, ...]) -> tuple[bool, Array]:
    """Whether rounded least squares on the chosen columns and a constant is exact, and its coefficients."""
    part = design[:, [*subset, design.shape[1] - 1]]
    solution, *_ = np.linalg.lstsq(part.astype(np.float64), target.astype(np.float64), rcond=None)
    coefficients = np.rint(solution).astype(np.int64)
    return bool((part @ coefficients == target).all()), coefficients


def linear_term(terms: Sequence[Term], coefficients: Sequence[int] | Array) -> Term:
    """`a1 t1 + ... + c` written without zero or unit coefficients, positive summands first."""
    pairs = [(int(a), t) for a, t in zip(coefficients, terms, strict=False) if a]
    offset = int(coefficients[len(terms)])
    pairs.sort(key=lambda pair: pair[0] < 0)
    result: Term | None = None
    for a, t in pairs:
        size = t if abs(a) == 1 else apply("*", (constant(abs(a)), t))
        if result is None:
            if a > 0:
                result = size
            elif offset > 0:
                result, offset = apply("-", (constant(offset), size)), 0
            else:
                result = apply("neg", (t,)) if a == -1 else apply("*", (constant(a), t))
        else:
            result = apply("+" if a > 0 else "-", (result, size))
    if result is None:
        return constant(offset)
    if offset:
        result = apply("+" if offset > 0 else "-", (result, constant(abs(offset))))
    return result


def modular_fit(variables: Sequence[Var], columns: Sequence[Array], target: Array) -> Term | None:
    """`(a1 x1 + ... + c) mod m` for a modulus just above the largest target value (or a little more)."""
    if target.dtype == bool or not columns or target.min() < 0 or not 1 <= target.max() <= 1000:
        return None
    terms, data = numeric(variables, columns)
    design = np.stack([*data, np.ones(len(target), dtype=np.int64)], axis=1)
    top = int(target.max()) + 1
    for modulus in dict.fromkeys((top, top + 1, *(p for p in (2, 3, 5, 7, 10, 16) if p > top))):
        solution = solve_modular(design % modulus, target % modulus, modulus)
        if solution is not None:
            centred = [c - modulus if 2 * c > modulus and c - modulus >= -2 else c for c in solution]
            centred[-1] = solution[-1]
            return apply("mod", (linear_term(terms, centred), constant(modulus)))
    return None


def solve_modular(design: Array, target: Array, modulus: int) -> list[int] | None:
    """A solution of `design @ a = target` modulo `modulus` by elimination with unit pivots, or None.

    Free unknowns are 0. Over a composite modulus only unit pivots are used, which may miss a solution.
    """
    matrix = np.concatenate([design, target[:, None]], axis=1) % modulus
    units = np.array([_inverse(v, modulus) for v in range(modulus)])
    unknowns = design.shape[1]
    pivots: list[int] = []
    rows = np.unique(matrix, axis=0)
    for column in range(unknowns):
        at = len(pivots)
        candidates = np.nonzero(units[rows[at:, column]])[0]
        if not len(candidates):
            continue
        rows[[at, at + candidates[0]]] = rows[[at + candidates[0], at]]
        rows[at] = rows[at] * units[rows[at, column]] % modulus
        factor = rows[:, column].copy()
        factor[at] = 0
        rows = (rows - factor[:, None] * rows[at]) % modulus
        pivots.append(column)
        if len(pivots) == len(rows):
            break
    solution = np.zeros(unknowns, dtype=np.int64)
    for at, column in enumerate(pivots):
        solution[column] = rows[at, unknowns]
    right = (design @ solution - target) % modulus == 0
    return [int(v) for v in solution] if right.all() else None


def _inverse(value: int, modulus: int) -> int:
    try:
        return pow(value, -1, modulus)
    except ValueError:
        return 0


def boolean_fit(variables: Sequence[Var], columns: Sequence[Array], target: Array) -> Term | None:
    """The algebraic normal form, `xor` of `and`s, of a truth-valued target over 0/1 and truth-valued columns.

    Monomials of degree up to 3 are tried, lowest degree first; solved by elimination over GF(2).
    """
    binary = [i for i, column in enumerate(columns) if column.dtype == bool or set(np.unique(column)) <= {0, 1}]
    is_number = target.dtype != bool
    if not binary or (is_number and not set(np.unique(target)) <= {0, 1}):
        return None
    truths = [columns[i].astype(bool) for i in binary]
    for degree in (1, 2, 3):
        monomials = [m for d in range(degree + 1) for m in combinations(range(len(binary)), d)]
        if len(monomials) > 400:
            break
        design = np.stack([np.logical_and.reduce([truths[i] for i in m]) if m else np.ones(len(target), bool)
                           for m in monomials], axis=1)  # fmt: skip
        solution = solve_modular(design.astype(np.int64), target.astype(np.int64), 2)
        if solution is not None:
            chosen = [m for m, used in zip(monomials, solution, strict=True) if used]
            term = polynomial_term([_truth(variables[i]) for i in binary], chosen)
            return apply("int", (term,)) if is_number else term
    return None


def _truth(variable: Var) -> Term:
    return variable if isinstance(variable.type, BoolType) else apply("==", (variable, constant(1)))


def polynomial_term(terms: Sequence[Term], monomials: Sequence[tuple[int, ...]]) -> Term:
    """The exclusive or of conjunctions; the empty conjunction, true, becomes `not`."""
    result: Term | None = None
    for monomial in monomials:
        if not monomial:
            continue
        product = terms[monomial[0]]
        for i in monomial[1:]:
            product = apply("and", (product, terms[i]))
        result = product if result is None else apply("xor", (result, product))
    if () in monomials:
        return constant(True) if result is None else apply("not", (result,))
    return constant(False) if result is None else result
