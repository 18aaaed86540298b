"""Translation for seqloom: subword pieces, an attention decoder, and an invented language.

This module is the entry point: it is imported at every start and loads neither torch nor Lightning.
"""

from __future__ import annotations

from collections.abc import Iterable

from seqloom.plugins import Component, hookimpl
from seqloom_translation.schemas import Lingo, Subwords, Translation


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the frontend ``subwords``, the head ``translation`` and the data set ``lingo``."""
    return (
        Component(
            "frontend",
            "subwords",
            Subwords,
            "seqloom_translation.frontend:SubwordsFrontend",
            files=(),
            takes={"field": ("text", "tokens")},
            gives={"steps": "piece"},
            extra="translation",
        ),
        Component(
            "head",
            "translation",
            Translation,
            "seqloom_translation.head:TranslationHead",
            files=(),
            takes={"field": ("texts", "text")},
            extra="translation",
            sample="seqloom_translation.samples:examples",
            candidates="seqloom_translation.samples:candidates",
            suggests={"budget": {"min_steps": 2000}},
        ),
        Component(
            "data",
            "lingo",
            Lingo,
            "seqloom_translation.lingo.reader:LingoReader",
            files=(),
            gives={"text": "text", "translation": "texts"},
            sample="seqloom_translation.samples:lingo",
        ),
    )
