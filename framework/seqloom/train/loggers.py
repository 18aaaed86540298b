"""The loggers of a run: what they get besides the steps, and how their runs end.

Lightning tells loggers the metrics of each step. Here they also get the frozen config as
hyper-parameters, the identity of the run, so that a resumed run continues the same entry, and the
final scores.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from seqloom.config.run_config import RunConfig, Section
from seqloom.errors import Cause, DataError, RunError, SeqloomError, printable, shortened
from seqloom.files import explained, read_json, write_json
from seqloom.train.csv_table import keep_rows
from seqloom.train.folder import RunFolder
from seqloom.train.instantiate import build
from seqloom.train.ranks.distributed import is_first

log = logging.getLogger("seqloom")

ENDINGS = ("finish", "end", "close")
"""Names of the method that ends the run of a logger's service."""

METHODS = ("log_hyperparams", "log_metrics", "save", "finalize")
"""Methods of a logger by which it writes."""

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_ERROR_REPORTING": "false"}
"""Environment variables that keep services from reporting to their makers."""


NOISY = "mlflow.store.db.utils"
"""The log in which MLflow prints the traceback of an error of its database that it also raises."""


class Loggers:
    """The loggers that a config names.

    Args:
        cfg: Config of the run.
        folder: Folder of the run, which keeps the ids of its entries in services.
        first: Whether this process is the first rank. Others build no loggers: MLflow's would
            open its database, and several would create it at the same time.

    Attributes:
        pruned: Whether a sweep stopped the run early, which services are told at the end.
    """

    pruned = False

    def __init__(self, cfg: RunConfig, folder: RunFolder, *, first: bool = True) -> None:
        self.cfg, self.folder = cfg, folder
        sections = (cfg.logger or {}) if first else {}
        if sections:
            for name, value in QUIET.items():
                os.environ.setdefault(name, value)
            logging.getLogger(NOISY).addFilter(_is_no_traceback)
        self.known = _read(folder.logger_ids)
        self.resumed = set(self.known)
        self.built = {name: self._build(name, one) for name, one in sections.items()}

    def _build(self, name: str, section: Section) -> Any:
        identity = _identity(section, self.known.get(name, {}), self.folder)
        logger = build({**section, **identity}, f"logger.{name}")
        for method in METHODS:
            if callable(call := getattr(logger, method, None)):
                setattr(logger, method, _told(call, name))
        return logger

    @property
    def all(self) -> list[Any]:
        """The loggers, for Lightning."""
        return list(self.built.values())

    def start(self) -> None:
        """Log the config as hyper-parameters, and store the ids of the entries."""
        if not is_first():
            return
        self.known |= {name: _told(_ids, name)(logger) for name, logger in self.built.items()}
        if any(self.known.values()):  # before anything takes time: a process may be killed
            write_json(self.folder.logger_ids, {n: ids for n, ids in self.known.items() if ids})
        for name, logger in self.built.items():
            if name not in self.resumed or not _told(_has_parameters, name)(logger):
                logger.log_hyperparams(self.cfg.to_plain())

    def leave_out(self, logged: Iterable[Mapping[str, Any]], steps: int) -> None:
        """Do not log again what the former attempt has logged to the entries that continue.

        Services keep what they got: a step that is trained again would be there twice. A table of
        CSV keeps the steps before.

        Args:
            logged: Rows of ``metrics.jsonl`` after the checkpoint.
            steps: Number of steps before the checkpoint.
        """
        known = [(row.get("step"), frozenset(row) - {"step"}) for row in logged]
        for name, logger in self.built.items():
            if self.known.get(name):
                logger.log_metrics = _but(known, logger.log_metrics)
            if _is(logger, "CSVLogger"):
                _told(keep_rows, name)(logger, steps)

    def log_scores(
        self,
        scores: Mapping[str, Mapping[str, float]],
        step: int,
        monitored: str | None = None,
    ) -> None:
        """Log the final metrics of the best checkpoint.

        Those of the test split as ``test/f1``, those of validation as ``best/val/f1``, beside the
        ``val/f1`` of each epoch. TensorBoard compares runs by ``hp_metric``, the best value of the
        monitor.

        Args:
            scores: Metrics by split and name.
            step: Number of optimizer steps.
            monitored: Name of the metric that selects the best checkpoint.
        """
        names = {"val": "best/val"}
        metrics = {
            f"{names.get(split, split)}/{name}": value
            for split, values in scores.items()
            for name, value in values.items()
        }
        if not metrics or not is_first():
            return
        best = scores.get("val", {}).get(monitored or "")
        compared = {} if best is None else {"hp_metric": best}
        for logger in self.all:
            own = compared if _is(logger, "TensorBoardLogger") else {}
            logger.log_metrics(metrics | own, step)
            logger.save()

    @contextmanager
    def closed_at_the_end(self) -> Iterator[None]:
        """End the entries when the block ends: as successful, or as failed with its error.

        Otherwise, the next run in this process would be logged as this one: Lightning finalizes its
        loggers, but does not end the run of their service.
        """
        try:
            yield
        except BaseException:
            try:
                self._close("failed")
            except Exception as error:  # the error of the block is the cause
                log.warning("%s", str(error))
            raise
        self._close("pruned" if self.pruned else "success")

    def _close(self, status: str) -> None:
        for logger in self.all:
            if is_first():
                _finalize(logger, status)
            experiment = getattr(logger, "_experiment", None)
            for name in ENDINGS:
                ending = getattr(experiment, name, None)
                if callable(ending):
                    ours = _is(logger, "WandbLogger")
                    ending(**({"exit_code": int(status == "failed")} if ours else {}))
                    break


