"""Adam whose steps do not grow with the number of words in a table.

The words of a batch are few, but Adam changes the vectors of all others too: without a gradient
their moments decay, and the weights follow what is left of the first. For a row with the moments m
and v after step j, whose word does not occur before step n, all these changes together are

    w_n = q w_j - sum of a_s m / (sqrt(v) + b_s eps)  over the steps s = j+1 … n

    a_s = lr_s b_s beta1^(s-j) / (1 - beta1^s),  b_s = sqrt((1 - beta2^s) / beta2^(s-j))

where q and a_s also have the factors 1 - lr weight_decay of the steps after them. With the mean of
the b_s, weighted by a_s, in place of each, the sum is one fraction, and its numbers are the same
for all rows that wait since j. They are kept for each j, and a row gets what it missed when its
word occurs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from seqloom.errors import ConfigError

MIN_ROWS = 20_000
"""Number of rows from which a step that touches few of them is faster than one of all."""

LONGEST = 10_000
"""Number of steps after which all rows get what they missed, so that there are as many sums."""

CHUNK = 1 << 16
"""Number of rows that are changed together when all are."""

SMALLEST = torch.finfo(torch.float32).tiny
"""What a denominator is at least."""

EXACT = ("last", "sums", "scales", "decays")
"""The state that torch would load with the precision of the weights."""


class RowAdam(AdamW):
    """Adam, or AdamW, that updates the rows of large tables when their words occur.

    The weights that a model computes with, or that are stored, are those of Adam but for rounding,
    and but for eps where the root of v is not large against it: the steps that a row missed have
    their mean share of it.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate.
        betas: Decay of the averages of the gradient and of its square.
        eps: Added to the root of the second.
        weight_decay: Share of each weight that is taken off at each step, times the learning rate.
        min_rows: Number of rows from which a table is updated by rows.
        fused: Whether the other weights are updated in a fused kernel.

    Raises:
        ValueError: A row that waits would take ever larger steps.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        min_rows: int = MIN_ROWS,
        fused: bool | None = None,
    ) -> None:
        first, second = betas
        if first > second:
            raise ValueError(f"betas={list(betas)}: expected the first to be at most the second")
        super().__init__(params, lr, (first, second), eps, weight_decay, fused=fused)
        self._step_supports_amp_scaling = False  # rows need gradients without a scale
        self.min_rows = min_rows
        self._tables: dict[nn.Parameter, nn.Embedding] = {}
        self._handles: list[Any] = []

    def watch(self, tables: Iterable[nn.Embedding]) -> None:
        """Let tables compute, store and load current weights; their gradients must be sparse."""
        for table in tables:
            weight: Any = table.weight  # a parameter; torch's types are wider
            self._tables[weight] = table
            self._handles += [
                table.register_forward_hook(partial(self._catch_up_output, weight)),
                table.register_state_dict_post_hook(partial(self._catch_up_stored, weight)),
                table.register_load_state_dict_post_hook(partial(self._loaded, weight)),
            ]

    def release(self) -> None:
        """Give all rows what they missed, and watch the tables no longer."""
        for parameter in self._tables:
            self._settle(parameter)
        for handle in self._handles:
            handle.remove()
        for table in self._tables.values():
            table.sparse = False
        self._handles, self._tables = [], {}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step.

        Raises:
            ConfigError: Something else than looking words up uses the weights of a table.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        gradients = {one: one.grad for one in self._tables if one.grad is not None}
        for parameter in gradients:
            parameter.grad = None  # Adam leaves it out
        super().step()
        for parameter, gradient in gradients.items():
            parameter.grad = gradient
            self._step_rows(parameter, gradient)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state, with the weights of tables as they wait for what they missed."""
        found: dict[str, Any] = super().state_dict()
        for number, parameter in enumerate(_parameters(self.param_groups)):
            if parameter in self._tables and number in found["state"]:
                own = {**found["state"][number], "weights": parameter.detach()}
                found["state"][number] = own
        return found

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a state."""
        super().load_state_dict(state_dict)
        saved = chain.from_iterable(group["params"] for group in state_dict["param_groups"])
        for parameter, number in zip(_parameters(self.param_groups), saved, strict=True):
            known = state_dict["state"].get(number, {})
            if parameter not in self._tables or not known:
                continue
            own = self.state[parameter]
            if "count" not in known:  # of Adam itself, where no row waits
                own |= _fresh(parameter, int(known["step"]))
                continue
            own |= {name: known[name].to(parameter.device, copy=True) for name in EXACT}
            parameter.copy_(own.pop("weights"))

    def _step_rows(self, parameter: nn.Parameter, gradient: Tensor) -> None:
        """Update the rows of a table that have a gradient."""
        if not gradient.is_sparse:
            raise ConfigError(
                f"optimizer=row_adam: a table of the frontend with {len(parameter):,} rows has "
                "gradients for all of them, so its weights are used for more than looking up "
                "words. Choose optimizer=adamw, or raise optimizer.min_rows."
            )
        state, group = self._state(parameter), self._group(parameter)
        gradient = gradient.coalesce()
        index, values = gradient.indices()[0], gradient.values()
        weights, mean, square = self._caught_up(parameter, index)
        (first, second), step = group["betas"], state["count"] + 1
        mean.lerp_(values, 1 - first)
        square.mul_(second).addcmul_(values, values, value=1 - second)
        weights.mul_(1 - group["lr"] * group["weight_decay"])
        root = (square.sqrt() / math.sqrt(1 - second**step)).add_(group["eps"])
        weights.addcdiv_(mean, root, value=-group["lr"] / (1 - first**step))
        _put(parameter, state, index, (weights, mean, square))
        state["last"].index_fill_(0, index, state["since"] + 1)
        self._pass(state, group)
        if state["since"] == LONGEST:
            self._settle(parameter)

    def _pass(self, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Add a step to what the rows miss that wait."""
        state["count"] += 1
        state["since"] += 1
        state["step"] += 1
        (first, second), step, number = group["betas"], state["count"], state["since"]
        size = group["lr"] / (1 - first**step)
        kept = 1 - group["lr"] * group["weight_decay"]
        rest, device = 1 - second**step, state["sums"].device
        for name, base, share in (
            ("sums", first / math.sqrt(second), math.sqrt(rest)),
            ("scales", first / second, rest),
        ):
            powers = _powers(base, LONGEST, device)[LONGEST - number :]
            state[name][:number].mul_(kept).add_(powers, alpha=size * share)
        state["decays"][:number].mul_(kept)

    def _caught_up(self, parameter: nn.Parameter, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return copies of rows, (N, D), of the weights and both moments, as of the last step."""
        state, group = self._state(parameter), self._group(parameter)
        (first, second), number = group["betas"], state["since"]
        weights = parameter.detach().index_select(0, index)
        mean, square = (state[name].index_select(0, index) for name in ("exp_avg", "exp_avg_sq"))
        if not number:
            return weights, mean, square
        last = state["last"].index_select(0, index)
        waited = (number - last).double()
        sums, scales, decays = (state[name].index_select(0, last) for name in EXACT[1:])
        scales = scales.div_(sums.clamp_min(SMALLEST)).mul_(group["eps"])
        one, two = torch.pow(first, waited), torch.pow(second, waited)
        sums, scales, decays, one, two = (
            each.to(parameter.dtype).unsqueeze(1) for each in (sums, scales, decays, one, two)
        )
        # Without moments and without a step to catch up with, all of it is zero.
        missed = mean * sums / (square.sqrt() + scales).clamp_min_(SMALLEST)
        return weights * decays - missed, mean * one, square * two

    @torch.no_grad()
    def _settle(self, parameter: nn.Parameter, *, moments_only: bool = False) -> None:
        """Give all rows of a table what they missed."""
        state = self.state.get(parameter)
        if not state or not state["since"]:
            return
        for start in range(0, len(parameter), CHUNK):
            stop = min(start + CHUNK, len(parameter))
            index = torch.arange(start, stop, device=parameter.device)
            rows = self._caught_up(parameter, index)
            kept = parameter.detach()[start:stop].clone() if moments_only else rows[0]
            _put(parameter, state, index, (kept, *rows[1:]))
        state |= _fresh(parameter, state["count"])

    def _catch_up_output(
        self, parameter: nn.Parameter, table: nn.Module, args: tuple[Tensor], output: Tensor
    ) -> Tensor | None:
        if not self._waits(parameter):
            return None
        with torch.no_grad():
            current, _, _ = self._caught_up(parameter, args[0].reshape(-1))
            missed = current.view_as(output) - output
        return output + missed

    def _catch_up_stored(
        self, parameter: nn.Parameter, table: nn.Module, state: dict[str, Any], prefix: str, *_: Any
    ) -> None:
        if self._waits(parameter):
            index = torch.arange(len(parameter), device=parameter.device)
            state[f"{prefix}weight"] = self._caught_up(parameter, index)[0]

    def _loaded(self, parameter: nn.Parameter, *_: Any) -> None:
        """Take loaded weights for current."""
        self._settle(parameter, moments_only=True)

    def _waits(self, parameter: nn.Parameter) -> bool:
        return bool(self.state.get(parameter) and self.state[parameter]["since"])

    def _state(self, parameter: nn.Parameter) -> dict[str, Any]:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state |= _fresh(parameter, 0)
            state |= {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
        return state

    def _group(self, parameter: nn.Parameter) -> dict[str, Any]:
        groups = self.param_groups
        return next(one for one in groups if any(other is parameter for other in one["params"]))


def by_rows(make: Callable[..., Any], model: nn.Module, part: nn.Module) -> list[nn.Embedding]:
    """Let the gradients of tables be sparse that are updated by rows, and return these tables.

    They are those of at least ``min_rows`` rows that nothing else shares, where ``make`` makes a
    `RowAdam`; elsewhere none.

    Args:
        make: Function from parameters to an optimizer.
        model: The whole model.
        part: Its part that only looks words up.
    """
    function = getattr(make, "func", make)
    wanted = isinstance(function, type) and issubclass(function, RowAdam)
    least = getattr(make, "keywords", {}).get("min_rows", MIN_ROWS)
    shared = [id(one) for _, one in model.named_parameters(remove_duplicate=False)]
    found = []
    for table in part.modules():
        if not isinstance(table, nn.Embedding):
            continue
        plain = table.max_norm is None and not table.scale_grad_by_freq
        alone = table.weight.requires_grad and shared.count(id(table.weight)) == 1
        if wanted and plain and alone and table.num_embeddings >= least:
            table.sparse = True
            found.append(table)
    return found


def _fresh(parameter: nn.Parameter, count: int) -> dict[str, Any]:
    """Return the state of a table of which no row waits, after ``count`` steps."""
    device = parameter.device
    return {
        "step": torch.tensor(float(count)),  # torch wants one
        "count": count,
        "since": 0,
        "last": torch.zeros(len(parameter), dtype=torch.int64, device=device),
        "sums": torch.zeros(LONGEST + 1, dtype=torch.float64, device=device),
        "scales": torch.zeros(LONGEST + 1, dtype=torch.float64, device=device),
        "decays": torch.ones(LONGEST + 1, dtype=torch.float64, device=device),
    }


@functools.cache
def _powers(base: float, highest: int, device: torch.device) -> Tensor:
    """Return the powers of a number from the highest to the first."""
    return torch.pow(base, torch.arange(highest, 0, -1, dtype=torch.float64, device=device))


def _put(
    parameter: nn.Parameter, state: dict[str, Any], index: Tensor, rows: Sequence[Tensor]
) -> None:
    targets = (parameter, state["exp_avg"], state["exp_avg_sq"])
    for target, values in zip(targets, rows, strict=True):
        target.detach().index_copy_(0, index, values)


def _parameters(groups: Iterable[dict[str, Any]]) -> Iterator[nn.Parameter]:
    return chain.from_iterable(group["params"] for group in groups)
