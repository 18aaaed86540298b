"""Plugins: their hooks, how they are discovered, and the registry of their components."""

from seqloom.extras import install_command
from seqloom.plugins.component import KINDS, REQUIRED, Command, Component, Kind, Pad, hookimpl
from seqloom.plugins.loading import Plugin
from seqloom.plugins.registry import Registry, registry, resolve

__all__ = [
    "KINDS",
    "REQUIRED",
    "Command",
    "Component",
    "Kind",
    "Pad",
    "Plugin",
    "Registry",
    "hookimpl",
    "install_command",
    "registry",
    "resolve",
]
