"""Tell which splits have the same examples, and refuse data that changed since the training.

The module imports no torch, since the start of every command that uses a model imports it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqloom.config.overrides import Overrides, data_key
from seqloom.errors import DataError, plural
from seqloom.plugins.named_files import SPLITS
from seqloom.train.folder import RunFolder

if TYPE_CHECKING:
    from seqloom.data.content import Contents
    from seqloom.model.pipeline import Pipeline

log = logging.getLogger("seqloom")

SHARED = ("train", "split")
"""Keys of ``data`` that decide which examples of ``data.train`` are in which split."""


def warn_of_overlap(contents: Mapping[str, Contents]) -> None:
    """Log a warning for splits that have inputs of an earlier split, with their number."""
    for place, split in enumerate(SPLITS):
        for other in SPLITS[:place]:
            count, own = contents[split].among(contents[other]), len(contents[split])
            if not count:
                continue
            are = plural(count, "is", "are")
            same = count == own == len(contents[other])
            log.warning(
                "%s. %s: use separate data.",
                f"{split} and {other} have the same examples"
                if same
                else f"{count} of {own} examples of {split} {are} also in {other}",
                f"The metrics of {split} are not those of unseen data"
                if other == "train"
                else "They were used to choose the best epoch",
            )


@dataclass(frozen=True)
class TrainedOn:
    """What is known of the data that a model was trained on.

    Attributes:
        facts: Number and digest of the examples by split, from the bundle; empty if not recorded.
        contents: Hashes by split, from the folder of its run; empty for a bundle elsewhere.
    """

    facts: Mapping[str, Mapping[str, Any]]
    contents: Mapping[str, Contents]

    @classmethod
    def of(cls, pipeline: Pipeline) -> TrainedOn:
        """Return what is known of the data of a loaded model."""
        from seqloom.data.content import load_contents

        facts = pipeline.info.get("splits") or {}
        folder = pipeline.folder
        found = (
            load_contents(RunFolder(folder.parent).contents)
            if folder is not None and folder.name == "bundle" and facts
            else {}
        )
        # A bundle may have been copied beside the file of another run.
        belongs = {split: one.facts() for split, one in found.items()} == dict(facts)
        return cls(facts, found if belongs else {})

    def refuse_changed(self, split: str, found: Contents, section: Mapping[str, Any]) -> None:
        """Refuse a split of the model's own data that is not the one of its training.

        Args:
            split: Name of the split.
            found: Hashes of what was read.
            section: Section of the data.

        Raises:
            DataError: The split changed.
        """
        before, now = self.facts.get(split), found.facts()
        if before is None or before == now:
            return
        if before.get("of") != now.get("of") and before["examples"] == len(found):
            return  # of an earlier version, whose digests cannot be compared
        raise DataError(
            f"The data has changed since this model was trained: {_place(section, split)} has "
            f"{self._difference(split, found, before)}.{self._leaks(split, found)} Restore the "
            f"data, name other data (data.{split}=FILE), or evaluate on what is there now: "
            "--changed-data, in Python changed_data=True."
        )

    def warn_of_overlap(self, split: str, found: Contents) -> None:
        """Log a warning if a split has inputs that the model was trained on."""
        train = self.contents.get("train")
        count = found.among(train) if train is not None and split != "train" else 0
        if count:
            log.warning(
                "%d of %d examples of %s %s of this model: its metrics are not those of unseen "
                "data.",
                count,
                len(found),
                split,
                plural(count, "is a training example", "are training examples"),
            )

    def _difference(self, split: str, found: Contents, before: Mapping[str, Any]) -> str:
        more = len(found) - before["examples"]
        size = f"{len(found)} {plural(len(found), 'example')}, " + (
            f"{abs(more)} {'more' if more > 0 else 'fewer'} than then"
            if more
            else "as many as then"
        )
        if split not in self.contents or self.contents[split].files != found.files:
            return f"{size}, but not the same" if not more else size
        then = self.contents[split]
        return f"{size} ({then.missing(found)} new, {found.missing(then)} missing)"

    def _leaks(self, split: str, found: Contents) -> str:
        others = [name for name in SPLITS if name != split and name in self.contents]
        counts = {name: found.among(self.contents[name]) for name in others}
        parts = [f"{count} belonged to {name}" for name, count in counts.items() if count]
        return f" Of these, {' and '.join(parts)}." if parts else ""


def _place(section: Mapping[str, Any], split: str) -> str:
    """Return a split with the file that it is read from, as the user names it."""
    own, train = section.get(split), section.get("train")
    if own and split != "train":
        return f"{split} (data.{split}={own})"
    if not train:
        return f"{split} (data={section['name']})"
    return f"{split} ({'' if split == 'train' else 'cut from '}data.train={train})"


def names_other_data(overrides: Overrides, split: str) -> bool:
    """Return whether overrides choose other data for a split than the model's own.

    Another ``data.train`` or ``data.split`` alone does not: what is cut from it may have been
    trained on.
    """
    keys = {data_key(word).partition(".")[0] for word in overrides.data}
    shared: Sequence[str] = () if split == "train" else SHARED
    return overrides.name is not None or bool(keys - set(shared))
