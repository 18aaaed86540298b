"""Evaluate a trained model on its own data or on other data.

The module imports no torch, since the start of every command that uses a model imports it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seqloom.config.compatibility import check_compatible
from seqloom.config.compose import as_overrides, compose_data
from seqloom.config.overrides import (
    Overrides,
    data_key,
    refuse_without_effect,
    split_overrides,
    with_overrides,
)
from seqloom.config.run_config import Section
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.inference.its_data import as_user_named
from seqloom.inference.load import load_model
from seqloom.train.overlap import TrainedOn, names_other_data

if TYPE_CHECKING:
    from seqloom.data.collate import EncodedExample
    from seqloom.data.sampler import BatchSampler
    from seqloom.model.pipeline import Pipeline
    from seqloom.train.evaluator import Evaluation


def evaluate_model(
    model: Pipeline | str | Path,
    *overrides: str | Mapping[str, Any],
    split: str = "test",
    batch_size: int = 64,
    on_bad: Literal["error", "skip"] = "error",
    changed_data: bool = False,
    its_data: bool = False,
) -> Evaluation:
    """Return the metrics of a trained model, the losses by example, and details such as tables.

    Args:
        model: Pipeline, or path of a bundle or of a run's folder.
        overrides: Data other than the model's own: ``"data=conll", "data.test=x.conll"``. If the
            model is a path, also parameters of decoding: ``"head.KEY=VALUE"``.
        split: ``train``, ``val`` or ``test``.
        batch_size: Maximum number of examples in a batch.
        on_bad: ``skip``: leave out examples that cannot be used; they are listed. ``error``: fail.
        changed_data: Whether to evaluate on the model's own data even if it changed since the
            training.
        its_data: Whether the files and URLs that the model names as its data may be read.

    Raises:
        BundleError: The model cannot be loaded.
        ConfigError: An override is wrong, the data is not compatible with the model, or it is in
            files that only the model names.
        DataError: The split is empty, has examples that cannot be used, or changed since the
            training.
    """
    from seqloom.train.evaluator import evaluate

    given = split_overrides(as_overrides(overrides))
    pipeline = _loaded(model, given.head)
    examples = read_examples(
        pipeline,
        given,
        split,
        batch_size=batch_size,
        on_bad=on_bad,
        changed_data=changed_data,
        its_data=its_data,
    )
    return evaluate(pipeline, *examples)


def _loaded(model: Pipeline | str | Path, pairs: Sequence[str]) -> Pipeline:
    if isinstance(model, str | Path):
        return load_model(Path(model), pairs)
    if pairs:
        raise ConfigError(
            f"{pairs[0]}: this model is already loaded. Pass its path, or load it with "
            "load(path, head={…})."
        )
    return model


def compatible_section(
    pipeline: Pipeline, overrides: Overrides, split: str, *, its_data: bool = False
) -> Section:
    """Return the section of the data to evaluate on, checked against the model's components.

    Args:
        pipeline: Pipeline, whose bundle records its data.
        overrides: Overrides of the model's own data, or of other data.
        split: Name of the split that will be read.
        its_data: Whether files that only the model names may be read.

    Raises:
        BundleError: The model's own data cannot be read with the installed plugins.
        ConfigError: An override is wrong, the model does not record its data, the data does not
            have the fields that the model needs, or it is in files that only the model names.
    """
    if split != "train":
        refuse_without_effect(
            overrides.data,
            ("take",),
            f"it limits the train split, and {split} is always evaluated in full. Leave it out; to "
            "evaluate fewer examples, name a smaller file.",
        )
    section = data_section(pipeline, overrides)
    if overrides.name is None:
        section = as_user_named(section, overrides, split, its_data)
    components = {kind: one["section"] for kind, one in pipeline.info["components"].items()}
    check_compatible({"data": section, **components}, trained=True)
    return section


def data_section(pipeline: Pipeline, overrides: Overrides) -> Section:
    """Return the section of the data to evaluate on: the model's own, changed by overrides.

    Raises:
        BundleError: The model's own data cannot be read with the installed plugins.
        ConfigError: An override is wrong, or the model does not record its data.
    """
    from seqloom.model.bundle import stored_data

    if overrides.name is not None:
        return compose_data([f"data={overrides.name}", *overrides.data])
    stored = stored_data(pipeline.info)
    if stored is None:
        raise ConfigError("The model does not record its data. Choose some: data=NAME.")
    return with_overrides(stored, [*uncut(stored, overrides.data), *overrides.data])


def uncut(stored: Section, pairs: Sequence[str]) -> list[str]:
    """Return overrides that stop cutting a split from train if it gets its own file."""
    cuts = stored.get("split")
    named = map(data_key, pairs)
    return [f"data.split.{name}=0" for name in named if isinstance(cuts, dict) and cuts.get(name)]


def read_examples(
    pipeline: Pipeline,
    overrides: Overrides,
    split: str,
    *,
    batch_size: int = 64,
    on_bad: Literal["error", "skip"] = "error",
    changed_data: bool = False,
    its_data: bool = False,
) -> tuple[list[EncodedExample], BatchSampler]:
    """Return the encoded examples of a split, and the sampler of their batches.

    Args:
        pipeline: Pipeline whose codecs encode.
        overrides: Overrides of the model's own data, or of other data.
        split: Name of the split.
        batch_size: Maximum number of examples in a batch.
        on_bad: ``skip``: leave out examples that cannot be used; they are listed. ``error``: fail.
        changed_data: Whether the model's own data may have changed since the training.
        its_data: Whether files that only the model names may be read.

    Raises:
        BundleError: The model's own data cannot be read with the installed plugins.
        ConfigError: An override is wrong, the model does not record its data, the data does not
            have the fields that the model needs, or it is in files that only the model names.
        DataError: The split is empty, has examples that cannot be used, or changed since the
            training.
    """
    section = compatible_section(pipeline, overrides, split, its_data=its_data)
    from seqloom.data.encode import encode
    from seqloom.data.read import read_split
    from seqloom.data.rejected import Rejected, warn_of_unknown
    from seqloom.model.build import build_reader
    from seqloom.model.fields import selected
    from seqloom.train.recognize import naming_other_reader

    rejected = Rejected(on_bad == "skip", "--on-bad skip")
    components = pipeline.info["components"]
    frontend, head = (components[kind]["section"] for kind in ("frontend", "head"))
    with naming_other_reader(section, frontend, head, split):
        read = read_split(build_reader(section), split, pipeline.codecs.frontend, rejected)
    unknown: list[ExampleError] = []
    examples = encode(pipeline.codecs, selected(section, split, read), rejected, unknown=unknown)
    rejected.raise_or_warn(f"the {split} split")
    warn_of_unknown(unknown, f"the {split} split")
    if not examples:
        raise DataError(f"The {split} split of data={section['name']} has no example.")
    other = changed_data or names_other_data(overrides, split)
    _compare_with_training(pipeline, section, split, examples, other)
    return examples, _sampler(examples, batch_size)


def _sampler(examples: Sequence[EncodedExample], batch_size: int) -> BatchSampler:
    import numpy as np

    from seqloom.data.batching import cost_without_limit
    from seqloom.data.sampler import BatchSampler

    costs = np.array([one.cost for one in examples], np.int64)
    most = cost_without_limit(costs, batch_size)
    return BatchSampler(costs, max_examples=batch_size, max_cost=most, shuffle=False, seed=0)


def _compare_with_training(
    pipeline: Pipeline,
    section: Section,
    split: str,
    examples: Sequence[EncodedExample],
    other: bool,
) -> None:
    """Refuse the model's own data if it changed; warn of training examples in other data."""
    from seqloom.data.content import contents
    from seqloom.model.fields import content_fields

    trained_on = TrainedOn.of(pipeline)
    if not trained_on.facts:
        return
    frontend = pipeline.info["components"]["frontend"]["section"]
    found = contents(examples, pipeline.codecs.frontend, content_fields(section, frontend))
    if other:
        trained_on.warn_of_overlap(split, found)
    else:
        trained_on.refuse_changed(split, found, section)
