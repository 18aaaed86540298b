"""The typed part of a run's config that belongs to no component."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from seqloom.plugins.component import REQUIRED


class OnBad(StrEnum):
    """What to do with an example that cannot be used."""

    error = "error"
    skip = "skip"


class Resume(StrEnum):
    """Whether a run goes on from a checkpoint in its own folder."""

    never = "never"
    auto = "auto"


class InitClasses(Enum):
    """What becomes of a trained model's classes, a reader's alphabet say, on new data."""

    keep = "keep"
    merge = "merge"
    replace = "replace"

    def __str__(self) -> str:  # as it is offered by completion
        return self.value


@dataclass
class Batch:
    """How examples are put into batches.

    Attributes:
        max_examples: cap of examples in a batch.
        max_cost: cap of its padded size (longest cost × examples, in tokens or pixels); null: none.
        workers: processes that load and augment; 0 does it in the training process.
    """

    max_examples: int = 16
    max_cost: int | None = None
    workers: int = 0


@dataclass
class Run:
    """A run: its parts, and what is said of the run itself.

    Attributes:
        run_dir: the folder that gets everything; under ``-m`` the sweep's folder.
        seed: of weights, order, dropout and augmentation.
        resume: ``auto`` goes on from the last epoch's checkpoint in ``run_dir`` if there is one.
        on_bad: ``skip`` leaves out examples that cannot be used, counts and lists them.
        threads: of the CPU that torch may use. More than one help large models on free cores, and
            beside a busy neighbour cost a multiple; null leaves it to torch.
        init: a bundle, or a run's folder, to begin from: its frontend, encoder and head with their
            parameters, its codecs and its weights.
        init_classes: what becomes of its head's classes: ``keep``; ``merge`` adds those of the new
            data; ``replace`` has those of the new data alone. What is in both keeps its weights.
        freeze: parts that do not train: ``frontend``, ``encoder.stack``, …
        disable_plugins: names of plugins, or of their distributions, that this run does without.
        title: of the report; null: the parts' names.
    """

    data: Any = REQUIRED
    frontend: Any = REQUIRED
    encoder: Any = REQUIRED
    head: Any = REQUIRED
    batch: Batch = field(default_factory=Batch)
    optimizer: Any = REQUIRED
    scheduler: Any = None
    trainer: Any = REQUIRED
    callbacks: Any = None
    logger: Any = None
    run_dir: str = REQUIRED
    seed: int = 1
    resume: Resume = Resume.never
    on_bad: OnBad = OnBad.error
    threads: int | None = 1
    init: str | None = None
    init_classes: InitClasses = InitClasses.keep
    freeze: list[str] = field(default_factory=list)
    disable_plugins: list[str] = field(default_factory=list)
    title: str | None = None
