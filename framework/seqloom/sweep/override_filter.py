"""Drop the overrides of a point that do not apply: ``encoder.merge`` with ``encoder=rnn``."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig

from seqloom.config.hydra_errors import COMPOSITION_ERRORS, explain


class OverrideFilter:
    """Drops the overrides of points that do not apply to them, and records which.

    Args:
        config_loader: Hydra's config loader.
        config: Composed config of the sweep.

    Attributes:
        dropped: For each dropped key, the choices to which it does not apply, such as
            ``encoder=rnn``.
    """

    def __init__(self, config_loader: ConfigLoader, config: DictConfig) -> None:
        self.config_loader = config_loader
        self.config = config
        self.parser = OverridesParser.create(config_loader=config_loader)
        self.dropped: dict[str, dict[str, None]] = {}
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def apply(self, overrides: Sequence[str]) -> list[str]:
        """Return the overrides without those whose keys do not exist in the chosen config.

        Raises:
            ConfigError: The choices cannot be composed.
        """
        parsed = self.parser.parse_overrides(list(overrides))
        values = {text for text, one in zip(overrides, parsed, strict=True) if self._is_value(one)}
        config = self._with(tuple(text for text in overrides if text not in values))
        kept = []
        for text, one in zip(overrides, parsed, strict=True):
            if text not in values or _has(config, one.key_or_group):
                kept.append(text)
            else:
                section = one.key_or_group.partition(".")[0]
                choice = config.hydra.runtime.choices.get(section)
                label = f"{section}={choice}" if choice else ""
                self.dropped.setdefault(one.key_or_group, {})[label] = None
        return kept

    def messages(self) -> list[str]:
        """Return a sentence for each key that was dropped."""
        texts = []
        for key, choices in self.dropped.items():
            where = ", ".join(filter(None, choices))
            texts.append(f"{key} is dropped where it does not apply{where and f': {where}'}.")
        return texts

    def check(self, overrides: Sequence[str]) -> None:
        """Check that overrides can be composed.

        Raises:
            ConfigError: A key or a value is not valid in its config.
        """
        self._compose(tuple(overrides))

    def _is_value(self, override: Override) -> bool:
        """Return whether an override sets the value of an existing key."""
        plain = not (override.is_add() or override.is_force_add() or override.is_delete())
        group = override.key_or_group
        return plain and not self.config_loader.get_group_options(group)

    def _with(self, choices: tuple[str, ...]) -> DictConfig:
        if choices not in self._composed:
            self._composed[choices] = self._compose(choices)
        return self._composed[choices]

    def _compose(self, overrides: tuple[str, ...]) -> DictConfig:
        try:
            return self.config_loader.load_sweep_config(self.config, list(overrides))
        except COMPOSITION_ERRORS as error:
            raise explain(error) from error


def _has(config: DictConfig, key: str) -> bool:
    """Return whether a key can be set: it exists, or its section accepts new keys.

    A key whose value is missing counts as existing.
    """
    node: object = config
    for name in key.split("."):
        if isinstance(node, ListConfig):
            return True  # Hydra interprets indices
        if not isinstance(node, DictConfig) or node._is_none() or node._is_missing():
            return False
        if name not in node.keys():  # noqa: SIM118  # ``in node`` is false for a missing value
            return not node._get_flag("struct")
        node = node._get_node(name)
    return True
