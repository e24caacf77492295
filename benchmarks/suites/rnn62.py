"""RNN-62: the sixty-two integer stream tasks of "Opening the AI black box" (arXiv 2402.05110).

The definitions are in three files by kind; this one is the table. Div_3, Div_5 and Div_7 emit the quotient bit in the
step that determines it, and Max_Seen reads 0..9.
"""

from benchmarks.suites.rnn62_bits import BIT_TASKS
from benchmarks.suites.rnn62_machines import MACHINE_TASKS
from benchmarks.suites.rnn62_numbers import NUMBER_TASKS
from benchmarks.suites.task import Task, by_name

RNN62: dict[str, Task] = by_name((*BIT_TASKS, *NUMBER_TASKS, *MACHINE_TASKS))
