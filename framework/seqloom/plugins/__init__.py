"""How plugins are written, found, guarded and asked for their components."""

from seqloom.plugins.component import KINDS, Command, Component, Kind, hookimpl
from seqloom.plugins.loading import Plugin
from seqloom.plugins.registry import (
    Registry,
    choice,
    disable,
    import_target,
    registry,
    resolve,
    schema_hash,
)

__all__ = [
    "KINDS",
    "Command",
    "Component",
    "Kind",
    "Plugin",
    "Registry",
    "choice",
    "disable",
    "hookimpl",
    "import_target",
    "registry",
    "resolve",
    "schema_hash",
]
