"""The subcommands of the core, each with its description and function."""

from __future__ import annotations

COMMANDS = {
    "train": ("Train a model, or several with -m.", "seqloom.cli.train:train"),
    "check": (
        "Check the data of a config before training on it.",
        "seqloom.cli.check:check",
    ),
    "profile": (
        "Show where the time of a training step goes.",
        "seqloom.cli.profile:profile",
    ),
    "explain": (
        "Explain components and keys of a config.",
        "seqloom.cli.explain:explain",
    ),
    "evaluate": ("Evaluate a trained model.", "seqloom.cli.evaluate:evaluate"),
    "predict": ("Predict from files or standard input.", "seqloom.cli.predict:predict"),
    "demo": ("Try a model in the browser.", "seqloom.cli.demo:demo"),
    "inspect": (
        "Show the components of a model and their versions.",
        "seqloom.cli.inspect:inspect",
    ),
    "sweep": ("Resume, show, list and compare sweeps.", "seqloom.cli.sweep:sweep"),
    "plugins": ("List the installed plugins and their components.", "seqloom.cli.plugins:plugins"),
    "conformance": (
        "Check components against their interfaces.",
        "seqloom.cli.conformance:conformance",
    ),
    "chaos": (
        "Train with injected failures; compare with an uninterrupted run.",
        "seqloom.cli.chaos:chaos",
    ),
    "cache": (
        "List and clear the cache of encoded data.",
        "seqloom.cli.cache:cache",
    ),
    "cluster": (
        "Write the script of a Slurm job; test the cluster.",
        "seqloom.cli.cluster:cluster",
    ),
    "new": ("Write the package of a new plugin.", "seqloom.cli.new:new"),
}

COMPOSING = ("train", "check", "profile")
"""Commands that take the overrides of a run."""
