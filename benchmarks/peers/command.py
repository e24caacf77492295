"""What peers share as commands: their arguments, the automaton they speak of, declarations of programs as text."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract.search.assemble import input_names
from verify.domain import Domain


@dataclass(frozen=True)
class Learned:
    """A Mealy machine: `after[q][s]` and `output[q][s]` for state q (0 first) and symbol number s, and its cost."""

    after: list[list[int]]
    output: list[list[tuple[int, ...]]]
    queries: int
    steps: int
    finished: bool
    seconds: float


def arguments() -> tuple[Any, Path, float, int]:
    """The network, the file to write, seconds and seed, from the command line."""
    import torch

    from extract import load_network

    torch.set_num_threads(1)
    directory, program, timeout_s, seed = sys.argv[1:]
    return load_network(directory), Path(program), float(timeout_s), int(seed)


def symbol_number(domain: Domain) -> str:
    """A term for the number of the symbol read, first component most significant."""
    text = ""
    for name, (low, high) in zip(input_names(domain.arity), domain.ranges, strict=True):
        digit = f"({name} - {low})" if low else name
        text = f"({text}) * {high - low + 1} + {digit}" if text else digit
    return text


def heading(network: Any, kind: str) -> str:
    """The declaration of a program for a network, up to its types."""
    domain = network.domain
    inputs = zip(input_names(domain.arity), domain.ranges, strict=True)
    outputs = ("int" if None in bounds else f"{bounds[0]}..{bounds[1]}" for bounds in network.output_ranges)
    return f"{kind} learned({', '.join(f'{n}: {low}..{high}' for n, (low, high) in inputs)}) -> {', '.join(outputs)}"


def figures(found: Learned) -> dict[str, Any]:
    """What the command says of its work."""
    return {"learned_states": len(found.after), "queries": found.queries, "network_steps": found.steps,
            "learning_s": round(found.seconds, 2), "finished": found.finished}  # fmt: skip
