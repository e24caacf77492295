"""A program as threshold units: each fires on one combination of variable values and one class of inputs.

The units that fire after a step tell the new value of every variable by a linear map (`reader`), and the next step's
units read nothing of the state but those values: `code @ reader`. With fewer code directions than values
(superposition)
the variables share directions, and each unit looks for its combination with a separating hyperplane found by a linear
program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from dsl.errors import BadInput
from extract.plant.values import FiniteProgram, Target

Matrix = NDArray[np.float64]
TRIES = 6
LARGEST_WEIGHT = 60.0
"""A hyperplane that needs more than this passes so close to other combinations that float32 and noise would cross
it."""


@dataclass(frozen=True)
class Circuit:
    """`units` fire (1) when `seek @ z >= 1 - offset` and the input is in their class, else not (0).

    z (directions) is `code @ reader @ fired`. `seek` (units, directions) and `offset` (units) make +1 or more where the
    combination is right and -1 or less where it is not, `reach` (units) being the most they make; `classes` (units,
    symbols) is 0 or 1. `reader` (values, units) holds an indicator of every value but the first of each variable, and
    `spans` says which rows are whose. `outputs` has, for each output, a map (values but the first, units) to indicators
    and their constants.
    """

    program: FiniteProgram
    seek: Matrix
    offset: Matrix
    reach: Matrix
    classes: Matrix
    reader: Matrix
    code: Matrix
    spans: dict[str, slice]
    outputs: tuple[tuple[Target, Matrix, Matrix], ...]

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.seek)

    @property
    def live(self) -> NDArray[np.bool_]:
        """Units (units) whose combination some reachable state has."""
        states = _indicators(self.program.reachable, list(self.program.values), self.spans, self.code.shape[1])
        return np.any(self.seek @ (self.code @ states.T) >= 0.5 - self.offset[:, None], axis=1)


def circuit(program: FiniteProgram, *, joint: bool, fewer: int, rng: np.random.Generator) -> Circuit:
    """The circuit of a program; `joint` makes every unit look at all variables, so that units are shared by them.

    `fewer` is by how many directions the code is smaller than the number of values. Raises `BadInput` where no code of
    that size keeps the combinations apart.
    """
    spans, total = _spans(program)
    groups = _groups(program, joint)
    points = _points(program, spans, total)
    last = "no direction is left"
    for _ in range(TRIES if fewer else 1):
        if fewer >= total:
            break
        code = np.eye(total) if fewer == 0 else _random_code(total - fewer, total, rng)
        try:
            return _assembled(program, groups, spans, points, code, exact=fewer == 0)
        except _Inseparable as failure:
            last = str(failure)
    raise BadInput(f"expected a superposition that keeps all values apart, got {total - fewer} directions for "
                   f"{total} indicators: {last} (--superposition)")  # fmt: skip


class _Inseparable(Exception):
    pass


def _spans(program: FiniteProgram) -> tuple[dict[str, slice], int]:
    spans, total = {}, 0
    for name, values in program.values.items():
        spans[name] = slice(total, total + len(values) - 1)
        total += len(values) - 1
    return spans, total


def _groups(program: FiniteProgram, joint: bool) -> list[list[Target]]:
    """Targets that share units. Outputs that follow from one new value alone need none."""
    needed = [t for t in program.targets if not t.is_output or _source(program, t) is None]
    return [needed] if joint else [[t] for t in needed]


def _source(program: FiniteProgram, output: Target) -> tuple[Target, list[int]] | None:
    """The variable whose new value alone tells an output, with the output's position for each of its values."""
    for target in program.targets:
        if target.is_output or not set(output.reads) <= set(target.reads):
            continue
        seen = _widened(program, output, target.reads)
        follows = [np.unique(seen[target.table == k]) for k in range(len(target.values))]
        if all(len(f) <= 1 for f in follows):
            return target, [int(f[0]) if len(f) else 0 for f in follows]
    return None


def _widened(program: FiniteProgram, target: Target, reads: Sequence[str]) -> NDArray[np.int64]:
    """The table of a target with a row for every combination of more variables than it reads."""
    combos = program.combinations(reads)
    sizes = [len(program.values[n]) for n in target.reads]
    if not sizes:
        return np.repeat(target.table, len(combos), axis=0)
    places = combos[:, [list(reads).index(n) for n in target.reads]]
    return target.table[np.ravel_multi_index(tuple(places.T), sizes)]


def _points(program: FiniteProgram, spans: dict[str, slice], total: int) -> tuple[NDArray[np.int64], Matrix]:
    """Joint states (rows, variables), all combinations where they are few, and their indicators (rows, values)."""
    names = list(program.values)
    count = np.prod([len(v) for v in program.values.values()], dtype=float)
    states = program.combinations(names) if count <= 1_024 else program.reachable
    return states, _indicators(states, names, spans, total)


