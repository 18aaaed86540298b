"""Whole pipelines: the same reading alone and in any batch; a run, its report and its bundle."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import seqloom
from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.data.encode import Codecs
from seqloom.errors import BundleError
from seqloom.interfaces import Example
from seqloom.model.build import build_codecs, build_pipeline, build_reader, restore
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import SequenceData
from seqloom.train.prepare import encoded_data

IMAGES = (
    "frontend=line_image",
    "frontend.height=16",
    "frontend.channels=[6,8]",
    "frontend.pooling=[2x2,2x2]",
)
STROKES = ("frontend=strokes",)
ENCODERS = (
    ("encoder=rnn",),
    ("encoder=lstm", "encoder.num_layers=2"),
    ("encoder=bilstm", "encoder.merge=sum"),
)


def strokes(length: int, rng: np.random.Generator) -> list[list[tuple[float, float]]]:
    """A pen that goes to the right, up and down, and is lifted now and then."""
    steps = rng.normal([0.5, 0.0], 0.5, (20 * length, 2)).cumsum(0)
    return [[(float(x), float(y)) for x, y in part] for part in np.array_split(steps, length)]


def bars(length: int, rng: np.random.Generator) -> np.ndarray:
    """Bars of several grays and heights, (20, 24 * length) uint8."""
    gray = rng.integers(0, 256, (5, 3 * length), dtype=np.uint8)
    return gray.repeat(4, axis=0).repeat(8, axis=1)


def examples(widths: list[int]) -> list[Example]:
    """One example for each width in characters; their texts have as many."""
    rng = np.random.default_rng(5)
    return [
        Example(
            str(number),
            {
                "image": bars(width, rng),
                "strokes": strokes(width, rng),
                "text": "".join(rng.choice(list("abc d"), width)).strip() or "a",
            },
        )
        for number, width in enumerate(widths)
    ]


@pytest.fixture(params=ENCODERS, ids=lambda words: words[0])
def encoder(request: pytest.FixtureRequest) -> tuple[str, ...]:
    words: tuple[str, ...] = request.param
    return words


def built(lines: list[Example], *overrides: str) -> Pipeline:
    """An untrained pipeline whose codecs are fitted, with sure scores, in eval mode."""
    data = ["data=stroke_strings", "data.train=a.tsv"] if STROKES[0] in overrides else []
    config = compose_run([*(data or ["data=digit_lines"]), "head=ctc", *overrides]).components
    codecs: Codecs = build_codecs(config)
    heads = {name: codec.fit(lines) for name, codec in codecs.heads.items()}
    restore(codecs, {"frontend": codecs.frontend.fit(lines), "heads": heads})
    torch.manual_seed(2)
    pipeline = build_pipeline(config, codecs)
    pipeline.model.eval()
    with torch.no_grad():
        torch.nn.init.normal_(pipeline.head.get_parameter("linear.weight"), std=9.0)
    return pipeline


def logits(pipeline: Pipeline, lines: list[Example]) -> list[torch.Tensor]:
    """The scores of each line's own frames."""
    rows = [pipeline.codecs.encode(line) for line in lines]
    with torch.no_grad():
        _, outputs = pipeline.outputs(pipeline.collate(rows))
    assert outputs.lengths.tolist() == [row.frames for row in rows]
    pairs = zip(outputs.logits, outputs.lengths.tolist(), strict=True)
    return [row[:length] for row, length in pairs]


def readings(pipeline: Pipeline, lines: list[Example]) -> list[dict[str, Any]]:
    return [prediction for _, prediction in pipeline.predict(lines)]


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
@pytest.mark.parametrize("frontend", [IMAGES, STROKES], ids=["line_image", "strokes"])
def test_a_line_is_read_the_same_beside_one_five_times_as_wide(
    frontend: tuple[str, ...], encoder: tuple[str, ...], decoder: str
) -> None:
    lines = examples([3, 15, 1, 6])
    words = (*frontend, *encoder, "encoder.hidden_size=16", f"head.decoder={decoder}")
    pipeline = built(lines, *words, "head.ngram_order=2")
    together, read = logits(pipeline, lines), readings(pipeline, lines)
    assert any(one["text"] for one in read)
    for order in ([0], [2], [0, 1], [1, 0], [3, 2, 1, 0]):
        chosen = [lines[place] for place in order]
        found = zip(logits(pipeline, chosen), readings(pipeline, chosen), order, strict=True)
        for scores, prediction, place in found:
            torch.testing.assert_close(scores, together[place], rtol=1e-5, atol=1e-5)
            assert_close([prediction], [read[place]])


