"""How many examples are predicted from together: for little padding, and to answer soon."""

from __future__ import annotations

from collections.abc import Sequence

from seqloom.errors import Cause, ConfigError

BATCH_SIZE = 64
"""Maximum number of examples in a batch, unless another one is asked for."""

SHORT_COST = 4096
"""Size of a padded batch up to which it may have more of them: short texts, for which the
functions called for a batch take as long as the matrix products."""

SHORT_SIZE = 256
"""Maximum number of examples in such a batch."""

BATCHES_AHEAD = 16
"""Number of batches whose examples are read, and sorted by cost, at a time."""

SECONDS = 1.0
"""Time that the examples read together should take at most, where somebody waits for answers."""

GROWTH = 4
"""Factor by which the number of examples read together grows at most."""


class Pace:
    """The number of examples that are read and sorted by cost together.

    It starts with one batch, so that there are predictions early, and grows to 16. Where somebody
    waits for the predictions, they come about once in a second.

    Args:
        batch_size: Maximum number of examples in a batch; None: as `similar_sizes` chooses.
        waits: Whether somebody waits for the predictions as they come.

    Raises:
        ConfigError: ``batch_size`` is no whole number of 1 or more.

    Attributes:
        batch_size: The argument.
        most: Maximum number of examples that are read together.

    >>> pace = Pace(64, waits=True)
    >>> first = pace.size()
    >>> pace.note(64, 0.25)
    >>> second = pace.size()
    >>> pace.note(256, 2.0)
    >>> first, second, pace.size()
    (64, 256, 128)
    """

    def __init__(self, batch_size: int | None, *, waits: bool) -> None:
        if batch_size is not None and not (isinstance(batch_size, int) and batch_size > 0):
            raise ConfigError(
                f"batch_size={batch_size!r}: expected a whole number, 1 or more, or None.",
                cause=Cause.wrong_value,
            )
        self.batch_size = batch_size
        self._least = self._size = batch_size or BATCH_SIZE
        self.most = BATCHES_AHEAD * self._least
        self._waits = waits

    def size(self) -> int:
        """Return the maximum number of examples to read next."""
        return self._size

    def note(self, count: int, seconds: float) -> None:
        """Take into account how long the last examples took."""
        wanted = GROWTH * self._size
        if self._waits and seconds > 0:
            wanted = min(wanted, int(count * SECONDS / seconds))
        self._size = max(self._least, min(self.most, wanted))


def similar_sizes(costs: Sequence[int], most: int | None = None) -> list[list[int]]:
    """Return the indices of costs in groups of similar ones.

    At least half of a group's padded size is not padding. A group of the largest examples is not
    much larger than ``most`` examples in the order in which they came would be: its padded size is
    at most twice that of ``most`` examples of the mean cost, or it is a single example.

    Args:
        costs: Costs of the examples.
        most: Maximum number of examples in a group; None: 64, or up to 256 short ones, whose padded
            size is at most 4,096.

    >>> similar_sizes([9, 100, 10, 8])
    [[3, 0, 2], [1]]
    >>> similar_sizes([5, 7, 6, 5], most=2)
    [[0, 3], [2, 1]]
    """
    groups: list[list[int]] = []
    total = 0
    usual = most or BATCH_SIZE
    limit = 2 * usual * sum(costs) / max(1, len(costs))
    for place in sorted(range(len(costs)), key=costs.__getitem__):
        total += costs[place]
        size = len(groups[-1]) + 1 if groups else 1
        padded = costs[place] * size
        short = most is None and size <= SHORT_SIZE and padded <= SHORT_COST
        fits = short or (size <= usual and padded <= limit)
        if not groups or not fits or padded > 2 * total:
            groups.append([])
            total = costs[place]
        groups[-1].append(place)
    return groups
