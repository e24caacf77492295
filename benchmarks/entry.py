"""Any extractor that is a command can enter: it reads a network directory and writes a program (docs/entering.md).

The command is run in an empty directory on a copy of the network from which the name of the task and all notes are
taken out. What it writes is parsed here; what it prints, if the last line is a JSON object, is kept as its figures.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.jobs import OURS, Extractor
from dsl.errors import BadInput, NetliftError
from dsl.programs import Program
from dsl.syntax import parse

LOADING_S = 10.0
"""What a command gets beyond its budget, for starting up and writing."""
HINTS = ("task", "task_text", "notes", "reference", "planted")
"""Fields of `network.json` that a command does not get to see."""
PLACES: tuple[str, ...] = ("{network}", "{program}", "{timeout}", "{seed}")

PEERS = {
    "aalpy": Extractor("aalpy", (sys.executable, "-m", "benchmarks.peers.automaton", *PLACES)),
    "tree": Extractor("tree", (sys.executable, "-m", "benchmarks.peers.tree", *PLACES)),
}
"""Peers that come along, as commands like any other: AALpy's automata, and scikit-learn's trees."""


@dataclass(frozen=True)
class Entry:
    """What a command made of a network: a program or the reason why there is none, its figures, and its seconds."""

    program: Program | None
    stop: str
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)


def extractor(text: str) -> Extractor:
    """The extractor that `--extractor` names: netlift, aalpy, tree, or NAME=COMMAND. Raises `BadInput`."""
    name, equals, command = text.partition("=")
    if not equals:
        known = {OURS.name: OURS, **PEERS}
        if text not in known:
            raise BadInput(f"expected {', '.join(known)} or NAME=COMMAND, got {text!r} (--extractor)")
        return known[text]
    words = shlex.split(command)
    if not name or not words or name in (OURS.name, *PEERS):
        raise BadInput(f"expected NAME=COMMAND with a name of its own, got {text!r} (--extractor)")
    if not any(place in word for word in words for place in PLACES):
        words += PLACES[:2]
    return Extractor(name, tuple(words))


def enter(command: Sequence[str], network: Path, *, timeout_s: float, seed: int) -> Entry:
    """Run a command on a network."""
    with tempfile.TemporaryDirectory(prefix="netlift-") as folder:
        blind, program, work = Path(folder, "network"), Path(folder, "program.nl"), Path(folder, "work")
        copy_blind(network, blind)
        work.mkdir()
        values = dict(zip(PLACES, (str(blind), str(program), f"{timeout_s:g}", str(seed))))
        words = [_filled(word, values) for word in command]
        began = time.monotonic()
        said, trouble = _run(words, work, timeout_s + LOADING_S)
        seconds = time.monotonic() - began
        found, stop = _read(program)
        return Entry(found, trouble or stop if found is None else "found", seconds, _figures(said))


def copy_blind(network: Path, to: Path) -> None:
    """A copy of a network directory that does not say what the network was trained for."""
    shutil.copytree(network, to)
    description = json.loads((to / "network.json").read_text())
    shown = {name: value for name, value in description.items() if name not in HINTS}
    (to / "network.json").write_text(json.dumps(shown, indent=1) + "\n")


def _filled(word: str, values: dict[str, str]) -> str:
    for place, value in values.items():
        word = word.replace(place, value)
    return word


def _run(words: list[str], folder: Path, timeout_s: float) -> tuple[str, str]:
    """What the command printed, and what went wrong with it (or nothing)."""
    try:
        process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [_here(), os.environ.get("PYTHONPATH")]))},
        )  # fmt: skip
    except OSError as error:
        return "", f"the command could not be started: {error.strerror}"
    try:
        said, complaints = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
        return said, f"the command was ended after {timeout_s:.0f} s"
    if process.returncode == 0:
        return said, ""
    last = complaints.strip().splitlines()[-1:] or [f"exit status {process.returncode}"]
    return said, f"the command found nothing: {last[0]}"


def _here() -> str:
    """Where the packages of netlift lie: a command runs in another directory, and may use them."""
    return str(Path(__file__).parents[1])


def _read(path: Path) -> tuple[Program | None, str]:
    if not path.is_file():
        return None, "the command wrote no program"
    try:
        return parse(path.read_text(encoding="utf-8")), ""
    except (NetliftError, UnicodeDecodeError, RecursionError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return None, f"the command wrote no program that can be read: {first}"


def _figures(said: str) -> dict[str, Any]:
    """The JSON object in the last line printed, if there is one."""
    lines = said.strip().splitlines()
    try:
        content = json.loads(lines[-1]) if lines else {}
    except json.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}
