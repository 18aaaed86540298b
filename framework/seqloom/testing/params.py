"""Parameters of a component under check, typed by its schema as a run's config types them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from seqloom.config.explain import explain
from seqloom.errors import ConfigError
from seqloom.plugins import Component

SMALL = {"hidden_size": 8, "num_layers": 2}
"""What encoders are checked with where their schema has it and nothing else is said."""


def typed(component: Component, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters as plain types: the schema's defaults, with those that are given.

    Args:
        component: whose schema it is.
        given: by key; a key within a parameter has dots, as ``columns.text``.

    Raises:
        ConfigError: a key is unknown, a value is of a wrong type or missing.
    """
    node = OmegaConf.structured(component.schema)
    try:
        for key, value in given.items():
            kind = OmegaConf.get_type(
                OmegaConf.select(node, key, throw_on_resolution_failure=False)
            )
            # A dict of the user's own is replaced, one with a schema is filled.
            OmegaConf.update(node, key, value, merge=is_dataclass(kind))
        plain: Any = OmegaConf.to_container(
            node, resolve=True, enum_to_str=True, throw_on_missing=True
        )
    except MissingMandatoryValue as fault:
        key = f"{component.kind}.{fault.full_key}"
        raise ConfigError(f"{key} has no value; give one: {key}=…") from fault
    except OmegaConfBaseException as fault:
        raise explain(fault, prefix=f"{component.kind}.") from fault
    found: dict[str, Any] = plain
    return found


def small(component: Component) -> dict[str, Any]:
    """Return the parameters that make a network small enough to be checked quickly."""
    return {name: size for name, size in SMALL.items() if name in component.defaults()}
