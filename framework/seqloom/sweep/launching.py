"""Run the planned trials of a sweep with a Hydra launcher, and print their progress."""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from hydra.plugins.launcher import Launcher

from seqloom.config.compose import quoted
from seqloom.config.quoted_keys import with_quoted_keys
from seqloom.errors import RunError
from seqloom.slurm import facts_of
from seqloom.sweep.folder import Plan, PlannedTrial, SweepFolder
from seqloom.sweep.leaderboard import best_trial
from seqloom.sweep.ranking import ranking
from seqloom.sweep.trials import BROKEN, Trial, read_trial, read_trials
from seqloom.train import preemption
from seqloom.train.lease import Lease
from seqloom.train.record import record_refusal

log = logging.getLogger("seqloom")

POOLS = ("joblib", "loky", "submitit", "ray.")
"""Modules whose exceptions mean that a worker or a job was killed, not that a trial failed."""

PATIENCE = 10.0
"""Seconds without a change after which jobs that have not started count as lost.

If one starts nevertheless, the lease on its folder makes sure that it is run once.
"""

POLL = 0.5
"""Seconds between two reads of trials that are waited for."""

INTERVAL = 2.0
"""Seconds between two reads of the trials' records."""

ENDED = frozenset({"done", "pruned", "failed", *BROKEN})


class TrialLauncher:
    """Runs planned trials with the launcher that the user chose.

    Args:
        launcher: Hydra's launcher.
        plan: Plan of the sweep.
    """

    def __init__(self, launcher: Launcher, plan: Plan) -> None:
        self.launcher, self.plan = launcher, plan

    def launch(self, planned: Sequence[PlannedTrial]) -> None:
        """Run trials and return when all of them have ended.

        If a worker process was killed, which also ends the others of its pool, the trials that had
        not started are run first, and then the killed ones one by one. A trial that kills its own
        process, for example by running out of memory, then fails alone.

        Raises:
            RunError: The launcher failed before any trial started.
            Preempted: The sweep or one of its trials was told to end.
        """
        killed_before: list[PlannedTrial] = []
        todo = list(planned)
        while todo:
            failure = self._launch_once(todo)
            preemption.check()
            states = {trial.number: trial.state for trial in read_trials(self.plan.folder)}
            killed = [one for one in todo if states.get(one.number) == "killed"]
            not_started = [one for one in todo if states.get(one.number) in {None, "waiting"}]
            if failure and not killed and not_started == todo:
                raise RunError(f"No trial started: {failure}")
            killed_before += killed
            # If the launcher did not fail, a trial without a record refused to start, and said why.
            todo = not_started if failure else []
        for one in killed_before:
            state = _state_of_job(read_trial(self.plan.folder / str(one.number)))
            log.warning("[%d] was killed%s: retrying it alone.", one.number, state)
            failure = self._launch_once([one])
            preemption.check()
            if failure:
                self._give_up(one)

    def _launch_once(self, planned: Sequence[PlannedTrial]) -> str:
        """Launch trials and wait for them; return the error if the launcher failed."""
        self._announce(planned)
        jobs = [self._job(one) for one in planned]
        with print_progress(self.plan):
            try:
                self.launcher.launch(jobs, initial_job_idx=planned[0].number)
            except Exception as error:
                if not type(error).__module__.startswith(POOLS):
                    raise
                self._wait_for(planned)
                return f"{type(error).__name__}: {error}"
        return ""

    def _announce(self, planned: Sequence[PlannedTrial]) -> None:
        """Log the trials; the launcher itself would number them from 0 each time."""
        every = [set(one.overrides) for one in self.plan.trials]
        same = set.intersection(*every) if len(every) > 1 else set()
        for one in planned:
            words = [word for word in one.overrides if word not in same]
            log.info("[%d] %s", one.number, with_quoted_keys(" ".join(words)))

    def _wait_for(self, planned: Sequence[PlannedTrial]) -> None:
        """Wait for trials that still run although the launcher has failed.

        Joblib ends all its workers; jobs of submitit continue, and waiting ones may start.
        """
        numbers = {one.number for one in planned}
        changed = time.monotonic()
        before: dict[int, str] = {}
        while time.monotonic() - changed < PATIENCE:
            trials = [one for one in read_trials(self.plan.folder) if one.number in numbers]
            states = {one.number: one.state for one in trials}
            if states != before or "running" in states.values():
                changed, before = time.monotonic(), states
            if not {"running", "waiting"} & set(states.values()):
                return
            time.sleep(POLL)

    def _give_up(self, one: PlannedTrial) -> None:
        folder = SweepFolder(self.plan.folder).trial(one.number)
        error = (
            "Its process was killed, also when the trial ran alone. Possible cause: out of memory."
        )
        log.warning("[%d] Error: %s", one.number, error)
        with suppress(RunError), Lease(folder.path):
            record_refusal(folder, error, one.overrides)

    def _job(self, one: PlannedTrial) -> list[str]:
        return [
            *one.overrides,
            f"hydra.sweep.dir={quoted(self.plan.folder)}",
            f"hydra.sweep.subdir='{one.number}'",
            f"hydra.job_logging.formatters.simple.format='[{one.number}] %(message)s'",
        ]


