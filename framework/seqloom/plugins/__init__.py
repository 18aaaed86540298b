"""How plugins are written, found, guarded and asked for their components."""

from seqloom.plugins.component import KINDS, REQUIRED, Command, Component, Kind, hookimpl
from seqloom.plugins.loading import Plugin
from seqloom.plugins.registry import Registry, registry, resolve

__all__ = [
    "KINDS",
    "REQUIRED",
    "Command",
    "Component",
    "Kind",
    "Plugin",
    "Registry",
    "hookimpl",
    "registry",
    "resolve",
]