def _indicators(states: NDArray[np.int64], names: Sequence[str], spans: dict[str, slice], total: int) -> Matrix:
    """Indicators (rows, values) of joint states (rows, variables)."""
    indicators = np.zeros((len(states), total))
    for k, name in enumerate(names):
        some = states[:, k] > 0
        indicators[some, spans[name].start + states[some, k] - 1] = 1
    return indicators


def _random_code(directions: int, total: int, rng: np.random.Generator) -> Matrix:
    return np.linalg.qr(rng.normal(size=(total, directions)))[0].T * np.sqrt(total / directions)


def _assembled(
    program: FiniteProgram,
    groups: list[list[Target]],
    spans: dict[str, slice],
    points: tuple[NDArray[np.int64], Matrix],
    code: Matrix,
    *,
    exact: bool,
) -> Circuit:
    names = list(program.values)
    seek: list[Matrix] = []
    offset: list[float] = []
    reach: list[float] = []
    classes: list[Matrix] = []
    made: dict[str, list[tuple[int, int]]] = {t.name: [] for t in program.targets}  # unit, position of its value
    for group in groups:
        reads = tuple(n for n in names if any(n in t.reads for t in group))
        tables = np.stack([_widened(program, t, reads) for t in group], axis=-1)
        places = [names.index(n) for n in reads]
        for combo, row in zip(program.combinations(reads), tables, strict=True):
            right = (points[0][:, places] == combo).all(axis=1)
            if not right.any() or not (row > 0).any():
                continue
            w, b = _indicator_sum(spans, reads, combo, len(code)) if exact else _hyperplane(points[1] @ code.T, right)
            most = float((points[1] @ code.T @ w + b).max())
            for results in np.unique(row, axis=0):
                if not (results > 0).any():
                    continue
                for target, value in zip(group, results.tolist(), strict=True):
                    if value > 0:
                        made[target.name].append((len(seek), value))
                seek.append(w)
                offset.append(b)
                reach.append(most)
                classes.append((row == results).all(axis=1).astype(float))
    count = len(seek)
    reader = np.zeros((code.shape[1], count))
    for name, span in spans.items():
        for unit, value in made[name]:
            reader[span.start + value - 1, unit] = 1
    outputs = tuple(_output(program, t, made[t.name], spans, reader) for t in program.targets if t.is_output)
    return Circuit(program, np.array(seek).reshape(count, len(code)), np.array(offset), np.array(reach),
                   np.array(classes), reader, code, spans, outputs)  # fmt: skip


def _indicator_sum(
    spans: dict[str, slice], reads: Sequence[str], combo: Sequence[int], total: int
) -> tuple[Matrix, float]:
    """Twice the number of variables that are right, less one short of it: +1 when all are."""
    w, b = np.zeros(total), 1.0 - 2 * len(reads)
    for name, value in zip(reads, combo, strict=True):
        if value == 0:  # right when no indicator is on
            w[spans[name]] -= 2
            b += 2
        else:
            w[spans[name].start + value - 1] += 2
    return w, b


def _hyperplane(points: Matrix, right: NDArray[np.bool_]) -> tuple[Matrix, float]:
    """Weights and offset, of least absolute sum, that make >= 1 on the right points and <= -1 on the others."""
    directions = points.shape[1]
    side = np.where(right, 1.0, -1.0)[:, None]
    rows = -side * np.hstack([points, -points, np.ones((len(points), 1)), -np.ones((len(points), 1))])
    costs = np.concatenate([np.ones(2 * directions), [0.01, 0.01]])
    found = linprog(costs, A_ub=rows, b_ub=-np.ones(len(points)), bounds=(0, LARGEST_WEIGHT), method="highs")
    if not found.success:
        raise _Inseparable("a combination of values lies among the others")
    plus, minus = found.x[:directions], found.x[directions : 2 * directions]
    return plus - minus, float(found.x[-2] - found.x[-1])


def _output(
    program: FiniteProgram, target: Target, made: list[tuple[int, int]], spans: dict[str, slice], reader: Matrix
) -> tuple[Target, Matrix, Matrix]:
    """Indicators of each value of an output but the first: a map from the units, and constants."""
    rows, constants = np.zeros((len(target.values) - 1, reader.shape[1])), np.zeros(len(target.values) - 1)
    source = _source(program, target)
    if source is None:
        for unit, value in made:
            rows[value - 1, unit] = 1
        return target, rows, constants
    variable, follows = source
    first = follows[0]
    values = (target.values[first], *(v for k, v in enumerate(target.values) if k != first))  # the one off when all are
    place = {value: k for k, value in enumerate(values)}
    for k, followed in enumerate(follows):
        position = place[target.values[followed]]
        if k and position:
            rows[position - 1] += reader[spans[variable.name].start + k - 1]
    return Target(target.name, target.reads, values, target.table), rows, constants
