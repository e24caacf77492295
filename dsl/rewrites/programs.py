"""The normal form of a program: what is unused goes, what is equal merges, what repeats is named once.

Local definitions are put in place, terms brought to normal form, equal state variables merged, constant and unused ones
dropped, the rest ordered by first use; then repeated parts are shared again as `let`, as long as that saves bits.
Ranges are relied on only where they are invariants (`dsl.invariants`), so the meaning is kept on every run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dsl.cost import cost_bits
from dsl.invariants import retype, sound
from dsl.ops import apply
from dsl.programs import (
    Aggregate,
    Function,
    Let,
    Lets,
    Machine,
    Program,
    Select,
    SequenceProgram,
    State,
    aggregate_type,
)
from dsl.rewrites.sharing import Shared, share
from dsl.rewrites.terms import Rewriter, Rewriters
from dsl.terms import Apply, Const, Term, Var, constant, operator_count, substitute, variables
from dsl.types import RegisterType, Type, unbounded

MAX_INLINED = 2000
"""Local definitions stay where they are in programs that would grow beyond this many operators without them."""


def normalise(program: Program) -> Program:
    """The program in normal form: same meaning on all inputs, no dearer in bits."""
    rewriters = Rewriters()
    match program:
        case Function():
            candidate: Program = _function(program, rewriters)
        case Machine():
            candidate = _machine(program, rewriters)
        case SequenceProgram():
            candidate = _sequence(program, rewriters)
    if cost_bits(candidate) <= cost_bits(program):
        return candidate
    match program:
        case Function():
            return _in_place(program, rewriters)
        case Machine():
            return retype(_in_place(sound(program), rewriters), {s.name: s.type for s in program.states})
        case SequenceProgram():
            return program


def _in_place(program: Shared, rewriters: Rewriters) -> Shared:
    """Each term in normal form where it stands, definitions kept."""
    known: dict[str, Term] = {}
    scope = len(program.inputs) + (len(program.states) if isinstance(program, Machine) else 0)
    lets: list[tuple[str, Term]] = []
    for name, term in program.lets:
        lets.append((name, rewriters[scope + len(lets)].normal(substitute(term, known))))
        known[name] = Var(name, lets[-1][1].type)
    scope += len(lets)
    if isinstance(program, Function):
        outputs = tuple(rewriters[scope].normal(substitute(term, known)) for term in program.outputs)
        return replace(program, lets=tuple(lets), outputs=outputs)
    states = tuple(replace(s, update=rewriters[scope].normal(substitute(s.update, known))) for s in program.states)
    last = rewriters[scope + len(states)]
    outputs = tuple(last.normal(substitute(term, known)) for term in program.outputs)
    return replace(program, lets=tuple(lets), states=states, outputs=outputs)


def _function(program: Function, rewriters: Rewriters) -> Function:
    if _inlined_size(program.lets, program.outputs) > MAX_INLINED:
        return _in_place(program, rewriters)
    rewriter = rewriters[len(program.inputs)]
    known = _inlined(program.lets)
    outputs = tuple(rewriter.normal(substitute(term, known)) for term in program.outputs)
    return share(replace(program, lets=(), outputs=outputs), _names(program.lets, rewriter))


def _machine(program: Machine, rewriters: Rewriters) -> Machine:
    terms = (*(s.update for s in program.states), *program.outputs)
    declared = {s.name: s.type for s in program.states}
    machine = sound(program)
    if _inlined_size(program.lets, terms) > MAX_INLINED:
        return retype(_in_place(machine, rewriters), declared)
    rewriter = rewriters[len(machine.inputs) + len(machine.states)]
    names = _names(machine.lets, rewriter)
    known = _inlined(machine.lets)
    machine = replace(
        machine,
        lets=(),
        states=tuple(replace(s, update=substitute(s.update, known)) for s in machine.states),
        outputs=tuple(substitute(term, known) for term in machine.outputs),
    )
    for _ in range(len(machine.states) + 3):
        simpler = _ordered(_merged(_without_constants(_rewritten(machine, rewriters)), rewriters))
        if simpler == machine:
            break
        machine = simpler
    machine = share(machine, names)
    return retype(machine, {s.name: declared[s.name] for s in machine.states})


def _rewritten(machine: Machine, rewriters: Rewriters) -> Machine:
    """Terms in normal form; outputs use new values of states where they can."""
    rewriter = rewriters[len(machine.inputs) + len(machine.states)]
    states = tuple(replace(s, update=rewriter.normal(s.update)) for s in machine.states)
    plain = {s.name + "'": s.update for s in states if not isinstance(s.update, Apply)}
    new: dict[Term, Term] = {
        s.update: Var(s.name + "'", s.type) for s in reversed(states) if isinstance(s.update, Apply)
    }
    last = rewriters[len(machine.inputs) + 2 * len(states)]
    outputs = tuple(_replaced(last.normal(substitute(term, plain)), new) for term in machine.outputs)
    return replace(machine, states=states, outputs=tuple(map(last.normal, outputs)))


def _replaced(term: Term, replacement: Mapping[Term, Term]) -> Term:
    if term in replacement:
        return replacement[term]
    if isinstance(term, Apply):
        return apply(term.op, tuple(_replaced(arg, replacement) for arg in term.args))
    return term


def _without_constants(machine: Machine) -> Machine:
    """State variables that never change replaced by their value, unless that is a table."""
    fixed: dict[str, Term] = {}
    for state in machine.states:
        match state.update:
            case Var(name, _) if name == state.name and not isinstance(state.type, RegisterType):
                fixed[state.name] = fixed[state.name + "'"] = constant(state.initial)
            case Const(value, _) if value == state.initial and not isinstance(state.type, RegisterType):
                fixed[state.name] = fixed[state.name + "'"] = state.update
    return _substituted(machine, fixed)


def _merged(machine: Machine, rewriters: Rewriters) -> Machine:
    """Of state variables that always have equal values, the first: the coarsest partition that updates respect."""
    groups = {s.name: _group(s) for s in machine.states}
    if len(set(groups.values())) == len(groups):
        return machine
    while True:
        first: dict[str, str] = {}
        leader = {name: first.setdefault(group, name) for name, group in groups.items()}
        kinds = {s.name: s.type for s in machine.states}
        merged: dict[str, Term] = {name: Var(to, kinds[to]) for name, to in leader.items()}
        rewriter = rewriters[len(machine.inputs) + len(machine.states)]
        refined = {
            s.name: f"{groups[s.name]} {rewriter.normal(substitute(s.update, merged))!r}" for s in machine.states
        }
        if len(set(refined.values())) == len(set(groups.values())):
            break
        numbers = {key: str(number) for number, key in enumerate(dict.fromkeys(refined.values()))}
        groups = {name: numbers[key] for name, key in refined.items()}
    same: dict[str, Term] = {}
    for name, to in leader.items():
        if name != to:
            same[name], same[name + "'"] = Var(to, kinds[to]), Var(to + "'", kinds[to])
    return _substituted(machine, same)


def _group(state: State) -> str:
    return f"{unbounded(state.type)} {state.initial!r}"


def _substituted(machine: Machine, known: Mapping[str, Term]) -> Machine:
    """The machine without the state variables in `known`, their uses replaced."""
    if not known:
        return machine
    states = tuple(
        replace(s, update=substitute(s.update, known)) for s in machine.states if s.name not in known
    )
    outputs = tuple(substitute(term, known) for term in machine.outputs)
    return replace(machine, states=states, outputs=outputs)


def _ordered(machine: Machine) -> Machine:
    """The state variables that matter, in order of first use from the outputs."""
    states = {s.name: s for s in machine.states}
    order: dict[str, None] = {}
    waiting = list(machine.outputs)
    while waiting:
        for name in _in_order(waiting.pop(0)):
            name = name.removesuffix("'")
            if name in states and name not in order:
                order[name] = None
                waiting.append(states[name].update)
    return replace(machine, states=tuple(states[name] for name in order))


def _in_order(term: Term) -> list[str]:
    """Names of variables in the order in which they are written."""
    if isinstance(term, Apply):
        return [name for arg in term.args for name in _in_order(arg)]
    return [term.name] if isinstance(term, Var) else []


def _sequence(program: SequenceProgram, rewriters: Rewriters) -> SequenceProgram:
    """Steps in normal form; of equal steps the first; no unused ones."""
    scope = len(program.inputs) + 2
    steps: list[Let | Select | Aggregate] = []
    merged: dict[object, str] = {}
    known: dict[str, Term] = {}
    selections: dict[str, str] = {}
    for item in program.steps:
        both = {f"{side}.{n}": _qualified(t, side) for n, t in known.items() for side in ("key", "query")}
        match item:
            case Let(name, term):
                term = rewriters[scope].normal(substitute(term, known))
                if not isinstance(term, Apply):
                    known[name] = term
                    continue
                item = Let(name, term)
                key: object = term
                scope += 1
            case Select(name, predicate):
                item = Select(name, rewriters[2 * scope].normal(substitute(predicate, both)))
                key = ("select", item.predicate)
            case Aggregate(name, kind, selection, term, default):
                selection = selections.get(selection, selection)
                item = Aggregate(name, kind, selection, rewriters[scope].normal(substitute(term, known)), default)
                key = (kind, selection, item.term, repr(default))
                scope += 1
        if key not in merged:
            merged[key] = item.name
            steps.append(item)
        elif isinstance(item, Select):
            selections[item.name] = merged[key]
        else:
            known[item.name] = Var(merged[key], _column_type(item))
    outputs = tuple(rewriters[scope].normal(substitute(term, known)) for term in program.outputs)
    used = {name for term in outputs for name in variables(term)}
    kept: list[Let | Select | Aggregate] = []
    for item in reversed(steps):
        if item.name in used:
            kept.append(item)
            term = item.predicate if isinstance(item, Select) else item.term
            used |= {name.rpartition(".")[2] for name in variables(term)}
            used |= {item.selection} if isinstance(item, Aggregate) else set()
    return replace(program, steps=tuple(reversed(kept)), outputs=outputs)


def _qualified(term: Term, side: str) -> Term:
    return Var(f"{side}.{term.name}", term.type) if isinstance(term, Var) else term


def _column_type(item: Let | Aggregate) -> Type:
    return item.term.type if isinstance(item, Let) else aggregate_type(item)


# --- local definitions


def _inlined(lets: Lets) -> dict[str, Term]:
    known: dict[str, Term] = {}
    for name, term in lets:
        known[name] = substitute(term, known)
    return known


def _inlined_size(lets: Lets, terms: tuple[Term, ...]) -> int:
    """Operators after putting all definitions in place, counted without doing so."""
    sizes: dict[str, int] = {}

    def size(term: Term) -> int:
        return operator_count(term) + sum(sizes.get(name, 0) for name in _in_order(term))

    for name, term in lets:
        sizes[name] = size(term)
    return sum(map(size, terms))


def _names(lets: Lets, rewriter: Rewriter) -> dict[Term, str]:
    """Given names of definitions, by their normal form."""
    return {rewriter.normal(term): name for name, term in reversed(_inlined(lets).items())}


