"""What expressions mean on numpy columns: truth values, 64-bit integers, and words of one width.

`compiled` turns an expression over named holes into a function of columns. Words are unsigned (`words`); integers are
int64, kept within range by whoever draws them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from extract.sygus import words
from extract.sygus.sexpr import SExpr, show
from extract.sygus.words import U

Meaning = Callable[..., Any]


def number(e: SExpr) -> int | None:
    """The value of a numeral or a negated one, or None."""
    if isinstance(e, str):
        return int(e) if e.isascii() and e.lstrip("-").isdigit() and e.count("-") <= 1 else None
    if len(e) == 2 and e[0] == "-" and isinstance(e[1], str) and (value := number(e[1])) is not None:
        return -value
    return None


def value_of(e: SExpr) -> int | bool | None:
    """The value of a literal of any sort, or None."""
    if e in ("true", "false"):
        return e == "true"
    found = number(e)
    return words.literal(e) if found is None and isinstance(e, str) else found


def parts(e: SExpr) -> Iterator[SExpr]:
    """An expression and everything in it, heads left out."""
    yield e
    if not isinstance(e, str):
        for part in e[1:]:
            yield from parts(part)


def _chain(compare: Meaning) -> Meaning:
    return lambda *given: _every(*map(compare, given, given[1:]))


def _every(*given: Any) -> Any:
    return np.logical_and.reduce(np.broadcast_arrays(*given))


def _some(*given: Any) -> Any:
    return np.logical_or.reduce(np.broadcast_arrays(*given))


def _distinct(*given: Any) -> Any:
    return _every(*(np.not_equal(a, b) for i, a in enumerate(given) for b in given[:i]))


def _minus(*given: Any) -> Any:
    return -given[0] if len(given) == 1 else given[0] - sum(given[1:])


def _implies(*given: Any) -> Any:
    result = given[-1]
    for part in reversed(given[:-1]):
        result = np.logical_or(np.logical_not(part), result)
    return result


def _divided(a: Any, b: Any) -> Any:
    return np.where(b == 0, 0, np.sign(b) * (a // np.where(b == 0, 1, np.abs(b))))


CORE: dict[str, Meaning] = {
    "=": _chain(np.equal), "distinct": _distinct, "ite": np.where, "and": _every, "or": _some,
    "not": np.logical_not, "=>": _implies, "<": _chain(np.less), "<=": _chain(np.less_equal),
    ">": _chain(np.greater), ">=": _chain(np.greater_equal), "-": _minus, "abs": np.abs,
    "+": lambda *given: sum(given), "div": _divided,
    "mod": lambda a, b: np.where(b == 0, a, a % np.where(b == 0, 1, np.abs(b))),
}  # fmt: skip
FOLDED: dict[str, Meaning] = {"*": np.multiply, "xor": np.logical_xor}
FOLDED_WORDS = ("bvand", "bvor", "bvxor", "bvadd", "bvmul")


@cache
def meanings(width: int) -> dict[str, Meaning]:
    """The operators known, words being of this width."""
    own = words.operators(width)
    folded = {**FOLDED, **{name: own[name] for name in FOLDED_WORDS}}
    return {**CORE, **own, **{name: _fold(operation) for name, operation in folded.items()}}


def _fold(operation: Meaning) -> Meaning:
    def run(first: Any, *rest: Any) -> Any:
        for part in rest:
            first = operation(first, part)
        return first

    return run


def compiled(body: SExpr, holes: tuple[str, ...], width: int = 64) -> Meaning:
    """The meaning of an expression over named holes. Raises `Unsupported` for symbols that it does not know."""
    known = meanings(width)

    def build(e: SExpr) -> Callable[[Mapping[str, Any]], Any]:
        if isinstance(e, str) and e in holes:
            return lambda env: env[e]
        value = value_of(e)
        if value is not None:
            fixed = (
                np.bool_(value) if isinstance(value, bool) else np.int64(value) if number(e) is not None else U(value)
            )
            return lambda env: fixed
        head = e if isinstance(e, str) else e[0]
        operation = known.get(head) if isinstance(head, str) and not isinstance(e, str) else None
        if operation is None:
            raise Unsupported(f"expected variables, literals and operators on Int, Bool and BitVec, got {show(head)}")
        given = [build(part) for part in e[1:]]
        amount = words.literal(e[2]) if head in ("bvshl", "bvlshr") and isinstance(e[2], str) else None
        if amount is not None and amount < width:  # the usual case, without looking at the amount again
            plain, by, mask = np.left_shift if head == "bvshl" else np.right_shift, U(amount), U((1 << width) - 1)
            return lambda env: plain(given[0](env), by) & mask if width < 64 else plain(given[0](env), by)
        return lambda env: operation(*(part(env) for part in given))

    run = build(body)
    return lambda *args: run(dict(zip(holes, args, strict=True)))


def reach_of(body: SExpr, holes: tuple[str, ...]) -> Meaning:
    """A bound on the magnitudes of all integers met while evaluating, from those of the holes."""

    def build(e: SExpr) -> Callable[[Mapping[str, Any]], Any]:
        if isinstance(e, str) and e in holes:
            return lambda env: env[e]
        if (value := value_of(e)) is not None or isinstance(e, str):
            return lambda env: float(abs(value or 0))
        given = [build(part) for part in e[1:]]
        joined = {"+": np.add, "-": np.add, "*": np.multiply}.get(str(e[0]), np.maximum)

        def bound(env: Mapping[str, Any]) -> Any:
            result = given[0](env)
            for part in given[1:]:
                result = np.maximum(joined(result, part(env)), result)
            return result

        return bound

    run = build(body)
    return lambda *args: run(dict(zip(holes, args, strict=True)))
