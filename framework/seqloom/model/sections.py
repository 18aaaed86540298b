"""Check the section of a stored component against the types of its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqloom.errors import BundleError, Cause, ConfigError, printable
from seqloom.plugins import Kind, registry
from seqloom.plugins.registry import interpolation_in, name_and_params


def typed(kind: Kind, section: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section whose values have the types of the component's schema.

    Args:
        kind: Kind of the component.
        section: Its name and parameters, as a bundle stores them.

    Raises:
        BundleError: A value has another type, or would be resolved from the environment.
        PluginError: The component is not installed.
    """
    name, params = name_and_params(section)
    found = interpolation_in(params)
    if found:
        raise BundleError(
            f"The model's own {kind}={name} holds {found!r}, which training never writes: the "
            "bundle was tampered with.",
            cause=Cause.tampered_bundle,
        )
    try:
        return {"name": name, **_plain(kind, name, params)}
    except ConfigError as error:
        raise BundleError(
            f"The model's own {error} Training never writes such a value. Copy the bundle again."
        ) from error


def changed(kind: Kind, section: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a section with other values of some parameters.

    Args:
        kind: Kind of the component.
        section: Its name and parameters, of the types of its schema.
        own: The other values.

    Raises:
        ConfigError: A value has another type.
    """
    name, params = name_and_params(section)
    return {"name": name, **_plain(kind, name, {**params, **own})}


def _plain(kind: Kind, name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return values in the types of a component's schema.

    Raises:
        ConfigError: A value has another type.
    """
    node = OmegaConf.structured(registry().find(kind, name).section_schema())
    for key, value in params.items():
        try:
            schema = OmegaConf.get_type(node, key)
            OmegaConf.update(node, key, value, merge=is_dataclass(schema))
        except (OmegaConfBaseException, TypeError) as error:
            said = printable(str(error).partition("\n")[0])
            raise ConfigError(f"{kind}.{key}: {said}.", cause=Cause.wrong_value) from error
    plain: Any = OmegaConf.to_container(node, enum_to_str=True)
    return dict(plain)
