"""The operator table: one row per operator, every fact about it in that row.

A row's `meaning` is written against `dsl.algebra`, so the same line runs the operator on Python integers,
on numpy batches and in z3. Everything is total: division by zero gives 0, `x mod 0` gives `x`, an index
is clamped into its register, a shift amount into 0..63.

To add an operator, add a row here and a golden line in `tests/golden/ops.txt`. Nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dsl import ranges
from dsl.algebra import MAX_SHIFT
from dsl.errors import TypeMismatch
from dsl.terms import Apply, Term
from dsl.types import INT, Type

CALL = "call"
PREFIX = "prefix"
INFIX = "infix"
SPECIAL = "special"  # a shape of its own in grammar.lark: if, indexing, register literals

Types = tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Op:
    """One operator: `name`, how it is written, its arity, range rule, cost in bits and meaning.

    `symbol` and `precedence` (higher binds tighter) concern prefix and infix operators. `python` is a template
    for readable source; where `python_when` (on argument types) is false the printer calls a helper that is
    generated from `meaning` instead, named `helper` (by default the operator's name).
    """

    name: str
    syntax: str
    arity: int | None
    result: ranges.Rule
    cost: float
    meaning: Callable[..., Any]
    latex: str
    python: str | None = None
    symbol: str = ""
    precedence: int = 14
    commutative: bool = False
    associative: bool = False
    python_when: Callable[[Types], bool] = lambda kinds: True
    doc: str = ""
    helper: str = ""


def clamp(k: Any, x: Any, low: int, high: int) -> Any:
    """`x` moved into low..high, in any reading."""
    low, high = k.constant(low), k.constant(high)
    return k.ite(x < low, low, k.ite(high < x, high, x))


def _index(k: Any, register: Any, index: Any) -> Any:
    return k.select(register, clamp(k, index, 0, len(k.elements(register)) - 1))


def _put(k: Any, register: Any, index: Any, value: Any) -> Any:
    elements = k.elements(register)
    at = clamp(k, index, 0, len(elements) - 1)
    return k.register(tuple(k.ite(k.eq(at, k.constant(i)), value, e) for i, e in enumerate(elements)))


def _shift(k: Any, amount: Any) -> Any:
    return k.shift_left(k.constant(1), clamp(k, amount, 0, MAX_SHIFT))


def _nonzero(kinds: Types) -> bool:
    low, high = ranges.ends(kinds[1])
    return not low <= 0 <= high


def _small_shift(kinds: Types) -> bool:
    low, high = ranges.ends(kinds[1])
    return bool(low >= 0 and high <= MAX_SHIFT)


def _index_inside(kinds: Types) -> bool:
    low, high = ranges.ends(kinds[1])
    return bool(low >= 0 and high < getattr(kinds[0], "length", 0))


def infix(name: str, precedence: int, result: ranges.Rule, cost: float, meaning: Callable[..., Any], **more: Any) -> Op:
    """A row for a binary operator written between its arguments; the symbol is the name unless given."""
    symbol = more.pop("symbol", name)
    more.setdefault("python", "{0} " + symbol + " {1}")
    more.setdefault("latex", "{0} " + symbol + " {1}")
    return Op(name, INFIX, 2, result, cost, meaning, symbol=symbol, precedence=precedence, **more)


def call(name: str, arity: int, result: ranges.Rule, cost: float, meaning: Callable[..., Any], **more: Any) -> Op:
    """A row for an operator written `name(arguments)`."""
    holes = ", ".join(f"{{{i}}}" for i in range(arity))
    more.setdefault("latex", rf"\mathrm{{{{{name}}}}}({holes})".replace("_", r"\_"))
    return Op(name, CALL, arity, result, cost, meaning, **more)


N, Z, B = ranges.numeric, ranges.integral, ranges.boolean
COMM = {"commutative": True}
AC = {"commutative": True, "associative": True}

OPS: tuple[Op, ...] = (
    # --- arithmetic
    infix("+", 10, N(lambda a, b: (a[0] + b[0], a[1] + b[1])), 3, lambda k, a, b: a + b, **AC, doc="sum"),
    infix("-", 10, N(lambda a, b: (a[0] - b[1], a[1] - b[0])), 3, lambda k, a, b: a - b, doc="difference"),
    infix("*", 11, N(ranges.product), 3, lambda k, a, b: a * b, **AC, latex=r"{0} \cdot {1}", doc="product"),
    infix("div", 11, Z(ranges.floor_quotient), 4,
          lambda k, a, b: k.ite(k.eq(b, k.constant(0)), k.constant(0), k.floordiv(a, b)),
          python="{0} // {1}", python_when=_nonzero, latex=r"\lfloor {0} / {1} \rfloor",
          doc="quotient rounded down; 0 when the divisor is 0"),
    infix("mod", 11, Z(ranges.remainder), 4, lambda k, a, b: k.ite(k.eq(b, k.constant(0)), a, k.mod(a, b)),
          python="{0} % {1}", python_when=_nonzero, latex=r"{0} \bmod {1}",
          doc="remainder with the sign of the divisor; the dividend when the divisor is 0"),
    infix("/", 11, ranges.quotient, 6,
          lambda k, a, b: k.ite(k.eq(b, k.constant(0)), k.constant(0), k.truediv(a, b)),
          python_when=lambda kinds: False, helper="divide", latex=r"\frac{{{0}}}{{{1}}}",
          doc="exact rational quotient; 0 when the divisor is 0"),
    Op("neg", PREFIX, 1, N(lambda a: (-a[1], -a[0])), 3, lambda k, a: k.constant(0) - a, "-{0}", "-{0}",
       symbol="-", precedence=12, doc="negation"),
    call("abs", 1, N(ranges.absolute), 4, lambda k, a: k.ite(a < k.constant(0), k.constant(0) - a, a),
         python="abs({0})", latex=r"\left|{0}\right|", doc="absolute value"),
    call("min", 2, N(lambda a, b: (min(a[0], b[0]), min(a[1], b[1]))), 4, lambda k, a, b: k.ite(b < a, b, a),
         python="min({0}, {1})", latex=r"\min({0}, {1})", **AC, doc="the smaller"),
    call("max", 2, N(lambda a, b: (max(a[0], b[0]), max(a[1], b[1]))), 4, lambda k, a, b: k.ite(a < b, b, a),
         python="max({0}, {1})", latex=r"\max({0}, {1})", **AC, doc="the larger"),
    # --- comparison
    infix("==", 5, ranges.equality, 3, lambda k, a, b: k.eq(a, b), **COMM, latex="{0} = {1}", doc="equal"),
    infix("!=", 5, ranges.equality, 4, lambda k, a, b: k.neg(k.eq(a, b)), **COMM, latex=r"{0} \ne {1}",
          doc="not equal"),
    infix("<", 5, ranges.comparison, 3, lambda k, a, b: a < b, doc="less"),
    infix("<=", 5, ranges.comparison, 3, lambda k, a, b: a <= b, latex=r"{0} \le {1}", doc="at most"),
    infix(">", 5, ranges.comparison, 3, lambda k, a, b: b < a, doc="greater"),
    infix(">=", 5, ranges.comparison, 3, lambda k, a, b: b <= a, latex=r"{0} \ge {1}", doc="at least"),
    # --- truth values
    infix("and", 3, B, 3, lambda k, a, b: k.conj(a, b), **AC, latex=r"{0} \land {1}", doc="both"),
    infix("or", 1, B, 3, lambda k, a, b: k.disj(a, b), **AC, latex=r"{0} \lor {1}", doc="at least one"),
    infix("xor", 2, B, 4, lambda k, a, b: k.neg(k.eq(a, b)), **AC, python="({0}) != ({1})",
          latex=r"{0} \oplus {1}", doc="exactly one"),
    Op("not", PREFIX, 1, B, 3, lambda k, a: k.neg(a), r"\lnot {0}", "not {0}", symbol="not", precedence=4,
       doc="does not hold"),
    Op("if", SPECIAL, 3, ranges.choice, 5, lambda k, c, a, b: k.ite(c, a, b),
       r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}", "{1} if {0} else {2}", precedence=0,
       doc="`if c then a else b`"),
    call("int", 1, ranges.truth_to_integer, 1, lambda k, a: k.ite(a, k.constant(1), k.constant(0)),
         python="int({0})", latex="[{0}]", doc="1 for true, 0 for false"),
    # --- bits, in two's complement of unlimited width
    infix("&", 8, Z(ranges.bitwise_and), 5, lambda k, a, b: k.bitand(a, b), **AC, latex=r"{0} \mathbin{{\&}} {1}",
          doc="bitwise and"),
    infix("|", 6, Z(ranges.bitwise), 5, lambda k, a, b: k.bitor(a, b), **AC, latex=r"{0} \mid {1}",
          doc="bitwise or"),
    infix("^", 7, Z(ranges.bitwise), 5, lambda k, a, b: k.bitxor(a, b), **AC, latex=r"{0} \veebar {1}",
          doc="bitwise exclusive or"),
    Op("~", PREFIX, 1, Z(lambda a: (-a[1] - 1, -a[0] - 1)), 5, lambda k, a: k.constant(-1) - a, r"\sim {0}", "~{0}",
       symbol="~", precedence=12, doc="bitwise complement"),
    infix("<<", 9, Z(ranges.shifted_left), 5, lambda k, a, b: k.shift_left(a, clamp(k, b, 0, MAX_SHIFT)),
          python_when=_small_shift, helper="shift_left", latex=r"{0} \ll {1}",
          doc="shift left; the amount is clamped to 0..63"),
    infix(">>", 9, Z(ranges.shifted_right), 5, lambda k, a, b: k.floordiv(a, _shift(k, b)),
          python_when=_small_shift, helper="shift_right", latex=r"{0} \gg {1}",
          doc="shift right; the amount is clamped to 0..63"),
    # --- registers and tables
    Op("register", SPECIAL, None, ranges.literal_register, 2, lambda k, *items: k.register(items), "[{items}]",
       doc="`[a, b, c]`: a register of these elements"),
    Op("index", SPECIAL, 2, ranges.element, 4, _index, "{0}[{1}]", "{0}[{1}]", precedence=13,
       python_when=_index_inside, helper="element",
       doc="`r[i]`: the element at i, counted from 0; i is clamped into the register"),
    call("push", 2, ranges.pushed, 4, lambda k, r, v: k.register((*k.elements(r)[1:], v)),
         python="(*{0}[1:], {1})", doc="the register without its oldest element r[0], with the value at the end"),
    call("put", 3, ranges.replaced, 6, _put, doc="the register with the element at i replaced; i is clamped"),
    call("sum", 1, lambda kinds: N(lambda a: ranges.product(a, (n := getattr(kinds[0], "length", 1), n)))(
         (ranges.element((kinds[0], INT)),)), 4, lambda k, r: sum(k.elements(r), k.constant(0)),
         python="sum({0})", latex=r"\sum {0}", doc="the sum of the register's elements"),
)

BY_NAME: dict[str, Op] = {op.name: op for op in OPS}


def apply(name: str, args: tuple[Term, ...]) -> Apply:
    """The operator applied to terms, its type inferred.

    Raises `TypeMismatch` for an unknown operator, a wrong number of arguments, or arguments of wrong types.
    """
    op = BY_NAME.get(name)
    if op is None:
        raise TypeMismatch(f"expected an operator, got {name!r}")
    if op.arity is not None and len(args) != op.arity:
        raise TypeMismatch(f"expected {op.arity} arguments of {name}, got {len(args)}")
    try:
        return Apply(name, args, op.result(tuple(arg.type for arg in args)))
    except TypeMismatch as error:
        raise TypeMismatch(f"{error} (argument of {name})") from None
