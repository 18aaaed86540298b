"""A component's parameters outside a run: values set one by one, typed by its schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from seqloom.config.hydra_errors import explain
from seqloom.errors import Cause, ConfigError
from seqloom.plugins import Component


def typed_params(component: Component, values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return all parameters of a component as plain types: its defaults, with values replaced.

    Args:
        component: Component whose schema types them.
        values: Keys with values, set in this order. A key within a parameter has dots, as
            ``columns.text``.

    Raises:
        ConfigError: A key is unknown, or a value has a wrong type or is missing.
    """
    node = OmegaConf.structured(component.section_schema())
    try:
        for key, value in values:
            kind = OmegaConf.get_type(
                OmegaConf.select(node, key, throw_on_resolution_failure=False)
            )
            # A dict without a schema is replaced, one with a schema is filled.
            OmegaConf.update(node, key, value, merge=is_dataclass(kind))
        plain: Any = OmegaConf.to_container(
            node, resolve=True, enum_to_str=True, throw_on_missing=True
        )
    except MissingMandatoryValue as error:
        key = f"{component.kind}.{error.full_key}"
        raise ConfigError(f"{key} has no value. Set {key}=…", cause=Cause.no_value) from error
    except OmegaConfBaseException as error:
        raise explain(error, prefix=f"{component.kind}.") from error
    found: dict[str, Any] = plain
    return found
