"""What is public: what a plugin or a program may rely on from one minor release to the next.

Versions are semantic. A patch release mends; a minor release adds, and may deprecate; what is
public goes only with a major release, or while that is 0 with a minor one, and not before it was
deprecated for one minor release, with a warning that names what takes its place.

Public are:

- the names of `PUBLIC`, with their documented attributes and methods, and the classes of `GIVEN`,
  which come out of them;
- the commands of ``seqloom`` with their options, exit statuses and JSON outputs;
- the keys of configs: those of a run, of the groups' files, and of the bundled components' schemas;
- the entry-point group ``seqloom.plugins``, with the hooks of `seqloom.plugins`;
- the environment variables ``SEQLOOM_DISABLE_PLUGINS``, ``SEQLOOM_DATA``, ``SEQLOOM_CACHE`` and
  ``SEQLOOM_MIRROR``;
- the formats of bundles, and of what a run's folder holds for others to read: ``config.yaml``,
  ``run.json``, ``metrics.json``, ``metrics.jsonl``. A bundle is read by every later version of the
  same major one; checkpoints are by the minor version that wrote them.

Hooks and interfaces may gain optional arguments in a minor release: a plugin is to be passed only
those that it takes. Anything else, the texts of messages among it, may change at any time.
"""

from __future__ import annotations

from collections.abc import Mapping

PUBLIC: Mapping[str, tuple[str, ...]] = {
    "seqloom": ("SeqloomError", "__version__", "fit", "load"),
    "seqloom.checks": (
        "check_count",
        "check_features",
        "check_option",
        "check_probability",
    ),
    "seqloom.deprecation": ("SeqloomDeprecationWarning",),
    "seqloom.errors": (
        "BundleError",
        "ConfigError",
        "DataError",
        "ExampleError",
        "PluginError",
        "RunError",
        "SeqloomError",
        "did_you_mean",
    ),
    "seqloom.interfaces": (
        "SPLITS",
        "Codec",
        "Encoded",
        "Encoder",
        "Example",
        "Features",
        "Frontend",
        "FrontendCodec",
        "Head",
        "HeadCodec",
        "HeadMetric",
        "Arrays",
        "Matrix",
        "Origin",
        "Prediction",
        "SequenceBatch",
        "Reader",
        "State",
        "Table",
        "Writer",
    ),
    "seqloom.plugins": (
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
    ),
    "seqloom.nn": (
        "Bidirectional",
        "Dropout",
        "Layer",
        "LayerOutput",
        "LockedDropout",
        "Merge",
        "Pooling",
        "PoolingMethod",
        "Stack",
        "length_mask",
        "merge_function",
        "merged_size",
        "reverse_within_lengths",
        "zero_padding",
    ),
    "seqloom.data": ("SplitReader", "SplitConfig", "give", "local_path"),
    "seqloom.testing": (
        "ENCODER_CHECKS",
        "FRONTEND_CHECKS",
        "HEAD_CHECKS",
        "MAKERS",
        "READER_CHECKS",
        "ConformanceError",
        "EncoderConformance",
        "FrontendCase",
        "FrontendConformance",
        "HeadCase",
        "HeadConformance",
        "NotApplicable",
        "Outcome",
        "ReaderCase",
        "ReaderConformance",
        "conform",
        "examples",
        "on_two_ranks",
        "variants",
    ),
}
"""The public names, by the module to import them from; its ``__all__`` has the same."""

GIVEN: Mapping[str, tuple[str, ...]] = {
    "seqloom.data.collate": ("EncodedExample",),
    "seqloom.model.pipeline": ("Pipeline",),
    "seqloom.train.fit": ("Result",),
}
"""Classes that public names give: use what they give, but do not import them from there."""
