"""Every task of every suite, by name."""

from benchmarks.suites.rnn62 import RNN62
from benchmarks.suites.streams import STREAMS
from benchmarks.suites.task import Task, by_name
from benchmarks.suites.tomita import TOMITA

SUITES: dict[str, dict[str, Task]] = {"rnn62": RNN62, "streams": STREAMS, "tomita": TOMITA}
TASKS: dict[str, Task] = by_name(task for suite in SUITES.values() for task in suite.values())
