"""``seqloom tune``: how a model decodes, tuned on its validation split."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from seqloom import Pipeline
from seqloom.commands import (
    load_model,
    model_parser,
    open_split,
    require_replaceable,
    save_model,
    split_overrides,
    use_threads,
)
from seqloom.errors import ConfigError
from seqloom_ctc.beam import language_of, search
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.head import CtcHead
from seqloom_ctc.schema import Ctc, Decoder

ROUNDING = 1e-6
"""What a metric, in float32, may be off."""

WEIGHTS = (0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0)
BONUSES = (0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0)
FINE = (-0.1, -0.05, 0.05, 0.1)


def tune(arguments: list[str]) -> int:
    """Find the weight and the bonus of the n-gram model, and store them with the model."""
    options = _parser().parse_intermixed_args(arguments)
    if options.out is not None:
        require_replaceable(options.out)
    use_threads(options.threads)
    given = split_overrides(options.overrides)
    pipeline = load_model(options.model, given.head)
    head = _checked(pipeline, options.model)
    split = open_split(
        pipeline,
        given,
        options.split,
        batch_size=options.batch,
        on_bad=options.on_bad,
        changed_data=options.changed_data,
        its_data=options.its_data,
    )
    lines = [
        Line(row[:length], target[:size])
        for outputs, _, targets in split.outputs()
        for row, length, target, size in zip(
            outputs.logits.log_softmax(-1).cpu().numpy(),
            outputs.lengths.tolist(),
            targets["target"].tolist(),
            targets.lengths["target"].tolist(),
            strict=True,
        )
    ]
    head.options = replace(head.options, decoder=Decoder.greedy)
    before = split.metrics()["cer"]
    print(f"{options.split}: greedy, CER {before:.4f}", flush=True)
    best = tuned(lines, head.codec, head.options, _report)
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
    split.calibrate()
    metrics = {options.split: split.metrics()}
    saved = save_model(pipeline, options.model, options.out, head=head.options, metrics=metrics)
    print(f"wrote {saved}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = model_parser(
        prog="seqloom tune",
        description="Tune the decoding of a model with head=ctc on the validation split: the "
        "weight of its n-gram model, the bonus per character, and the calibration of confidences.",
        epilog="Example:\n  seqloom tune runs/mine --out tuned",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],  # otherwise argparse calls it required
        metavar="KEY=VALUE",
        help="data=NAME, data.KEY=VALUE: other data; head.KEY=VALUE: decoding",
    )
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument(
        "--its-data",
        action="store_true",
        help="read the data files that the model names; they are listed first",
    )
    parser.add_argument(
        "--changed-data",
        action="store_true",
        help="tune on the model's own data even if it has changed since training",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="new bundle (default: replace the model)"
    )
    return parser


def _checked(pipeline: Pipeline, model: Path) -> CtcHead:
    head = pipeline.head
    if not isinstance(head, CtcHead):
        raise ConfigError(f"{model} has head={pipeline.head_name}; only head=ctc can be tuned.")
    if head.codec.ngram is None and head.codec.arpa is None:
        raise ConfigError(
            f"{model} has no n-gram model: it was trained with head.ngram_order=0. Train it with "
            "an order from 1 up."
        )
    return head


def _report(point: Point) -> None:
    print(f"  weight {point.weight:<5} bonus {point.bonus:<5} CER {point.cer:.4f}", flush=True)


@dataclass(frozen=True)
class Line:
    """One line to read: its log probabilities (T, C) and its true classes."""

    log_probs: np.ndarray
    truth: Sequence[int]


@dataclass(frozen=True)
class Point:
    """A weight and a bonus, and the character error rate with them."""

    weight: float
    bonus: float
    cer: float


def tuned(
    lines: Sequence[Line], codec: CtcCodec, options: Ctc, report: Callable[[Point], None]
) -> Point:
    """Return the best point: weights first, then bonuses, then the neighbourhood of the best.

    Args:
        lines: Lines of the validation split.
        codec: Codec with the n-gram model.
        options: Parameters of the head; the search starts from their weight and bonus.
        report: Function that is called with each point.
    """
    found: dict[tuple[float, float], Point] = {}

    def best_of(pairs: Sequence[tuple[float, float]]) -> Point:
        for weight, bonus in pairs:
            if (weight, bonus) not in found and weight >= 0 and bonus >= 0:
                here = replace(options, ngram_weight=weight, ngram_bonus=bonus)
                cer = error_rate(lines, codec, here)
                found[weight, bonus] = Point(weight, bonus, cer)
                report(found[weight, bonus])
        return min(found.values(), key=lambda point: (point.cer, point.weight, point.bonus))

    best = best_of([(weight, options.ngram_bonus) for weight in WEIGHTS])
    best = best_of([(best.weight, bonus) for bonus in BONUSES])
    best = best_of([(round(best.weight + step, 3), best.bonus) for step in FINE])
    return best_of([(best.weight, round(best.bonus + 2 * step, 3)) for step in FINE])


def error_rate(lines: Sequence[Line], codec: CtcCodec, options: Ctc) -> float:
    """Return the sum of edits over the sum of lengths, of beam search with these options."""
    language = language_of(codec, options)
    edits = length = 0
    for line in lines:
        read = search(line.log_probs, codec, options, spans=False, language=language)
        truth = codec.decode(line.truth)
        edits += Levenshtein.distance(codec.decode(read.labels), truth)
        length += len(truth)
    return edits / max(1, length)