def _told(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a function of a logger whose errors are told in a sentence, but for those of a file.

    Services raise errors of many kinds: a database that is damaged, a server that is gone.
    """

    @wraps(call)
    def told(*args: Any, **more: Any) -> Any:
        try:
            return call(*args, **more)
        except Exception as error:
            is_of_file = isinstance(error, OSError) and explained(error) is not None
            if is_of_file or isinstance(error, SeqloomError):
                raise
            cause: BaseException = error
            while cause.__cause__ is not None:  # what a service itself says is often of no help
                cause = cause.__cause__
            (first, *_) = str(cause).strip().splitlines() or [type(cause).__name__]
            raise RunError(
                f"logger.{name} failed: {printable(shortened(first, 300)).rstrip('.')}. Check what "
                "it writes to, or train without it: logger=none resume=auto",
                cause=Cause.cannot_write,
            ) from error

    return told


def _but(known: list[tuple[Any, frozenset[str]]], log: Callable[..., None]) -> Callable[..., None]:
    """Return a function that logs metrics, except, once each, those of some steps and names."""
    left = Counter(known)

    def log_once(metrics: Mapping[str, float], step: int | None = None) -> None:
        key = (step, frozenset(metrics))
        if left[key] > 0:
            left[key] -= 1
        else:
            log(metrics, step)

    return log_once


def _finalize(logger: Any, status: str) -> None:
    """Tell a logger how its run ended: with ``success``, ``failed`` or ``pruned``."""
    if status != "pruned":
        logger.finalize(status)
    elif _is(logger, "MLFlowLogger"):
        logger.finalize("KILLED")
    else:
        if _is(logger, "WandbLogger"):
            logger.log_hyperparams({"state": status})
        logger.finalize("success")


def _identity(section: Section, known: Mapping[str, str], folder: RunFolder) -> dict[str, Any]:
    """Return arguments that name the entry of this run in a service: its id, its sweep.

    Arguments that the section sets are kept.
    """
    target = str(section.get("_target_", ""))
    name, sweep = _entry_name(folder.path), folder.sweep
    made: dict[str, Any] = {}
    if target.endswith(".WandbLogger"):
        made = {"id": known.get("id") or uuid.uuid4().hex[:12], "name": name, "resume": "allow"}
        made |= {"group": _entry_name(sweep)} if sweep else {}
    elif target.endswith(".MLFlowLogger"):
        made = {"run_id": known.get("run_id"), "run_name": name, "tracking_uri": _database(folder)}
        made |= {"tags": {"sweep": _entry_name(sweep)}} if sweep else {}
    return {key: value for key, value in made.items() if section.get(key) is None}


def _database(folder: RunFolder) -> str:
    """Return where MLflow keeps its entries: a database beside the folder of the run or sweep."""
    beside = (folder.sweep or folder.path).resolve().parent / "mlflow.db"
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{beside}"


def _entry_name(path: Path) -> str:
    """Return the name of a folder for people: relative to the working directory if it is inside."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name)


def _ids(logger: Any) -> dict[str, str]:
    """Return the id by which a service continues the entry of a logger; empty if it has none."""
    if _is(logger, "WandbLogger"):
        return {"id": str(logger.version)}
    if _is(logger, "MLFlowLogger"):
        return {"run_id": str(logger.run_id)}
    return {}


def _has_parameters(logger: Any) -> bool:
    """Return whether MLflow has the config already; it refuses a value that differs, as resume."""
    if not _is(logger, "MLFlowLogger"):
        return False
    return bool(logger.experiment.get_run(logger.run_id).data.params)


def _is_no_traceback(record: logging.LogRecord) -> bool:
    """Return whether a message of a log has no traceback: the error is told in a sentence."""
    return record.exc_info is None


def _is(logger: Any, name: str) -> bool:
    """Return whether a logger is of a class of Lightning, without importing its service."""
    return any(one.__name__ == name for one in type(logger).__mro__)


def _read(path: Path) -> dict[str, dict[str, str]]:
    """Return the ids of a run's entries by logger; those that are not ids are left out."""
    try:
        found = read_json(path)
    except (OSError, DataError) as error:
        if path.exists():
            log.warning("%s cannot be read: loggers start new entries. (%s)", path, str(error))
        return {}
    return {
        name: {key: one for key, one in ids.items() if isinstance(one, str)}
        for name, ids in found.items()
        if isinstance(ids, dict)
    }
