"""How well the mechanism verdict tells true mechanisms from decoys, on planted networks.

    python -m benchmarks.performance.mechanism [--count N] [--seed S] [--json FILE] [--from FILE] [--calibrate]

A program (`benchmarks.suites.planted`) is planted in a recurrent cell (cell, size, noise, superposition, redundancy,
shared
units drawn at random); the claim that the network has the program's variables is true by construction. Decoys are
the same claim about a random network, by a shuffled alignment or with the wrong variables, and claims of other programs
with the same outputs on every input. Of these last, only those count whose variables are not mere linear parts of the
planted code. Networks of even number calibrate the threshold; those of odd number are the hidden split. The scores on
which the shipped threshold rests are kept in `calibration.json` (written by `--calibrate`).
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from scipy.linalg import subspace_angles
from sklearn.metrics import roc_auc_score

from benchmarks.suites.planted import Planted as Item
from benchmarks.suites.planted import endless
from dsl.errors import BadInput
from extract.networks.decoy import random_twin
from extract.observed import observed
from extract.plant import Planted, PlantOptions, plant
from verify.causal.alignment import fit
from verify.causal.decoys import redescribes, same_outputs
from verify.causal.mechanism import THRESHOLD, Mechanism, judge, numbers_of, stands
from verify.causal.runs import Matrix, Runs

CELLS = ("rnn_tanh", "rnn_relu", "gru", "lstm", "mlp")
SIZES = (4, 8, 16, 32, 64)
CALIBRATION = Path(__file__).parent / "calibration.json"
Row = dict[str, Any]


def networks(count: int, *, seed: int, left_out: list[str]) -> Iterator[tuple[int, Planted]]:
    """Planted networks by turns of cell; what could not be planted, or was broken by its noise, goes to `left_out`."""
    found = 0
    for k, item in enumerate(endless(seed=seed)):
        rng = np.random.default_rng([seed, k, 1])
        made = _planted(item, CELLS[found % len(CELLS)], rng, left_out)
        if made is not None:
            yield found, made
            found += 1
        if found == count:
            return


def _planted(item: Item, cell: str, rng: np.random.Generator, left_out: list[str]) -> Planted | None:
    drawn: dict[str, Any] = {
        "noise": float(rng.choice([0, 0, 0.005, 0.01, 0.02])), "superposition": int(rng.choice([0, 0, 0, 1, 2])),
        "redundancy": int(rng.choice([1, 1, 2, 3])), "joint": bool(rng.random() < 0.25),
    }  # fmt: skip
    start = int(rng.integers(0, len(SIZES)))
    for size in SIZES[start:]:  # the first size, from a random one on, that has room
        try:
            made = plant(item.program, item.domain, PlantOptions(cell, size, seed=int(rng.integers(1 << 30)), **drawn))
        except BadInput as error:
            if "room" in str(error) and size < SIZES[-1]:
                continue
            left_out.append(
                "no room" if "room" in str(error) else "no such code" if "superposition" in str(error) else "too large"
            )
            return None
        if made.wrong:
            left_out.append("outputs broken by noise")
            return None
        return made
    return None


def judged(number: int, made: Planted, left_out: list[str]) -> list[Row] | None:
    """The rows of one network: its true claim and its decoys. None where no run tells the variables apart."""
    rng = np.random.default_rng([number, 2])
    began = time.process_time()
    twin = random_twin(made.network, rng=rng)
    mechanism = judge(made.network, made.machine, rng=rng, twin=twin)
    seconds = time.process_time() - began
    alignment = mechanism.assessment.alignment
    if not alignment.apart:
        left_out.append("variables never vary independently")
        return None
    options = made.options
    shared: Row = {"network": number, "cell": options.cell, "hidden": options.hidden, "noise": options.noise,
                   "superposition": options.superposition, "redundancy": options.redundancy, "joint": options.joint,
                   "variables": len(made.values)}  # fmt: skip
    best = mechanism.best_decoy
    true = {"kind": "true", "score": mechanism.score, "p": mechanism.p_value, "seconds": seconds,
            "verdict": type(mechanism.verdict).__name__, "weakest": mechanism.assessment.weakest[0],
            "best_decoy": best, "angles": angles(made, mechanism, rng)}  # fmt: skip
    real = _really_other(made, mechanism)
    decoys = [{"kind": name.split(",")[0], "decoy": name, "score": score}
              for name, score in mechanism.decoys if real.get(name, True)]  # fmt: skip
    return [shared | row for row in (true, *decoys)]


def _really_other(made: Planted, mechanism: Mechanism) -> dict[str, bool]:
    """Which same-output programs have variables that are no mere linear parts of the planted code."""
    runs = mechanism.fitted_on
    code = planted_code(made, runs)
    tried = {name for name, _ in mechanism.decoys}
    found = {}
    for name, program in same_outputs(made.machine, made.network.domain):
        if (full := f"same outputs, {name}") in tried:
            other = runs.under(program)
            found[full] = not redescribes(code, numbers_of(fit(other, other), other))
    return found


def planted_code(made: Planted, runs: Runs) -> Matrix:
    """Where the planted values put each state of the runs (state, width)."""
    total = np.zeros((runs.words * runs.time, runs.hidden.shape[-1]))
    for name, values in made.values.items():
        elements = runs.values[name].reshape(len(total), -1)
        for move, value in zip(made.moves[name], values[1:], strict=True):
            total[(elements == np.array(value).ravel()).all(axis=1)] += move
    return total


def angles(made: Planted, mechanism: Mechanism, rng: np.random.Generator) -> list[float]:
    """Per variable the largest principal angle, in degrees, between planted and recovered subspace of equal
    dimension."""
    seen = observed(mechanism.fitted_on, rng=rng)
    found = []
    for name, basis in made.subspaces.items():
        moves = mechanism.assessment.alignment.move(name) @ seen.T @ seen
        recovered = np.linalg.svd(moves, full_matrices=False)[2][: len(basis)]
        if len(basis):
            found.append(float(np.degrees(subspace_angles(basis.T, recovered.T).max())))
    return found


def calibrated(true: Sequence[float], decoys: Sequence[float]) -> float:
    """The threshold with the largest sum of shares of true and of decoy scores on their right sides; the middle of all
    such, in hundredths."""
    places = np.unique([0.0, *true, *decoys, 1.0])
    middles = (places[1:] + places[:-1]) / 2
    right = [np.mean(np.array(true) >= m) + np.mean(np.array(decoys) < m) for m in middles]
    best = np.flatnonzero(np.isclose(right, max(right)))
    return round(float((places[best[0]] + places[best[-1] + 1]) / 2), 2)


def calibration_scores(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Scores of the true claims and of the decoys on the networks of even number."""
    even = [r for r in rows if r["network"] % 2 == 0]
    return {
        "true": sorted(round(r["score"], 4) for r in even if r["kind"] == "true"),
        "decoys": sorted(round(r["score"], 4) for r in even if r["kind"] != "true"),
    }


