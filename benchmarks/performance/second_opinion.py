"""Is a certificate true? Two answers that share no code with `verify.checker`.

`enclosed` follows every region with the prover's enclosures (`verify.reach`); it is no search, so it can say yes to any
certificate that is inductive, whoever wrote it. `stepped` runs the float32 network from states sampled in the regions:
it can only say no.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsl.programs import Machine
from dsl.syntax import parse, parse_term
from dsl.terms import Const
from extract.networks.recurrent import RecurrentNetwork
from verify.reach.affine import ellipsoids
from verify.reach.cells import step, surely_reads
from verify.reach.ellipsoids import contained
from verify.reach.table import ProgramTable
from verify.weights import weights_of

BATCH = 256
SAMPLES = 200


class Claim:
    """A certificate as arrays: centres, shapes, inverses, numbered program states, targets per region and symbol."""

    def __init__(self, certificate: dict[str, Any], network: RecurrentNetwork) -> None:
        machine = parse(certificate["program"])
        assert isinstance(machine, Machine)
        self.network, self.found = network, certificate["regions"]
        self.table = ProgramTable(machine, network.domain)
        self.centres, self.shapes = (
            np.array([region[name] for region in self.found], dtype=np.float64) for name in ("centre", "shape")
        )
        self.inverses = np.linalg.inv(self.shapes).astype(np.float64)
        self._reach()
        states = [tuple(map(_value, region["state"])) for region in self.found]
        self.states = np.array([self.table.states.index(s) if s in self.table.states else -1 for s in states])

    def _reach(self) -> None:
        """Number every state the program reaches."""
        at = 0
        while at < len(self.table.states):
            for symbol in range(self.network.domain.symbol_count):
                self.table.step(at, symbol)
            at += 1

    def starts(self) -> bool:
        """Whether the first region holds the initial state, in the program's first state."""
        first = self.network.initial_state(1)[0].astype(np.float64) - self.centres[0]
        return bool(self.states[0] == 0 and np.linalg.norm(self.inverses[0] @ first) <= 1)


def enclosed(claim: Claim) -> bool:
    """Whether every image lies in a region named for it and is read out as the program says, by enclosure."""
    weights = weights_of(claim.network, claim.network.initial_state(1)[0])
    if not claim.starts() or (claim.states < 0).any() or any(region["to"] is None for region in claim.found):
        return False
    for first in range(0, len(claim.found), BATCH):
        rows = np.arange(first, min(first + BATCH, len(claim.found)))
        for symbol in range(claim.network.domain.symbol_count):
            image, origin = step(weights, ellipsoids(claim.centres[rows], claim.shapes[rows]), symbol)
            for k, owner in enumerate(rows[origin].tolist()):
                after, outputs = claim.table.step(int(claim.states[owner]), symbol)
                targets = [t for t in claim.found[owner]["to"][symbol] if claim.states[t] == after]
                piece = image.rows(np.repeat(k, max(len(targets), 1)))
                if not targets or not surely_reads(weights, piece, outputs)[0]:
                    return False
                if not contained(piece, claim.centres[targets], claim.inverses[targets]).any():
                    return False
    return True


def stepped(claim: Claim, *, rng: np.random.Generator) -> int:
    """The number of sampled float32 steps that leave the regions named or are read out otherwise than claimed."""
    domain, wrong = claim.network.domain, 0
    width = claim.centres.shape[1]
    for number, region in enumerate(claim.found):
        units = rng.standard_normal((SAMPLES, width))
        units *= rng.random((SAMPLES, 1)) ** (1 / width) / np.linalg.norm(units, axis=1, keepdims=True)
        states = (claim.centres[number] + units @ claim.shapes[number].T).astype(np.float32)
        for symbol in range(domain.symbol_count):
            state, outputs = claim.network.step(states, np.repeat(domain.symbols()[[symbol]], SAMPLES, axis=0))
            after, wanted = claim.table.step(int(claim.states[number]), symbol)
            targets = [t for t in region["to"][symbol] if claim.states[t] == after]
            offset = state[:, None].astype(np.float64) - claim.centres[targets]
            inside = np.linalg.norm(np.einsum("tij,stj->sti", claim.inverses[targets], offset), axis=2) <= 1 + 1e-6
            wrong += int((~inside.any(axis=1) | (outputs != np.array(wanted)).any(axis=1)).sum())
    return wrong


def _value(text: str) -> Any:
    term = parse_term(text, {})
    assert isinstance(term, Const)
    return term.value
