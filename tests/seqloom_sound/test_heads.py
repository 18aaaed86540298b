"""Each head reads the steps of sounds: it trains on them, and predicts for a file."""

from __future__ import annotations

from pathlib import Path

import pytest

import seqloom
from seqloom_sound.samples import sounds

HEADS = {
    "classification": "label",
    "ctc": "text",
    "translation": "text",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return sounds(tmp_path_factory.mktemp("sounds"))


@pytest.mark.parametrize("head", [*HEADS])
def test_a_head_reads_steps_of_four_frames(head: str, data: dict[str, str], tmp_path: Path) -> None:
    result = seqloom.fit(
        "data=sounds",
        *(f"data.{split}={path}" for split, path in data.items()),
        r"data.pattern='(?=(?P<label>\w+))(?P<text>\w)\w+/\d+\.wav'",
        "frontend=log_mel",
        "frontend.subsampling=4",
        "frontend.channels=[4,4]",
        "frontend.size=8",
        "encoder=lstm",
        "encoder.hidden_size=8",
        f"head={head}",
        f"head.field={HEADS[head]}",
        "trainer=cpu",
        "budget.min_steps=0",
        "trainer.max_epochs=1",
        "trainer.max_steps=3",
        run_dir=tmp_path / "run",
    )
    found = seqloom.load(result.bundle)(f"{data['test']}/low/0.wav")
    assert isinstance(found[{"translation": "text"}.get(head, HEADS[head])], str)
