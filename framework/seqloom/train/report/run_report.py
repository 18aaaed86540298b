"""Gather a run's report from its folder, its data and its evaluations."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from seqloom.config.run_config import RunConfig
from seqloom.data.encoded import EncodedSplit
from seqloom.interfaces import Example, FrontendCodec, HeadCodec, Matrix, Table, View
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import RunData
from seqloom.train.evaluator import Evaluation
from seqloom.train.folder import RunFolder, read_metrics
from seqloom.train.record import installed_plugins
from seqloom.train.report import Report, ShownExample, write_report
from seqloom.train.report.content import counted_from_1

WORST = 20
SAMPLES = 10
FACTS = {
    "device": "device",
    "parameters": "parameters",
    "epochs": "epochs",
    "steps": "steps",
    "training_seconds": "training, seconds",
    "cost_per_second": "tokens or pixels per second",
}


def write_run_report(
    folder: RunFolder,
    config: RunConfig,
    summary: Mapping[str, Any],
    *,
    pipeline: Pipeline,
    data: RunData,
    evaluations: Mapping[str, Evaluation],
) -> None:
    """Write ``report.html`` into a run's folder.

    Tables, matrices and the worst examples are from the test split or, if there is none, from the
    validation split.
    """
    last = next((split for split in ("test", "val") if split in evaluations), None)
    details: list[Table | Matrix] = evaluations[last].details if last else []
    report = Report(
        title=config.title or title_of_components(config),
        config=config.to_plain(),
        summary=[
            (name, f"{summary[key]:,}" if isinstance(summary[key], int) else str(summary[key]))
            for key, name in FACTS.items()
            if summary.get(key) is not None
        ],
        metrics={split: found.metrics for split, found in evaluations.items()},
        monitor=summary["monitor"],
        higher_is_better=summary["higher_is_better"],
        best_epoch=summary.get("best_epoch"),
        history=counted_from_1(read_metrics(folder.metrics_log)),
        lengths={
            split: encoded.steps.tolist() for split, encoded in data.splits.items() if encoded
        },
        target_lengths=target_lengths(pipeline, data),
        fill=summary.get("batch_fill"),
        tables=[
            *_beside_baselines(summary, last),
            *(detail for detail in details if isinstance(detail, Table)),
        ],
        matrices=[detail for detail in details if isinstance(detail, Matrix)],
        worst=worst(pipeline, data.splits[last], evaluations[last].losses) if last else [],
        samples=samples(pipeline, data.splits[last], evaluations[last].losses) if last else [],
        skipped=[
            (error.where, error.problem) for errors in data.skipped.values() for error in errors
        ],
        plugins=installed_plugins(),
    )
    write_report(folder.report, report)


def _beside_baselines(summary: Mapping[str, Any], split: str | None) -> list[Table]:
    """Return the model's metrics beside those of simple models on a split, if there are any."""
    baselines = summary.get("baselines") or {}
    if not baselines or split is None:
        return []
    models = {"this model": summary["metrics"][split]}
    models |= {name: splits.get(split, {}) for name, splits in baselines.items()}
    names = list(next(iter(baselines.values()))[split])
    rows = [[model, *(values.get(name, "") for name in names)] for model, values in models.items()]
    return [Table("Beside simple models", ["model", *(f"{split} {name}" for name in names)], rows)]


def title_of_components(config: RunConfig) -> str:
    """Return a run's components in one line: ``bilstm (concat) · ner · apples``.

    It is the title of a run from Python. On the command line, Hydra knows the options that were
    chosen, of which `title_of_options` in `seqloom.cli.train` makes it.
    """
    encoder = config.encoder
    merge = f" ({encoder['merge']})" if "merge" in encoder else ""
    return f"{encoder['name']}{merge} · {config.head['name']} · {config.data['name']}"


def has_lengths(pipeline: Pipeline) -> bool:
    """Return whether the targets of the head are sequences with sizes of their own."""
    return type(pipeline.codecs.heads[pipeline.head_name]).cost is not HeadCodec.cost


def target_lengths(pipeline: Pipeline, data: RunData) -> dict[str, list[int]]:
    """Return the sizes of the targets by split; empty if the head's targets have none."""
    name = pipeline.head_name
    codec = pipeline.codecs.heads[name]
    if not has_lengths(pipeline):
        return {}
    return {
        split: [codec.cost(encoded.arrays(place)[1][name]) for place in range(len(encoded))]
        for split, encoded in data.splits.items()
        if encoded
    }


def view(frontend: FrontendCodec, example: Example) -> View:
    """Return the view of an example's input, with the texts of its steps."""
    shown = frontend.show(example)
    return shown if shown.steps else replace(shown, steps=frontend.steps(example))


def worst(
    pipeline: Pipeline, encoded: EncodedSplit, losses: Mapping[str, float]
) -> list[ShownExample]:
    """Return the examples with the largest losses, as the head renders them."""
    known = [place for place in range(len(encoded)) if encoded.ids[place] in losses]
    places = sorted(known, key=lambda place: -losses[encoded.ids[place]])[:WORST]
    return shown(pipeline, encoded, places, losses)


def samples(
    pipeline: Pipeline, encoded: EncodedSplit, losses: Mapping[str, float]
) -> list[ShownExample]:
    """Return examples that are chosen at random, the same every time.

    None for heads whose targets are not sequences: how they predict, the tables tell.
    """
    if not has_lengths(pipeline):
        return []
    places = random.Random(len(encoded)).sample(range(len(encoded)), min(SAMPLES, len(encoded)))
    return shown(pipeline, encoded, places, losses)


def shown(
    pipeline: Pipeline, encoded: EncodedSplit, places: Sequence[int], losses: Mapping[str, float]
) -> list[ShownExample]:
    """Return examples of a split with their predictions, as the head renders them."""
    if not places:
        return []
    pairs = zip(places, encoded.examples(places), strict=True)
    whole = [replace(encoded[place], example=example) for place, example in pairs]
    frontend, codec = pipeline.codecs.frontend, pipeline.codecs.heads[pipeline.head_name]
    return [
        ShownExample(
            id=example.id,
            origin=str(example.origin or ""),
            loss=losses.get(example.id, math.nan),
            html=codec.render(example, prediction, view(frontend, example)),
        )
        for example, prediction in pipeline.predict_encoded(whole, "report")
    ]
