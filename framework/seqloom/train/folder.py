"""A run's folder: its files, and whether a run may start or be resumed in it."""

from __future__ import annotations

import logging
import math
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqloom.config.run_config import RunConfig
from seqloom.errors import Cause, DataError, RunError, plural
from seqloom.files import finite, read_json, read_jsonl, refuse_odd, write_text
from seqloom.train.foreign_link import refuse_foreign_link
from seqloom.train.settings import MAY_CHANGE, ROUNDING, WITHOUT_EFFECT, completed, differing
from seqloom.train.stored_record import has_types, read_record, unreadable
from seqloom.yaml_file import read_yaml

log = logging.getLogger("seqloom")

SHOWN = 5
"""Maximum number of damaged lines of a file that are named."""

LAST, PREVIOUS, BEST, BEST_COPY = "last.ckpt", "previous.ckpt", "best.ckpt", "best_copy.ckpt"
"""Names of a run's checkpoints; the second and the fourth are there in case another is damaged."""

SWEEP_PLAN = "sweep.json"
"""The name of the file that says which trials a sweep has."""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.jsonl``; empty if it does not exist.

    A last line that is incomplete, because it is being written or its process was killed, is left
    out; so are damaged ones, with a warning.

    Raises:
        OSError: The file cannot be read.
        DataError: The file is far too large.
    """
    damaged: list[str] = []
    try:
        rows = read_jsonl(path, damaged)
    except FileNotFoundError:
        return []
    for problem in damaged[:SHOWN]:
        log.warning("%s The line is left out.", problem)
    if len(damaged) > SHOWN:
        more = len(damaged) - SHOWN
        lines = plural(more, "line is", "lines are")
        log.warning("%s: %d more %s left out.", path, more, lines)
    return rows


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        run_dir: Folder of the run.
        metrics: Metrics by split and name: ``result.metrics["test"]["f1"]``.
        monitor: Name of the metric by which the best checkpoint was chosen.
        notes: Sentences on how the training went, such as that it should have been longer.
        baselines: Metrics of simple models by model, split and name, with ``baseline=true``.
    """

    run_dir: Path
    metrics: dict[str, dict[str, float]]
    monitor: str
    notes: tuple[str, ...] = ()
    baselines: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    @property
    def bundle(self) -> Path:
        """The folder of the best model."""
        return RunFolder(self.run_dir).bundle

    @property
    def report(self) -> Path:
        """The report."""
        return RunFolder(self.run_dir).report


