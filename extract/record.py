"""The record of one run: stages with their times, the best program so far, the evidence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from dsl.programs import Program
from extract.extraction import Extraction, Progress, Stage, VariableAlignment
from extract.search.lift import Lifted
from verify.subject import Subject
from verify.verdict import Finding


class Found(Protocol):
    """What a search has found so far: a program or none, its cost in bits, and how far it agrees with the network."""

    cost: float
    agreement: float
    stop: str
    tried: int

    @property
    def program(self) -> Program | None: ...


class Recorder:
    """Collects what a run produces and passes progress on; turns it all into an `Extraction` at any moment."""

    def __init__(self, network: Subject, *, timeout_s: float, rng_seed: int, progress: Progress) -> None:
        self.network, self.timeout_s, self.rng_seed, self.progress = network, timeout_s, rng_seed, progress
        self.stages: list[Stage] = []
        self.notes: list[str] = []
        self.lifted: Found = Lifted()
        self.findings: list[Finding] = []
        self.alignment: tuple[VariableAlignment, ...] = ()
        self.certificate: dict[str, Any] | None = None
        self.interrupted = False

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.progress.stage(name)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Announce and time a stage."""
        self.stage(name)
        began, self.notes = time.monotonic(), []
        try:
            yield
        finally:
            self.stages.append(Stage(name, time.monotonic() - began, "; ".join(self.notes)))

    def best(self, program: Program, agreement: float) -> None:
        """A better program than before."""
        self.progress.best(program, agreement)

    def note(self, text: str) -> None:
        """A remark on the present stage."""
        self.notes.append(text)
        self.progress.note(text)

    def extraction(self) -> Extraction:
        """Everything so far."""
        if self.interrupted:
            self.lifted.stop = "interrupted"
        units = "words" if self.network.domain.streams else "inputs"
        return Extraction.of(
            self.network, self.lifted.program, alignment=self.alignment, evidence=tuple(self.findings),
            cost_bits=self.lifted.cost,
            stages=tuple(self.stages), seed=self.rng_seed, options={"timeout_s": self.timeout_s},
            stop_reason=f"{self.lifted.stop}; {self.lifted.tried} programs tested on the network, best agrees on "
            f"{self.lifted.agreement:.2%} of {units}",
            interrupted=self.interrupted, certificate=self.certificate,
        )  # fmt: skip
