"""seqloom: train, compare and share sequence models made of pluggable parts.

Importing it imports neither torch nor Lightning nor Hydra.
"""

from typing import TYPE_CHECKING, Any

from seqloom.errors import SeqloomError

if TYPE_CHECKING:
    from seqloom.model.bundle import load as load
    from seqloom.train.fit import fit as fit

__version__ = "0.1.0"
__all__ = ["SeqloomError", "__version__", "fit", "load"]


def __dir__() -> list[str]:
    """Return the public names, those that are not imported yet too."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import what needs torch, or more, only when it is asked for."""
    if name == "load":
        from seqloom.model.bundle import load

        return load
    if name == "fit":
        from seqloom.train.fit import fit

        return fit
    raise AttributeError(f"module 'seqloom' has no attribute {name!r}")
