from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqloom.data.collate import Collate, EncodedExample
from seqloom.testing import FRONTEND_CHECKS, FrontendCase, examples
from seqloom_handwriting.images.frontend import LineImageFrontend

VARIANTS: list[dict[str, Any]] = [
    {},
    {"ink": "auto", "height": 17, "margin": 0, "channels": [4, 5], "pooling": ["2x2", "1x1"]},
    {"height": 16, "channels": [3, 4], "pooling": ["2x2", "3x3"], "augment": {"elastic": 0.0}},
]


@pytest.mark.parametrize("params", VARIANTS)
@pytest.mark.parametrize("check", FRONTEND_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_promises(
    check: Callable[[FrontendCase], None], params: dict[str, Any]
) -> None:
    check(FrontendCase(LineImageFrontend, examples({"image": "image"}), params))


def test_dropout_takes_whole_features_in_training_only() -> None:
    case = FrontendCase(LineImageFrontend, examples({"image": "image"}), {"dropout": 0.5})
    codec = case.codec()
    batch = Collate()([EncodedExample(e, codec.encode(e)) for e in case.examples]).inputs
    frontend = case.frontend(codec)
    assert (frontend(batch).values[0, :3] == 0).float().mean() < 0.05
    torch.manual_seed(1)
    dropped = (frontend.train()(batch).values[2] == 0).all(0)
    assert 0.3 < dropped.float().mean() < 0.7
