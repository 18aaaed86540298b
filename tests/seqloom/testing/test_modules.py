"""What the checks of encoders, frontends and heads say of a device, and of bfloat16."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Targets
from seqloom.plugins import registry
from seqloom.testing import ConformanceError, NotApplicable, modules, samples, variants

from .sound_head import Sound, case_of


class OnItsOwn(Sound):
    """Makes tensors on a device that nobody chose."""

    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        return super().loss(outputs, targets).to("meta")


class NoKernel(Sound):
    message = f"{modules.MISSING_KERNEL} for 'BFloat16'"

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError(self.message)
        return super().forward(encoded, targets)


class Broken(NoKernel):
    message = "shapes do not match"


@pytest.fixture
def accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the CPU pass for an accelerator."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cpu"))


@pytest.mark.usefixtures("accelerator")
def test_outputs_on_a_device_are_compared() -> None:
    modules.check_device(case_of(Sound))
    with pytest.raises(ConformanceError, match="are on meta, not cpu"):
        modules.check_device(case_of(OnItsOwn))


def test_a_cpu_that_lacks_a_kernel_is_told_from_a_fault() -> None:
    with pytest.raises(NotApplicable, match=r"this CPU cannot run it in bfloat16: .* 'BFloat16'"):
        modules.check_bfloat16(case_of(NoKernel))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        modules.check_bfloat16(case_of(Broken))


def test_variants_are_the_defaults_and_each_other_option() -> None:
    component = registry().find("encoder", "birnn")
    found = variants(component, fixed=["nonlinearity"])
    assert [one["merge"] for one in found] == ["concat", "sum", "average", "multiply"]
    assert {one["nonlinearity"] for one in found} == {"tanh"}
    assert all(type(one["merge"]) is str for one in found)


def test_only_texts_get_markup() -> None:
    assert samples._markup(["a", "O"]) == ["a" + samples.MARKUP, "O"]
    assert samples._markup([1, 2]) == [1, 2]
    assert samples._markup(3) == 3
