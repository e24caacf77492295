"""Hardening: a copy of a network, fine-tuned under noise until its behaviour can be proved for every length.

Noise on the state while training makes a network shrink disturbances, and what shrinks disturbances stays in small
regions (`verify.reach`). The copy is trained to answer as the program lifted from the original, on long words; what it
then answers otherwise than the original is counted and reported. The original is only read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dsl.batch import run_machine_batch
from dsl.programs import Machine
from extract.networks.coding import OutputCoding
from extract.networks.recurrent import RecurrentNetwork
from extract.networks.recurrent_file import rebuilt
from extract.streams import Streams
from verify.budget import Deadline
from verify.certificate import certify, for_every_length
from verify.domain import Domain, IntArray
from verify.exhaustive import exhaustive
from verify.verdict import Finding, Refuted, Unknown
from verify.weights import weights_hash
from verify.words import draw_mixed

STREAMS = 64
PIECE = 2  # training lengths
LONG = 20  # training lengths
ROUND_STEPS = 300
NOISES = (0.1, 0.2, 0.3, 0.3)
"""Standard deviation in each round of training, in spreads of the state."""
RATE, DECAY, CLIP = 5e-3, 0.03, 1.0
COMPARED = 4_096
LIFT_SHARE = 0.3
"""Of the whole time: what finding the program takes."""
FIRST_SHARE, PROVE_SHARE = 0.05, 0.4


@dataclass(frozen=True)
class Change:
    """On `words` inputs of `length` steps: those the original and the copy answer otherwise than the program."""

    length: int
    words: int
    original_off: int
    copy_off: int
    differing: int


@dataclass(frozen=True)
class Hardened:
    """The copy, the finding on it with its certificate, and what changed; `moved` is relative to the weights' norm."""

    network: RecurrentNetwork
    finding: Finding
    certificate: dict[str, Any] | None
    changes: tuple[Change, ...]
    moved: float
    steps: int
    noise: float

    @property
    def kept(self) -> bool:
        """Whether copy and original were seen to answer alike up to the training length."""
        return self.changes[0].differing == 0

    @property
    def merit(self) -> tuple[bool, bool, int]:
        """Of two copies the better: behaviour kept, then proved, then fewer long inputs off the program."""
        return self.kept, self.certificate is not None, -self.changes[1].copy_off


def harden(network: RecurrentNetwork, machine: Machine, *, timeout_s: float, rng_seed: int = 0) -> Hardened:
    """Train a copy in rounds of growing noise until it is proved equal to `machine`, or the time is up."""
    deadline, rng = Deadline.after(timeout_s), np.random.default_rng(rng_seed)
    generator = torch.Generator().manual_seed(rng_seed)
    spread = _spread(network, rng)
    best, copy, steps = _judged(network, network, machine, 0, 0.0, deadline.share(FIRST_SHARE), rng_seed), network, 0
    for noise in NOISES:
        if deadline.passed or best.certificate is not None:
            break
        copy, taken = _trained(copy, machine, noise * spread, deadline, rng=rng, generator=generator)
        steps += taken
        found = _judged(network, copy, machine, steps, noise, deadline.share(PROVE_SHARE), rng_seed)
        if found.merit >= best.merit:
            best = found
    return best


def _trained(
    network: RecurrentNetwork, machine: Machine, noise: Tensor, deadline: Deadline, *, rng: np.random.Generator,
    generator: torch.Generator,
) -> tuple[RecurrentNetwork, int]:  # fmt: skip
    """A copy trained for one round, and the steps taken before the time was up."""
    tensors = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in network.tensors.items()}
    body = rebuilt(network, tensors)
    optimiser = torch.optim.AdamW(tensors.values(), lr=RATE, weight_decay=DECAY)
    span = PIECE * network.domain.train_length
    streams = Streams(network.domain, lambda words: run_machine_batch(machine, words), STREAMS, span, rng=rng)
    state = first = body.initial.detach().expand(STREAMS, -1)
    steps = 0
    while steps < ROUND_STEPS and not deadline.passed:
        for group in optimiser.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * steps / ROUND_STEPS))
        words, wanted = streams.piece()
        features = network.input_coding.encode(torch.from_numpy(words.reshape(-1, words.shape[2])))
        logits = []
        for inputs in features.reshape(STREAMS, span, -1).unbind(1):
            state = body.step(state, inputs) + noise * torch.randn(state.shape, generator=generator)
            logits.append(body.readout(state))
        optimiser.zero_grad()
        _loss(network.output_coding, torch.stack(logits, dim=1).flatten(0, 1), wanted.flatten(0, 1)).backward()
        torch.nn.utils.clip_grad_norm_(tensors.values(), CLIP)
        optimiser.step()
        kept = streams.advance()
        state = state.detach() * kept + first * (1 - kept)
        steps += 1
    return _with_weights(network, {name: tensor.detach() for name, tensor in tensors.items()}), steps


