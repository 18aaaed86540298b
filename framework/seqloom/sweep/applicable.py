"""Which of a point's keys apply: ``encoder.merge`` has no meaning with ``encoder=rnn``."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig

from seqloom.config.explain import COMPOSITION_ERRORS, explain


class Applicable:
    """Leaves out of points what does not apply to them, and remembers what that was.

    Args:
        config_loader: Hydra's.
        config: of the sweep, composed.

    Attributes:
        left_out: the choices, ``encoder=rnn`` say, without which each key was left out.
    """

    def __init__(self, config_loader: ConfigLoader, config: DictConfig) -> None:
        self.config_loader = config_loader
        self.config = config
        self.parser = OverridesParser.create(config_loader=config_loader)
        self.left_out: dict[str, dict[str, None]] = {}
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def applying(self, overrides: Sequence[str]) -> list[str]:
        """Return the overrides, without the values of keys that their config lacks.

        Raises:
            ConfigError: what is chosen cannot be composed.
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
                self.left_out.setdefault(one.key_or_group, {})[label] = None
        return kept

    def told(self) -> list[str]:
        """Return a sentence for each key that was left out."""
        texts = []
        for key, choices in self.left_out.items():
            where = ", ".join(filter(None, choices))
            texts.append(f"{key} is left out where it does not apply{where and f': {where}'}.")
        return texts

    def check(self, overrides: Sequence[str]) -> None:
        """Refuse what cannot be composed.

        Raises:
            ConfigError: a key or a value is none that its config knows.
        """
        self._compose(tuple(overrides))

    def _is_value(self, override: Override) -> bool:
        """Return whether an override gives a key that is there already a value."""
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
        except COMPOSITION_ERRORS as fault:
            raise explain(fault) from fault


def _has(config: DictConfig, key: str) -> bool:
    """Return whether a key can be given a value: it is there, or its section is open to new ones.

    A key without a value yet counts, too.
    """
    node: object = config
    for name in key.split("."):
        if isinstance(node, ListConfig):
            return True  # what an index means is for Hydra to say
        if not isinstance(node, DictConfig) or node._is_none() or node._is_missing():
            return False
        if name not in node.keys():  # noqa: SIM118  # ``in node`` is false for a missing value
            return not node._get_flag("struct")
        node = node._get_node(name)
    return True
