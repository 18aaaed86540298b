"""Beginning from a trained model: ``init=BUNDLE``.

The model's frontend, encoder and head become the run's, as if its overrides had been given before
the user's own; its codecs' states and weights are where training begins.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from torch import nn

from seqloom.config.explain import explain
from seqloom.config.freeze import Config
from seqloom.errors import ConfigError, did_you_mean
from seqloom.model import bundle
from seqloom.model.pipeline import Pipeline
from seqloom.model.states import read as read_states
from seqloom.plugins import choice

log = logging.getLogger("seqloom")


def with_init(overrides: Sequence[str]) -> list[str]:
    """Return overrides with those before them that describe the model of ``init=BUNDLE``, if any.

    Raises:
        ConfigError: there are several models, or another frontend or encoder than the model's.
        BundleError: it is no bundle.
    """
    path = _model(overrides)
    if not path:
        return list(overrides)
    description = bundle.read_description(bundle.find(Path(path).expanduser()))
    sections = {kind: part["section"] for kind, part in description["components"].items()}
    found: list[str] = []
    for kind, section in sections.items():
        found += _describing(kind, section, overrides, path)
    return [*found, *overrides]


def _model(overrides: Sequence[str]) -> str | None:
    words = [word for word in overrides if word.startswith("init=")]
    if not words:
        return None
    try:
        (parsed,) = OverridesParser.create().parse_overrides(words[-1:])
    except HydraException as fault:
        raise explain(fault) from fault
    if parsed.is_sweep_override():
        raise ConfigError(
            f"{words[-1]}: a run begins from one model, so this cannot be swept over. If it is the "
            f"path of one, it needs quotes of its own: init='\"…\"'"
        )
    value = parsed.value()
    return None if value is None else str(value)


def _describing(
    kind: str, section: Mapping[str, Any], overrides: Sequence[str], path: str
) -> list[str]:
    name, params = choice(section)
    wanted = [word.removeprefix(f"{kind}=") for word in overrides if word.startswith(f"{kind}=")]
    if wanted and wanted[-1] != name:
        if kind != "head":
            raise ConfigError(f"{kind}={wanted[-1]}: the model {path} has {kind}={name}.")
        return []  # a new head on the trained encoder
    pairs = [pair for key, value in params.items() for pair in _pairs(f"{kind}.{key}", value)]
    return [f"{kind}={name}", *pairs]


def _pairs(key: str, value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [pair for name, one in value.items() for pair in _pairs(f"{key}.{name}", one)]
    return [f"{'++' if key.count('.') > 1 else ''}{key}={in_override(value)}"]


def in_override(value: Any) -> str:
    r"""Return a plain value as it is written in an override; keys of dicts must be simple names.

    >>> in_override([{"a": [1, None]}, True, "it's", "${b}"])
    "[{a:[1,null]},true,'it\\'s','\\${b}']"
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        pairs = (f"{key}:{in_override(one)}" for key, one in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(in_override, value)) + "]"
    # What a model holds is text, and never filled in from the environment of who uses it.
    text = _escaped(str(value), re.escape("${"))
    return "'" + re.sub(r"(\\+)\Z", r"\1\1", _escaped(text, "'")) + "'"


def _escaped(text: str, mark: str) -> str:
    """Return the text with a backslash before each mark, and those that were there doubled."""
    return re.sub(rf"(\\*)({mark})", r"\1\1\\\2", text)


class Beginning:
    """The model that a run begins from.

    Raises:
        BundleError: it cannot be loaded.
    """

    def __init__(self, config: Config) -> None:
        self.path = Path(config["init"]).expanduser()
        self.classes = config["init_classes"]
        self.model = bundle.load(self.path)
        folder = bundle.find(self.path)
        self.states = read_states(self.model.info["states"], folder)

    def give_weights(self, pipeline: Pipeline, states: Mapping[str, Any]) -> None:
        """Give a new pipeline, whose codecs have these states, the weights of the model.

        Raises:
            ConfigError: frontend or encoder are not those of the model.
        """
        self._copy("frontend", pipeline.frontend, self.model.frontend)
        self._copy("encoder", pipeline.encoder, self.model.encoder)
        name = pipeline.head_name
        if name != self.model.head_name:
            log.info("head=%s begins anew: the model %s has another head.", name, self.path)
        elif states["heads"][name] == self.states["heads"][name]:
            self._copy("head", pipeline.head, self.model.head)
        else:
            pipeline.head.adopt(self.model.head)

    def _copy(self, kind: str, part: nn.Module, trained: nn.Module) -> None:
        try:
            part.load_state_dict(trained.state_dict())
        except RuntimeError as fault:
            reason = str(fault).partition("\n")[2].strip() or str(fault)
            raise ConfigError(
                f"init={self.path}: its {kind} does not fit this run's: {reason} Leave the "
                f"parameters of the {kind} as they are in the model."
            ) from fault


def freeze_parts(pipeline: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Take parts, named as in ``named_modules``, out of training; return them.

    Raises:
        ConfigError: there is no such part, or nothing is left to train.
    """
    modules = dict(pipeline.named_modules())
    parts = []
    for name in names:
        if name not in modules or not name:
            known = {known for known in modules if known.count(".") <= name.count(".") and known}
            raise ConfigError(f"freeze={name}: no such part. {did_you_mean(name, known)}")
        parts.append(modules[name].requires_grad_(False))
    if not any(parameter.requires_grad for parameter in pipeline.parameters()):
        raise ConfigError(f"freeze={list(names)} leaves nothing to train.")
    return parts
