"""Mutated certificates through the independent checker: rejected, or still true by another argument.

    python -m benchmarks.performance.mutations [DIRECTORY ...] [--count N] [--seed N] [--timeout S] [--json]

Each network of each DIRECTORY (default: some Tomita networks of the zoo) is proved, for every length by regions and up
to one by layers; then its certificate, its weights or its program are changed in one place: regions shrunk, enlarged,
shifted or of another program state, transitions redirected or lost, images forgotten; words of a layer followed from
other nodes or from none, levels lost, layers of other depths, dropped or followed one by one, the length raised; one
bit of a used tensor flipped (with the hash put right, so that only the proof can notice), a constant or an operator of
the program replaced. What the checker accepts nevertheless has to be true: of regions, the prover's own enclosures
(which share no code with the checker) have to find every step inside a region named, sampled float32 steps have to as
well, and a changed program has to be proved equal to the one before; of layers, all inputs of the length are tried one
by one.
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from benchmarks.performance.certificates import TOMITA
from benchmarks.performance.second_opinion import Claim, enclosed, stepped
from benchmarks.suites.tables import TASKS
from dsl.errors import NetliftError
from dsl.programs import Machine
from dsl.syntax import parse
from extract.networks import load_recurrent
from extract.networks.recurrent import RecurrentNetwork
from verify.certificate import EVERY, certify, certify_layered
from verify.checker import Rejected, check_certificate
from verify.diff import diff_programs
from verify.exhaustive import exhaustive
from verify.nodes import packed
from verify.verdict import Proved
from verify.weights import weights_hash

Certificate = dict[str, Any]
Tensors = dict[str, Any]
DEFAULT = ("1_gru_noisy_1", "2_rnn_tanh_noisy_1", "4_rnn_tanh_noisy_1", "5_rnn_tanh_noisy_1", "6_rnn_tanh_noisy_1")
STEPS, BUDGETS = 17, (20, 100, 500)  # of layered certificates
SWAPPED = {"+": "-", "-": "+", "min": "max", "max": "min", "==": "!=", "!=": "==", "<": "<=", "and": "or", "or": "and"}
TOKEN = re.compile(r"(?<![\w.'])(\d+|min|max|and|or)(?![\w.'])|(?<= )(\+|-|==|!=|<)(?= )")


@dataclass(frozen=True)
class Outcome:
    """One mutated certificate: whether the checker `accepted` it, and then the argument why it is true, or none."""

    network: str
    mutation: str
    accepted: bool
    argument: str


class Mutant:
    """A copy of a certificate and of the tensors it speaks of, to be changed in one place."""

    def __init__(self, certificate: Certificate, tensors: Tensors, rng: np.random.Generator) -> None:
        self.certificate, self.rng = copy.deepcopy(certificate), rng
        self.tensors = {name: tensor.copy() for name, tensor in tensors.items()}
        if "regions" in certificate:
            self.region = self.certificate["regions"][int(rng.integers(len(self.certificate["regions"])))]
        else:
            self.layers: list[dict[str, Any] | None] = self.certificate["layers"]
            merged = [k for k, layer in enumerate(self.layers) if layer is not None]
            self.merged = merged[int(rng.integers(len(merged)))]
            self.layer: dict[str, Any] = self.layers[self.merged] or {}

    def images(self) -> list[list[int]]:
        """The targets of the region, per input."""
        images: list[list[int]] = self.region["to"]
        return images

    def scaled(self, factor: float) -> None:
        self.region["shape"] = (factor * np.array(self.region["shape"])).tolist()

    def shrunk(self) -> None:
        self.scaled(float(self.rng.choice([0.1, 0.5, 0.9, 0.99])))

    def enlarged(self) -> None:
        self.scaled(float(self.rng.choice([1.01, 1.1, 2.0, 10.0])))

    def shifted(self) -> None:
        unit = self.rng.standard_normal(len(self.region["centre"]))
        size = float(self.rng.choice([0.01, 0.1, 0.5, 2.0]))
        moved = np.array(self.region["shape"]) @ (size * unit / np.linalg.norm(unit))
        self.region["centre"] = (np.array(self.region["centre"]) + moved).tolist()

    def of_another_state(self) -> None:
        others = [r["state"] for r in self.certificate["regions"] if r["state"] != self.region["state"]]
        self.region["state"] = others[int(self.rng.integers(len(others)))]

    def redirected(self) -> None:
        images = self.images()
        targets = images[int(self.rng.integers(len(images)))]
        others = [k for k in range(len(self.certificate["regions"])) if k not in targets]
        targets[int(self.rng.integers(len(targets)))] = others[int(self.rng.integers(len(others)))]

    def transition_lost(self) -> None:
        images = self.images()
        images[int(self.rng.integers(len(images)))].pop()

    def images_forgotten(self) -> None:
        """As if the region had not been followed."""
        self.region["to"] = None

    def reflagged(self, named: bool) -> None:
        """One word of a node, now named or not, is the other from now on."""
        levels = [zlib.decompress(base64.b64decode(text)) for text in self.layer["levels"]]
        flags = [np.unpackbits(np.frombuffer(level, dtype=np.uint8)).astype(bool) for level in levels]
        places = [(k, at) for k, level in enumerate(flags) for at in np.nonzero(level == named)[0].tolist()]
        level, at = places[int(self.rng.integers(len(places)))]
        flags[level][at] = not named
        self.layer["levels"][level] = packed(flags[level])

    def word_lost(self) -> None:
        self.reflagged(named=True)

    def word_named_too_early(self) -> None:
        self.reflagged(named=False)

    def level_lost(self) -> None:
        levels = self.layer["levels"]
        levels.pop(int(self.rng.integers(len(levels))))

    def layer_of_another_depth(self) -> None:
        """With the length put right, or not."""
        other = max(1, self.layer["inputs"] + int(self.rng.choice([-1, 1])))
        self.certificate["length"] += (other - self.layer["inputs"]) * int(self.rng.integers(2))
        self.layer["inputs"] = other

    def layer_one_by_one(self) -> None:
        """As many inputs as it has, from each zonotope."""
        self.layers[self.merged : self.merged + 1] = [None] * self.layer["inputs"]

    def layer_dropped(self) -> None:
        dropped = self.layers.pop(int(self.rng.integers(len(self.layers))))
        self.certificate["length"] -= (1 if dropped is None else dropped["inputs"]) * int(self.rng.integers(2))

    def length_raised(self) -> None:
        """More than was covered is claimed, with or without layers."""
        more = int(self.rng.choice([1, 2, 5]))
        self.certificate["length"] += more
        self.layers += [None] * (more * int(self.rng.integers(2)))

    def bit_flipped(self) -> None:
        """One of the upper 28 bits of a used weight; the hash in the certificate is put right."""
        name = sorted(self.tensors)[int(self.rng.integers(len(self.tensors)))]
        flat = self.tensors[name].reshape(-1).view(np.uint32)
        flat[int(self.rng.integers(len(flat)))] ^= np.uint32(1 << int(self.rng.integers(4, 32)))
        self.certificate["weights_sha256"] = weights_hash(self.tensors)

    def bit_flipped_only(self) -> None:
        """As `bit_flipped`, any bit, and the hash is left as it was."""
        name = sorted(self.tensors)[int(self.rng.integers(len(self.tensors)))]
        flat = self.tensors[name].reshape(-1).view(np.uint32)
        flat[int(self.rng.integers(len(flat)))] ^= np.uint32(1 << int(self.rng.integers(32)))

    def program_changed(self) -> None:
        """Another constant or operator in one place, such that the text still is a machine."""
        text = self.certificate["program"]
        head = text.index("\n") if "\n" in text else 0  # inputs and outputs stay what they are
        places = list(TOKEN.finditer(text, head))
        while True:
            at = places[int(self.rng.integers(len(places)))]
            token = at.group()
            new = SWAPPED.get(token) or str(max(0, int(token) + int(self.rng.choice([-1, 1]))))
            changed = text[: at.start()] + new + text[at.end() :]
            try:
                if new != token and isinstance(parse(changed), Machine):
                    self.certificate["program"] = changed
                    return
            except NetliftError:
                continue


Kind = Callable[[Mutant], None]
EITHER: tuple[Kind, ...] = (Mutant.bit_flipped, Mutant.bit_flipped_only, Mutant.program_changed)
REGIONS: tuple[Kind, ...] = (
    Mutant.shrunk,
    Mutant.enlarged,
    Mutant.shifted,
    Mutant.of_another_state,
    Mutant.redirected,
    Mutant.transition_lost,
    Mutant.images_forgotten,
    *EITHER,
)
LAYERS: tuple[Kind, ...] = (
    Mutant.word_lost,
    Mutant.word_named_too_early,
    Mutant.level_lost,
    Mutant.layer_of_another_depth,
    Mutant.layer_one_by_one,
    Mutant.layer_dropped,
    Mutant.length_raised,
    *EITHER,
)


def kinds_of(certificate: Certificate) -> tuple[Kind, ...]:
    return REGIONS if "regions" in certificate else LAYERS


def judged(directory: Path, certificate: Certificate, kind: Kind, seed: int) -> Outcome:
    """Mutate, ask the checker, and look for an argument of its own for what it accepts."""
    description = json.loads((directory / "network.json").read_text())
    mutant = Mutant(certificate, load_file(directory / description["weights"]), np.random.default_rng(seed))
    kind(mutant)
    name = kind.__name__.replace("_", " ")
    try:
        check_certificate(mutant.certificate, description, mutant.tensors)
    except (Rejected, NetliftError, KeyError, IndexError, TypeError, ValueError):
        return Outcome(directory.name, name, False, "")
    return Outcome(directory.name, name, True, _argument(description, certificate, mutant))


def _argument(description: dict[str, Any], before: Certificate, mutant: Mutant) -> str:
    """Why an accepted certificate is true; empty when no argument was found."""
    if "regions" in before and mutant.certificate["program"] != before["program"]:
        finding = diff_programs(parse(before["program"]), parse(mutant.certificate["program"]), timeout_s=10)
        return "the programs are proved equal" if isinstance(finding.verdict, Proved) else ""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "network.json").write_text(json.dumps(description))
        save_file(mutant.tensors, Path(place) / description["weights"])
        network = load_recurrent(place)
    assert isinstance(network, RecurrentNetwork)
    if "layers" in before:
        length, machine = mutant.certificate["length"], parse(mutant.certificate["program"])
        assert isinstance(machine, Machine)
        most = 2 * network.domain.word_count(length)
        finding = exhaustive(network, machine, max_inputs=most, max_length=length)
        tried = finding.domain.startswith(EVERY) or dict(finding.measured)["length"] == length
        return "all inputs of the length, one by one" if tried and isinstance(finding.verdict, Proved) else ""
    claim = Claim(mutant.certificate, network)
    if enclosed(claim) and stepped(claim, rng=np.random.default_rng(0)) == 0:
        return "the prover's enclosures and sampled steps stay inside"
    return ""


def _pair(directory: Path) -> tuple[RecurrentNetwork, Machine]:
    """A network and the reference program of its task."""
    description = json.loads((directory / "network.json").read_text())
    machine, network = parse(TASKS[description["task"]].reference), load_recurrent(directory)
    assert isinstance(machine, Machine)
    assert isinstance(network, RecurrentNetwork)
    return network, machine


def proved_of(directory: Path, timeout_s: float) -> Certificate | None:
    """A certificate of regions for inputs of every length."""
    certificate = certify(*_pair(directory), timeout_s=timeout_s)[1]
    return certificate if certificate is not None and "regions" in certificate else None


def layered_of(directory: Path, timeout_s: float) -> Certificate | None:
    """A certificate of layers, some of them followed from sets of zonotopes."""
    return certify_layered(*_pair(directory), STEPS, timeout_s=timeout_s, budgets=BUDGETS)[1]


def measure(directories: Sequence[Path], count: int, timeout_s: float, seed: int) -> list[Outcome]:
    """`count` mutations, kinds and networks in turn."""
    made = [(d, of(d, timeout_s)) for of in (proved_of, layered_of) for d in directories]
    certificates = [(directory, certificate) for directory, certificate in made if certificate is not None]
    if not certificates:
        return []
    every = [(d, certificate, kind) for d, certificate in certificates for kind in kinds_of(certificate)]
    return [judged(*every[k % len(every)], seed + k) for k in range(count)]


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """Per kind of mutation: how many were rejected, how many kept with an argument and without."""
    lines = [
        "| mutation | certificates | rejected | kept, true by another argument | kept without |",
        "| --- " * 5 + "|",
    ]
    kinds = [kind.__name__.replace("_", " ") for kind in dict.fromkeys((*REGIONS, *LAYERS))]
    for kind in (*kinds, "all"):
        own = [o for o in outcomes if kind in (o.mutation, "all")]
        kept = [o for o in own if o.accepted]
        argued = sum(bool(o.argument) for o in kept)
        lines.append(f"| {kind} | {len(own)} | {len(own) - len(kept)} | {argued} | {len(kept) - argued} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit status 1 when the checker kept something that no argument supports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance.mutations", description=__doc__)
    parser.add_argument("directories", nargs="*", type=Path, help="network directories")
    parser.add_argument("--count", type=int, default=300, metavar="N", help="mutated certificates")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the first mutation")
    parser.add_argument("--timeout", type=float, default=20.0, metavar="S", help="to prove one network")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    directories = options.directories or [TOMITA / name for name in DEFAULT]
    outcomes = measure(directories, options.count, options.timeout, options.seed)
    if options.json:
        print(json.dumps([asdict(o) for o in outcomes], indent=1))
    else:
        print("\n".join(summary(outcomes)))
    return int(any(o.accepted and not o.argument for o in outcomes))


if __name__ == "__main__":
    sys.exit(main())
