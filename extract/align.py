"""The alignment of a lifted program with its network: a linear decoder per state variable, tested by intervention."""

from __future__ import annotations

