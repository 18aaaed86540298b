"""seqloom: train, compare and share sequence models made of pluggable components.

Importing it imports neither torch nor Lightning nor Hydra.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqloom.errors import SeqloomError

if TYPE_CHECKING:
    from seqloom.commands import evaluate as evaluate
    from seqloom.model.bundle import load as load
    from seqloom.model.pipeline import Pipeline as Pipeline
    from seqloom.train.folder import Result as Result
    from seqloom.train.run import fit as fit

__version__ = "0.2.0"
__all__ = ["Pipeline", "Result", "SeqloomError", "__version__", "evaluate", "fit", "load"]

_MODULES = {
    "Pipeline": "seqloom.model.pipeline",
    "Result": "seqloom.train.folder",
    "evaluate": "seqloom.commands",
    "fit": "seqloom.train.run",
    "load": "seqloom.model.bundle",
}
"""Where the names are that need torch, or more."""


def __dir__() -> list[str]:
    """Return the public names, also those that are not imported yet."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import what needs torch, or more, only when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
