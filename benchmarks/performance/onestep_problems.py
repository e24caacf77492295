"""One-step problems from the shipped networks: next-state and output functions of their tasks, as labelled columns.

The reference machine of each network's task runs on words of its domain, half of them uniform, half structured. Each
step is an example: inputs and old state, then the next value of each state variable and each output. As in
`extract.search.encode`, a next value is asked for from inputs and old state, an output with the new state as further
columns. Registers count as one variable per element. Problems with equal columns and target are one problem.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.run import FOLDERS, networks
from benchmarks.suites.tables import TASKS
from benchmarks.suites.task import IntArray, Task
from dsl.batch import run_machine_batch
from dsl.ops import apply
from dsl.programs import Machine
from dsl.syntax import parse
from dsl.terms import Const, Term, Var, constant
from dsl.types import INT, RegisterType
from extract.search.constants import mined_constants, with_labels
from verify.domain import Domain
from verify.words import draw_mixed

WORDS, ROWS, STATES = 800, 4_000, 400
EXCHANGED = {">": "<", ">=": "<="}
Flat = Term | tuple[Term, ...]


@dataclass(frozen=True)
class OneStep:
    """Columns by name and the target, each (rows,); constants mined from the task; the term in the reference."""

    name: str
    columns: dict[str, IntArray]
    target: IntArray
    constants: tuple[int, ...]
    reference: Term


def problems() -> list[OneStep]:
    """The one-step problems of the tasks of all shipped networks, without repeats."""
    found: dict[bytes, OneStep] = {}
    for task in shipped_tasks():
        for problem in one_step(task):
            key = b"|".join(column.tobytes() for column in (*problem.columns.values(), problem.target))
            found.setdefault(key, problem)
    return list(found.values())


def shipped_tasks() -> list[Task]:
    """The tasks that shipped networks over streams were trained on, by name."""
    read = [json.loads((path / "network.json").read_text()) for suite in FOLDERS for path in networks(suite)]
    return [TASKS[name] for name in sorted({d["task"] for d in read if d["family"] == "recurrent"})]


def one_step(task: Task) -> Iterator[OneStep]:
    """The next-state and output functions of a task's reference machine as problems."""
    machine = parse(task.reference)
    assert isinstance(machine, Machine)
    rng = np.random.default_rng(zlib.crc32(task.name.encode()))
    words = draw_mixed(Domain(task.inputs, task.train_length), WORDS, max(task.train_length, 2), rng=rng)
    names, updates, outputs = flattened(machine)
    values = run_machine_batch(exposed(machine), words)
    old = np.concatenate([np.broadcast_to(initials(machine), values[:, :1, : len(names)].shape),
                          values[:, :-1, : len(names)]], axis=1)  # fmt: skip
    table = np.unique(np.concatenate([words, old, values], axis=2).reshape(-1, words.shape[2] + 2 * len(names)
                                                                         + len(outputs)), axis=0)  # fmt: skip
    states = len(np.unique(old.reshape(-1, len(names)), axis=0)) if names else 1
    if len(table) > ROWS:
        table = table[np.sort(rng.permutation(len(table))[:ROWS])]
    columns = [np.ascontiguousarray(column) for column in table.T]
    before = dict(zip([v.name for v in machine.inputs] + names, columns, strict=False))
    after = dict(zip([n + "'" for n in names], columns[len(before) :], strict=False))
    answers = columns[len(before) + len(names) :]
    constants = mined_constants(task.inputs, values[:, :, len(names) :], [states] if states <= STATES else [])
    if names and states <= STATES:
        constants = with_labels(constants, old)
    for name, update in zip(names, updates, strict=True):
        yield OneStep(f"{task.name.lower()}: next {name}", before, after[name + "'"], constants, update)
    for k, output in enumerate(outputs):
        yield OneStep(f"{task.name.lower()}: output {k}", before | after, answers[k], constants, output)


def exposed(machine: Machine) -> Machine:
    """The machine that also answers the new value of each state variable, before its outputs."""
    shown: list[Term] = []
    for state in machine.states:
        new = Var(state.name + "'", state.type)
        if isinstance(state.type, RegisterType):
            shown += [apply("index", (new, constant(k))) for k in range(state.type.length)]
        else:
            shown.append(new)
    return replace(machine, outputs=(*shown, *machine.outputs), output_types=(INT,) * len(shown) + machine.output_types)


def initials(machine: Machine) -> IntArray:
    """Initial values of the state variables, registers element by element."""
    return np.array([v for s in machine.states for v in (s.initial if isinstance(s.initial, tuple) else (s.initial,))],
                    dtype=np.int64)  # fmt: skip


def flattened(machine: Machine) -> tuple[list[str], list[Term], list[Term]]:
    """Names and updates of the state variables, and outputs over old and new state.

    Terms are free of registers and definitions.
    """
    env: dict[str, Flat] = {v.name: v for v in machine.inputs}
    env |= {s.name: _variables(s.name, s.type, "") for s in machine.states}
    names = [v.name for s in machine.states for v in _parts(env[s.name]) if isinstance(v, Var)]
    for name, term in machine.lets:
        env[name] = _flat(term, env)
    after = [_flat(s.update, env) for s in machine.states]
    new = {s.name + "'": _variables(s.name, s.type, "'") for s in machine.states}
    updates = [part for value in after for part in _parts(value)]
    outputs = [_single(_flat(t, env | new)) for t in machine.outputs]
    return names, updates, outputs


def _variables(name: str, kind: object, prime: str) -> Flat:
    if isinstance(kind, RegisterType):
        return tuple(Var(f"{name}{k}{prime}", INT) for k in range(kind.length))
    return Var(name + prime, INT)


def _parts(value: Flat) -> tuple[Term, ...]:
    return value if isinstance(value, tuple) else (value,)


def _single(value: Flat) -> Term:
    assert not isinstance(value, tuple)
    return value


def _flat(term: Term, env: Mapping[str, Flat]) -> Flat:
    if isinstance(term, Var):
        return env[term.name]
    if isinstance(term, Const):
        return term
    args = [_flat(arg, env) for arg in term.args]
    if term.op == "push":
        return (*_parts(args[0])[1:], _single(args[1]))
    if term.op == "index":
        place = args[1]
        assert isinstance(place, Const)
        assert isinstance(place.value, int)
        return _parts(args[0])[place.value]
    plain = tuple(map(_single, args))
    return apply(EXCHANGED[term.op], plain[::-1]) if term.op in EXCHANGED else apply(term.op, plain)
