"""Whole pipelines: the same reading alone and in any batch; from files to predictions."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

import seqloom
from seqloom.cli.main import run
from seqloom.config.compose import compose_run
from seqloom.data.encode import Codecs
from seqloom.errors import ConfigError
from seqloom.interfaces import Example
from seqloom.model.build import build_codecs, build_pipeline, build_source, restore
from seqloom.model.pipeline import Pipeline
from seqloom.train.data import SequenceData, read_data
from seqloom_handwriting.readers.digit_lines import DigitLineSource

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
PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>
<MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>page.png</fileName></sourceImageInformation></Description>
<Layout><Page ID="p" PHYSICAL_IMG_NR="1" WIDTH="{width}" HEIGHT="{height}"><PrintSpace>
<TextBlock ID="b">{lines}</TextBlock></PrintSpace></Page></Layout></alto>
"""


def strokes(length: int, rng: np.random.Generator) -> list[list[tuple[float, float]]]:
    """A pen that goes to the right, up and down, and is lifted now and then."""
    steps = rng.normal([0.5, 0.0], 0.5, (20 * length, 2)).cumsum(0)
    return [[(float(x), float(y)) for x, y in part] for part in np.array_split(steps, length)]


def examples(kind: str, widths: list[int]) -> list[Example]:
    """One example for each width in characters; their texts have as many."""
    rng = np.random.default_rng(5)
    return [
        Example(
            str(number),
            {
                "image": rng.integers(0, 256, (20, 24 * width), dtype=np.uint8),
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
    config = compose_run([*(data or ["data=digit_lines"]), "head=ctc", *overrides])
    codecs: Codecs = build_codecs(config)
    heads = {name: codec.fit(lines) for name, codec in codecs.heads.items()}
    restore(codecs, {"frontend": codecs.frontend.fit(lines), "heads": heads})
    torch.manual_seed(2)
    pipeline = build_pipeline(config, codecs).eval()
    with torch.no_grad():
        pipeline.head.get_submodule("linear").weight.normal_(std=6.0)
    return pipeline


def logits(pipeline: Pipeline, lines: list[Example]) -> list[torch.Tensor]:
    """The scores of each line's own frames."""
    rows = [pipeline.codecs.row(line) for line in lines]
    with torch.no_grad():
        _, outputs = pipeline(pipeline.collate(rows))
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
    lines = examples(frontend[0], [3, 15, 1, 6])
    words = (*frontend, *encoder, "encoder.hidden_size=16", f"head.decoder={decoder}")
    pipeline = built(lines, *words, "head.ngram_order=2")
    together, read = logits(pipeline, lines), readings(pipeline, lines)
    assert max(len(one["text"]) for one in read) > 3
    for order in ([0], [2], [0, 1], [1, 0], [3, 2, 1, 0]):
        chosen = [lines[place] for place in order]
        found = zip(logits(pipeline, chosen), readings(pipeline, chosen), order, strict=True)
        for scores, prediction, place in found:
            torch.testing.assert_close(scores, together[place], rtol=1e-5, atol=1e-5)
            assert prediction["text"] == read[place]["text"]
            assert prediction["confidence"] == pytest.approx(read[place]["confidence"], abs=1e-5)
            for one, other in zip(prediction["characters"], read[place]["characters"], strict=True):
                assert one == pytest.approx(other, abs=1e-5)


def test_a_small_run_learns_and_is_measured(trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["val"]["cer"] < 0.8
    assert set(metrics["test"]) == {"cer", "wer", "line_accuracy", "calibration_error", "loss"}
    record = json.loads((trained / "run.json").read_text(encoding="utf-8"))
    assert set(record["calibration"]) == {"temperature", "offset"}


def test_the_report_shows_images_and_readings_and_needs_nothing_else(trained: Path) -> None:
    report = (trained / "report.html").read_text(encoding="utf-8")
    assert report.count('<img src="data:image/png;base64,') >= 10
    assert "<div>read: " in report
    assert "<div>truth: " in report
    assert "Confusions of characters" in report
    assert "Reliability of the confidences" in report
    assert not [part for part in report.split('src="')[1:] if not part.startswith("data:")]
    assert "<link" not in report


def test_the_bundle_reads_without_lightning_and_hydra(trained: Path, tmp_path: Path) -> None:
    Image.fromarray(line(1).fields["image"]).save(tmp_path / "line.png")
    code = (
        "import sys, seqloom\n"
        f"model = seqloom.load({str(trained)!r})\n"
        f"assert set(model({str(tmp_path / 'line.png')!r})) == "
        "{'text', 'confidence', 'characters'}\n"
        "print({'pytorch_lightning', 'hydra', 'omegaconf', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def line(number: int) -> Example:
    """A line of the test split."""
    source = DigitLineSource(test=number, min_length=2, max_length=4, height=24)
    *_, last = source.examples("test")
    return last


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images in a folder, of several sizes."""
    place = tmp_path_factory.mktemp("lines")
    for number in range(1, 5):
        image = Image.fromarray(line(number).fields["image"])
        image.resize((image.width * number, image.height * number)).save(place / f"{number}.png")
    return place


Call = Callable[..., str]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the program in this process; returns what it prints."""

    def _call(*arguments: str | Path) -> str:
        assert run([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    return _call


def rows(out: str) -> list[dict[str, Any]]:
    return [json.loads(row) for row in out.splitlines()]


def test_files_and_folders_and_zips_are_read_alike(
    call: Call, trained: Path, folder: Path, tmp_path: Path
) -> None:
    files = sorted(folder.iterdir())
    found = rows(call("predict", trained, *files))
    assert [one["id"] for one in found] == ["1.png", "2.png", "3.png", "4.png"]
    assert "".join(one["text"] for one in found)
    assert rows(call("predict", trained, folder)) == found
    with zipfile.ZipFile(tmp_path / "lines.zip", "w") as archive:
        for file in files:
            archive.write(file, file.name)
    assert rows(call("predict", trained, tmp_path / "lines.zip", "--batch", "2")) == [
        {**one, "confidence": pytest.approx(one["confidence"], abs=1e-4), "characters": approx(one)}
        for one in found
    ]


def approx(one: dict[str, Any]) -> list[Any]:
    return [pytest.approx(character, abs=1e-4) for character in one["characters"]]


def test_texts_and_tables_have_what_json_lines_have(
    call: Call, trained: Path, folder: Path
) -> None:
    found = rows(call("predict", trained, folder))
    texts = call("predict", trained, folder, "--to", "text").splitlines()
    assert texts == [one["text"] for one in found]
    header, *table = call("predict", trained, folder, "--to", "tsv").splitlines()
    assert header == "id\ttext\tconfidence"
    assert table == [f"{one['id']}\t{one['text']}\t{one['confidence']:.4f}" for one in found]


def test_a_bad_image_among_others(call: Call, trained: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG no image")
    good = folder / "1.png"
    with pytest.raises(seqloom.SeqloomError, match=r"bad\.png.*--skip-bad"):
        call("predict", trained, tmp_path / "bad.png", good)
    (one,) = rows(call("predict", trained, tmp_path / "bad.png", good, "--skip-bad"))
    assert one["id"] == "1.png"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page of three lines with its ALTO, without texts."""
    images = [line(number).fields["image"] for number in (1, 2, 3)]
    width = 40 + max(image.shape[1] for image in images)
    sheet = np.full((160, width), 240, np.uint8)
    lines = ""
    for number, image in enumerate(images):
        top, (height, wide) = 10 + 50 * number, image.shape
        sheet[top : top + height, 20 : 20 + wide] = image
        box = f'HPOS="20" VPOS="{top}" WIDTH="{wide}" HEIGHT="{height}"'
        lines += f'<TextLine ID="l{number}" {box} BASELINE="20 {top + 20} {20 + wide} {top + 20}"/>'
    (tmp_path / "pages").mkdir()
    Image.fromarray(sheet).save(tmp_path / "pages" / "page.png")
    xml = tmp_path / "pages" / "page.xml"
    xml.write_text(PAGE.format(width=width, height=160, lines=lines), encoding="utf-8")
    return xml


def texts_of(xml: Path) -> dict[str, str]:
    """The text of each line by its id, of ALTO or PAGE XML."""
    found = {}
    for element in ElementTree.parse(xml).iter():
        if element.tag.endswith("}TextLine"):
            parts = list(element.iter())
            alto = [
                p.attrib.get("CONTENT", " ") for p in parts if p.tag.endswith(("}String", "}SP"))
            ]
            plain = [p.text or "" for p in parts if p.tag.endswith("}Unicode")]
            found[element.attrib.get("ID") or element.attrib["id"]] = "".join(alto or plain)
    return found


def test_pages_are_filled_with_what_json_lines_have(
    call: Call, trained: Path, page: Path, tmp_path: Path
) -> None:
    found = rows(call("predict", trained, page))
    expected = {one["id"].partition("/")[2]: one["text"] for one in found}
    assert list(expected) == ["l0", "l1", "l2"]
    assert any(expected.values())
    for form in ("alto", "page"):
        call("predict", trained, page, "--to", form, "--out", tmp_path / form)
        filled = texts_of(tmp_path / form / "page.xml")
        assert {name: filled.get(name, "") for name in expected} == expected


def test_evaluate_decodes_as_it_is_told(call: Call, trained: Path) -> None:
    beam = json.loads(call("evaluate", trained, "head.decoder=beam", "--json"))["test"]
    stored = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))["test"]
    assert json.loads(call("evaluate", trained, "--json"))["test"] == pytest.approx(
        stored, abs=1e-5
    )
    assert beam["loss"] == pytest.approx(stored["loss"], abs=1e-5)
    assert beam["cer"] != stored["cer"]
    table = call("evaluate", trained, "head.decoder=beam", "head.ngram_weight=0.0")
    assert "Confusions of characters" in table
    with pytest.raises(ConfigError, match=r"^head\.ngram_order=0: this was settled in training"):
        call("evaluate", trained, "head.ngram_order=0")


def test_tune_writes_a_model_that_reads_no_worse(call: Call, trained: Path, tmp_path: Path) -> None:
    before = json.loads((trained / "metrics.json").read_text(encoding="utf-8"))["val"]
    out = call("tune", trained, "--out", tmp_path / "tuned")
    assert f"val: greedy, CER {before['cer']:.4f}" in out
    assert f"wrote {tmp_path / 'tuned'}" in out
    info = json.loads((tmp_path / "tuned" / "bundle.json").read_text(encoding="utf-8"))
    section = info["components"]["head"]["section"]
    assert section["decoder"] == "beam"
    assert f"head.ngram_weight={section['ngram_weight']}" in out
    assert info["metrics"]["val"]["cer"] <= before["cer"]
    again = json.loads(call("evaluate", tmp_path / "tuned", "--split", "val", "--json"))["val"]
    assert again == pytest.approx(info["metrics"]["val"], abs=1e-5)
    assert info["data"] == json.loads((trained / "bundle" / "bundle.json").read_text())["data"]


def small(words: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return (*words, "data.train=8", "data.val=4", "data.test=2", "trainer.max_epochs=1", *more)


def test_tune_refuses_what_it_cannot_tune(
    call: Call, reader: tuple[str, ...], tmp_path: Path
) -> None:
    bare = seqloom.fit(*small(reader, "head.ngram_order=0"), run_dir=tmp_path / "bare").run_dir
    with pytest.raises(ConfigError) as found:
        call("tune", bare)
    assert str(found.value) == (
        f"{bare} has no n-gram model: it was trained with head.ngram_order=0. Train it with an "
        "order from 1 up."
    )
    words = ("data.train_size=8", "data.val_size=4", "data.test_size=2", "frontend.size=4")
    apples = seqloom.fit(
        *words,
        "encoder.hidden_size=4",
        "trainer=cpu",
        "trainer.max_epochs=1",
        run_dir=tmp_path / "apples",
    ).run_dir
    with pytest.raises(ConfigError) as found:
        call("tune", apples)
    assert str(found.value) == f"{apples} has head=ner; there is only tuning for ctc."


def batches(config: dict[str, Any]) -> Iterator[Any]:
    data = read_data(config)
    loader = SequenceData(data, config["batch"], config["seed"]).train_dataloader()
    return iter(loader)


def test_workers_change_nothing_in_the_batches(reader: tuple[str, ...]) -> None:
    first = [
        next(batches(compose_run([*small(reader), f"batch.workers={workers}"])))
        for workers in (0, 2)
    ]
    assert first[0].ids == first[1].ids
    assert first[0].tensors.keys() == first[1].tensors.keys()
    for name, tensor in first[0].tensors.items():
        assert torch.equal(tensor, first[1].tensors[name])
    source = build_source(compose_run(list(small(reader)))["data"])
    plain = {one.id: one for one in source.examples("train")}
    codec = build_codecs(compose_run(list(small(reader)))).frontend
    kept = codec.encode(plain[first[0].ids[0]])["image"]
    assert first[0].tensors["image"][0, : len(kept)].numpy().tolist() != kept.tolist()


LISTED = {
    "damaged.png": "cannot be read: ",
    "empty.png": "its text is empty",
    "long.png": "CTC cannot emit its 80 characters",
    "narrow.png": "the image is 1 pixels wide",
    "unknown.png": "its text has characters that no training text has: 'é'",
}


@pytest.fixture
def flawed(tmp_path: Path) -> tuple[str, ...]:
    """Overrides of folders with good lines, and a bad one of each kind."""
    source = DigitLineSource(train=24, val=0, test=0, min_length=2, max_length=3, height=16)
    for number, one in enumerate(source.examples("train")):
        place = tmp_path / ("val" if number > 20 else "train")
        write(place, f"good{number}", one.fields["image"], one.fields["text"])
    blank = np.full((16, 40), 255, np.uint8)
    write(tmp_path / "train", "empty", blank, " \n")
    write(tmp_path / "train", "long", blank, "1" * 80)
    write(tmp_path / "train", "narrow", blank[:, :1], "1")
    write(tmp_path / "train", "damaged", blank, "1")
    (tmp_path / "train" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    write(tmp_path / "val", "unknown", blank, "1é")
    return ("data=line_images", *(f"data.{split}={tmp_path / split}" for split in ("train", "val")))


def write(place: Path, name: str, image: np.ndarray, text: str) -> None:
    place.mkdir(exist_ok=True)
    Image.fromarray(image).save(place / f"{name}.png")
    (place / f"{name}.gt.txt").write_text(text, encoding="utf-8")


def without_data(words: tuple[str, ...]) -> list[str]:
    return [word for word in words if not word.startswith("data")]


def test_bad_lines_are_skipped_and_listed(
    reader: tuple[str, ...], flawed: tuple[str, ...], tmp_path: Path
) -> None:
    words = (*flawed, *without_data(reader), "frontend.margin=1", "trainer.max_epochs=1")
    result = seqloom.fit(*words, "on_bad=skip", run_dir=tmp_path / "run")
    listed = rows((result.run_dir / "skipped.jsonl").read_text(encoding="utf-8"))
    assert {one["id"] for one in listed} == set(LISTED)
    for one in listed:
        assert LISTED[one["id"]] in one["problem"]
        assert one["split"] == ("val" if one["id"] == "unknown.png" else "train")
        assert one["where"].endswith(one["id"])
    report = result.report.read_text(encoding="utf-8")
    assert all(name in report for name in LISTED)


def test_bad_lines_end_the_run_before_training(
    reader: tuple[str, ...], flawed: tuple[str, ...], tmp_path: Path
) -> None:
    words = (*flawed, *without_data(reader), "frontend.margin=1", "trainer.max_epochs=1")
    with pytest.raises(seqloom.SeqloomError) as found:
        seqloom.fit(*words, run_dir=tmp_path / "run")
    text = str(found.value)
    assert text.startswith("4 examples of the train split cannot be used:")
    for name, problem in LISTED.items():
        if name != "unknown.png":  # of the val split
            assert any(name in row and problem in row for row in text.splitlines())
    assert not (tmp_path / "run" / "checkpoints").exists()
    for name in LISTED:
        (tmp_path / "train" / name).unlink(missing_ok=True)
        (tmp_path / "train" / name).with_suffix(".gt.txt").unlink(missing_ok=True)
    with pytest.raises(seqloom.SeqloomError, match=r"^1 example of the val split cannot.*\n.*'é'"):
        seqloom.fit(*words, run_dir=tmp_path / "other")
