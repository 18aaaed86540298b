"""The public interfaces: plugins and programs may rely on them across minor releases.

Versions are semantic. A patch release contains fixes; a minor release adds, and may deprecate.
Public interfaces are removed only in a major release (in a minor one while the major version is 0),
after one minor release with a deprecation warning that names the replacement.

These are public:

- the names in ``__all__`` of each of `MODULES`, with their documented attributes and methods, and
  the classes of `RETURNED`, which they return;
- the commands of ``seqloom`` with their options, exit statuses and JSON outputs;
- the keys of configs: those of a run, of the groups' files, and of the bundled components' schemas;
- the entry-point group ``seqloom.plugins``, with the hooks of `seqloom.plugins`;
- the environment variables ``SEQLOOM_DISABLE_PLUGINS``, ``SEQLOOM_DATA``, ``SEQLOOM_CACHE`` and
  ``SEQLOOM_MIRROR``;
- the formats of bundles, and of the public files of a run folder: ``config.yaml``,
  ``run.json``, ``metrics.json``, ``metrics.jsonl``. A bundle is read by every later version of the
  same major one; checkpoints are read by the minor version that wrote them.

Hooks and interfaces may gain optional arguments in a minor release: a plugin is passed only those
that it takes. Anything else, including the wording of messages, may change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

MODULES = (
    "seqloom",
    "seqloom.checks",
    "seqloom.commands",
    "seqloom.data",
    "seqloom.deprecation",
    "seqloom.errors",
    "seqloom.files",
    "seqloom.interfaces",
    "seqloom.nn",
    "seqloom.plugins",
    "seqloom.testing",
)
"""The modules to import public names from."""

PUBLIC: Mapping[str, tuple[str, ...]] = {
    module: tuple(import_module(module).__all__) for module in MODULES
}
"""The public names by module."""

RETURNED: Mapping[str, tuple[str, ...]] = {
    "seqloom.data.collate": ("EncodedExample",),
    "seqloom.testing.encoders": ("EncoderProbe",),
    "seqloom.testing.frontends": ("FrontendProbe",),
    "seqloom.testing.heads": ("HeadProbe",),
}
"""Classes that public functions return: use their instances, but do not import them from there."""
