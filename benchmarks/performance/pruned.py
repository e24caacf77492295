"""Random networks of which a pruned part computes a task: does the mechanism verdict take the whole for the part?

    python -m benchmarks.performance.pruned [--count N] [--seed S] [--json FILE] [--first K] [--from FILE]

Weights are random and never trained; what is learned is which of them to keep (edge-popup, Ramanujan et al. 2020: a
score
per weight, the better half is kept, gradients go to the scores straight through). Once the kept part answers 99 % of
words
of a stream task right, the task's program is claimed of the *whole* random network, which must not be supported. The
pruned networks do compute the task; what their verdicts say is printed and counts for neither side.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from torch import Tensor
from torch.nn import functional

from benchmarks.suites.streams import STREAMS
from benchmarks.suites.task import Task, draw
from dsl.programs import Machine
from dsl.syntax import parse
from extract.align import judged
from extract.networks.disk import FORMAT, Stored
from extract.networks.recurrent import RecurrentNetwork
from extract.networks.recurrent_file import read_recurrent
from verify.budget import Deadline

TASKS = ("Rising_Edge", "Majority_Last3", "Set_Reset", "Negate", "Serial_Greater")
HIDDEN, KEPT = 96, 0.5
STEPS, BATCH, RATE, LENGTH = 500, 64, 0.05, 12
GOOD = 0.99
Tensors = dict[str, Tensor]


class _Kept(torch.autograd.Function):
    """1 for the better half of the scores, else 0; the gradient passes as if it were the scores themselves."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor) -> Tensor:
        return (scores >= torch.quantile(scores, 1 - KEPT)).float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def random_weights(inputs: int, outputs: int, *, rng: np.random.Generator) -> Tensors:
    """Weights of one size and random sign per tensor, for a tanh cell and its read-out."""
    shapes = {"rnn.weight_ih_l0": (HIDDEN, inputs), "rnn.weight_hh_l0": (HIDDEN, HIDDEN), "rnn.bias_ih_l0": (HIDDEN,),
              "readout.weight": (outputs, HIDDEN)}  # fmt: skip
    sizes = {"rnn.weight_ih_l0": 1.0, "rnn.weight_hh_l0": 1.5 / np.sqrt(KEPT * HIDDEN), "rnn.bias_ih_l0": 0.5,
             "readout.weight": 2.0 / np.sqrt(KEPT * HIDDEN)}  # fmt: skip
    drawn = {n: rng.choice([-1.0, 1.0], shape) * sizes[n] for n, shape in shapes.items()}
    return {n: torch.from_numpy(w.astype(np.float32)) for n, w in drawn.items()}


def logits(weights: Tensors, inputs: Tensor) -> Tensor:
    """Logits (batch time out) of encoded inputs (batch time features)."""
    state, seen = torch.zeros(len(inputs), HIDDEN), []
    for now in inputs.unbind(1):
        sent = functional.linear(now, weights["rnn.weight_ih_l0"], weights["rnn.bias_ih_l0"])
        state = torch.tanh(sent + state @ weights["rnn.weight_hh_l0"].T)
        seen.append(state)
    return torch.stack(seen, dim=1) @ weights["readout.weight"].T


def encoded(task: Task, words: np.ndarray) -> Tensor:
    """One-hot features (batch time features)."""
    blocks = [functional.one_hot(torch.from_numpy(words[..., k] - low), high - low + 1).float()
              for k, (low, high) in enumerate(task.inputs)]  # fmt: skip
    return torch.cat(blocks, dim=-1)


def popped(task: Task, *, rng: np.random.Generator) -> tuple[Tensors, Tensors, float]:
    """Whole weights, kept weights, and the share of fresh words on which the kept ones answer every step right."""
    inputs = sum(high - low + 1 for low, high in task.inputs)
    low, high = (int(bound or 0) for bound in task.outputs[0])
    weights = random_weights(inputs, high - low + 1, rng=rng)
    scores = {n: torch.from_numpy(rng.random(w.shape).astype(np.float32)).requires_grad_() for n, w in weights.items()}
    optimiser = torch.optim.Adam(scores.values(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        words = draw(task, BATCH, LENGTH, rng=rng)
        wanted = torch.from_numpy(task.truth(words)[..., 0] - low)
        kept = {n: w * _Kept.apply(scores[n]) for n, w in weights.items()}
        loss = functional.cross_entropy(3 * logits(kept, encoded(task, words)).flatten(0, 1), wanted.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        kept = {n: w * _Kept.apply(scores[n]) for n, w in weights.items()}
        words = draw(task, 2_000, LENGTH, rng=rng)
        said = logits(kept, encoded(task, words)).argmax(2).numpy() + low
    return weights, kept, float((said == task.truth(words)[..., 0]).all(axis=1).mean())


def network(task: Task, weights: Tensors) -> RecurrentNetwork:
    """The weights as a network."""
    (low, high), (least, most) = task.inputs[0], task.outputs[0]
    description = {
        "format": FORMAT, "family": "recurrent", "cell": "rnn_tanh", "hidden_size": HIDDEN, "layers": 1,
        "input": {"encoding": "one_hot", "arity": len(task.inputs), "low": low, "high": high},
        "output": {"decoding": "argmax", "arity": 1, "low": least, "high": most},
        "lengths": {"train": LENGTH}, "weights": "model.safetensors",
    }  # fmt: skip
    return read_recurrent(Stored(Path("random"), description, dict(weights), Path("random")))


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """How many wholes and how many pruned networks got which verdict."""
    lines = []
    for name in ("whole", "pruned"):
        verdicts = [row[name]["verdict"] for row in rows]
        counted = ", ".join(f"{verdicts.count(v)} {v}" for v in sorted(set(verdicts)))
        lines.append(f"{name}: {counted} of {len(rows)}")
    return "\n".join(lines)


def main(
    count: int = 10,
    seed: int = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="write one object a line")] = None,
    first: Annotated[int, typer.Option(help="the random network to begin with, for runs in parts")] = 0,
    read: Annotated[Path | None, typer.Option("--from", help="summarise what was written before")] = None,
) -> None:
    """Prune random networks until `count` parts compute a task, and judge the wholes."""
    if read is not None:
        print(summary([json.loads(line) for line in read.read_text().splitlines()]))
        return
    torch.set_num_threads(1)
    progress, rows, k = Console(stderr=True), [], first
    while len(rows) < count and k < first + 5 * count:
        task, rng = STREAMS[TASKS[k % len(TASKS)]], np.random.default_rng([seed, k])
        k += 1
        weights, kept, right = popped(task, rng=rng)
        progress.print(f"{task.name}: {right:.1%} of words")
        if right < GOOD:
            continue
        machine = parse(task.reference)
        assert isinstance(machine, Machine)
        row: dict[str, Any] = {"task": task.name, "pruned_right": right}
        for name, tensors in (("whole", weights), ("pruned", kept)):
            found = judged(network(task, tensors), machine, Deadline.after(60), rng=rng)
            row[name] = {"verdict": type(found.verdict).__name__, "reason": found.verdict.reason}
        rows.append(row)
        if json_file is not None:
            with json_file.open("a") as out:
                out.write(json.dumps(row) + "\n")
    print(summary(rows))


if __name__ == "__main__":
    typer.run(main)
