"""A model that reads lines of digits, trained once for all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest

READER = (
    "data=digit_lines",
    "data.train=96",
    "data.val=24",
    "data.test=12",
    "data.min_length=1",
    "data.max_length=3",
    "data.height=16",
    "frontend=line_image",
    "frontend.height=16",
    "frontend.margin=2",
    "frontend.channels=[12,24]",
    "frontend.pooling=[2x2,4x2]",
    "frontend.augment.elastic=0",
    "frontend.augment.morphology=0",
    "encoder=bilstm",
    "encoder.hidden_size=24",
    "head=ctc",
    "head.ngram_order=3",
    "optimizer.lr=0.01",
    "scheduler=warmup_hold_linear",
    "trainer=cpu",
    "trainer.gradient_clip_val=2.0",
    "callbacks=none",
    "batch.max_examples=8",
)


@pytest.fixture(scope="session")
def reader() -> tuple[str, ...]:
    """Overrides of a small run."""
    return READER


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose model reads some of the digits."""
    from seqloom import fit

    run_dir = tmp_path_factory.mktemp("digits") / "run"
    return fit(*READER, "trainer.max_epochs=24", run_dir=run_dir).run_dir