@dataclass(frozen=True)
class RunFolder:
    """The folder that holds everything of a run; it knows the name of each file in it."""

    path: Path

    @property
    def config_file(self) -> Path:
        """The frozen config."""
        return self.path / "config.yaml"

    @property
    def codecs(self) -> Path:
        """The states of the fitted codecs."""
        return self.path / "codecs.json"

    @property
    def codec_files(self) -> Path:
        """The folder of the bytes in the codecs' states; it exists only if there are any."""
        return self.path / "codecs"

    @property
    def contents(self) -> Path:
        """The hashes of the examples, to tell whether data changed or splits overlap."""
        return self.path / "contents.npz"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.checkpoints / LAST

    @property
    def previous(self) -> Path:
        """The last checkpoint but one, in case the last is damaged."""
        return self.checkpoints / PREVIOUS

    @property
    def best(self) -> Path:
        """The checkpoint of the best model."""
        return self.checkpoints / BEST

    @property
    def best_copy(self) -> Path:
        """A copy of the best checkpoint, in case that is damaged."""
        return self.checkpoints / BEST_COPY

    @property
    def resumable(self) -> bool:
        """Whether there is a checkpoint to resume from; `open` leaves none to a new run."""
        return self.last.exists() or self.previous.exists()

    @property
    def bundle(self) -> Path:
        """The best model."""
        return self.path / "bundle"

    @property
    def metrics_log(self) -> Path:
        """The metrics by step."""
        return self.path / "metrics.jsonl"

    @property
    def metrics(self) -> Path:
        """The final metrics."""
        return self.path / "metrics.json"

    @property
    def baselines(self) -> Path:
        """The final metrics of simple models; only with ``baseline=true``."""
        return self.path / "baselines.json"

    @property
    def record(self) -> Path:
        """The record of the run: its state, attempts, versions and results."""
        return self.path / "run.json"

    @property
    def report(self) -> Path:
        """The report."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """The log, which `seqloom.train.run_log` writes."""
        return self.path / "train.log"

    @property
    def stack(self) -> Path:
        """The stack of a run on one device that hangs."""
        return self.path / "stack.txt"

    @property
    def ranks_start(self) -> Path:
        """The file by which processes of other nodes see that they share the folder."""
        return self.ranks / "start.json"

    @property
    def preempted(self) -> Path:
        """The file by which a launcher tells its ranks that they are to end; see `ranks`."""
        return self.ranks / "preempted"

    @property
    def ranks(self) -> Path:
        """The folder of what ranks read and leave, such as logs; only if there were several."""
        return self.path / "ranks"

    @property
    def logger_ids(self) -> Path:
        """The ids of the run's entries in the services of its loggers; only if there are any."""
        return self.path / "loggers.json"

    @property
    def sweep(self) -> Path | None:
        """The folder of the sweep that the run is a trial of; None if it is a single run."""
        parent = self.path.parent
        is_trial = self.path.name.isdecimal() and (parent / SWEEP_PLAN).exists()
        return parent if is_trial else None

    def remote(self, url: str | None) -> str | None:
        """Return the URL of this run's copy below a URL; a trial of a sweep has one of its own."""
        return f"{url.rstrip('/')}/{self.path.name}" if url and self.sweep else url

    @property
    def rank_summary(self) -> Path:
        """The summary that the first rank leaves for the process that launched it."""
        return self.ranks / "summary.json"

    def rank_error(self, rank: int | str) -> Path:
        """Return the file in which a rank leaves its error; ``*`` as the rank matches all."""
        return self.ranks / f"error_{rank}.json"

    @property
    def encoded(self) -> Path:
        """The encoded data, for ranks to load; removed when they have ended."""
        return self.ranks / "data"

    @property
    def skipped(self) -> Path:
        """The examples that ``on_bad=skip`` left out, one JSON object a line."""
        return self.path / "skipped.jsonl"

    def read_record(self) -> dict[str, Any]:
        """Return the record of the run; empty if it never started, or if the file is damaged.

        Raises:
            RunError: The record exists, but cannot be read.
        """
        try:
            record = read_record(self.record)
            if not has_types(record):
                raise DataError(f"{self.record}: its values are not those of a run's record.")
            return record
        except FileNotFoundError:
            return {}
        except DataError as error:
            log.warning("%s The record of the run is damaged and will be replaced.", error)
            return {}
        except OSError as error:
            raise unreadable(self.record, error) from error

    def config(self) -> RunConfig:
        """Return the config of the folder's run.

        Raises:
            RunError: The file is damaged.
        """
        try:
            return RunConfig.from_plain(read_yaml(self.config_file))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.config_file} is missing, so the run of the checkpoints beside it cannot be "
                "resumed. Put it back, or use a new run_dir."
            ) from error
        except OSError as error:
            raise unreadable(self.config_file, error) from error
        except (DataError, LookupError, TypeError, ValueError) as error:
            raise RunError(
                f"{self.config_file} is damaged, so the run cannot be resumed. Use a new run_dir. "
                f"({error})"
            ) from error

    def result(self) -> Result:
        """Return the result of a run that is finished."""
        record = self.read_record()
        metrics = {
            split: {name: math.nan if value is None else value for name, value in values.items()}
            for split, values in record["metrics"].items()
        }
        notes = tuple(record.get("notes") or ())
        return Result(self.path, metrics, record["monitor"], notes, record.get("baselines") or {})

    def nothing_left(self, cfg: RunConfig) -> bool:
        """Return whether ``resume=auto`` finds this very run in the folder, done or pruned."""
        record = self.read_record()
        state = record.get("state")
        complete = self.config_file.exists() and self.bundle.exists()
        return (
            cfg.resume == "auto"
            and ((state == "done" and complete and self._has_scores(record)) or state == "pruned")
            and not differing(
                completed(self.config().to_plain()),
                completed(cfg.to_plain()),
                but=WITHOUT_EFFECT | ROUNDING,
            )
        )

    def _has_scores(self, record: dict[str, Any]) -> bool:
        """Return whether ``metrics.json`` holds the scores of the record, which has a digest."""
        try:
            if read_json(self.metrics) == finite(record.get("metrics", {})):
                return True
        except FileNotFoundError:
            return False
        except (OSError, DataError) as error:
            log.debug("%s cannot be read: %s", self.metrics, error)
        log.warning(
            "%s does not hold the scores that %s has: they are computed again.",
            self.metrics,
            self.record.name,
        )
        return False

    def open(self, cfg: RunConfig) -> None:
        """Make the folder ready for a run, new or resumed, and write its config there.

        Raises:
            RunError: The folder holds a run, and this one must not or cannot resume it; or it has
                something else in the place of a file or a folder of a run.
        """
        import yaml

        self._refuse_odd()
        self._remove_drafts()
        # A run that failed or was preempted before its first checkpoint left nothing to resume.
        if (self.config_file.exists() or self.resumable) and not self._ended_early():
            self._refuse_other_run(cfg)
        else:
            for checkpoint in (self.last, self.previous, self.best, self.best_copy):
                checkpoint.unlink(missing_ok=True)
        text = yaml.safe_dump(cfg.to_plain(), sort_keys=False, allow_unicode=True)
        write_text(self.config_file, text)

    def require(self) -> None:
        """Require that the folder still exists.

        Raises:
            RunError: It was removed or renamed.
        """
        if not self.path.is_dir():
            raise RunError(
                f"{self.path} was removed or renamed during its run, so the run ends. If it was "
                "renamed, resume it from there: run_dir=… resume=auto"
            )

    def _refuse_odd(self) -> None:
        """Refuse what is no file, or a link to elsewhere, in the place of a file of the run.

        And a file in the place of a folder.
        """
        files = (
            *(self.config_file, self.codecs, self.contents, self.metrics_log, self.metrics),
            *(self.last, self.previous, self.best, self.best_copy, self.record, self.baselines),
            *(self.report, self.skipped, self.logger_ids, self.stack, *self.codec_files.glob("*")),
        )
        for file in files:
            refuse_odd(file)
            refuse_foreign_link(file)
        for folder in (self.checkpoints, self.bundle, self.codec_files, self.ranks):
            if not folder.is_dir() and os.path.lexists(folder):
                raise RunError(
                    f"{folder} is not a folder. Remove it, or use a new run_dir.",
                    cause=Cause.cannot_write,
                )
        for entry in self.ranks.glob("*"):
            refuse_foreign_link(entry)

    def _remove_drafts(self) -> None:
        """Remove incomplete files of a process that was killed."""
        for folder in (self.path, self.checkpoints):
            for pattern in (".*.part", ".*.old"):
                for path in folder.glob(pattern):
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    elif not path.name.startswith(".lease"):
                        path.unlink(missing_ok=True)

    def _ended_early(self) -> bool:
        state = self.read_record().get("state")
        ended = state in {"failed", "preempted"} or not self.record.exists()
        return ended and not self.resumable

    def _refuse_other_run(self, cfg: RunConfig) -> None:
        if cfg.resume != "auto":
            raise RunError(
                f"{self.path} already holds a run. Use a new run_dir, or resume the run: "
                "resume=auto",
                cause=Cause.folder_has_run,
            )
        changed = differing(
            completed(self.config().to_plain()), completed(cfg.to_plain()), but=MAY_CHANGE
        )
        if changed:
            raise RunError(
                f"{self.path} cannot be resumed with other settings: {', '.join(changed)}. Use the "
                "values of its config.yaml, or a new run_dir.",
                cause=Cause.folder_has_run,
            )
