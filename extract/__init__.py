"""Extraction: from a trained network to the program it implements.

    from extract import extract, load_network

Names are resolved on first use, so that importing this package loads neither torch nor z3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extract.extraction import Extraction
    from extract.networks import from_module, load_network
    from extract.pipeline import extract

__all__ = ["Extraction", "extract", "from_module", "load_network"]


def __getattr__(name: str) -> Any:
    match name:
        case "Extraction":
            from extract.extraction import Extraction

            return Extraction
        case "extract":
            from extract.pipeline import extract

            return extract
        case "load_network" | "from_module":
            from extract import networks

            return getattr(networks, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
