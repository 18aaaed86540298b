"""``seqloom tune``: how a model decodes, tuned on its validation split."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from seqloom.cli.evaluate import data_section, read_rows
from seqloom.cli.options import load_model, model_parser, split_overrides, use_threads
from seqloom.errors import ConfigError
from seqloom.model import bundle
from seqloom.model.pipeline import Pipeline
from seqloom.model.states import read as read_states
from seqloom.train.evaluator import calibrate, evaluate, passes
from seqloom_handwriting.ctc.head import CtcHead
from seqloom_handwriting.ctc.tuning import Line, Point, tuned
from seqloom_handwriting.schemas.heads import Decoder

ROUNDING = 1e-6
"""What a metric, in float32, may be off."""


def tune(arguments: list[str]) -> int:
    """Find the weight and the bonus of the n-gram model, and store them with the model."""
    options = _parser().parse_intermixed_args(arguments)
    if options.out is not None:
        _require_replaceable(options.out)
    use_threads(options.threads)
    given = split_overrides(options.overrides)
    pipeline = load_model(options.model, given.head)
    head = _checked(pipeline, options.model)
    section = data_section(None if given.name else bundle.stored_data(pipeline.info), given)
    rows, sampler = read_rows(pipeline, section, options.split, options)
    lines = [
        Line(row[:length], target[:size])
        for outputs, _, batch in passes(pipeline, rows, sampler)
        for row, length, target, size in zip(
            outputs.logits.log_softmax(-1).cpu().numpy(),
            outputs.lengths.tolist(),
            batch["target"].tolist(),
            batch.lengths["target"].tolist(),
            strict=True,
        )
    ]
    head.options = replace(head.options, decoder=Decoder.greedy)
    before = evaluate(pipeline, rows, sampler).metrics["cer"]
    print(f"{options.split}: greedy, CER {before:.4f}", flush=True)
    best = tuned(lines, head.codec, head.options, _tell)
    print(
        f"best: head.ngram_weight={best.weight} head.ngram_bonus={best.bonus}, CER {best.cer:.4f}"
    )
    if best.cer <= before + ROUNDING:
        head.options = replace(
            head.options,
            decoder=Decoder.beam,
            ngram_weight=best.weight,
            ngram_bonus=best.bonus,
        )
    else:
        print("That is worse than the greedy decoder, which is kept.")
    calibrate(pipeline, rows, sampler)
    metrics = {options.split: evaluate(pipeline, rows, sampler).metrics}
    print(f"wrote {_save(pipeline, head, options, metrics)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = model_parser(
        prog="seqloom tune",
        description="Tune how a model of handwriting decodes with its n-gram model, on the "
        "validation split: the weight, the bonus for each character, and the confidences.",
        epilog="Example: seqloom tune runs/mine --out tuned",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="data=NAME, data.KEY=VALUE: other data; head.KEY=VALUE: how to decode",
    )
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="the new bundle (default: in place of the model)"
    )
    return parser


def _require_replaceable(out: Path) -> None:
    """Refuse a folder with anything but a bundle in it: all that is there would be lost.

    Raises:
        ConfigError: says what is there.
    """
    if not out.exists() or (out / bundle.DESCRIPTION).is_file():
        return
    if out.is_dir() and not any(out.iterdir()):
        return
    found = "a folder with other things than a model in it" if out.is_dir() else "a file"
    raise ConfigError(
        f"--out {out} is {found}, which would be replaced; name a new folder, or that of a bundle."
    )


def _checked(pipeline: Pipeline, model: Path) -> CtcHead:
    head = pipeline.head
    if not isinstance(head, CtcHead):
        raise ConfigError(f"{model} has head={pipeline.head_name}; there is only tuning for ctc.")
    if head.codec.ngram is None:
        raise ConfigError(
            f"{model} has no n-gram model: it was trained with head.ngram_order=0. Train it with "
            "an order from 1 up."
        )
    return head


def _tell(point: Point) -> None:
    print(f"  weight {point.weight:<5} bonus {point.bonus:<5} CER {point.cer:.4f}", flush=True)


def _save(
    pipeline: Pipeline, head: CtcHead, options: argparse.Namespace, metrics: dict[str, Any]
) -> Path:
    """Write the model with what was tuned; return where."""
    source = bundle.find(options.model)
    info = pipeline.info
    spec = {kind: part["section"] for kind, part in info["components"].items()}
    spec["head"] = {"name": pipeline.head_name, **bundle.plain(head.options)}
    folder: Path = options.out or source
    bundle.save(
        pipeline,
        folder,
        spec=spec if info["data"] is None else {**spec, "data": info["data"]},
        states=read_states(info["states"], source),
        metrics=metrics,
    )
    return folder
