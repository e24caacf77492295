"""The seven Tomita languages (Tomita 1982): after every symbol, is the word so far in the language?

The truth steps a transition table (state, symbol -> state); state 0 is the start.
"""

import numpy as np

from benchmarks.suites.task import IntArray, Task, by_name, scan, single

Automaton = tuple[tuple[int, int], ...]

AUTOMATA: dict[int, tuple[Automaton, tuple[int, ...]]] = {
    1: (((1, 0), (1, 1)), (0,)),
    2: (((2, 1), (0, 2), (2, 2)), (0,)),
    3: (((0, 1), (2, 0), (3, 4), (2, 1), (4, 4)), (0, 1, 3)),
    4: (((1, 0), (2, 0), (3, 0), (3, 3)), (0, 1, 2)),
    5: (((1, 2), (0, 3), (3, 0), (2, 1)), (0,)),
    6: (((1, 2), (2, 0), (0, 1)), (0,)),
    7: (((0, 1), (2, 1), (2, 3), (4, 3), (4, 4)), (0, 1, 2, 3)),
}


def _tomita(number: int, description: str, body: str) -> Task:
    transitions, accepting = AUTOMATA[number]
    table = np.array(transitions)

    def truth(x: IntArray) -> IntArray:
        states = scan(lambda state, symbol: table[state, symbol], 0, x)
        return np.isin(states, accepting).astype(np.int64)

    reference = f"machine tomita{number}(x: 0..1) -> 0..1  {body}"
    return Task(f"Tomita_{number}", description, ((0, 1),), ((0, 1),), 12, reference, single(truth))


TOMITA: dict[str, Task] = by_name(
    (
        _tomita(1, "no 0 so far: 1*", "state s: 0..1 = 1  next s = min(s, x)  output s'"),
        _tomita(
            2,
            "repetitions of 10: (10)*",
            "state s: 0..2 = 0  next s = if s + x == 1 then x else 2  output int(s' == 0)",
        ),
        _tomita(
            3,
            "no odd run of ones followed by an odd run of zeros",
            """state s: 0..4 = 0
               next s = if s == 4 or s == 2 and x == 1 then 4 else if x == 1 then int(s != 1)
                 else if s == 0 then 0 else if s == 2 then 3 else 2
               output int(s' != 2 and s' != 4)""",
        ),
        _tomita(
            4,
            "no 000 so far",
            "state n: 0..3 = 0  next n = if n == 3 then 3 else if x == 1 then 0 else n + 1  output int(n' < 3)",
        ),
        _tomita(
            5,
            "an even number of zeros and an even number of ones",
            "state a: 0..1 = 0  state b: 0..1 = 0  next a = a ^ x  next b = b ^ x ^ 1  output int(a' + b' == 0)",
        ),
        _tomita(
            6,
            "the number of zeros less the number of ones is divisible by 3",
            "state r: 0..2 = 0  next r = (r + x + 1) mod 3  output int(r' == 0)",
        ),
        _tomita(
            7,
            "at most four runs, beginning with zeros: 0*1*0*1*",
            "state s: 0..4 = 0  next s = min(s + int(s mod 2 != x), 4)  output int(s' < 4)",
        ),
    )
)