def assert_close(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one["text"] == other["text"]
        assert one["confidence"] == pytest.approx(other["confidence"], abs=1e-5)
        for character, same in zip(one["characters"], other["characters"], strict=True):
            assert character == pytest.approx(same, abs=1e-5)


def test_a_small_run_learns_and_is_measured(trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["val"]["cer"] < 0.8
    assert set(metrics["test"]) == {"cer", "wer", "line_accuracy", "calibration_error", "loss"}
    record = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    assert set(record["calibration"]) == {"temperature", "offset", "exponent"}


def test_the_report_shows_images_and_readings_and_needs_nothing_else(trained: Path) -> None:
    report = (trained / "report.html").read_text(encoding="utf-8")
    assert report.count('<img src="data:image/png;base64,') >= 10
    assert "<div>read: " in report
    assert "<div>truth: " in report
    assert "Confusions of characters" in report
    assert "Reliability of the confidences" in report
    assert not [part for part in report.split('src="')[1:] if not part.startswith("data:")]
    assert "<link" not in report


def test_the_bundle_reads_without_lightning_and_hydra(
    trained: Path, tmp_path: Path, digit_line: Callable[[int], Example]
) -> None:
    Image.fromarray(digit_line(1).fields["image"]).save(tmp_path / "line.png")
    code = (
        "import sys, seqloom\n"
        f"model = seqloom.load({str(trained)!r})\n"
        f"assert set(model({str(tmp_path / 'line.png')!r})) == "
        "{'text', 'confidence', 'characters'}\n"
        "print({'pytorch_lightning', 'hydra', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: data[:-1], "The n-gram model is cut off: it does not end with a whole line."),
        (lambda data: data[:-6] + b"\xff\n", "The n-gram model is not UTF-8: "),
        (lambda data: data + b"x\t123\n", "is 'x'; expected a whole number"),
        (lambda data: data + b"3\tabc\n", "has 'abc' where a new gram of 3 characters"),
        (lambda data: data.replace(b"0123456789", b"1023456789"), "has another alphabet than"),
    ],
)
def test_a_damaged_ngram_model_is_told_of(
    trained: Path,
    description: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    change: Callable[[bytes], bytes],
    problem: str,
) -> None:
    """Even if its hash was made anew."""
    folder = tmp_path / "bundle"
    shutil.copytree(trained / "bundle", folder)
    path = folder / "codec.heads.ctc.ngram"
    path.write_bytes(change(path.read_bytes()))
    info = description(folder)
    facts = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    info["files"][path.name] = facts
    del info["sha256"]
    (folder / "bundle.json").write_text(json.dumps(info), encoding="utf-8")
    with pytest.raises(BundleError, match=rf"^{folder}.*{re.escape(problem)}.* Copy the bundle"):
        seqloom.load(folder)


def batches(config: RunConfig) -> Iterator[Any]:
    data = encoded_data(config)
    loader = SequenceData(data, config.batch, config.seed).train_dataloader()
    return iter(loader)


def test_workers_change_nothing_in_the_batches(tiny: tuple[str, ...]) -> None:
    first = [next(batches(compose_run([*tiny, f"batch.workers={workers}"]))) for workers in (0, 2)]
    assert first[0].ids == first[1].ids
    for one, other in (
        (first[0].inputs, first[1].inputs),
        (first[0].targets["ctc"], first[1].targets["ctc"]),
    ):
        assert one.tensors.keys() == other.tensors.keys()
        for name, tensor in one.tensors.items():
            assert torch.equal(tensor, other.tensors[name])
    reader = build_reader(compose_run(tiny).data)
    plain = {one.id: one for one in reader.examples("train")}
    codec = build_codecs(compose_run(tiny).components).frontend
    kept = codec.encode(plain[first[0].ids[0]])["image"]
    assert first[0].inputs["image"][0, : len(kept)].numpy().tolist() != kept.tolist()
