"""Boolean functions of 4 to 16 inputs: parity, majority, multiplexers, adders, counts, and planted random DNFs."""

from __future__ import annotations

import numpy as np

from benchmarks.suites.functions import FunctionTask, IntArray, Truth, by_name, header

BIT = (0, 1)
Literals = tuple[tuple[int, bool], ...]


def names(count: int) -> list[str]:
    """The names x0, x1, ... of inputs."""
    return [f"x{k}" for k in range(count)]


def _task(name: str, description: str, count: int, outputs: int, body: str, truth: Truth) -> FunctionTask:
    declared = header(name.lower(), names(count), [BIT] * count, [BIT] * outputs)
    return FunctionTask(name, description, (BIT,) * count, (BIT,) * outputs, f"{declared} {body}", truth)


def _column(values: IntArray) -> IntArray:
    return np.asarray(values).astype(np.int64)[:, None]


def _sum(count: int) -> str:
    return " + ".join(names(count))


def _parity(count: int) -> FunctionTask:
    return _task(f"Parity_{count}", f"the parity of {count} bits", count, 1, f"({_sum(count)}) mod 2",
                 lambda x: _column(np.bitwise_xor.reduce(x, axis=1)))  # fmt: skip


def _majority(count: int) -> FunctionTask:
    body = f"int({_sum(count)} >= {count // 2 + 1})"
    return _task(f"Majority_{count}", f"do most of {count} bits hold 1", count, 1, body,
                 lambda x: _column(2 * (x == 1).sum(axis=1) > count))  # fmt: skip


def _exactly(many: int, count: int) -> FunctionTask:
    return _task(f"Exactly_{many}_Of_{count}", f"are exactly {many} of {count} bits 1", count, 1,
                 f"int({_sum(count)} == {many})", lambda x: _column(np.count_nonzero(x, axis=1) == many))  # fmt: skip


def _multiplexer(address: int) -> FunctionTask:
    size = 1 << address
    count = address + size
    weighted = " + ".join(f"{1 << k} * x{k}" if k else "x0" for k in range(address))
    body = f"[{', '.join(f'x{address + k}' for k in range(size))}][{weighted}]"

    def truth(x: IntArray) -> IntArray:
        chosen = sum(x[:, k] << k for k in range(address))
        return np.take_along_axis(x[:, address:], np.asarray(chosen)[:, None], axis=1)

    text = f"the one of {size} bits that {address} address bits (the first least significant) choose"
    return _task(f"Multiplexer_{count}", text, count, 1, body, truth)


def _adder(bits: int) -> FunctionTask:
    a = " + ".join(f"{1 << k} * x{k}" if k else "x0" for k in range(bits))
    b = " + ".join(f"{1 << k} * x{bits + k}" if k else f"x{bits}" for k in range(bits))
    outputs = ", ".join(f"s div {1 << k} mod 2" if k else "s mod 2" for k in range(bits + 1))
    declared = header(f"adder_{bits}", names(2 * bits), [BIT] * 2 * bits, [BIT] * (bits + 1))
    reference = f"{declared.removesuffix('=')} let s = {a} + {b} = {outputs}"

    def truth(x: IntArray) -> IntArray:
        weights = 1 << np.arange(bits)
        total = x[:, :bits] @ weights + x[:, bits:] @ weights
        return (total[:, None] >> np.arange(bits + 1)) & 1

    text = f"the sum of two numbers of {bits} bits, all least significant first"
    return FunctionTask(f"Adder_{bits}", text, (BIT,) * 2 * bits, (BIT,) * (bits + 1), reference, truth)


def planted_dnf(count: int, terms: int, width: int, seed: int) -> tuple[Literals, ...]:
    """`terms` random conjunctions of `width` literals (input, positive) over `count` inputs."""
    rng = np.random.default_rng([seed, count, terms, width])
    drawn = [sorted(rng.choice(count, width, replace=False).tolist()) for _ in range(terms)]
    return tuple(tuple((k, bool(rng.integers(2))) for k in chosen) for chosen in drawn)


def _dnf(count: int, terms: int, width: int, seed: int) -> FunctionTask:
    planted = planted_dnf(count, terms, width, seed)
    conjunctions = [" and ".join(f"x{k} == {int(positive)}" for k, positive in term) for term in planted]

    def truth(x: IntArray) -> IntArray:
        holds = np.zeros(len(x), dtype=bool)
        for term in planted:
            holds |= np.logical_and.reduce([x[:, k] == int(positive) for k, positive in term])
        return _column(holds)

    text = f"a random DNF of {terms} terms of {width} literals over {count} bits (draw {seed})"
    body = f"int({' or '.join(conjunctions)})"
    return _task(f"Dnf_{count}_{terms}_{width}_{seed}", text, count, 1, body, truth)


DNFS = ((4, 2, 2, 0), (5, 3, 2, 1), (6, 3, 3, 2), (7, 3, 3, 3), (8, 4, 3, 4), (9, 4, 3, 5), (10, 4, 3, 6),
        (12, 4, 4, 7), (14, 5, 4, 8), (16, 4, 4, 9), (16, 5, 4, 10))  # fmt: skip

BOOLEAN: dict[str, FunctionTask] = by_name(
    (
        *(_parity(n) for n in (4, 5, 6, 8)),
        *(_majority(n) for n in (5, 7, 9, 11, 15)),
        *(_exactly(k, n) for k, n in ((2, 5), (3, 7), (4, 10))),
        *(_multiplexer(k) for k in (2, 3)),
        *(_adder(k) for k in (2, 3, 4)),
        *(_dnf(*row) for row in DNFS),
    )
)
