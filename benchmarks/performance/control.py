"""Do extracted programs control as their networks do, and what is proved of both?

    python -m benchmarks.performance.control [--episodes N] [--timeout S] [--out FILE]

Needs the optional extra `control`. Every policy of the zoo balances a pole on a cart from the same starts twice: the
network reads the simulator's numbers, its program these numbers rounded to the units of the network's domain. One
claim is put to the program (by z3) and to the network (by branch and bound): `safe`, in the states of `LEANING` the
push is to the right. Another is put to the program: `mirrored`, where it pushes left, it pushes right in the mirrored
state.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from benchmarks.control import Policy, returns
from dsl.batch import evaluate_batch
from dsl.ops import apply
from dsl.printers import print_term
from dsl.programs import Function, Machine
from dsl.terms import Var, constant, substitute
from dsl.types import BOOL
from extract import extract, load_network
from extract.networks.feed_forward import FeedForwardNetwork
from verify.boxes import search_boxes, within
from verify.budget import Deadline
from verify.equivalence import as_machine
from verify.properties import check_property

ZOO = Path(__file__).parents[1] / "zoo" / "control"
LEANING = ((-0.5, 0.5), (-0.5, 0.5), (0.05, 0.2), (1.0, 3.0))
"""Cart near the middle and slow, pole leaning and turning to the right: position, velocity, angle, angular velocity."""
SAFE_S = 60.0


def network_policy(network: FeedForwardNetwork) -> Policy:
    """The network itself, on the numbers of the simulator."""

    def act(seen: NDArray[np.float64]) -> NDArray[np.int64]:
        with torch.inference_mode():
            return network.graph(torch.from_numpy(seen).float()).argmax(1).numpy()

    return act


def program_policy(machine: Machine, network: FeedForwardNetwork) -> Policy:
    """The program, on these numbers rounded to units and clipped to the box."""
    lows, highs = np.array(network.domain.ranges).T

    def act(seen: NDArray[np.float64]) -> NDArray[np.int64]:
        whole = np.clip(np.rint(seen / np.array(network.input_coding.units)), lows, highs).astype(np.int64)
        env = {v.name: whole[:, k] for k, v in enumerate(machine.inputs)}
        return np.broadcast_to(evaluate_batch(machine.outputs[0], env), len(seen)).astype(np.int64)

    return act


def box(network: FeedForwardNetwork) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`LEANING` in the units of the network's domain: lows and highs."""
    ends = np.array(LEANING) / np.array(network.input_coding.units)[:, None]
    return np.ceil(ends[:, 0] - 1e-9).astype(np.int64), np.floor(ends[:, 1] + 1e-9).astype(np.int64)


def leaning_right(machine: Machine, lows: NDArray[np.int64], highs: NDArray[np.int64]) -> str:
    """The property that the push is to the right in the box."""
    names = [v.name for v in machine.inputs]
    inside = [f"{name} >= {low} and {name} <= {high}" for name, low, high in zip(names, lows, highs, strict=True)]
    return f"not ({' and '.join(inside)}) or y == 1"


def mirrored(machine: Machine) -> Machine:
    """A machine that says whether the push is right in the state or in its mirror image."""
    opposite = {v.name: apply("neg", (Var(v.name, v.type),)) for v in machine.inputs}
    here = machine.outputs[0]
    either = [apply("==", (term, constant(1))) for term in (here, substitute(here, opposite))]
    return Machine("mirrored", machine.inputs, (BOOL,), (), (), (apply("or", tuple(either)),))


def judged(directory: Path, episodes: int, timeout_s: float) -> dict[str, Any]:
    """What became of one policy."""
    network = cast(FeedForwardNetwork, load_network(directory))
    began = time.process_time()
    found = extract(network, timeout_s=timeout_s)
    row: dict[str, Any] = {"network": directory.name, "cpu_s": round(time.process_time() - began, 1)}
    if not isinstance(found.program, Function):
        return row | {"program": None}
    machine = as_machine(found.program)
    theirs = returns(network_policy(network), episodes, seed=5)
    ours = returns(program_policy(machine, network), episodes, seed=5)
    lows, highs = box(network)
    broken, done, tally = search_boxes(network, within(((1, 1),)), lows, highs, Deadline.after(SAFE_S))
    safe = check_property(machine, leaning_right(machine, lows, highs), timeout_s=SAFE_S)
    return row | {
        "program": ", ".join(map(print_term, found.program.outputs)),
        "return_network": round(float(theirs.mean()), 2),
        "return_program": round(float(ours.mean()), 2),
        "same_return_p": round(float(mannwhitneyu(theirs, ours).pvalue), 3),
        "safe_program": str(safe.verdict),
        "safe_network": "refuted" if broken is not None else "proved" if done else "unknown",
        "states": tally.bounded + tally.run,
        "mirrored_program": str(check_property(mirrored(machine), "y", timeout_s=SAFE_S).verdict),
    }


def main(
    episodes: int = 1_000,
    timeout: float = 60.0,
    out: Annotated[Path, typer.Option(help="one JSON object a line")] = Path("control.jsonl"),
) -> None:
    """Extract, run and prove."""
    with out.open("w", encoding="utf-8") as file:
        for directory in sorted(ZOO.iterdir()):
            row = judged(directory, episodes, timeout)
            file.write(json.dumps(row) + "\n")
            print(json.dumps(row, indent=1), flush=True)


if __name__ == "__main__":
    typer.run(main)
