"""Simulation certificates: the proof that program and network agree on inputs of every length, as data.

`certificate.json` holds the program as text, the hash of the weights it speaks of, and `regions`, ellipsoids
`centre + shape @ s` with |s| <= 1: each with a program state, and `to`, per input symbol (by position in the alphabet)
the regions that hold its image (several where the image is cut at kinks). The first holds the initial state. With a
`length`, the claim is about inputs of at most that length, and `to` is null for regions that are as many steps from the
first. `verify.checker` re-establishes the claim from this file, the weights and the program's reference semantics
alone.

Where the program keeps numbers, a growing certificate has a `tube` instead (`verify.growth`), the `length` up to which
it was followed, and whether it is `closed` there, which makes it one for every length.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
from verify.reach.measures import Contracting, Measure, Total
from verify.reach.regions import Search
from verify.reach.samples import COARSE, FINE, Samples
from verify.reach.table import ProgramTable
from verify.reach.tolerance import Tolerance
from verify.sampling import shorten
from verify.subject import FloatArray, RecurrentSubject
from verify.verdict import Finding, Proved, Refuted, Unknown, Verdict
from verify.weights import OpenNetwork, WithWeights, weights_hash, weights_of
from verify.words import draw_mixed

METHOD, GROWING = "simulation certificate", "growing certificate"
EVERY = "all inputs of every length"
FORMAT = "netlift-certificate/2"
MAX_ALPHABET, SMALL_ALPHABET = 256, 16
SAMPLED, MORE_SAMPLED = (48, 48), (200, 24)  # words, steps
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
COVERING = tuple(
    Options(scale=scale, settled=scale, inflation=None, repairs=2, max_regions=150_000, length=LENGTH, rate=1.1)
    for scale in (0.6, 0.35, 0.2, 0.12)
)
"""Searches for regions that need not close, the next where the one before meets a read-out that is not certain."""
EVERY_SHARE, COVERING_SHARE, COVERING_S = 0.35, 0.8, 20.0
"""Where both are sought, what proofs for every length get of the whole, and those up to a length of what is left; and
the seconds without which these are not sought."""


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
    method = GROWING if certificate is not None and "tube" in certificate else METHOD
    return Finding(CLAIM, method, verdict, domain, time.monotonic() - began, (("regions", count),)), certificate


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
        "format": FORMAT,
        "claim": CLAIM,
        "domain": EVERY if found.closed else f"all inputs of length up to {found.length:,}",
        "program": print_program(machine),
        "weights_sha256": weights_hash(network.tensors),
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
    covering = network.domain.symbol_count**LENGTH > LISTED and deadline.left > COVERING_S
    tried = list[Search]()
    part = deadline.share(EVERY_SHARE if covering else SEARCH_SHARE)
    every = _searches(network, machine, table, ATTEMPTS if small else WIDE, rng_seed, deadline)
    closure = _in_turns(every, part, TURN * deadline.left)
    if covering and not closure.ended:
        part = deadline.share(COVERING_SHARE)
        tried = _searches(network, machine, table, COVERING, rng_seed, part)
        last = _in_turns(tried, part, part.left)
        closure = last if last.ended else closure
    if closure.obstacle is None:
        return _checked(certificate_of(closure.regions, EVERY, table, machine, network.tensors), network)
    word = None if closure.word is None else network.domain.symbols()[closure.word]
    if word is not None and (found := replay(network, machine, word)) is not None:
        return Refuted(*shorten(network, machine, found, deadline=deadline)), None
    certificate = _longest(tried, table, machine, network)
    if certificate is not None and certificate["length"] > network.domain.train_length:
        return _checked(certificate, network)
    return Unknown(closure.obstacle), None


def certify_bounded(
    network: OpenNetwork,
    machine: Machine,
    length: int,
    *,
    timeout_s: float,
    rng_seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Verdict, dict[str, Any] | None]:
    """A certificate of regions that were followed up to this length and, but for luck, no farther; else the obstacle.

    Where the time is up before, of as much as was covered. Raises `Unsupported` for what is no finite program.
    """
    deadline, table = Deadline.after(timeout_s, clock), ProgramTable(machine, network.domain)
    attempts = tuple(replace(options, length=length) for options in COVERING)
    searches = _searches(network, machine, table, attempts, rng_seed, deadline)
    closure = _in_turns(searches, deadline, deadline.left)
    certificate = _longest(searches, table, machine, network)
    return (Unknown(str(closure.obstacle)), None) if certificate is None else _checked(certificate, network)


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
    shape, grain = (SAMPLED, FINE) if attempts[0].rate is None else (MORE_SAMPLED, COARSE)
    samples = Samples(weights, table, spread, _words(network, shape, rng_seed), grain)
    measures, part = dict[float | None, Measure](), deadline.share(TOLERANCE_SHARE)

    def refutes(word: list[int]) -> bool:
        return replay(network, machine, symbols[word]) is not None

    searches = list[Search]()
    for options in attempts:
        rate, length = options.rate, options.length
        if rate not in measures:
            measures[rate] = Contracting(samples, rate, length or LENGTH, part) if rate else Total(samples, part)
        searches.append(Search(weights, table, Tolerance(samples, measures[rate]), spread, options, refutes))
    return searches


def _longest(
    searches: Sequence[Search], table: ProgramTable, machine: Machine, network: OpenNetwork
) -> dict[str, Any] | None:
    """What the search that covered most has to say, where one has covered anything."""
    length, regions = max((search.covered() for search in searches), key=lambda found: found[0], default=(0, []))
    domain = f"all inputs of length up to {length:,}"
    made = certificate_of(regions, domain, table, machine, network.tensors)
    return {**made, "length": length} if length else None


def _in_turns(searches: list[Search], deadline: Deadline, turn_s: float) -> Closure:
    """What the first search that ends comes to, or that covers what it was asked for; else the last obstacle."""
    closure = Closure([], "no attempt was made")
    while searches and not deadline.passed:
        search, searches = searches[0], searches[1:]
        with np.errstate(all="ignore"):  # enclosures of everything are no failure of arithmetic
            closure = search.run(deadline.within(turn_s))
        if closure.ended or closure.asked:
            break
        searches += [search] * closure.interrupted
    return closure


def _checked(certificate: dict[str, Any], network: WithWeights) -> tuple[Verdict, dict[str, Any] | None]:
    """Nothing is claimed that the independent checker does not accept."""
    try:
        with np.errstate(all="ignore"):
            check_certificate(certificate, dict(network.description), dict(network.tensors))
    except Rejected as error:
        return Unknown(f"the independent checker rejects the certificate: {error}"), None
    how = GROWING if "tube" in certificate else f"{len(certificate['regions']):,} regions, {METHOD}"
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


def certificate_of(
    regions: list[Region], domain: str, table: ProgramTable, machine: Machine, tensors: Mapping[str, FloatArray]
) -> dict[str, Any]:
    """What these regions say, for the checker to see; nothing is claimed by making it."""
    return {
        "format": FORMAT,
        "claim": CLAIM,
        "domain": domain,
        "program": print_program(machine),
        "weights_sha256": weights_hash(tensors),
        "regions": [
            {
                "centre": region.centre.tolist(),
                "shape": region.shape.tolist(),
                "state": [print_value(value) for value in table.states[region.state]],
                "to": None if region.targets is None else [list(targets) for targets in region.targets],
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