def _loss(coding: OutputCoding, logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross-entropy where classes are told apart, squared error where numbers are rounded."""
    if coding.decoding == "round":
        return functional.mse_loss(logits, wanted.float())
    if coding.decoding == "sign":
        return functional.binary_cross_entropy_with_logits(logits, wanted.float())
    total, column = logits.new_zeros(()), 0
    for k, ((low, _), size) in enumerate(zip(coding.ranges, coding.block_sizes, strict=True)):
        total = total + functional.cross_entropy(logits[:, column : column + size], wanted[:, k] - (low or 0))
        column += size
    return total


def _with_weights(network: RecurrentNetwork, tensors: Mapping[str, Tensor]) -> RecurrentNetwork:
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    return replace(
        network, body=rebuilt(network, tensors), weights_hash=weights_hash(arrays), tensors=MappingProxyType(arrays)
    )


def _judged(
    original: RecurrentNetwork, copy: RecurrentNetwork, machine: Machine, steps: int, noise: float, deadline: Deadline,
    rng_seed: int,
) -> Hardened:  # fmt: skip
    """Compare behaviour and, where nothing refutes it, try to prove the copy equal to the program."""
    rng, length = np.random.default_rng(rng_seed), original.domain.train_length
    changes = tuple(_change(original, copy, machine, times * length, rng) for times in (1, LONG))
    finding, certificate = exhaustive(copy, machine, max_inputs=50_000, deadline=deadline.share(0.3)), None
    if changes[0].copy_off or changes[1].copy_off:
        if not isinstance(finding.verdict, Refuted):
            off = next(change for change in changes if change.copy_off)
            reason = f"{off.copy_off} of {off.words:,} inputs of length {off.length} are answered otherwise"
            finding = replace(finding, verdict=Unknown(reason))
    elif not isinstance(finding.verdict, Refuted):
        finding, certificate = certify(copy, machine, timeout_s=deadline.left, rng_seed=rng_seed)
        certificate = certificate if for_every_length(certificate) else None
    before, after = (np.concatenate([t.ravel() for _, t in sorted(n.tensors.items())]) for n in (original, copy))
    moved = float(np.linalg.norm(after - before) / np.linalg.norm(before))
    return Hardened(copy, finding, certificate, changes, moved, steps, noise)


def _change(
    original: RecurrentNetwork, copy: RecurrentNetwork, machine: Machine, length: int, rng: np.random.Generator
) -> Change:
    words = _words(original.domain, length, rng)
    wanted, before, after = run_machine_batch(machine, words), original.run(words), copy.run(words)

    def off(a: IntArray, b: IntArray) -> int:
        return int((np.asarray(a) != b).any(axis=(1, 2)).sum())

    return Change(length, len(words), off(wanted, before), off(wanted, after), off(before, after))


def _words(domain: Domain, length: int, rng: np.random.Generator) -> IntArray:
    """All words of this length where they are few, else random and structured ones."""
    if domain.symbol_count**length <= COMPARED:
        places = domain.symbol_count ** np.arange(length)[::-1]
        index = np.arange(domain.symbol_count**length)[:, None] // places % domain.symbol_count
        return domain.symbols_at(index)
    return draw_mixed(domain, COMPARED, length, rng=rng)


def _spread(network: RecurrentNetwork, rng: np.random.Generator) -> Tensor:
    """The deviation of each coordinate of the state over random runs, at least a tenth of the largest."""
    inputs = draw_mixed(network.domain, 128, 2 * network.domain.train_length, rng=rng)
    states = network.trace(inputs).activations[network.sites[0].name]
    spread = states.reshape(-1, states.shape[-1]).std(axis=0)
    return torch.from_numpy(np.maximum(spread, 0.1 * spread.max()).astype(np.float32))
