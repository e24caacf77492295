"""Everything a person may ask about one network: program, verdict on the mechanism, structure, and worked examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dsl.batch import step_batch
from dsl.errors import BadInput, ParseError
from dsl.programs import Machine
from dsl.syntax import parse
from extract.align import described, judged
from extract.extraction import VariableAlignment
from extract.networks import RecurrentNetwork
from extract.structure import Structure, structure
from verify.budget import Deadline
from verify.causal.interventions import values_from
from verify.causal.mechanism import Mechanism, split_runs
from verify.causal.runs import Runs
from verify.lockstep import check_compatible, leaves

PROGRAM = "program.nl"
EXAMPLES = 64
SHOWN_STEPS = 6


@dataclass(frozen=True)
class Example:
    """One intervention on one variable: inputs so far and to come, the value as it was and as it was made, and what the
    program answers unchanged, what it foretells for the change, and what the network answers."""

    variable: str
    before: Any
    after: Any
    inputs: tuple[Any, ...]
    time: int
    plain: tuple[Any, ...]
    foretold: tuple[Any, ...]
    answered: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Explanation:
    """A network with its program and what is known of how the one is in the other."""

    network: RecurrentNetwork
    machine: Machine
    mechanism: Mechanism
    alignment: tuple[VariableAlignment, ...]
    structure: Structure
    examples: tuple[Example, ...]


def explain(network: RecurrentNetwork, machine: Machine, *, timeout_s: float, rng_seed: int) -> Explanation:
    """The explanation of a network by a program. Raises `TypeMismatch` where the two do not fit together."""
    check_compatible(network.domain, len(network.output_ranges), machine)
    rng = np.random.default_rng([rng_seed, 11])
    mechanism = judged(network, machine, Deadline.after(timeout_s), rng=rng)
    found = structure(mechanism, rng=rng)
    return Explanation(
        network, machine, mechanism, described(mechanism, rng=rng), found, tuple(_examples(mechanism, rng))
    )


def find_program(directory: Path) -> tuple[Path, Machine | None]:
    """The network directory and its program: of what `netlift extract --out` or `netlift plant` wrote, or of a bare
    network (no program). Raises `BadInput`."""
    inner = directory / "network"
    network = inner if inner.is_dir() else directory
    written = directory / PROGRAM
    if not written.is_file():
        return network, None
    try:
        program = parse(written.read_text(encoding="utf-8"))
    except (ParseError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"expected a program, got: {' '.join(str(error).split())} ({written})") from None
    if not isinstance(program, Machine):
        raise BadInput(f"expected a machine, got a {type(program).__name__.lower()} ({written})")
    return network, program


def _examples(mechanism: Mechanism, rng: np.random.Generator) -> Sequence[Example]:
    """For each variable one exchange that changes the program's answers."""
    alignment, runs = mechanism.assessment.alignment, mechanism.fitted_on
    _, held, _ = split_runs(runs.network, runs.machine, rng=rng)
    found = []
    for v in alignment.variables:
        t = int(rng.integers(1, max(held.time // 2, 2)))
        base, other = rng.integers(0, held.words, (2, EXAMPLES))
        program = {n: values_from(c, base) for n, c in held.states[t].items()}
        changed = program | {v.name: values_from(held.states[t][v.name], other)}
        change = np.zeros((EXAMPLES, len(alignment.encoder)))
        change[:, v.span] = (alignment.read(held.hidden[other, t]) - alignment.read(held.hidden[base, t]))[:, v.span]
        state = alignment.moved(held.hidden[base, t], change)
        foretold, answered = [], []
        for now in range(t + 1, min(t + 1 + SHOWN_STEPS, held.time)):
            changed, out = step_batch(held.machine, changed, held.inputs[base, now])
            state, said = held.network.step(state, held.inputs[base, now])
            foretold.append(out)
            answered.append(said)
        plain = held.expected[base, t + 1 : t + 1 + len(foretold)]
        differs = (np.stack(foretold, axis=1) != plain).any(axis=(1, 2))
        if differs.any():
            row = int(differs.argmax())
            found.append(_example(held, v.name, t, int(base[row]), int(other[row]), row, foretold, answered))
    return found


def _example(
    runs: Runs, name: str, t: int, base: int, other: int, row: int, foretold: list[Any], answered: list[Any]
) -> Example:
    before, after = (_value(runs.states[t][name], r) for r in (base, other))
    upto = t + 1 + len(foretold)
    program, network = (_words(np.stack([x[row] for x in answers])) for answers in (foretold, answered))
    plain = _words(runs.expected[base, t + 1 : upto])
    return Example(name, before, after, _words(runs.inputs[base, :upto]), t, plain, program, network)


def _value(column: Any, row: int) -> Any:
    values = [leaf[row].item() for leaf in leaves(column)]
    return values[0] if not isinstance(column, tuple) else tuple(values)


def _words(rows: np.ndarray) -> tuple[Any, ...]:
    return tuple(tuple(int(v) for v in row) for row in rows)