def summary(rows: Sequence[Row], left_out: Sequence[str]) -> str:
    """Discrimination and error rates on both splits, and the angles."""
    best = calibrated(**calibration_scores(rows))
    decoys = sum(r["kind"] != "true" for r in rows)
    lines = [f"{len(rows) - decoys} planted networks, {decoys} decoys"]
    lines.append(f"threshold in use {THRESHOLD}, calibrated on the even networks {best}")
    for name, parity in (("calibration", 0), ("hidden", 1)):
        part = [r for r in rows if r["network"] % 2 == parity]
        true, false = [r for r in part if r["kind"] == "true"], [r for r in part if r["kind"] != "true"]
        area = roc_auc_score([r["kind"] == "true" for r in part], [r["score"] for r in part])
        supported = sum(map(_supported, true))
        fooled = [r for r in false if r["score"] >= THRESHOLD]
        lines.append(
            f"{name}: AUROC {area:.4f}; true Supported {supported} of {len(true)} ({supported / len(true):.1%}), "
            f"decoys past the threshold {len(fooled)} of {len(false)} ({len(fooled) / len(false):.1%})"
        )
        for kind in sorted({r["kind"] for r in false}):
            scores = [r["score"] for r in false if r["kind"] == kind]
            past = sum(r["kind"] == kind for r in fooled)
            lines.append(
                f"  {kind}: {past} of {len(scores)} past, median score {statistics.median(scores):.3f}, "
                f"highest {max(scores):.3f}"
            )
    clean = [a for r in rows if r["kind"] == "true" and r["noise"] == 0 for a in r["angles"]]
    lines.append(
        f"principal angles at noise 0: median {statistics.median(clean):.3f} degrees, highest {max(clean):.2f}, "
        f"{len(clean)} variables"
    )
    seconds = [r["seconds"] for r in rows if r["kind"] == "true"]
    lines.append(f"processor seconds of a verdict: median {statistics.median(seconds):.1f}, most {max(seconds):.1f}")
    missed = [r for r in rows if r["kind"] == "true" and not _supported(r)]
    for r in missed:
        what = f"network {r['network']}, {r['cell']} {r['hidden']}: {r['verdict']}, {r['score']:.3f}"
        lines.append(f"{what}, weakest {r['weakest']}, best decoy {r['best_decoy']}")
    lines += [f"left out: {reason} {left_out.count(reason)}" for reason in sorted(set(left_out))]
    return "\n".join(lines)


def _supported(row: Row) -> bool:
    """The verdict at the threshold in use, whatever it was when the row was written."""
    return stands(row["score"], row["p"], row["best_decoy"][1])


def main(
    count: int = 160,
    seed: int = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="write one object a line")] = None,
    read: Annotated[list[Path] | None, typer.Option("--from", help="summarise what was written before")] = None,
    calibrate: Annotated[bool, typer.Option(help="keep the scores of the calibration half")] = False,
) -> None:
    """Judge planted networks and their decoys, and print how well they are told apart."""
    rows: list[Row] = []
    left_out: list[str] = []
    if read:
        for line in (line for path in read for line in path.read_text().splitlines()):
            row = json.loads(line)
            if "left_out" in row:
                left_out += row["left_out"]
            else:
                rows.append(row)
        _tell(rows, left_out, calibrate)
        return
    progress = Console(stderr=True)
    for number, made in networks(count, seed=seed, left_out=left_out):
        fresh = judged(number, made, left_out) or []
        rows += fresh
        if fresh:
            progress.print(number, fresh[0]["cell"], fresh[0]["verdict"], round(fresh[0]["score"], 3))
        if json_file is not None:
            with json_file.open("a") as out:
                out.writelines(json.dumps(row) + "\n" for row in fresh)
    if json_file is not None:
        with json_file.open("a") as out:
            out.write(json.dumps({"left_out": left_out}) + "\n")
    _tell(rows, left_out, calibrate)


def _tell(rows: Sequence[Row], left_out: Sequence[str], calibrate: bool) -> None:
    if calibrate:
        CALIBRATION.write_text(json.dumps(calibration_scores(rows)) + "\n")
    print(summary(rows, left_out))


if __name__ == "__main__":
    typer.run(main)