def _state_of_job(trial: Trial) -> str:
    """Return what Slurm says of the job of a trial that was killed; empty if nothing."""
    number = str((trial.history or [{}])[-1].get("job") or "").partition("@")[0]
    state = facts_of(number).get("JobState") if re.fullmatch(r"\d+(_\d+)?", number) else None
    return f" (job {number}: {state})" if state else ""


@contextmanager
def print_progress(plan: Plan, interval: float = INTERVAL) -> Iterator[None]:
    """Print a line to stderr whenever trials of the plan have ended, while the block runs.

    A search that continues after the block gets a last line.
    """
    over, before = threading.Event(), _count_ended(read_trials(plan.folder))
    thread = threading.Thread(target=_poll, args=(plan, before, over, interval), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _poll(plan: Plan, before: int, over: threading.Event, interval: float) -> None:
    start, printed = time.monotonic(), before
    is_over = False
    while not is_over:
        is_over = over.wait(interval)
        trials = read_trials(plan.folder)
        now = _count_ended(trials)
        if now != printed and not (is_over and now >= plan.expected):
            metric, _ = ranking(plan, trials)
            passed = time.monotonic() - start
            text = progress_line(trials, now - before, passed, plan.expected, metric)
            print(text, file=sys.stderr, flush=True)
            printed = now


def _count_ended(trials: Sequence[Trial]) -> int:
    return sum(trial.state in ENDED for trial in trials)


def progress_line(
    trials: Sequence[Trial],
    ended_here: int,
    seconds: float,
    expected: int = 0,
    metric: str | None = None,
) -> str:
    """Return the progress of a sweep: counts, the best trial so far, the time left.

    Args:
        trials: All planned trials.
        ended_here: Number of trials that ended in the last ``seconds``.
        seconds: Time in seconds since the launch.
        expected: Number of trials there will be, if more will be planned.
        metric: Metric that the best trial is chosen by; None: the monitored one.
    """
    total = max(len(trials), expected)
    states = Counter(trial.state for trial in trials)
    counts = [f"{states['done']} of {total} done"]
    counts += [
        f"{states[s]} {s}" for s in ("running", "failed", "pruned", "preempted") if states[s]
    ]
    parts = [f"Sweep: {', '.join(counts)}"]
    top = best_trial(trials, metric)
    if top and (name := metric or top.monitor):
        value = top.metrics["val"][name]
        parts.append(f"best: trial {top.number} with val/{name} {value:.4f}")
    left = total - _count_ended(trials)
    if left and ended_here > 0:  # it drops when a failed trial is tried again
        parts.append(f"about {_duration(seconds / ended_here * left)} left")
    return "; ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
