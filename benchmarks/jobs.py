"""A job: one extractor on one network under one budget and seed. What identifies its row is known before it is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from extract.extraction import netlift_version
from verify.weights import weights_hash

Row = dict[str, Any]
"""One line of the store: what identifies the job, and what came of it."""

IDENTITY = ("suite", "network", "extractor", "command", "timeout_s", "seed", "version", "weights_hash")


@dataclass(frozen=True)
class Extractor:
    """A name for the table, and the command that extracts (see `benchmarks.entry`); none for the own extractor."""

    name: str
    command: tuple[str, ...] | None = None


OURS = Extractor("netlift")


@dataclass(frozen=True)
class Job:
    """One extractor on one network directory."""

    suite: str
    directory: Path
    extractor: Extractor
    timeout_s: float
    seed: int

    def identity(self) -> Row:
        """The columns of its row that are known before it is run; jobs with equal ones are the same job."""
        return {
            "suite": self.suite, "network": self.directory.name, "extractor": self.extractor.name,
            "command": None if self.extractor.command is None else list(self.extractor.command),
            "timeout_s": self.timeout_s, "seed": self.seed, "version": netlift_version(),
            "weights_hash": weights_in(self.directory),
        }  # fmt: skip


def weights_in(directory: Path) -> str | None:
    """The hash of the weights that lie in a network directory; None where they cannot be read."""
    try:
        return weights_hash(load_file(directory / "model.safetensors"))
    except Exception:  # safetensors has errors of its own, and a network that cannot be read is a row, not a crash
        return None
