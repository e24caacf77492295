"""Steps on the structure of terms: constant folding, sorted arguments, known conditions, known elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dsl.ops import BY_NAME, apply
from dsl.ranges import ends
from dsl.rewrites.linear import order
from dsl.semantics import evaluate
from dsl.terms import Apply, Const, Term, constant
from dsl.types import BOOL, IntType, RegisterType, Value

Cost = Callable[[Term], float]
Negation = Callable[[Term], Term]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a commutative and associative operator: `x op identity = x`, `x op absorbing = absorbing`,
    `x op x` is `x` (idempotent) or the identity (cancelling)."""

    identity: Value | None = None
    absorbing: Value | None = None
    idempotent: bool = False
    cancelling: bool = False


FACTS = {
    "and": Facts(identity=True, absorbing=False, idempotent=True),
    "or": Facts(identity=False, absorbing=True, idempotent=True),
    "xor": Facts(identity=False, cancelling=True),
    "&": Facts(identity=-1, absorbing=0, idempotent=True),
    "|": Facts(identity=0, absorbing=-1, idempotent=True),
    "^": Facts(identity=0, cancelling=True),
    "min": Facts(idempotent=True),
    "max": Facts(idempotent=True),
}
LINEAR = ("+", "*")
FACTORED = ("+", "-", "*", "min", "max", "and", "or", "xor", "==", "!=", "<", "<=", ">", ">=")


def fold(term: Apply, cost: Cost) -> Term | None:
    """An application to constants is its value."""
    if all(isinstance(arg, Const) for arg in term.args):
        return constant(evaluate(term, {}))
    return None


def single_value(term: Apply, cost: Cost) -> Term | None:
    """A term whose range is one value is that value."""
    if isinstance(term.type, IntType) and term.type.low is not None and term.type.low == term.type.high:
        return constant(term.type.low)
    return None


def sorted_arguments(term: Apply, negation: Negation) -> Term | None:
    """Arguments of commutative operators in canonical order; chains flattened, neutral and repeated parts dropped."""
    op = BY_NAME[term.op]
    if not op.commutative or term.op in LINEAR:
        return None
    if not op.associative:
        return apply(term.op, tuple(sorted(term.args, key=order)))
    facts = FACTS.get(term.op, Facts())
    parts, folded = [], None
    for part in sorted(flattened(term), key=order):
        if isinstance(part, Const):
            folded = part if folded is None else constant(evaluate(apply(term.op, (folded, part)), {}))
        elif facts.cancelling and parts and parts[-1] == part:
            parts.pop()
        elif not (facts.idempotent and parts and parts[-1] == part):
            parts.append(part)
    if facts.absorbing is not None and term.type == BOOL and not {negation(p) for p in parts}.isdisjoint(parts):
        return Const(facts.absorbing, BOOL)
    if folded is not None:
        if facts.absorbing is not None and folded.value == facts.absorbing:
            return folded
        if term.op == "xor" and folded.value is True:
            return apply("not", (_chain("xor", parts),)) if parts else folded
        if facts.identity is None or folded.value != facts.identity:
            parts.append(folded)
    return _chain(term.op, parts) if parts else constant(facts.identity)  # type: ignore[arg-type]


def flattened(term: Term, op: str | None = None) -> list[Term]:
    """The arguments of a chain of one associative operator."""
    op = term.op if op is None and isinstance(term, Apply) else op
    if isinstance(term, Apply) and term.op == op:
        return [part for arg in term.args for part in flattened(arg, op)]
    return [term]


def _chain(op: str, parts: list[Term]) -> Term:
    result = parts[0]
    for part in parts[1:]:
        result = apply(op, (result, part))
    return result


