"""Simulation certificates: the proof that program and network agree on inputs of every length, as data.

`certificate.json` holds the program as text, the hash of the weights it speaks of, and `regions`, ellipsoids
`centre + shape @ s` with |s| <= 1: each with a program state, and `to`, per input symbol (by position in the alphabet)
the regions that hold its image (several where the image is cut at kinks). The first holds the initial state.
`verify.checker` re-establishes the claim from this file, the weights and the program's reference semantics alone.

Where the program keeps numbers, a growing certificate has a `tube` instead (`verify.growth`), the `length` up to which
it was followed, and whether it is `closed` there, which makes it one for every length. Where no regions close, a
layered certificate covers inputs up to a `length`; of its `layers`, each is null where one more input is followed from
every zonotope on its own, or says how many `inputs` are followed from sets of zonotopes, and, per level of halves (of
sets, then of single zonotopes), which words from which (`verify.layers`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsl.errors import Unsupported
from dsl.printers.text import print_program, print_value
from dsl.programs import Machine
from verify.attack import attacked
from verify.budget import Deadline
from verify.checker import Rejected, check_certificate
from verify.domain import IntArray
from verify.exhaustive import CLAIM
from verify.lockstep import check_compatible, replay
from verify.reach.closure import Closure, Options, Region
from verify.reach.growing import grown
from verify.reach.layered import BUDGETS, layered
from verify.reach.measures import effects
from verify.reach.regions import Search
from verify.reach.samples import Samples
from verify.reach.table import ProgramTable
from verify.reach.tolerance import Tolerance
from verify.sampling import shorten
from verify.subject import FloatArray, RecurrentSubject
from verify.verdict import Finding, Proved, Refuted, Unknown, Verdict
from verify.weights import OpenNetwork, WithWeights, weights_hash, weights_of
from verify.words import draw_mixed

METHOD, GROWING = "simulation certificate", "growing certificate"
METHODS = {"regions": METHOD, "tube": GROWING, "layers": "layered certificate"}
"""By the part of a certificate that says what is followed."""
EVERY = "all inputs of every length"
FORMAT = "netlift-certificate/3"
MAX_ALPHABET, SMALL_ALPHABET = 256, 16
SAMPLED = 48, 48  # words, steps
GROWTH_SHARE, ATTACK_SHARE, LARGE_SHARE = 0.25, 0.15, 0.6
ATTACK_STEPS = 600
ATTEMPTS = (
    Options(scale=0.1, settled=5.0),
    Options(scale=0.04, settled=0.3),
    Options(scale=0.02, settled=0.1),
    Options(scale=0.007, settled=0.05),
)
"""Searches that take turns: from few large regions, which may not be read out for certain, to many small ones."""
WIDE = tuple(Options(scale=scale, settled=scale, widest=3.0) for scale in (0.05, 0.02))
"""Searches for large alphabets, for which many regions are out of reach: as wide as nothing depends on it."""
TOLERANCE_SHARE, TURN, SEARCH_SHARE = 0.1, 0.05, 0.9
"""Of the whole time: what tolerances may take, what one turn takes, and all turns; what remains is for the checker."""
LENGTH, LISTED = 16, 1 << 20
"""Inputs of this length are to be covered where not all are, and where there are more than can be tried one by one."""
EVERY_SHARE, LAYERED_SHARE, LAYERED_S = 0.35, 0.75, 5.0
"""Where both are sought, what proofs for every length get of the whole, and layers of what is left, as the checker
follows them again; and the seconds without which these are not sought."""


def certify(
    network: RecurrentSubject,
    machine: Machine,
    *,
    timeout_s: float,
    rng_seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Finding, dict[str, Any] | None]:
    """Proved for every length or up to the one named, with the certificate; else `Unknown` with what stood in the way.

    Refuted where the search comes upon a word on which the network leaves the program (replayed, and shortened).
    """
    began, deadline = time.monotonic(), Deadline.after(timeout_s, clock)
    check_compatible(network.domain, len(network.output_ranges), machine)
    share = GROWTH_SHARE if network.domain.symbol_count <= SMALL_ALPHABET else LARGE_SHARE
    verdict, certificate = _grown(network, machine, deadline.share(share), rng_seed)
    if certificate is None or not certificate["closed"]:
        for_some = verdict, certificate
        try:
            verdict, certificate = _attempted(network, machine, deadline, rng_seed)
        except Unsupported as error:
            verdict, certificate = Unknown(str(error)), None
        if isinstance(verdict, Unknown) and for_some[1] is not None:
            verdict, certificate = for_some
    count = 0 if certificate is None else len(certificate.get("regions", ()))
    domain = EVERY if certificate is None else certificate["domain"]
    method = METHOD if certificate is None else _method(certificate)
    return Finding(CLAIM, method, verdict, domain, time.monotonic() - began, (("regions", count),)), certificate


def _method(certificate: dict[str, Any]) -> str:
    return next((method for part, method in METHODS.items() if part in certificate), METHOD)


def for_every_length(certificate: dict[str, Any] | None) -> bool:
    """Whether there is a certificate and it speaks of inputs of every length."""
    return certificate is not None and certificate["domain"] == EVERY


def certify_growing(
    network: RecurrentSubject,
    machine: Machine,
    *,
    timeout_s: float,
    rng_seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Finding, dict[str, Any] | None]:
    """Proved up to the largest length that a growing certificate covers (or every length); else `Unknown`."""
    began, deadline = time.monotonic(), Deadline.after(timeout_s, clock)
    check_compatible(network.domain, len(network.output_ranges), machine)
    verdict, certificate = _grown(network, machine, deadline, rng_seed)
    domain = EVERY if certificate is None else certificate["domain"]
    return Finding(CLAIM, GROWING, verdict, domain, time.monotonic() - began), certificate


def _grown(
    network: RecurrentSubject, machine: Machine, deadline: Deadline, rng_seed: int
) -> tuple[Verdict, dict[str, Any] | None]:
    """A growing certificate that covers more than the training length."""
    with np.errstate(all="ignore"):
        found = grown(network, machine, deadline, rng_seed)
    long_enough = found.closed or found.length > network.domain.train_length
    if not isinstance(network, WithWeights) or not long_enough:
        return Unknown(f"a growing tube covers inputs of length up to {found.length}: {found.obstacle}"), None
    certificate = {
        **_heading(
            EVERY if found.closed else f"all inputs of length up to {found.length:,}", machine, network.tensors
        ),
        "length": found.length,
        "closed": found.closed,
        "tube": found.tube,
    }
    return _checked(certificate, network)


def _attempted(
    network: RecurrentSubject, machine: Machine, deadline: Deadline, rng_seed: int
) -> tuple[Verdict, dict[str, Any] | None]:
    if not isinstance(network, WithWeights):
        raise Unsupported("expected a network that shows its weights, got one that only runs")
    if network.domain.symbol_count > MAX_ALPHABET:
        raise Unsupported(f"expected at most {MAX_ALPHABET} inputs per step, got {network.domain.symbol_count}")
    small = network.domain.symbol_count <= SMALL_ALPHABET
    rng, part = np.random.default_rng(rng_seed), deadline.share(ATTACK_SHARE)
    found = attacked(network, machine, steps=ATTACK_STEPS, rng=rng, deadline=part) if small else None
    if found is not None:
        return Refuted(*shorten(network, machine, found, deadline=deadline)), None
    table = ProgramTable(machine, network.domain)
    part = deadline.share(EVERY_SHARE if _too_many(network) else SEARCH_SHARE)
    every = _searches(network, machine, table, ATTEMPTS if small else WIDE, rng_seed, deadline)
    closure = _in_turns(every, part, TURN * deadline.left)
    if closure.obstacle is None:
        return _checked(certificate_of(closure.regions, table, machine, network.tensors), network)
    word = None if closure.word is None else network.domain.symbols()[closure.word]
    if word is not None and (found := replay(network, machine, word)) is not None:
        return Refuted(*shorten(network, machine, found, deadline=deadline)), None
    if not _too_many(network) or deadline.left <= LAYERED_S:
        return Unknown(closure.obstacle), None
    verdict, certificate = certify_layered(network, machine, LENGTH, timeout_s=deadline.left)
    if certificate is not None and certificate["length"] > network.domain.train_length:
        return verdict, certificate
    covered = 0 if certificate is None else certificate["length"]
    return Unknown(f"{closure.obstacle}; layers cover inputs of length up to {covered}"), None


def _too_many(network: RecurrentSubject) -> bool:
    """Whether inputs of the length to be covered are too many to be tried one by one."""
    return network.domain.symbol_count**LENGTH > LISTED


def certify_layered(
    network: OpenNetwork,
    machine: Machine,
    length: int,
    *,
    timeout_s: float,
    budgets: Sequence[int] = BUDGETS,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Verdict, dict[str, Any] | None]:
    """A layered certificate for inputs of this length, or of as many steps as were covered; `Unknown` if of none."""
    with np.errstate(all="ignore"):
        found = layered(network, machine, length, Deadline.after(timeout_s, clock).share(LAYERED_SHARE), budgets)
    if not found.length:
        return Unknown(found.obstacle), None
    certificate = {
        **_heading(f"all inputs of length up to {found.length:,}", machine, network.tensors),
        "length": found.length,
        "layers": found.layers,
    }
    return _checked(certificate, network)


def _searches(
    network: OpenNetwork,
    machine: Machine,
    table: ProgramTable,
    attempts: Sequence[Options],
    rng_seed: int,
    deadline: Deadline,
) -> list[Search]:
    """Of which tolerances have taken their share of the time."""
    weights, spread = weights_of(network, network.initial_state(1)[0]), _spread(network, rng_seed)
    symbols = network.domain.symbols()
    samples = Samples(weights, table, spread, _words(network, SAMPLED, rng_seed))
    found = effects(samples, deadline.share(TOLERANCE_SHARE))

    def refutes(word: list[int]) -> bool:
        return replay(network, machine, symbols[word]) is not None

    return [Search(weights, table, Tolerance(samples, found), spread, options, refutes) for options in attempts]


def _in_turns(searches: list[Search], deadline: Deadline, turn_s: float) -> Closure:
    """What the first search that ends comes to; else the last obstacle."""
    closure = Closure([], "no attempt was made")
    while searches and not deadline.passed:
        search, searches = searches[0], searches[1:]
        with np.errstate(all="ignore"):  # enclosures of everything are no failure of arithmetic
            closure = search.run(deadline.within(turn_s))
        if closure.ended:
            break
        searches += [search] * closure.interrupted
    return closure


def _checked(certificate: dict[str, Any], network: WithWeights) -> tuple[Verdict, dict[str, Any] | None]:
    """Nothing is claimed that the independent checker does not accept."""
    try:
        check_certificate(certificate, dict(network.description), dict(network.tensors))
    except Rejected as error:
        return Unknown(f"the independent checker rejects the certificate: {error}"), None
    how = f"{len(certificate['regions']):,} regions, {METHOD}" if "regions" in certificate else _method(certificate)
    return Proved(f"{certificate['domain']} ({how})"), certificate


def _spread(network: RecurrentSubject, rng_seed: int) -> np.ndarray:
    """The unit of size per coordinate: its deviation over random runs, at least a tenth of the largest."""
    inputs = network.domain.draw((64, 24), rng=np.random.default_rng(rng_seed))
    states = network.trace(inputs).activations[network.sites[0].name]
    spread = states.reshape(-1, states.shape[-1]).astype(np.float64).std(axis=0)
    return np.maximum(spread, max(0.1 * float(spread.max()), 1e-6))


def _words(network: RecurrentSubject, shape: tuple[int, int], rng_seed: int) -> IntArray:
    """Symbol positions (count time) of words to sample states from."""
    words = draw_mixed(network.domain, *shape, rng=np.random.default_rng(rng_seed))
    low, high = (np.array(ends, dtype=np.int64) for ends in zip(*network.domain.ranges, strict=True))
    place = np.append(np.cumprod((high - low + 1)[::-1])[-2::-1], 1)
    return (words - low) @ place


def _heading(domain: str, machine: Machine, tensors: Mapping[str, FloatArray]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "claim": CLAIM,
        "domain": domain,
        "program": print_program(machine),
        "weights_sha256": weights_hash(tensors),
    }


def certificate_of(
    regions: list[Region], table: ProgramTable, machine: Machine, tensors: Mapping[str, FloatArray]
) -> dict[str, Any]:
    """What these regions say, for the checker to see; nothing is claimed by making it."""
    return {
        **_heading(EVERY, machine, tensors),
        "regions": [
            {
                "centre": region.centre.tolist(),
                "shape": region.shape.tolist(),
                "state": [print_value(value) for value in table.states[region.state]],
                "to": [list(targets) for targets in region.targets],
            }
            for region in regions
        ],
    }


def save_certificate(certificate: dict[str, Any], directory: Path) -> None:
    """Write `certificate.json`, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    part = directory / "certificate.json.part"
    part.write_text(json.dumps(certificate))
    part.replace(directory / "certificate.json")
