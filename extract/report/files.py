"""The files of an extraction, written whole or not at all.

Everything is first written to a temporary folder on the same disk, then renamed into place, so that a full disk or a
kill leaves no partial file. `prepare` finds out before the long work whether this will be possible.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from safetensors.numpy import save as to_safetensors

from dsl.errors import BadInput
from dsl.printers import print_program
from dsl.programs import Function, Machine
from extract.extraction import Extraction
from extract.report.html import report_html
from extract.report.standalone import python_source, test_source
from extract.report.words import summary

PROBE_BYTES = 1 << 20  # more than an extraction takes


def prepare(directory: Path) -> None:
    """Check that `directory` can be written to, leaving nothing behind. Raises `BadInput`."""
    if directory.exists() and not directory.is_dir():
        raise BadInput(f"expected a directory to write to, got a file ({directory})")
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".netlift-") as file:
            file.write(b"\0" * PROBE_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise BadInput(f"expected a directory to write to, got {error.strerror} ({directory})") from None


def save(extraction: Extraction, directory: Path) -> None:
    """Write all files of `extraction` into `directory`. Raises `BadInput` when the disk does not take them."""
    write(contents(extraction), directory)


def write(content: dict[str, bytes], directory: Path) -> None:
    """Write files, by path within `directory`, whole or not at all. Raises `BadInput`."""
    prepare(directory)
    partial: Path | None = None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=directory, prefix=".netlift-"))
        for name, data in content.items():
            path = partial / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        for name in content:
            (directory / name).parent.mkdir(exist_ok=True)
            os.replace(partial / name, directory / name)
    except OSError as error:
        raise BadInput(f"expected a directory to write to, got {error.strerror} ({directory})") from None
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def contents(extraction: Extraction) -> dict[str, bytes]:
    """The bytes of every file, by its path within the directory."""
    files: dict[str, str] = {}
    program = extraction.program
    if program is not None:
        files["program.nl"] = f"# {summary(extraction)}\n{print_program(program)}"
        python = python_source(program)
        network = _network_files(extraction)
        if python is not None:
            files["program.py"] = python
            if network and isinstance(program, Machine | Function):
                files["test_program.py"] = test_source(extraction)
        files["report.html"] = report_html(extraction)
    files["extraction.json"] = json.dumps(extraction.to_json(), indent=1) + "\n"
    if extraction.certificate is not None:
        files["certificate/certificate.json"] = json.dumps(extraction.certificate)
    network = _network_files(extraction)
    return {**{name: text.encode() for name, text in files.items()}, **network}


def _network_files(extraction: Extraction) -> dict[str, bytes]:
    """A copy of the network, if it came from a directory."""
    from extract.networks import Network

    network = extraction.subject
    if not isinstance(network, Network) or not network.description:
        return {}
    weights = str(network.description.get("weights", "model.safetensors"))
    return {
        "network/network.json": (json.dumps(dict(network.description), indent=1) + "\n").encode(),
        f"network/{weights}": to_safetensors(dict(network.tensors)),
    }
