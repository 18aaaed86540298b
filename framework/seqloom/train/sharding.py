"""Training whose ranks share the weights: each keeps a part of every one of them.

The parts of a weight, and of the optimizer's moments for it, lie on different ranks; whole weights
and gradients are only there during a step. All else is as with ``trainer.strategy=ddp``.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from lightning_utilities.core.apply_func import apply_to_collection
from pytorch_lightning.callbacks import StochasticWeightAveraging, WeightAveraging
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from seqloom.config.run_config import Section
from seqloom.errors import ConfigError
from seqloom.train.limits import callbacks_of
from seqloom.train.row_adam import RowAdam

if TYPE_CHECKING:
    from seqloom.model.pipeline import Model
    from seqloom.train.module import SequenceModule

NAME = "fsdp"
"""Value of ``trainer.strategy``."""

PRECISIONS = ("32-true", "bf16-mixed")
"""Precisions that are allowed with it."""


def refuse(trainer: Section, ranks: int) -> None:
    """Refuse settings with which weights cannot be shared.

    Args:
        trainer: Section ``trainer`` of the config.
        ranks: Number of ranks on all nodes.

    Raises:
        ConfigError: There is one rank, or the precision is another than those that are allowed.
    """
    if ranks == 1:
        raise ConfigError(
            "trainer.strategy=fsdp shares the weights among several devices, but this run has one. "
            "Set trainer.devices, or trainer.strategy=auto."
        )
    precision = str(trainer.get("precision") or 32)
    if precision not in {*PRECISIONS, "32", "bf16"}:
        raise ConfigError(
            f"trainer.strategy=fsdp with trainer.precision={precision}: expected "
            f"{' or '.join(PRECISIONS)}. Set one of these, or trainer.strategy=ddp."
        )


class ShardedStrategy(DDPStrategy):
    """Data parallel training in which each rank keeps a part of each weight, by torch's FSDP2.

    Only the loss is computed by the model that has these parts. A copy of it gets whole weights for
    validation, and remains after the training: heads may do with them what they like. Checkpoints
    hold whole tensors, as those of any run.
    """

    _whole: Model | None = None

    @property
    def _module(self) -> SequenceModule:
        return cast("SequenceModule", self.lightning_module)

    def configure_ddp(self) -> None:
        """Share the weights, of which each rank has all until now.

        Raises:
            ConfigError: The optimizer or a callback needs whole weights, or there are weights that
                cannot be parted.
        """
        module = self._module
        _refuse_parts_of(module)
        self._whole = _without_values(module.model)
        for parameter in module.parameters():  # FSDP refuses other layouts, such as channels last
            parameter.data = parameter.data.contiguous()
        mesh = init_device_mesh(self.root_device.type, (self.world_size,))
        try:
            sharded = fully_shard(module, mesh=mesh)
        except (ValueError, NotImplementedError) as error:  # a weight that is a single number
            raise ConfigError(
                f"trainer.strategy=fsdp cannot share the weights: {error} Set trainer.strategy=ddp."
            ) from error
        if self.root_device.type == "cpu":
            # With some versions of torch, gloo gives the sum where FSDP asks for the mean.
            sharded.set_force_sum_reduction_for_comms(True)

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss with the first rank's buffers, such as statistics of normalization."""
        for buffer in self._module.buffers():
            distributed.broadcast(buffer, 0)
        return super().training_step(*args, **kwargs)

    def on_validation_start(self) -> None:
        """Put the copy with the whole weights in the model's place."""
        model, whole = self._module.model, cast("Model", self._whole)
        for empty, part in zip(whole.parameters(), model.parameters(), strict=True):
            empty.data = cast(DTensor, part.detach()).full_tensor()
        for old, buffer in zip(whole.buffers(), model.buffers(), strict=True):
            old.data = buffer
        self._module.pipeline.model = whole

    def on_validation_end(self) -> None:
        """Put the model back."""
        self._module.pipeline.model = self._module.model
        for parameter in cast("Model", self._whole).parameters():
            parameter.data = parameter.new_empty(0)

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """Return the whole state on the first rank, and nothing on the others; all must call it."""
        return self._on_first(super().lightning_module_state_dict())

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return the whole state on the first rank, and nothing on the others; all must call it."""
        return self._on_first(super().optimizer_state(optimizer))

    def _on_first(self, state: dict[str, Any]) -> dict[str, Any]:
        def gather(part: DTensor) -> Tensor | None:
            whole = part.full_tensor()
            return whole.cpu() if self.is_global_zero else None

        found: dict[str, Any] = apply_to_collection(state, DTensor, gather)
        return found if self.is_global_zero else {}

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Load this rank's parts of the whole state.

        Raises:
            ConfigError: It cannot be parted.
        """
        both = zip(checkpoint["optimizer_states"], self.optimizers, strict=True)
        states = [parts_of_state(state, optimizer) for state, optimizer in both]
        super().load_optimizer_state_dict({**checkpoint, "optimizer_states": states})

    def teardown(self) -> None:
        """End, and leave the module with a model of whole weights, whose values are undefined."""
        if self._whole is not None:
            module, self.optimizers = self._module, []
            for empty, part in zip(
                self._whole.parameters(), module.model.parameters(), strict=True
            ):
                empty.data = empty.new_empty(part.shape)
            module.model = module.pipeline.model = self._whole
            self._whole = None
        super().teardown()


def _refuse_parts_of(module: SequenceModule) -> None:
    make = getattr(module.make_optimizer, "func", module.make_optimizer)
    if isinstance(make, type) and issubclass(make, RowAdam):
        raise ConfigError(
            "optimizer=row_adam updates whole rows of a table, of which trainer.strategy=fsdp "
            "leaves each device a part. Choose optimizer=adamw, or trainer.strategy=ddp."
        )
    for one in callbacks_of(module.trainer):
        if isinstance(one, WeightAveraging | StochasticWeightAveraging):
            raise ConfigError(
                f"The callback {type(one).__name__} averages whole weights, of which "
                "trainer.strategy=fsdp leaves each device a part. Remove it from callbacks, or set "
                "trainer.strategy=ddp."
            )


def _without_values(model: Model) -> Model:
    """Return a copy of a model, in eval mode, whose parameters are empty."""
    empty = {id(one): nn.Parameter(one.new_empty(0)) for one in model.parameters()}
    return copy.deepcopy(model, cast("dict[int, Any]", empty)).eval()


def parts_of_state(state: Mapping[str, Any], optimizer: Optimizer) -> dict[str, Any]:
    """Return the state of an optimizer with this rank's parts of whatever is like a weight.

    Raises:
        ConfigError: The optimizer keeps a tensor of another shape.
    """
    weights = [one for group in optimizer.param_groups for one in group["params"]]
    parted = {
        number: {name: _part(name, value, weights[number]) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": parted}


def _part(name: str, value: Any, weight: DTensor) -> Any:
    """Return this rank's part of a tensor with the shape of a weight; single values are whole."""
    if not isinstance(value, Tensor) or not value.dim():
        return value
    if value.shape != weight.shape:
        raise ConfigError(
            f"The optimizer keeps {name!r}, {tuple(value.shape)}, for a weight of another shape, "
            f"{tuple(weight.shape)}: trainer.strategy=fsdp cannot resume that. Set "
            "trainer.strategy=ddp."
        )
    mesh, placements = weight.device_mesh, weight.placements
    value = value.to(weight.device).contiguous()
    return distribute_tensor(value, mesh, placements, src_data_rank=None)
