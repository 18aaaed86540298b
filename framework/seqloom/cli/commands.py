"""The subcommands of the core: what each is for, and where it is."""

from __future__ import annotations

COMMANDS = {
    "train": ("Train a model, or many with -m.", "seqloom.cli.train:train"),
    "evaluate": ("Measure a trained model on data.", "seqloom.cli.evaluate:evaluate"),
    "predict": ("Predict from files or standard input.", "seqloom.cli.predict:predict"),
    "inspect": ("Tell what a model is and was made with.", "seqloom.cli.inspect:inspect"),
    "sweep": ("Resume, list, show and compare sweeps.", "seqloom.cli.sweep:sweep"),
    "plugins": ("List the installed plugins and their parts.", "seqloom.cli.plugins:plugins"),
    "conformance": (
        "Check that components keep their promises.",
        "seqloom.cli.conformance:conformance",
    ),
    "new": ("Write a plugin to begin with.", "seqloom.cli.new:new"),
}
