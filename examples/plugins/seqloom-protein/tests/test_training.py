"""From tables to a stored model that reads FASTA, in small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import seqloom
from seqloom.errors import ConfigError
from seqloom.interfaces import Example

from seqloom_protein import samples

PROGRAM = Path(sys.executable).with_name("seqloom")
SMALL = ("encoder.hidden_size=8", "frontend.size=8", "trainer=cpu", "trainer.max_epochs=1")
RECIPE = ("experiment=protein_ss3", "data=protein_table", "trainer.precision=32-true")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run."""
    folder = tmp_path_factory.mktemp("protein")
    files = [f"data.{split}={path}" for split, path in samples.table(folder).items()]
    return seqloom.fit(*RECIPE, *SMALL, *files, run_dir=folder / "run").run_dir


def test_q3_is_what_is_monitored(run: Path) -> None:
    names = {"q3", "loss", "recall_helix", "recall_strand", "recall_coil"}
    found = json.loads((run / "metrics.json").read_text())
    assert names <= found["val"].keys()
    assert names <= found["test"].keys()


def test_the_report_shows_structures(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert '<pre class="protein">' in page
    assert "Resolved residues: true and predicted states" in page


def test_predicting_from_fasta(run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.fasta").write_text(">first\nMKVLA\n>second\nGG\n")
    predict = [PROGRAM, "predict", str(run), str(tmp_path / "new.fasta")]
    done = subprocess.run(predict, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["id"], first["residues"], len(first["states"])) == ("first", "MKVLA", 5)
    assert set(first["states"]) <= set("CEH")
    assert (second["id"], len(second["confidence"])) == ("second", 2)


def test_a_stored_model_takes_letters(run: Path) -> None:
    model = seqloom.load(run)
    (found,) = model([list("MKVLA")])
    states = found["states"]
    assert model({"residues": list("MKVLA")})["states"] == states
    assert model(Example("1", {"residues": list("MKVLA")}))["states"] == states


def test_parts_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="head=secondary_structure needs residue_states"):
        seqloom.fit("head=secondary_structure", "data=apples", run_dir=tmp_path / "run")


def test_samples_have_the_lengths_that_are_asked_for() -> None:
    found = samples.labelled([5, 1], np.random.default_rng(0))
    assert [len(one.fields["residues"]) for one in found] == [5, 1]
