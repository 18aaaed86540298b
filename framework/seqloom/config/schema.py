"""The schema of a run's config, except for the components."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from seqloom.plugins.component import REQUIRED


class OnBad(StrEnum):
    """What to do with an example that cannot be used."""

    error = "error"
    skip = "skip"


class OnLong(Enum):  # a string has a method named split
    """What to do with a training example that is too long."""

    error = "error"
    skip = "skip"
    truncate = "truncate"
    split = "split"

    def __str__(self) -> str:  # as completion shows it
        return self.value


class Resume(StrEnum):
    """Whether a run is resumed from the checkpoint in its folder."""

    never = "never"
    auto = "auto"


class InitClasses(Enum):
    """What happens to a trained model's classes, such as an alphabet, on new data."""

    keep = "keep"
    merge = "merge"
    replace = "replace"

    def __str__(self) -> str:  # as completion shows it
        return self.value


class Mode(StrEnum):
    """Whether higher or lower values of the monitored metric are better."""

    max = "max"
    min = "min"


@dataclass
class Batch:
    """Settings of batches.

    Attributes:
        max_examples: Maximum number of examples in a training batch; other batches have up to four
            times as many, and up to four times the ``max_cost``.
        max_cost: Maximum padded size of a batch (longest cost × examples, in tokens or pixels);
            null: no limit. Example: ``4000``.
        workers: Number of worker processes that load and augment; 0: the training process does it.
        max_length: Maximum number of tokens of a training example; null: no limit. ``val`` and
            ``test`` stay whole. Example: ``512``. Since 0.2.
        on_long: What to do with a training example that has more tokens. ``error``: handle it like
            any example that cannot be used, see ``on_bad``; ``skip``: leave it out; ``truncate``:
            use its first tokens; ``split``: split it into several examples, if it has only tokens
            and tags. Entities with fewer tokens are not cut in two. Since 0.2.
    """

    max_examples: int = 16
    max_cost: int | None = None
    workers: int = 0
    max_length: int | None = None
    on_long: OnLong = OnLong.error


@dataclass
class Budget:
    """How long a run trains if neither ``trainer.max_epochs`` nor ``trainer.max_steps`` is set.

    A fixed number of epochs is too short for a small data set, whose epochs have few steps.

    Attributes:
        epochs: Number of epochs, if that gives at least ``min_steps`` steps.
        min_steps: Minimum number of optimizer steps; if ``epochs`` gives fewer, the run has more
            epochs. Null: as many as the head suggests, or 0. Example: ``1500``.
        max_epochs: Maximum number of epochs that ``min_steps`` may lead to.
    """

    epochs: int = 10
    min_steps: int | None = None
    max_epochs: int = 100


@dataclass
class Run:
    """A run: its components and its settings.

    Attributes:
        run_dir: Folder for all files of the run; with ``-m``, the folder of the sweep. By default
            it is named after the date and time. Example: ``runs/mine``.
        seed: Seed of weights, order, dropout and augmentation.
        resume: ``auto``: resume from the newest checkpoint in ``run_dir``, if there is one. This is
            the default of a Slurm batch job in a folder that the same job wrote.
        save_every: Number of steps (``200``), or time (``30s``, ``10m``, ``1h``), between
            checkpoints within an epoch; null: only after each epoch. Example: ``10m``. Since 0.2.
        on_bad: ``skip``: skip examples that cannot be used; they are counted and listed.
        threads: Number of CPU threads that torch may use; null: torch's default. More than one is
            faster for large models on idle cores, and slower on busy ones. With two, both
            directions of a bidirectional encoder are computed at the same time.
        init: Bundle or run folder to start from. The run takes its frontend, encoder and head with
            their parameters, its codecs and its weights. Example: ``runs/mine/bundle``.
        init_classes: What happens to the classes of the head of ``init``. ``keep``: no change;
            ``merge``: add those of the new data; ``replace``: use only those of the new data.
            Classes that are in both keep their weights.
        freeze: Modules that are not trained: ``frontend``, ``encoder.stack``, …
            Example: ``[frontend]``.
        disable_plugins: Names of plugins, or of their distributions, that this run does not use.
            Example: ``[handwriting]``.
        title: Title of the report; null: the names of encoder, head and data.
            Example: ``Baseline``.
        monitor: Validation metric that selects the best checkpoint, and that early stopping, a
            plateau schedule and a sweep use; null: the head's own. Example: ``val/f1_macro``. Since
            0.2.
        mode: Whether higher (``max``) or lower (``min``) values of ``monitor`` are better; null: as
            the head says. Since 0.2.
        baseline: Whether to evaluate simple models too, such as the most frequent class, if the
            head has any. Since 0.2.
        copy_to: URL of a folder that gets a copy of ``run_dir`` after each epoch and at the end:
            ``s3://…``, ``gs://…``, ``file:///…``, or any other that fsspec knows. If ``run_dir``
            contains no run, ``resume=auto`` restores it from this copy. Each trial of a sweep gets
            a subfolder. Example: ``s3://bucket/run``. Since 0.2.
        time_limit: Time limit of the program: ``30m``, ``23.5h``, seconds, ``HH:MM:SS`` or
            ``DD:HH:MM:SS``. Before the limit, as before the end of a Slurm job, the run writes a
            checkpoint and exits with status 75, so that it can be resumed. Null: only the limit of
            Slurm. Example: ``23.5h``. Since 0.2.
        max_restarts: Number of times that the ranks of a run are restarted from its newest
            checkpoint after one of them was killed or hung. Since 0.2.
        hang_timeout: Seconds without progress in training after which a process counts as hung; the
            run then ends and its stack is written. Null: never. Since 0.2.
        cache: Folder of the cache of encoded data, which saves encoding large text files again;
            ``auto``: ``$SEQLOOM_CACHE`` or the user's cache folder; ``off``: no cache. Since 0.2.
    """

    data: Any = REQUIRED
    frontend: Any = REQUIRED
    encoder: Any = REQUIRED
    head: Any = REQUIRED
    batch: Batch = field(default_factory=Batch)
    budget: Budget = field(default_factory=Budget)
    optimizer: Any = REQUIRED
    scheduler: Any = None
    trainer: Any = REQUIRED
    callbacks: Any = None
    logger: Any = None
    run_dir: str = REQUIRED
    seed: int = 1
    resume: Resume = Resume.never
    save_every: str | None = None
    on_bad: OnBad = OnBad.error
    threads: int | None = 1
    init: str | None = None
    init_classes: InitClasses = InitClasses.keep
    freeze: list[str] = field(default_factory=list)
    disable_plugins: list[str] = field(default_factory=list)
    title: str | None = None
    monitor: str | None = None
    mode: Mode | None = None
    baseline: bool = False
    copy_to: str | None = None
    time_limit: str | None = None
    max_restarts: int = 0
    hang_timeout: float | None = 1800.0
    cache: str = "auto"
