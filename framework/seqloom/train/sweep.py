"""What a sweep came to: a table of its trials, and which was best."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from seqloom.files import write_json
from seqloom.train.folder import RunFolder


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep, as its folder tells.

    Attributes:
        folder: of the trial.
        record: its ``run.json``.
        metrics: its ``metrics.json``; empty if it did not end well.
    """

    folder: Path
    record: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, float]]

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return self.record.get("state") == "done"

    def score(self) -> float | None:
        """Return the watched metric on the validation split, higher being better; None: unknown."""
        value = self.metrics.get("val", {}).get(str(self.record.get("watch")))
        if value is None or not self.done:
            return None
        return value if self.record["higher_is_better"] else -value


def read_trials(folder: Path) -> list[Trial]:
    """Return the trials of a sweep's folder in their order."""
    found = [path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()]
    trials = []
    for path in sorted(found, key=lambda path: int(path.name)):
        run = RunFolder(path)
        metrics = run.metrics
        known = json.loads(metrics.read_text(encoding="utf-8")) if metrics.exists() else {}
        trials.append(Trial(path, run.read_record(), known))
    return trials


def best(trials: list[Trial]) -> Trial | None:
    """Return the best trial by the watched metric on validation; None if they watch several."""
    if len({trial.record.get("watch") for trial in trials if trial.done}) > 1:
        return None  # scores by different metrics do not compare
    scored = [(score, trial) for trial in trials if (score := trial.score()) is not None]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def table(trials: list[Trial]) -> str:
    """Return the trials as a table in plain text, the best one marked."""
    top = best(trials)
    keys = _swept(trials)
    watch = next((str(trial.record["watch"]) for trial in trials if trial.done), "metric")
    rows = [["trial", *keys, f"val {watch}", f"test {watch}", "parameters", "seconds", ""]]
    for trial in trials:
        values = _overrides(trial)
        state = str(trial.record.get("state", "not started"))
        rows.append(
            [
                trial.folder.name,
                *(values.get(key, "") for key in keys),
                _number(trial.metrics.get("val", {}).get(watch)),
                _number(trial.metrics.get("test", {}).get(watch)),
                f"{trial.record.get('parameters', ''):,}" if trial.done else "",
                str(trial.record.get("training_seconds", "")),
                "best" if trial is top else "" if trial.done else state,
            ]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _swept(trials: list[Trial]) -> list[str]:
    """Return the keys in which the trials differ; of a single trial, all."""
    values = [_overrides(trial) for trial in trials if trial.record]
    keys = dict.fromkeys(key for one in values for key in one)
    return [k for k in keys if len(values) == 1 or len({one.get(k) for one in values}) > 1]


def _overrides(trial: Trial) -> dict[str, str]:
    pairs = (one.partition("=") for one in trial.record.get("overrides", ()))
    return {key: value for key, _, value in pairs if key not in {"run_dir", "resume"}}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


class SweepCallback(Callback):
    """Prints the table and writes ``sweep.json`` when a sweep ends."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Sum up what the trials left in their folders."""
        folder = Path(config.hydra.sweep.dir)
        trials = read_trials(folder)
        top = best(trials)
        write_json(
            folder / "sweep.json",
            {
                "best": str(top.folder) if top else None,
                "trials": [
                    {"folder": str(one.folder), **one.record, "metrics": one.metrics}
                    for one in trials
                ],
            },
        )
        sys.stdout.write(f"\n{table(trials)}\n\nSweep: {folder}\n")
