"""Leaves out signatures that say nothing: ``(*args: Any, **kwargs: Any)`` of a base class.

A protocol is not built at all, yet has an ``__init__`` of its own, which ``typing`` adds.
"""

from __future__ import annotations

from typing import Any


def setup(app: Any) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.connect("autodoc-process-signature", plain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def plain(*event: Any) -> tuple[str, str | None] | None:
    """Return an empty signature for a class that does not define how it is built."""
    _, what, _, found, _, signature, _ = event
    protocol = getattr(found, "_is_protocol", False)
    own = isinstance(found, type) and "__init__" in vars(found) and not protocol
    inherited = what == "class" and not own and "**kwargs" in (signature or "")
    return ("", None) if inherited else None
