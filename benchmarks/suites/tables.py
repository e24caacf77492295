"""Every task of every suite, by name."""

from benchmarks.suites.algorithms import ALGORITHMS
from benchmarks.suites.arithmetic import ARITHMETIC
from benchmarks.suites.boolean import BOOLEAN
from benchmarks.suites.functions import FunctionTask
from benchmarks.suites.modular import MODULAR
from benchmarks.suites.rnn62 import RNN62
from benchmarks.suites.streams import STREAMS
from benchmarks.suites.task import Task, by_name
from benchmarks.suites.tomita import TOMITA
from benchmarks.suites.trees import TREES
from benchmarks.suites.trojans import TROJANS

SUITES: dict[str, dict[str, Task]] = {"rnn62": RNN62, "streams": STREAMS, "tomita": TOMITA, "algorithms": ALGORITHMS}
TASKS: dict[str, Task] = by_name(task for suite in SUITES.values() for task in suite.values())

FUNCTION_SUITES: dict[str, dict[str, FunctionTask]] = {
    "arithmetic": ARITHMETIC, "boolean": BOOLEAN, "modular": MODULAR, "trees": TREES, "trojans": TROJANS,
}  # fmt: skip
FUNCTION_TASKS: dict[str, FunctionTask] = {n: t for suite in FUNCTION_SUITES.values() for n, t in suite.items()}


def task_of(name: str, *, streams: bool) -> Task | FunctionTask:
    """The task of a network over streams or over single inputs; both kinds have an Add_Mod_7. Raises KeyError."""
    return TASKS[name] if streams else FUNCTION_TASKS[name]
