"""How plugins are written, found, guarded and asked for their components."""

from seqloom.plugins.component import KINDS, Command, Component, Kind, hookimpl

__all__ = ["KINDS", "Command", "Component", "Kind", "hookimpl"]
