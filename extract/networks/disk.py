"""A network directory: `network.json` (the description) and a safetensors file (the weights). Pickle is never loaded.

What every family shares is read and checked here: that both files exist and can be read, and that the weights
are finite float32 tensors. What the names and shapes must be, the family says (`expect_shapes`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from dsl.errors import BadInput
from extract.networks.fields import Fields, shown

FORMAT = "netlift-network/1"
DESCRIPTION = "network.json"
Shape = tuple[int, ...]
Shapes = dict[str, Shape]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a network directory holds: the description as read, and tensors by torch's own names."""

    directory: Path
    description: dict[str, Any]
    tensors: dict[str, Tensor]
    weights_path: Path

    @property
    def fields(self) -> Fields:
        """Typed access to the description."""
        return Fields(self.description, str(self.directory / DESCRIPTION))

    @property
    def shapes(self) -> Shapes:
        """The shape of every tensor in the file."""
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


def read_directory(path: str | Path) -> Stored:
    """The files of a network directory. Raises `BadInput`."""
    directory = Path(path)
    if not directory.is_dir():
        got = "a file" if directory.exists() else "nothing"
        raise BadInput(f"expected a directory with {DESCRIPTION} and weights, got {got} ({directory})")
    description = _read_description(directory / DESCRIPTION)
    fields = Fields(description, str(directory / DESCRIPTION))
    fields.choice("format", (FORMAT,))
    name = fields.text("weights", "model.safetensors")
    if Path(name).name != name or name in ("", ".", ".."):
        raise fields.wrong("the name of a file beside it", name, "weights")
    return Stored(directory, description, _read_tensors(directory / name), directory / name)


def _read_description(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise BadInput(f"expected a file {DESCRIPTION}, got nothing ({path})")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BadInput(
            f"expected JSON, got {error.msg} at line {error.lineno}, column {error.colno} ({path})"
        ) from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadInput(f"expected JSON, got {type(error).__name__} while reading ({path})") from None
    except OSError as error:
        raise BadInput(f"expected a readable file, got {error.strerror} ({path})") from None
    if not isinstance(content, dict):
        raise BadInput(f"expected a JSON object, got {shown(content)} ({path})")
    return content


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise BadInput(f"expected a safetensors file, got nothing ({path})")
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
            raise BadInput(f"expected a safetensors file, got a pickle, which is never loaded ({path})")
        with safe_open(path, framework="pt") as opened:
            return {name: _read_tensor(opened, name, path) for name in sorted(opened.keys())}
    except SafetensorError as error:
        raise BadInput(f"expected a safetensors file, got {' '.join(str(error).split())} ({path})") from None
    except OSError as error:
        raise BadInput(f"expected a readable file, got {error.strerror or error} ({path})") from None


def _read_tensor(opened: Any, name: str, path: Path) -> Tensor:
    kind = opened.get_slice(name).get_dtype()
    if kind != "F32":
        raise BadInput(f"expected float32 weights, got {kind} (tensor {name} of {path})")
    tensor: Tensor = opened.get_tensor(name)
    if not torch.isfinite(tensor).all():
        bad = "NaN" if torch.isnan(tensor).any() else "an infinite value"
        raise BadInput(f"expected finite weights, got {bad} (tensor {name} of {path})")
    return tensor


def expect_shapes(stored: Stored, required: Mapping[str, Shape], optional: Mapping[str, Shape]) -> None:
    """Check that the file holds the required tensors, perhaps the optional ones, and no others. Raises `BadInput`."""
    found = stored.shapes
    for name, shape in required.items():
        if name not in found:
            raise BadInput(f"expected a tensor {name} of shape {list(shape)}, got none ({stored.weights_path})")
    for name in [*required, *found]:
        known = required.get(name, optional.get(name))
        if known is None:
            raise BadInput(f"expected only tensors of the {_kind(stored)}, got {name} ({stored.weights_path})")
        if found[name] != known:
            got = f"got {list(found[name])} (tensor {name} of {stored.weights_path})"
            raise BadInput(f"expected shape {list(known)}, {got}")


def _kind(stored: Stored) -> str:
    return (
        " ".join(str(stored.description[key]) for key in ("family", "cell") if key in stored.description) + " network"
    )
