"""Sounds of ``train`` that are held out for val and test by the values of their fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from seqloom.errors import ConfigError, did_you_mean

HELD = ("val", "test")


class HoldOut:
    """Split of each sound of ``train``.

    Args:
        config: Split → field → values.
        given: Split → what else says where the split comes from, for messages.

    Raises:
        ConfigError: A split has another name than val and test, comes from two places, or ``train``
            is not set.
    """

    def __init__(
        self, config: Mapping[str, Mapping[str, Sequence[str]]], given: Mapping[str, str]
    ) -> None:
        self._values = {
            split: {name: set(map(str, held)) for name, held in fields.items()}
            for split, fields in config.items()
        }
        for split in self._values:
            if split not in HELD:
                raise ConfigError(f"data.hold_out.{split}: {did_you_mean(split, HELD)}")
            if split in given:
                raise ConfigError(
                    f"data.hold_out.{split} and {given[split]} both define {split}. Set only one."
                )
            if "train" not in given:
                raise ConfigError(f"data.hold_out.{split} requires data.train. Set it too.")

    def __contains__(self, split: str) -> bool:
        return split in self._values

    def __str__(self) -> str:
        held = {s: {n: sorted(v) for n, v in fields.items()} for s, fields in self._values.items()}
        return f"data.hold_out={held}"

    def check(self, known: Collection[str]) -> None:
        """Raise if the config names a field that no sound has.

        Args:
            known: Names of the fields of all sounds.

        Raises:
            ConfigError: If a field is not known; the message lists those that are.
        """
        for split, fields in self._values.items():
            for name in fields:
                if name not in known:
                    raise ConfigError(
                        f"data.hold_out.{split}.{name}: sounds do not have this field. "
                        f"{did_you_mean(name, known)}"
                    )

    def split_of(self, values: Mapping[str, str]) -> str:
        """Return the split of a sound with these fields; test, if both val and test ask for it."""
        for split in sorted(self._values):  # test is before val: no held-out speaker is in val
            fields = self._values[split]
            if any(values.get(name) in held for name, held in fields.items()):
                return split
        return "train"
