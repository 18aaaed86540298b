"""The measured scaling efficiency of a run on several ranks."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytorch_lightning as pl
from pytorch_lightning.plugins.precision import Precision
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD

from seqloom.config.compose import compose_run
from seqloom.config.run_config import BatchConfig
from seqloom.model.build import build_pipeline
from seqloom.train.data import SequenceData
from seqloom.train.module import SequenceModule
from seqloom.train.prepare import encoded_data
from seqloom.train.ranks.scaling import ScalingEfficiency

SIZES = ("data.train_size=60", "data.val_size=20", "data.test_size=2", "encoder.hidden_size=8")


def _measured(resumed_at_end: bool) -> float | None:
    """Return what the callback measures; a resumed run has no batch of its epoch left."""
    config = compose_run(SIZES)
    data = encoded_data(config)
    module = SequenceModule(build_pipeline(config.components, data.codecs), SGD, None, 1)
    loaded = SequenceData(data, BatchConfig(max_examples=8), seed=0)
    if resumed_at_end:
        sampler = loaded.train_sampler
        sampler.load_state_dict(sampler.state_at(0, len(sampler)))
    strategy = SimpleNamespace(
        model=DistributedDataParallel(module), batch_to_device=lambda batch: batch
    )
    trainer = SimpleNamespace(strategy=strategy, datamodule=loaded, precision_plugin=Precision())
    callback = ScalingEfficiency()
    callback.on_train_end(cast(pl.Trainer, trainer), module)
    return callback.efficiency


@pytest.mark.parametrize("resumed_at_end", [False, True])
def test_a_run_that_is_resumed_in_its_last_validation_is_not_measured(
    on_ranks: Callable[..., Any], *, resumed_at_end: bool
) -> None:
    for efficiency in on_ranks(_measured, resumed_at_end, sizes=(2,))[2]:
        assert (efficiency is None) == resumed_at_end
