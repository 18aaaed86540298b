"""Building blocks for a plugin's subcommands: options, models and data of seqloom's own commands.

Loading a model needs torch, so the module that a plugin's entry point names must not import this
one; the module that its `Command` names may::

    def measure(arguments: list[str]) -> int:
        options = parser.parse_intermixed_args(arguments)
        words = split_overrides(options.overrides)
        pipeline = load_model(options.model, words.head)
        split = open_split(pipeline, words, "val", batch_size=options.batch)
        print(split.metrics())
        return 0
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seqloom.cli.options import add_on_bad, model_parser, positive_int, use_threads
from seqloom.config.overrides import Overrides, split_overrides
from seqloom.errors import ConfigError
from seqloom.inference.evaluate import evaluate_model, read_examples
from seqloom.inference.load import load_model
from seqloom.model.description import DESCRIPTION, find_bundle

if TYPE_CHECKING:
    from seqloom import Pipeline
    from seqloom.data.collate import EncodedExample
    from seqloom.data.sampler import BatchSampler
    from seqloom.interfaces import Encoded, Targets

__all__ = [
    "ModelSplit",
    "Overrides",
    "add_on_bad",
    "load_model",
    "model_parser",
    "open_split",
    "positive_int",
    "require_replaceable",
    "save_model",
    "split_overrides",
    "use_threads",
]


class ModelSplit:
    """One split of a data set, encoded for a model.

    Attributes:
        pipeline: The model.
    """

    def __init__(
        self, pipeline: Pipeline, examples: list[EncodedExample], sampler: BatchSampler
    ) -> None:
        self.pipeline = pipeline
        self._examples = examples
        self._sampler = sampler

    def __len__(self) -> int:
        return len(self._examples)

    def outputs(self) -> Iterator[tuple[Any, Encoded, Targets]]:
        """Yield the head's outputs, the encoder's states and the targets, batch by batch.

        The model is in eval mode meanwhile, and no gradients are kept.
        """
        from seqloom.train.evaluator import passes

        return passes(self.pipeline, self._examples, self._sampler)

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the model over the split, ``loss`` among them."""
        from seqloom.train.evaluator import evaluate

        return evaluate(self.pipeline, self._examples, self._sampler).metrics

    def calibrate(self) -> dict[str, float]:
        """Fit the head's probabilities to the split; return what the head reports of that."""
        from seqloom.train.evaluator import calibrate

        return calibrate(self.pipeline, self._examples, self._sampler)


def open_split(
    pipeline: Pipeline,
    overrides: Overrides,
    split: str,
    *,
    batch_size: int = 64,
    on_bad: Literal["error", "skip"] = "error",
    changed_data: bool = False,
    its_data: bool = False,
) -> ModelSplit:
    """Read and encode one split of the data that a model was trained on, or of other data.

    Args:
        pipeline: The model, as `load_model` returns it.
        overrides: ``data=NAME`` and ``data.KEY=VALUE``; without any, the model's own data.
        split: ``train``, ``val`` or ``test``.
        batch_size: Largest number of examples in a batch.
        on_bad: ``skip``: leave out examples that cannot be used; they are listed. ``error``: fail.
        changed_data: Whether to use the model's own data if it changed since the training.
        its_data: Whether the files and URLs that the model names as its data may be read.

    Raises:
        BundleError: The model's own data cannot be read with the installed plugins.
        ConfigError: An override is wrong, the model does not record its data, other data do
            not have the fields that the model needs, or the data is in files that only the model
            names.
        DataError: The split is empty, has examples that cannot be used, or changed since the
            training.
    """
    examples = read_examples(
        pipeline,
        overrides,
        split,
        batch_size=batch_size,
        on_bad=on_bad,
        changed_data=changed_data,
        its_data=its_data,
    )
    return ModelSplit(pipeline, *examples)


def evaluate(
    model: Pipeline | str | Path,
    *overrides: str | Mapping[str, Any],
    split: str = "test",
    batch_size: int = 64,
    on_bad: Literal["error", "skip"] = "error",
    changed_data: bool = False,
    its_data: bool = False,
) -> dict[str, float]:
    """Return the metrics of a model over one split of a data set, ``loss`` among them.

    Args:
        model: Loaded model, or the path of a bundle or run folder.
        overrides: ``data=NAME`` and ``data.KEY=VALUE``, as ``seqloom evaluate`` takes them;
            without any, the model's own data. With a path also ``head.KEY=VALUE``.
        split: ``train``, ``val`` or ``test``.
        batch_size: Largest number of examples in a batch.
        on_bad: ``skip``: leave out examples that cannot be used; they are listed. ``error``: fail.
        changed_data: Whether to use the model's own data if it changed since the training.
        its_data: Whether the files and URLs that the model names as its data may be read.

    Raises:
        BundleError: The model cannot be loaded.
        ConfigError: An override is wrong, the model does not record its data, or it is in files
            that only the model names.
        DataError: The split is empty, has examples that cannot be used, or changed since the
            training.
    """
    return evaluate_model(
        model,
        *overrides,
        split=split,
        batch_size=batch_size,
        on_bad=on_bad,
        changed_data=changed_data,
        its_data=its_data,
    ).metrics


def require_replaceable(folder: Path) -> None:
    """Reject a folder that holds anything but a bundle, as `save_model` replaces all of it.

    Raises:
        ConfigError: The folder is a file, or holds something else.
    """
    if not folder.exists() or (folder / DESCRIPTION).is_file():
        return
    if folder.is_dir() and not any(folder.iterdir()):
        return
    found = "a folder with other things than a model in it" if folder.is_dir() else "a file"
    raise ConfigError(
        f"--out {folder} is {found}, which would be replaced. Name a new folder, or that of a "
        "bundle."
    )


def save_model(
    pipeline: Pipeline,
    source: Path,
    folder: Path | None = None,
    *,
    head: object = None,
    metrics: Mapping[str, Mapping[str, float]],
) -> Path:
    """Write a model that was loaded and then tuned, and return the folder of the new bundle.

    Args:
        pipeline: The model.
        source: Bundle or run folder that the model was loaded from.
        folder: New bundle; None replaces the source.
        head: Parameters of the head, an instance of its schema; None keeps those it had.
        metrics: Metrics by split and name, in place of those that the model had.

    Raises:
        RunError: The folder cannot be written.
    """
    from seqloom.model import bundle
    from seqloom.model.provenance import plain
    from seqloom.model.states import read

    found = find_bundle(source)
    info = pipeline.info
    spec = {kind: entry["section"] for kind, entry in info["components"].items()}
    if info["data"] is not None:
        spec["data"] = info["data"]
    if head is not None:
        spec["head"] = {"name": pipeline.head_name, **plain(head)}
    states = read(info["states"], found)
    bundle.save(
        pipeline,
        folder or found,
        spec=spec,
        states=states,
        metrics=metrics,
        splits=info.get("splits"),
    )
    return folder or found
