"""Fourier analysis over the cyclic group Z_p: which frequencies a layer uses, and what happens without them.

Activations at a site, on all pairs (a, b), are an array (p, p, width); frequency k owns the parts of its transform at
(±k, 0), (0, ±k) and (±k, ±k). A network that adds modulo p by rotations (Nanda et al. 2023; Gromov 2023) uses few
of them. The claim is tested by intervention on every input: the site is overwritten with those frequencies alone, with
all but those, and with as many others left out; a random network is put to the same test.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from extract.extraction import VariableAlignment
from extract.networks.decoy import random_twin
from verify.budget import Deadline
from verify.domain import Domain, IntArray
from verify.subject import FloatArray, Forced, Subject
from verify.verdict import Finding, Proved, Unknown, Verdict

SMALLEST = 5
MOST_INPUTS = 1 << 15
DESTROYED = 0.1
MOST_SHARE = 0.5
METHOD = "ablation of frequencies"
Powers = NDArray[np.float64]


def cyclic_size(domain: Domain) -> int | None:
    """The size p of the group, where the inputs are two numbers of one range 0..p-1 that is not too small."""
    if len(domain.ranges) != 2 or domain.ranges[0] != domain.ranges[1] or domain.ranges[0][0] != 0:
        return None
    size = domain.ranges[0][1] + 1
    return size if size >= SMALLEST and domain.symbol_count <= MOST_INPUTS else None


def frequency_powers(activations: FloatArray, p: int) -> Powers:
    """Share of the variance (frequencies 1 to p // 2, on axes) that each frequency owns; activations (p * p, width)."""
    spectrum = np.abs(np.fft.fft2(activations.reshape(p, p, -1).astype(np.float64), axes=(0, 1))) ** 2
    power = spectrum.sum(axis=2)
    first, second = np.meshgrid(*[_folded(p)] * 2, indexing="ij")
    powers = np.zeros(p // 2 + 1)
    for k in range(1, p // 2 + 1):
        inside = np.isin(first, (0, k)) & np.isin(second, (0, k)) & (first + second > 0)
        powers[k] = power[inside].sum()
    total = power.sum() - power[0, 0]
    return powers[1:] / total if total > 0 else powers[1:]


def filtered(activations: FloatArray, p: int, kept: IntArray) -> FloatArray:
    """The activations with only these frequencies (and the mean) left."""
    spectrum = np.fft.fft2(activations.reshape(p, p, -1).astype(np.float64), axes=(0, 1))
    passes = np.isin(_folded(p), [0, *kept])
    spectrum *= (passes[:, None] & passes[None, :])[:, :, None]
    return np.real(np.fft.ifft2(spectrum, axes=(0, 1))).reshape(activations.shape).astype(np.float32)


def _folded(p: int) -> IntArray:
    """The frequency min(k, p - k) of each position of a transform."""
    k = np.arange(p)
    return np.minimum(k, p - k)


def frequencies_used(
    network: Subject, deadline: Deadline, *, rng: np.random.Generator
) -> tuple[tuple[VariableAlignment, ...], list[Finding]]:
    """The frequencies that the first site needs, by intervention on all inputs, and the finding on that."""
    began = time.monotonic()
    p = cyclic_size(network.domain)
    assert p is not None
    inputs = network.domain.symbols()[:, None]
    site = network.sites[0].name
    found = _needed(network, inputs, site, p, deadline)
    if found is None or len(found[0]) > MOST_SHARE * (p // 2):  # then no frequency stands out
        return (), []
    used, share = found
    scores = _scores(network, inputs, site, p, used, rng)
    twin = random_twin(network, rng=rng)
    if twin is not None:
        own = np.argsort(-frequency_powers(twin.trace(inputs).activations[site][:, 0], p))[: len(used)] + 1
        scores["decoy, these alone"] = _scores(twin, inputs, site, p, own, rng)["these alone"]
    confirmed = scores["these alone"] == 1.0 and scores["all but these"] <= DESTROYED
    count = len(inputs)
    told = ", ".join(f"{name} {value:.1%}" for name, value in scores.items())
    listed = ", ".join(map(str, used.tolist()))
    phrase = f"all {count:,} inputs (answers kept with {told})"
    verdict: Verdict = Proved(phrase) if confirmed else Unknown(f"of {count:,} inputs, answers are kept with {told}")
    measured = (("frequencies", used.tolist()), ("share of variance", share), *scores.items())
    claim = f"site {site} works by frequencies {listed} of Z_{p}"
    finding = Finding(claim, METHOD, verdict, phrase, time.monotonic() - began, measured)
    note = f"rotations by 2π k / {p} of each input, k = {listed}; {share:.1%} of the variance"
    aligned = VariableAlignment("inputs", site, None, (), scores["these alone"], note)
    return (aligned,), [finding]


def _needed(network: Subject, inputs: IntArray, site: str, p: int, deadline: Deadline) -> tuple[IntArray, float] | None:
    """The fewest of the strongest frequencies that alone keep every answer, and their share of the variance."""
    trace = network.trace(inputs)
    activations = trace.activations[site][:, 0]
    powers = frequency_powers(activations, p)
    order = np.argsort(-powers) + 1
    low, high = 1, len(order)
    while low < high:  # what k frequencies keep, more of them keep too, as a rule; the result is checked
        if deadline.passed:
            return None
        middle = (low + high) // 2
        kept = filtered(activations, p, order[:middle])
        if (network.run_forced(inputs, [Forced(site, 0, kept)]) == trace.outputs).all():
            high = middle
        else:
            low = middle + 1
    return np.sort(order[:low]), float(powers[order[:low] - 1].sum())


def _scores(
    network: Subject, inputs: IntArray, site: str, p: int, used: IntArray, rng: np.random.Generator
) -> dict[str, float]:
    """Share of answers kept with the frequencies alone, without them, and without as many others."""
    trace = network.trace(inputs)
    activations = trace.activations[site][:, 0]
    every = np.arange(1, p // 2 + 1)
    others = np.setdiff1d(every, used)
    dropped = rng.permutation(others)[: len(used)]
    settings = {"these alone": used, "all but these": others, "all but as many others": np.setdiff1d(every, dropped)}
    return {
        name: float((network.run_forced(inputs, [Forced(site, 0, filtered(activations, p, kept))])
                     == trace.outputs).all(axis=(1, 2)).mean())
        for name, kept in settings.items()
    }  # fmt: skip
