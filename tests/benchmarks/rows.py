"""Rows of results for tests."""

from typing import Any

from benchmarks.jobs import Row

CLAIM = "program equals network"
UP_TO_4 = "all inputs of length up to 4 (30 checked)"
PROVED: Row = {
    "claim": CLAIM, "verdict": "proved", "method": "exhaustive", "domain": UP_TO_4, "seconds": 0.5,
    "measured": {"inputs": 30},
}  # fmt: skip
EVERY = PROVED | {"domain": "all inputs of every length (2 regions)"}
WORD = {"inputs": [[1]] * 7, "expected": [[0]] * 7, "actual": [[0]] * 6 + [[1]]}
REFUTED: Row = {
    "claim": CLAIM, "verdict": "refuted", "method": "sampling", "domain": "", "seconds": 0.5, "counterexample": WORD,
    "shortest": False,
}  # fmt: skip
SAMPLED: Row = {
    "claim": CLAIM, "verdict": "unknown", "method": "sampling", "domain": "", "seconds": 0.5,
    "reason": "no difference in 9 random inputs",
}  # fmt: skip
OTHER_TASK = REFUTED | {"claim": "programs are equal", "counterexample": {k: v[-3:] for k, v in WORD.items()}}
SAME_TASK = EVERY | {"claim": "programs are equal"}
TOGGLE = "machine lifted(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = int(s != x)  output s'"


def row(*evidence: Row, **changed: Any) -> Row:
    """A row with this evidence; the program is not the task's."""
    return {
        "suite": "s", "network": "n", "extractor": "netlift", "command": None, "cell": "gru", "task": "Parity_All",
        "task_text": "the parity of all bits", "reference": TOGGLE, "program": TOGGLE, "operators": 2,
        "reference_operators": 1, "seconds": 1.25, "timeout_s": 60.0, "seed": 0, "version": "1", "stop": "proved",
        "evidence": list(evidence), "task_finding": OTHER_TASK, "weights_hash": "00ff", "table_rows": 0,
    } | changed  # fmt: skip
