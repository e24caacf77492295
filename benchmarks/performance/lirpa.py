"""Our bounds of feed-forward networks against auto_LiRPA's (CROWN, Xu et al. 2020), on the same boxes in one run.

    python -m benchmarks.performance.lirpa --python PEER [--boxes N] [--seed S]

`PEER` is a Python in which auto_LiRPA works; the version on the registry, 0.3, needs torch 1.12, hence Python 3.10 at
most, so it runs apart: it gets weights and boxes as a file of arrays and gives back bounds and seconds. Compared are
the lowest and highest value of every read-out of the zoo's networks that read numbers (on one-hot inputs our bounds
know that one feature is 1, which a box of features cannot say) through ReLU or tanh (0.3 has no gelu). Our width
includes the float32 error of the network; a ratio below 1 says that ours is tighter. Seconds are processor time after
loading, all boxes of a network in one batch for both.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.run import networks
from extract.networks import load_network
from extract.networks.coding import REAL
from extract.networks.feed_forward import FeedForwardNetwork
from verify.reach.backward import Bounds

SUITES = ("arithmetic", "boolean", "modular", "trees", "trojans")
THEIRS = """
import sys, time
import numpy, torch
from auto_LiRPA import BoundedModule, BoundedTensor
from auto_LiRPA.perturbations import PerturbationLpNorm
given = numpy.load(sys.argv[1])
torch.set_num_threads(1)
layers, k = [], 0
while f"weight{k}" in given:
    weight, bias = (torch.tensor(given[f"{name}{k}"]) for name in ("weight", "bias"))
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight, bias
    layers += ([getattr(torch.nn, str(given["activation"]))()] if layers else []) + [layer]
    k += 1
low, high = torch.tensor(given["low"]), torch.tensor(given["high"])
middle = (low + high) / 2
net = BoundedModule(torch.nn.Sequential(*layers), middle[:1])
began = time.process_time()
box = BoundedTensor(middle, PerturbationLpNorm(norm=float("inf"), x_L=low, x_U=high))
least, most = net.compute_bounds(x=(box,), method="CROWN")
numpy.savez(sys.argv[2], low=least.detach().numpy(), high=most.detach().numpy(), s=time.process_time() - began)
"""


def numeric(directory: Path) -> FeedForwardNetwork | None:
    """The network where it reads numbers through layers that the peer knows."""
    network = cast(FeedForwardNetwork, load_network(directory))
    known = network.input_coding.encoding in ("integer", REAL) and network.description["activation"] != "gelu"
    return network if known else None


def ours(network: FeedForwardNetwork, lows: NDArray[np.int64], highs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Lowest and highest values (2, boxes, read-outs)."""
    bounds = Bounds(network.layers(), lows, highs)
    rows = np.eye(network.output_coding.width)
    none = np.zeros(len(rows))
    return np.stack([bounds.least(rows, none), -bounds.least(-rows, none)])


def theirs(
    network: FeedForwardNetwork, lows: NDArray[np.int64], highs: NDArray[np.int64], python: Path
) -> tuple[NDArray[np.float64], float]:
    """The same by the peer, and its seconds."""
    import torch

    names = sorted((name for name in network.tensors if name.endswith("weight")), key=lambda n: int(n.split(".")[1]))
    arrays: dict[str, NDArray[np.float32] | str] = {}
    for k, name in enumerate(names):
        arrays[f"weight{k}"] = network.tensors[name]
        bias = network.tensors.get(name.replace("weight", "bias"))
        arrays[f"bias{k}"] = np.zeros(len(network.tensors[name]), np.float32) if bias is None else bias
    ends = [network.input_coding.encode(torch.from_numpy(end)).numpy() for end in (lows, highs)]
    activation = {"relu": "ReLU", "tanh": "Tanh"}[network.description["activation"]]
    with tempfile.TemporaryDirectory() as scratch:
        given, found = Path(scratch) / "given.npz", Path(scratch) / "found.npz"
        np.savez(given, low=ends[0], high=ends[1], activation=activation, **arrays)  # type: ignore[arg-type]
        subprocess.run([python, "-c", THEIRS, given, found], check=True, capture_output=True)
        with np.load(found) as read:
            return np.stack([read["low"], read["high"]]).astype(np.float64), float(read["s"])


def main(
    python: Annotated[Path, typer.Option(help="a Python with auto_LiRPA")],
    boxes: int = 64,
    seed: int = 0,
) -> None:
    """Compare on every numeric network of the zoo."""
    directories = [path for suite in SUITES for path in networks(suite)]
    directories += sorted((Path(__file__).parents[1] / "zoo" / "control").iterdir())
    ratios: list[NDArray[np.float64]] = []
    seconds = np.zeros(2)
    for k, directory in enumerate(directories):
        network = numeric(directory)
        if network is None:
            continue
        rng = np.random.default_rng([seed, k])
        ends = np.sort(network.domain.draw((boxes, 2), rng=rng), axis=1)
        network.layers()
        began = time.process_time()
        mine = ours(network, ends[:, 0], ends[:, 1])
        seconds[0] += time.process_time() - began
        peer, spent = theirs(network, ends[:, 0], ends[:, 1], python)
        seconds[1] += spent
        wide = peer[1] - peer[0] > 1e-3
        ratios.append((mine[1] - mine[0])[wide] / (peer[1] - peer[0])[wide])
        mean = float(np.exp(np.log(ratios[-1]).mean()))
        print(f"{directory.name}: width {mean:.3f} of the peer's, worst {ratios[-1].max():.3f}", flush=True)
    every = np.concatenate(ratios)
    within = (every <= 1.2).mean()
    print(f"{len(ratios)} networks, {len(every):,} bounds: width {np.exp(np.log(every).mean()):.3f} of the peer's in "
          f"geometric mean, worst {every.max():.3f}, {within:.1%} within 1.2; {seconds[0]:.1f} s against "
          f"{seconds[1]:.1f} s")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
