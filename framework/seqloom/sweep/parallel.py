"""A trial's place among those that run at once on this machine, by the launcher that runs them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from seqloom.config.freeze import Config
from seqloom.sweep import shares
from seqloom.sweep.plan import has_plan, read_plan

log = logging.getLogger("seqloom")


@contextmanager
def own_share(sweep: str, launcher: DictConfig, config: Config) -> Iterator[None]:
    """Keep a trial to its own share of cores and GPUs, and wait for one if need be.

    Only for launchers that run several trials on this machine at once: ``joblib`` and
    ``submitit_local``. Slurm deals out machines itself.

    Args:
        sweep: the sweep's folder.
        launcher: Hydra's settings of it.
        config: the trial's.
    """
    folder = Path(sweep)
    cores, gpus = shares.cores(), shares.gpus()
    planned = len(read_plan(folder).trials) if has_plan(folder) else len(cores)
    places = min(slots(launcher, config, len(cores), len(gpus)), planned)
    if places < 2:
        yield
        return
    # Kept until the process ends: a joblib worker that has woken CUDA cannot change its GPU.
    slot = shares.claim(places, str(folder.absolute()))
    devices = _gpus_wanted(config["trainer"], len(gpus), places)
    mine = shares.share(slot.number, places, cores, gpus, devices)
    with shares.apply(mine, config["threads"]):
        yield


def slots(launcher: DictConfig, config: Config, cores: int, gpus: int) -> int:
    """Return how many trials the launcher may run at once on this machine.

    Submitit starts all jobs of a local sweep at once; as many as there is room for go on.

    >>> from omegaconf import OmegaConf
    >>> slots(OmegaConf.create({"_target_": "x.JoblibLauncher", "n_jobs": -1}), {}, cores=8, gpus=0)
    8
    """
    target = str(launcher._target_).rpartition(".")[2]
    if target == "JoblibLauncher":
        return jobs_of(int(launcher.get("n_jobs") or 1), cores)
    if target == "LocalLauncher":
        devices = config["trainer"].get("devices", 1)
        ranks = devices if isinstance(devices, int) and devices > 0 else 1
        places = cores // ((config["threads"] or 1) * ranks)
        wanted = _gpus_wanted(config["trainer"], gpus, max(1, places))
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
