"""Hooks on a pipeline that tell a stopwatch which part computes, forward and backward.

Going backward, the gradient of a layer's output is known at the moment when the backward pass of
this layer begins: hooks on those tensors tell the passes apart. No hook changes a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

from torch import Tensor, nn

from seqloom.interfaces import Encoder
from seqloom.model.pipeline import Pipeline
from seqloom.nn import Layer, Stack
from seqloom.train.profile.stopwatch import Label, Stopwatch

FRONTEND, ENCODER, HEAD = "frontend", "encoder", "head"


def layer_name(name: str) -> str:
    """Return the name of the part that a layer of the encoder is.

    >>> layer_name("layer 1")
    'encoder: layer 1'
    """
    return f"{ENCODER}: {name}"


def layers_of(encoder: Encoder) -> dict[str, nn.Module]:
    """Return the layers of an encoder by their names: those of its stack, or its children."""
    stack = next((one for one in encoder.modules() if isinstance(one, Stack)), None)
    if stack is not None:
        return {f"layer {number}": one for number, one in enumerate(stack.layers, 1)}
    found: dict[str, nn.Module] = {}
    for name, child in encoder.named_children():
        inner = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        found |= {f"{name} {number}".strip(): one for number, one in inner}
    return {name: one for name, one in found.items() if any(True for _ in one.parameters())}


class Seen:
    """What the encoder read in the steps.

    Attributes:
        batches: Number of batches.
        examples: Number of sequences.
        steps: Number of their steps.
        padded: Number of steps with the padding.
        paths: How often each layer computed a batch in which way, by the name of its part.
    """

    def __init__(self) -> None:
        self.batches = self.examples = self.steps = self.padded = 0
        self.paths: dict[str, Counter[str]] = {}

    def add(self, values: Tensor, lengths: Tensor) -> None:
        """Count a batch of features, (B, T, D)."""
        self.batches += 1
        self.examples += len(values)
        self.steps += int(lengths.sum())
        self.padded += values.shape[0] * values.shape[1]


class Hooks:
    """Charges the modules of a pipeline to a stopwatch.

    Args:
        pipeline: Pipeline to watch.
        stopwatch: Stopwatch to tell.

    Attributes:
        seen: What the encoder read while the stopwatch was running.
    """

    def __init__(self, pipeline: Pipeline, stopwatch: Stopwatch) -> None:
        self.pipeline, self.stopwatch = pipeline, stopwatch
        self.seen = Seen()
        self._depth = 0  # how far the backward pass has come
        self._backward = False

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Watch the pipeline in the block."""
        model = self.pipeline.model
        layers = layers_of(model.encoder)
        with ExitStack() as stack:
            self._watch(stack, model.frontend, FRONTEND, len(layers) + 2)
            self._watch(stack, model.encoder, ENCODER, 1)
            for depth, (name, layer) in enumerate(reversed(layers.items()), 2):
                self._watch(stack, layer, layer_name(name), depth)
            head = self.pipeline.head
            self._watch(stack, head, HEAD, 0)
            for name in ("loss", "decode"):
                stack.enter_context(self.replaced(head, name, Label(HEAD)))
            yield

    @contextmanager
    def replaced(self, owner: Any, name: str, label: Label) -> Iterator[None]:
        """Charge the calls of an object's method to a part in the block."""
        setattr(owner, name, self.stopwatch.timed(getattr(owner, name), label))
        try:
            yield
        finally:
            delattr(owner, name)

    @contextmanager
    def backward(self) -> Iterator[None]:
        """Charge the block to the backward passes of the parts; it begins with that of the loss."""
        self._depth, self._backward = 0, True
        try:
            with self.stopwatch.part(Label(HEAD, "backward")):
                yield
        finally:
            self._backward = False

    def _watch(self, stack: ExitStack, module: nn.Module, part: str, depth: int) -> None:
        def before(_: nn.Module, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
            if self.stopwatch.is_running and isinstance(module, Layer):
                self._note_path(part, module, (*args, *named.values()))
            self.stopwatch.enter(Label(part))

        def after(_: nn.Module, __: Any, output: Any) -> None:
            self.stopwatch.leave()
            if not self.stopwatch.is_running:
                return
            if part == FRONTEND:
                self.seen.add(output.values, output.lengths)
            for tensor in tensors_of(output):
                if tensor.requires_grad and depth:
                    tensor.register_hook(self._reached(part, depth))

        # `before` first and `after` last, around whatever other hooks do.
        handle = module.register_forward_pre_hook(before, with_kwargs=True, prepend=True)
        stack.callback(handle.remove)
        stack.callback(module.register_forward_hook(after).remove)

    def _note_path(self, part: str, layer: Layer, args: tuple[Any, ...]) -> None:
        with self.stopwatch.part(Label("profiling")):
            text = layer.explain(args[0], args[1])
        if text:
            self.seen.paths.setdefault(part, Counter())[text] += 1

    def _reached(self, part: str, depth: int) -> Callable[[Tensor], None]:
        def reached(_: Tensor) -> None:
            if self._backward and depth > self._depth:
                self._depth = depth
                self.stopwatch.switch(Label(part, "backward"))

        return reached


def tensors_of(output: Any) -> Iterator[Tensor]:
    """Yield the tensors of a module's output, but not those of outputs that it refers to."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, tuple | list):
        for one in output:
            yield from tensors_of(one)
    elif is_dataclass(output):
        found = (getattr(output, one.name) for one in fields(output))
        yield from (one for one in found if isinstance(one, Tensor))
