"""Typed access to the keys of `network.json`. Every mistake is one `BadInput` line: expected, got, where."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dsl.errors import BadInput


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of a JSON file, with the path to it for messages (`parity/network.json: input`)."""

    content: Mapping[str, Any]
    where: str

    def object(self, key: str) -> Fields:
        """The object under `key`."""
        value = self._present(key, "an object")
        if not isinstance(value, dict):
            raise self.wrong("an object", value, key)
        return Fields(value, self._at(key))

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        """The text under `key`, one of `allowed`."""
        value = self._present(key, " or ".join(allowed))
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(" or ".join(allowed), value, key)
        return value

    def text(self, key: str, default: str) -> str:
        """The text under `key`."""
        value = self.content.get(key, default)
        if not isinstance(value, str):
            raise self.wrong("a text", value, key)
        return value

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """The whole number under `key`, from `low` to `high`."""
        expected = f"a whole number from {low} to {high}"
        value = self.content.get(key, default) if default is not None else self._present(key, expected)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.wrong(expected, value, key)
        return value

    def whole_each(self, key: str, count: int, low: int, high: int) -> tuple[int, ...]:
        """`count` whole numbers under `key`: a list of them, or one number that serves for all."""
        if not isinstance(self.content.get(key), list):
            return (self.whole(key, low, high),) * count
        values = self.content[key]
        if len(values) != count:
            raise self.wrong(f"{count} numbers", values, key)
        listed = Fields({str(i): v for i, v in enumerate(values)}, self._at(key))
        return tuple(listed.whole(str(i), low, high) for i in range(count))

    def number_each(self, key: str, count: int) -> tuple[float, ...]:
        """`count` finite numbers under `key`: a list of them, or one number that serves for all."""
        value = self._present(key, f"a number, or {count} of them")
        values = value if isinstance(value, list) else [value] * count
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
        if len(numbers) != len(values) or len(values) != count:
            raise self.wrong(f"a number, or {count} of them", value, key)
        return tuple(float(v) for v in numbers)

    def wrong(self, expected: str, value: Any, key: str) -> BadInput:
        """The error to raise for the value under `key`."""
        return BadInput(f"expected {expected}, got {shown(value)} ({self._at(key)})")

    def _present(self, key: str, expected: str) -> Any:
        if key not in self.content:
            raise BadInput(f"expected {expected}, got nothing ({self._at(key)})")
        return self.content[key]

    def _at(self, key: str) -> str:
        return f"{self.where}.{key}" if ": " in self.where else f"{self.where}: {key}"


def shown(value: Any) -> str:
    """A value as one short piece of a message line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
