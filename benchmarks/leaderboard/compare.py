"""What got better or worse between two runs, network by network.

Compared in this order, and the first difference decides: whether a program was found, how far it is proved equal to
the network (of every length, up to a length, not), whether it is proved to do the task, its operators, the mechanism.
Seconds are told apart from that: they depend on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import geometric_mean

from benchmarks.jobs import Row
from benchmarks.leaderboard.standing import EVERY_LENGTH, Standing, standing

MECHANISMS = ("-", "not supported", "undecided", "supported")
TASKS = ("none", "refuted", "unknown", "proved")
SLOWER = 1.5
NOTICED_S = 1.0
"""A change in seconds is told when it is by more than half and by more than a second."""

Quality = tuple[float, ...]


@dataclass(frozen=True)
class Change:
    """One network in two runs."""

    network: str
    better: bool
    what: str


def compare(before: Iterable[Row], after: Iterable[Row]) -> str:
    """A Markdown report on two runs."""
    old, new = ({(s.suite, s.network, s.extractor): s for s in map(standing, rows)} for rows in (before, after))
    both = sorted(old.keys() & new.keys())
    changes = [c for c in (_change(old[k], new[k]) for k in both) if c is not None]
    better, worse = [c for c in changes if c.better], [c for c in changes if not c.better]
    lines = [f"{len(both)} networks in both runs: {len(better)} better, {len(worse)} worse, "
             f"{len(both) - len(changes)} the same."]  # fmt: skip
    for title, group in (("Better", better), ("Worse", worse)):
        lines += [f"\n{title}:\n", *(f"- {c.network}: {c.what}" for c in group)] if group else []
    timed = [(old[k].seconds, new[k].seconds, k) for k in both]
    pairs = [(a, b, k) for a, b, k in timed if a and b]
    if pairs:
        ratio = geometric_mean([b / a for a, b, _ in pairs])
        lines.append(f"\nSeconds: {ratio:.2f} times as many in the geometric mean.")
        lines += [f"- {_name(old[k])}: {a:.1f} s, then {b:.1f} s" for a, b, k in pairs
                  if max(a / b, b / a) > SLOWER and abs(a - b) > NOTICED_S]  # fmt: skip
    for title, left in (("first", sorted(old.keys() - new.keys())), ("second", sorted(new.keys() - old.keys()))):
        lines += [f"\nOnly in the {title} run: {', '.join(f'{n} ({e})' for _, n, e in left)}."] if left else []
    return "\n".join(lines)


def quality(s: Standing) -> Quality:
    """How good a standing is, the most important part first; larger is better."""
    reach = 0.0 if not s.proved else 2.0 if EVERY_LENGTH in s.program_network.on else 1.0
    named = s.mechanism.split(",")[0]
    return (
        float(s.operators is not None),
        reach,
        float(_length(s.program_network.on)) if reach == 1.0 else 0.0,
        float(TASKS.index(s.program_task.verdict)),
        float(-(s.operators or 0)),
        float(MECHANISMS.index(named)) if named in MECHANISMS else 0.0,
    )


def _change(old: Standing, new: Standing) -> Change | None:
    was, now = quality(old), quality(new)
    if was == now:
        return None
    words = (("program", _found), ("program = network", _reach), ("program = network", _reach),
             ("program = task", _task), ("operators", _operators), ("mechanism", _mechanism))  # fmt: skip
    told = dict.fromkeys(
        f"{name} {say(old)}, then {say(new)}" for (name, say), a, b in zip(words, was, now, strict=True) if a != b
    )
    return Change(_name(new), now > was, "; ".join(told))


def _length(phrase: str) -> int:
    """Up to which length a bounded proof goes; 0 for one that names none, such as a proof over single inputs."""
    found = re.search(r"length (?:up to )?(\d+)", phrase)
    return int(found[1]) if found else 0


def _name(s: Standing) -> str:
    return s.network if s.extractor == "netlift" else f"{s.network} ({s.extractor})"


def _found(s: Standing) -> str:
    return "found" if s.operators is not None else f"not found ({s.stop})"


def _reach(s: Standing) -> str:
    return str(s.program_network)


def _task(s: Standing) -> str:
    return s.program_task.verdict


def _operators(s: Standing) -> str:
    return "-" if s.operators is None else str(s.operators)


def _mechanism(s: Standing) -> str:
    return s.mechanism
