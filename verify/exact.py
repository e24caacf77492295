"""ReLU networks exactly, in rationals, for z3: is there an input of a box on which an output leaves its range?

Weights are the float32 numbers as fractions, inputs are integers, a rectifier is an `if`. The network that runs rounds;
by how much at most is computed (`deviation`), and the question is asked with that much room, so that "no input" holds
for the float32 network too. An input that the solver gives is believed once the network itself confirms it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import z3

from dsl.errors import Unsupported
from verify.boxes import Ends, obligations, within
from verify.budget import FOREVER, Deadline
from verify.domain import IntArray
from verify.graph import Affine, Array, Concatenate, Graph, Graphed, Lookup, Pointwise, Sum
from verify.reach.backward import Bounds
from verify.unroll import solver

MOST_ROUNDS = 50


def find_violation(
    network: Graphed, ranges: Ends, lows: IntArray, highs: IntArray, deadline: Deadline = FOREVER
) -> tuple[IntArray | None, str]:
    """An input (arity,) on which an output leaves its range, with ""; or None, with "" when there is none at all and
    else with the reason. Raises `Unsupported` for layers other than linear ones and rectifiers."""
    graph = network.layers()
    room = deviation(graph, Bounds(graph, lows[None], highs[None]))
    query = solver(deadline, query_ms=10**9)
    symbols = [z3.Int(f"x{k}") for k in range(len(lows))]
    for symbol, low, high in zip(symbols, lows.tolist(), highs.tolist(), strict=True):
        query.add(symbol >= low, symbol <= high)
    outputs = encode(graph, symbols, lows, highs)
    for matrix, constants in obligations(network, ranges):
        broken = []
        for row, constant in zip(matrix, constants, strict=True):
            slack = _fraction(float(np.abs(row) @ room) * (1 + 1e-9))
            broken.append(_linear(row, constant, outputs) <= z3.RealVal(slack))
        query.add(z3.Or(*broken))
        for _ in range(MOST_ROUNDS):
            answer = query.check()
            if answer == z3.unsat:
                return None, ""
            if answer == z3.unknown:
                return None, f"z3: {query.reason_unknown()}"
            model: Any = query.model()
            found = np.array([model.eval(s, model_completion=True).as_long() for s in symbols], dtype=np.int64)
            if not within(ranges).right(found[None], network.run(found[None, None])[:, 0])[0]:
                return found, ""
            query.add(z3.Or(*(s != v for s, v in zip(symbols, found.tolist(), strict=True))))
        return None, f"{MOST_ROUNDS} inputs are too close to call for float32"
    return None, ""


def encode(graph: Graph, symbols: Sequence[Any], lows: IntArray, highs: IntArray) -> list[Any]:
    """The read-out as z3 terms over integer symbols from `lows` to `highs`."""
    values: list[list[Any]] = []
    for node in graph.nodes:
        given = [values[s] for s in node.sources]
        match node.operation:
            case Lookup(tables, _, bias, _):
                value = [z3.RealVal(_fraction(b)) for b in bias]
                for k, table in enumerate(tables):
                    first, last = int(lows[k]) - graph.lows[k], int(highs[k]) - graph.lows[k]
                    part = _looked_up(table[first : last + 1], symbols[k], int(lows[k]))
                    value = [a + b for a, b in zip(value, part, strict=True)]
            case Affine(weight, bias):
                value = [_linear(row, b, given[0]) for row, b in zip(weight, bias, strict=True)]
            case Pointwise("relu"):
                value = [z3.If(x > 0, x, z3.RealVal(0)) for x in given[0]]
            case Sum():
                value = [a + b for a, b in zip(*given, strict=True)]
            case Concatenate():
                value = [x for part in given for x in part]
            case _:
                raise Unsupported("expected linear layers and rectifiers, got another curve")
        values.append(value)
    return values[-1]


def deviation(graph: Graph, bounds: Bounds) -> Array:
    """How far at most the float32 read-out (width,) is from that of exact arithmetic, on the first box of `bounds`."""
    found: list[Array] = []
    for at, node in enumerate(graph.nodes):
        given = [found[s] for s in node.sources]
        own = bounds.errors[at][0]
        match node.operation:
            case Lookup():
                found.append(own)
            case Affine(weight, _):
                found.append(given[0] @ np.abs(weight).T + own)
            case Pointwise("relu"):
                found.append(given[0])
            case Sum():
                found.append(given[0] + given[1] + own)
            case Concatenate():
                found.append(np.concatenate(given))
            case _:
                raise Unsupported("expected linear layers and rectifiers, got another curve")
    return found[-1]


def _looked_up(rows: Array, symbol: Any, low: int) -> list[Any]:
    """The row of a table for a symbol: linear in it where the table is, else a chain of choices."""
    columns = []
    for column in rows.T:
        step = column[1] - column[0] if len(column) > 1 else 0.0
        start = column[0]
        if (column == start + step * np.arange(len(column))).all():
            columns.append(z3.RealVal(_fraction(start)) + z3.RealVal(_fraction(step)) * z3.ToReal(symbol - low))
            continue
        value: Any = z3.RealVal(_fraction(column[-1]))
        for k in range(len(column) - 2, -1, -1):
            value = z3.If(symbol == low + k, z3.RealVal(_fraction(column[k])), value)
        columns.append(value)
    return columns


def _linear(row: Array, constant: float, values: Sequence[Any]) -> Any:
    terms = [z3.RealVal(_fraction(w)) * v for w, v in zip(row, values, strict=True) if w]
    return z3.Sum(*terms, z3.RealVal(_fraction(constant))) if terms else z3.RealVal(_fraction(constant))


def _fraction(value: float) -> str:
    return str(Fraction(float(value)))
