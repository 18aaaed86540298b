"""Load a trained model, with other parameters of decoding.

The module imports no torch, since the start of every command that uses a model imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqloom.config.overrides import with_overrides
from seqloom.plugins.registry import name_and_params

if TYPE_CHECKING:
    from seqloom.model.pipeline import Pipeline


def load_model(path: Path, pairs: Sequence[str] = ()) -> Pipeline:
    """Return the pipeline of a bundle, its head's parameters set by ``head.KEY=VALUE`` words.

    Raises:
        BundleError: The bundle cannot be loaded, or its weights do not match these parameters.
        ConfigError: A key is unknown, or a value has a wrong type.
    """
    from seqloom.model import bundle

    if not pairs:
        return bundle.load(path)
    section = with_overrides(bundle.sections(path)["head"], pairs, "head")
    return bundle.load(path, head=name_and_params(section)[1])
