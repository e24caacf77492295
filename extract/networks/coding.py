"""Between whole numbers and what a network reads and writes: input encodings and output decodings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from extract.networks.fields import Fields

ENCODINGS = ("one_hot", "one_hot_joint", "integer")
REAL = "real"
"""The coding of real numbers, told as whole multiples of a unit each: in a box where read, of single inputs only."""
TOKEN = "token"
"""The encoding of a network that looks its input up in an embedding: whole numbers counted from the lowest."""
DECODINGS = ("argmax", "round", "sign")
DEFAULT_UNIT = 0.01
EXACT = 2**24  # float32 holds every whole number up to here
MOST_COMPONENTS = 1_024
MOST_FEATURES = 1_000_000
MOST_STEPS = 2.0**62
REAL_STEPS = 1_000
"""A box without units is cut, along each component, into the least power-of-ten units that give at least so many."""

Ranges = tuple[tuple[int, int], ...]
OutputRanges = tuple[tuple[int | None, int | None], ...]


@dataclass(frozen=True, slots=True)
class InputCoding:
    """How the whole numbers of one step become the float32 features a network reads.

    Of real inputs, the whole number k of a component stands for k times its unit.
    """

    encoding: str
    ranges: Ranges
    units: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Number of features."""
        sizes = [high - low + 1 for low, high in self.ranges]
        widths = {"one_hot": sum(sizes), "one_hot_joint": math.prod(sizes)}
        return widths.get(self.encoding, len(sizes))

    def encode(self, symbols: Tensor) -> Tensor:
        """Features (batch, width) of symbols (batch, arity) within the ranges; tokens stay whole numbers."""
        if self.encoding == "integer":
            return symbols.float()
        if self.encoding == REAL:
            return (symbols.double() * torch.tensor(self.units, dtype=torch.float64)).float()
        sizes = [high - low + 1 for low, high in self.ranges]
        offsets = symbols - torch.tensor([low for low, _ in self.ranges])
        if self.encoding == TOKEN:
            return offsets
        if self.encoding == "one_hot":
            blocks = [functional.one_hot(offsets[:, k], size) for k, size in enumerate(sizes)]
            return torch.cat(blocks, dim=1).float()
        index = torch.zeros(len(symbols), dtype=torch.int64)
        for k, size in enumerate(sizes):
            index = index * size + offsets[:, k]
        return functional.one_hot(index, math.prod(sizes)).float()


@dataclass(frozen=True, slots=True)
class OutputCoding:
    """How the float32 read-out of one step becomes whole numbers.

    Of real outputs, the whole number k of a component stands for k times its unit, the nearest to what is read out.
    """

    decoding: str
    ranges: OutputRanges
    units: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Number of columns of the read-out."""
        return sum(self.block_sizes) if self.decoding == "argmax" else len(self.ranges)

    @property
    def block_sizes(self) -> list[int]:
        """Number of logits of each component."""
        return [(high or 0) - (low or 0) + 1 for low, high in self.ranges]

    def decode(self, logits: Tensor) -> Tensor:
        """Whole numbers (batch, arity) from the read-out (batch, width)."""
        match self.decoding:
            case "round":
                return torch.round(logits).long()
            case "sign":
                return (logits > 0).long()
            case "real":
                steps = logits.double() / torch.tensor(self.units, dtype=torch.float64)
                return torch.round(steps.clamp(-MOST_STEPS, MOST_STEPS)).long()
            case _:
                blocks = logits.split(self.block_sizes, dim=1)
                lows = [low or 0 for low, _ in self.ranges]
                return torch.stack([block.argmax(1) + low for block, low in zip(blocks, lows, strict=True)], dim=1)


def read_input(fields: Fields, encodings: Sequence[str] = ENCODINGS) -> InputCoding:
    """The input encoding described by the object `input`, one of `encodings`. Raises `BadInput`."""
    encoding = fields.choice("encoding", encodings)
    arity = fields.whole("arity", 1, MOST_COMPONENTS)
    if encoding == REAL:
        return _read_box(fields, arity)
    coding = InputCoding(encoding, _read_ranges(fields, arity))
    if coding.width > MOST_FEATURES:
        raise fields.wrong(f"an alphabet of at most {MOST_FEATURES} symbols", coding.width, "high")
    return coding


def read_output(fields: Fields, decodings: Sequence[str] = DECODINGS, *, unit: float = DEFAULT_UNIT) -> OutputCoding:
    """The output decoding described by the object `output`, one of `decodings`; real ones are told in steps of `unit`
    where it names none. Raises `BadInput`."""
    decoding = fields.choice("decoding", decodings)
    arity = fields.whole("arity", 1, MOST_COMPONENTS)
    if decoding == REAL:
        units = fields.number_each("unit", arity) if "unit" in fields.content else (unit,) * arity
        if min(units) <= 0:
            raise fields.wrong("a positive number", min(units), "unit")
        return OutputCoding(REAL, ((None, None),) * arity, units)
    if decoding == "argmax":
        return OutputCoding(decoding, _read_ranges(fields, arity))
    open_ended = "low" not in fields.content and "high" not in fields.content
    if decoding == "round":
        return OutputCoding(decoding, ((None, None),) * arity if open_ended else _read_ranges(fields, arity))
    ranges = ((0, 1),) * arity if open_ended else _read_ranges(fields, arity)
    if set(ranges) != {(0, 1)}:
        raise fields.wrong("0 and 1 (decoding sign)", list(ranges[0]), "low and high")
    return OutputCoding(decoding, ranges)


def _read_box(fields: Fields, arity: int) -> InputCoding:
    lows, highs = (fields.number_each(key, arity) for key in ("low", "high"))
    for low, high in zip(lows, highs, strict=True):
        if low >= high:
            raise fields.wrong(f"a number above low = {low} (else there are no inputs)", high, "high")
    if "unit" in fields.content:
        units = fields.number_each("unit", arity)
    else:
        units = tuple(10.0 ** math.floor(math.log10((b - a) / REAL_STEPS)) for a, b in zip(lows, highs, strict=True))
    ranges = []
    for low, high, unit in zip(lows, highs, units, strict=True):
        if not 0 < unit <= high - low or max(abs(low), abs(high)) / unit > EXACT:
            raise fields.wrong(f"a positive number that cuts {low} to {high} into steps", unit, "unit")
        ranges.append((math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)))
    return InputCoding(REAL, tuple(ranges), units)


def _read_ranges(fields: Fields, arity: int) -> Ranges:
    lows = fields.whole_each("low", arity, -EXACT, EXACT)
    highs = fields.whole_each("high", arity, -EXACT, EXACT)
    for low, high in zip(lows, highs, strict=True):
        if low > high:
            raise fields.wrong(f"a number not below low = {low} (else there are no symbols)", high, "high")
    return tuple(zip(lows, highs, strict=True))
