"""Keep parts of the training data for validation and testing where the config names none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from seqloom.config.run_config import RunConfig, Section
from seqloom.plugins import registry
from seqloom.plugins.registry import name_and_params

FRACTION = 0.1
"""Fraction of the training data that becomes ``val``, and that becomes ``test``."""


def with_automatic_split(config: RunConfig) -> RunConfig:
    """Return a config whose ``data.split`` takes val and test from train if nothing else gives any.

    The fractions become part of the config, so that a resumed run and ``evaluate`` split alike.
    """
    data, split = config.data, config.data.get("split")
    # Only readers with a SplitConfig have this key; held-out values say where val comes from.
    if not isinstance(split, Mapping) or "automatic" not in split or data.get("hold_out"):
        return config
    if not data.get("train") or data.get("val") or data.get("test"):
        return config
    if split["val"] is not None or split["test"] is not None:
        return config
    chosen = {
        **split,
        "val": FRACTION,
        "test": FRACTION,
        "stratify": split["stratify"] or _class_field(data, config.head),
        "automatic": True,
    }
    return replace(config, data={**data, "split": chosen})


def _class_field(data: Section, head: Section) -> str | None:
    """Return the field that the head predicts if it holds one class for each example."""
    name, params = name_and_params(data)
    given = registry().find("data", name).given(params)
    field = head.get("field")
    return field if given.get(str(field)) == "label" else None