def dominated(term: Apply, cost: Cost) -> Term | None:
    """`min` and `max` of arguments whose ranges decide, in a chain of any length."""
    if term.op not in ("min", "max"):
        return None
    parts = flattened(term)
    sign = 1 if term.op == "min" else -1

    def beats(a: Term, b: Term) -> bool:
        (a_low, a_high), (b_low, b_high) = ends(a.type), ends(b.type)
        return bool(a_high <= b_low if sign == 1 else a_low >= b_high)

    for k, part in enumerate(parts):
        if any(j != k and beats(other, part) for j, other in enumerate(parts)):
            return _chain(term.op, parts[:k] + parts[k + 1 :])
    return None


def known_condition(term: Apply, negation: Negation) -> Term | None:
    """Inside the branches of `if`, the condition is known."""
    if term.op != "if":
        return None
    condition, then, otherwise = term.args
    then = _assume(then, _facts(flattened(condition, "and"), True, negation))
    otherwise = _assume(otherwise, _facts(flattened(condition, "or"), False, negation))
    return apply("if", (condition, then, otherwise))


def factored(term: Apply, cost: Cost) -> Term | None:
    """A conditional between two applications of an operator that share arguments chooses between the others."""
    match term:
        case Apply("if", (test, Apply() as then, Apply() as otherwise)) if then.op == otherwise.op in FACTORED:
            op = BY_NAME[then.op]
            if op.commutative:
                one = flattened(then) if op.associative else list(then.args)
                other = flattened(otherwise) if op.associative else list(otherwise.args)
                shared = []
                for part in tuple(one):
                    if part in other:
                        shared.append(part)
                        one.remove(part)
                        other.remove(part)
                if not (shared and one and other):
                    return None
                return _chain(op.name, [*shared, apply("if", (test, _chain(op.name, one), _chain(op.name, other)))])
            same = [a == b for a, b in zip(then.args, otherwise.args, strict=True)]
            if same.count(False) != 1:
                return None
            chosen = [
                a if alike else apply("if", (test, a, b))
                for alike, a, b in zip(same, then.args, otherwise.args, strict=True)
            ]
            return apply(op.name, tuple(chosen))
    return None


def _facts(parts: list[Term], value: bool, negation: Negation) -> dict[Term, Term]:
    """Conditions and their negations, with what they are when all `parts` have the value."""
    facts: dict[Term, Term] = {}
    for part in parts:
        facts[part] = Const(value, BOOL)
        facts[negation(part)] = Const(not value, BOOL)
    return facts


def _assume(term: Term, known: dict[Term, Term]) -> Term:
    if term in known:
        return known[term]
    if not isinstance(term, Apply):
        return term
    args = tuple([_assume(arg, known) for arg in term.args])
    return term if all(a is b for a, b in zip(args, term.args, strict=True)) else apply(term.op, args)


def known_element(term: Apply, cost: Cost) -> Term | None:
    """Operations on registers at constant places."""
    match term.op, term.args:
        case "index", (register, Const(int() as place, _)) if isinstance(register.type, RegisterType):
            place = min(max(place, 0), register.type.length - 1)
            match register:
                case Const(tuple() as values, _):
                    return constant(values[place])
                case Apply("register", items):
                    return items[place]
                case Apply("push", (inner, value)):
                    last = place == register.type.length - 1
                    return value if last else apply("index", (inner, constant(place + 1)))
                case Apply("put", (inner, Const(int() as where, _), value)):
                    same = min(max(where, 0), register.type.length - 1) == place
                    return value if same else apply("index", (inner, constant(place)))
            return apply("index", (register, constant(place)))
        case "index", (register, _) if isinstance(register.type, RegisterType) and register.type.length == 1:
            return apply("index", (register, constant(0)))
        case "push", (Apply("register", items), value):
            return apply("register", (*items[1:], value))
        case "put", (Apply("register", items), Const(int() as place, _), value):
            place = min(max(place, 0), len(items) - 1)
            return apply("register", (*items[:place], value, *items[place + 1 :]))
        case "register", items if all(isinstance(i, Const) for i in items):
            return constant(tuple(i.value for i in items if isinstance(i, Const)))
    return None
