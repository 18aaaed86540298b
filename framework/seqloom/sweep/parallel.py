"""A trial's place among those that run at once on this machine, by the launcher that runs them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from seqloom.config.run_config import Section
from seqloom.sweep import shares
from seqloom.sweep.plan import has_plan, read_plan

log = logging.getLogger("seqloom")


@contextmanager
def own_share(
    sweep: str, launcher: DictConfig, trainer: Section, threads: int | None
) -> Iterator[None]:
    """Keep a trial to its own share of cores and GPUs, and wait for one if need be.

    Only for launchers that run several trials on this machine at once: ``joblib`` and
    ``submitit_local``. Slurm deals out machines itself.

    Args:
        sweep: the sweep's folder.
        launcher: Hydra's settings of it.
        trainer: The config's section.
        threads: Number of CPU threads of the trial; None: as many as its share has cores.
    """
    folder = Path(sweep)
    cores, gpus = shares.cores(), shares.gpus()
    planned = len(read_plan(folder).trials) if has_plan(folder) else len(cores)
    places = min(slots(launcher, trainer, threads, len(cores), len(gpus)), planned)
    if places < 2:
        yield
        return
    # Kept until the process ends: a joblib worker that has woken CUDA cannot change its GPU.
    slot = shares.claim(places, str(folder.absolute()))
    devices = _gpus_wanted(trainer, len(gpus), places)
    mine = shares.share(slot.number, places, cores, gpus, devices)
    with shares.apply(mine, threads):
        yield


def slots(
    launcher: DictConfig, trainer: Section, threads: int | None, cores: int, gpus: int
) -> int:
    """Return how many trials the launcher may run at once on this machine.

    Submitit starts all jobs of a local sweep at once; as many as there is room for go on.

    >>> from omegaconf import OmegaConf
    >>> launcher = OmegaConf.create({"_target_": "x.JoblibLauncher", "n_jobs": -1})
    >>> slots(launcher, {}, None, cores=8, gpus=0)
    8
    """
    target = str(launcher._target_).rpartition(".")[2]
    if target == "JoblibLauncher":
        return jobs_of(int(launcher.get("n_jobs") or 1), cores)
    if target == "LocalLauncher":
        devices = trainer.get("devices", 1)
        ranks = devices if isinstance(devices, int) and devices > 0 else 1
        places = cores // ((threads or 1) * ranks)
        wanted = _gpus_wanted(trainer, gpus, max(1, places))
        return max(1, min(places, gpus // wanted) if wanted else places)
    return 1


def jobs_of(n_jobs: int, cores: int) -> int:
    """Return how many jobs joblib's ``n_jobs`` means: -1 is one for each core, -2 one fewer.

    >>> jobs_of(-2, cores=8)
    7
    """
    return n_jobs if n_jobs > 0 else max(1, cores + 1 + n_jobs)


def _gpus_wanted(trainer: dict[str, Any], gpus: int, places: int) -> int:
    """Return how many GPUs a trial takes; 0 where it takes none, or names them itself."""
    if not gpus or trainer.get("accelerator") not in ("auto", "gpu", "cuda"):
        return 0
    devices = trainer.get("devices", 1)
    if isinstance(devices, int) and devices > 0:
        return devices
    return max(1, gpus // places) if devices in ("auto", -1, "-1") else 0
