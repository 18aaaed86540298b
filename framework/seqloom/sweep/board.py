"""The rows of a leaderboard: points of a sweep with means over their seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from seqloom.sweep.points import Group


@dataclass(frozen=True)
class Spread:
    """The mean and the spread of a metric over seeds.

    Attributes:
        n: Number of values, at least 1.
        mean: Mean.
        error: Standard error of the mean, sd/√n; None for a single value.
        low: Lowest value.
        high: Highest value.
        sampling_error: Standard error of a single value due to the examples of its split; None: not
            known, or several values.
    """

    n: int
    mean: float
    error: float | None
    low: float
    high: float
    sampling_error: float | None = None


@dataclass
class Row:
    """A row of the leaderboard.

    Attributes:
        group: Trials of the row, and the values of its keys.
        counts: Number of trials in each state.
        val: Metric on the validation split; None if no trial has it.
        test: Metric on the test split.
        best: Whether the row has the best mean on validation.
        lead: Lead of the best row over this one on the tested split, positive if the best row is
            better: the mean difference of the pairs, or of the means where there are no pairs.
        p: Corrected p value of the paired test of the best row against this one; None: no test.
        mark: One of `MARKS`, shown instead of p; empty if p is shown.
        parameters: Number of parameters (mean).
        epochs: Epochs of training (mean).
        seconds: Training time in seconds (mean).
        speed: Tokens or pixels per second in training (mean).
    """

    group: Group
    counts: Mapping[str, int]
    val: Spread | None
    test: Spread | None
    best: bool = False
    lead: float | None = None
    p: float | None = None
    mark: str = ""
    parameters: float | None = None
    epochs: float | None = None
    seconds: float | None = None
    speed: float | None = None


@dataclass
class Board:
    """The rows that are compared by one metric.

    Attributes:
        metric: Name of the metric; empty if it is not known because no trial is done.
        higher_is_better: Whether higher values of the metric are better.
        keys: Keys whose values differ between rows.
        rows: Rows, the best mean on validation first unless sorted otherwise.
        tested_on: Split of the significance tests; empty without tests.
        notes: Notes for the reader.
        data: What identifies the val and test data, if other boards have others.
        verdict: Whether a row wins, in words, and what to do next; empty without a comparison.
    """

    metric: str
    higher_is_better: bool
    keys: list[str]
    rows: list[Row]
    tested_on: str = ""
    notes: list[str] = field(default_factory=list)
    data: str = ""
    verdict: str = ""

    @property
    def best(self) -> Row | None:
        """The row with the best mean on validation; None if there is none."""
        return next((row for row in self.rows if row.best), None)
