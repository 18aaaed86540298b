"""Beginning from a trained model: ``init=MODEL``.

The model's frontend, encoder and head become the run's, but for the parameters that the user named;
its codecs' states and weights are where training begins.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from torch import nn

from seqloom.config.explain import explain
from seqloom.config.freeze import refuse_unknown_keys
from seqloom.config.run_config import RunConfig, Section
from seqloom.errors import BundleError, ConfigError, did_you_mean
from seqloom.model import bundle
from seqloom.model.pipeline import Pipeline
from seqloom.model.states import read as read_states
from seqloom.train.folder import RunFolder

log = logging.getLogger("seqloom")


def with_parts(words: Sequence[str]) -> list[str]:
    """Return command-line words with the names of the parts of the model of ``init=MODEL``, if any.

    Hydra then composes the very parts whose parameters the words may be about. They stand before
    the first override, behind the flags, and a part that the words choose themselves is not named.

    Raises:
        ConfigError: the words name several models.
    """
    overrides = [word for word in words if "=" in word and not word.startswith("-")]
    path = _model(overrides)
    if not path:
        return list(words)
    try:
        sections = _sections_of(path)
    except BundleError:
        if "resume=auto" in words:  # a run that goes on does not need it any more
            return list(words)
        raise
    chosen = {word.partition("=")[0]: word.partition("=")[2] for word in overrides}
    for kind in ("frontend", "encoder"):
        if chosen.get(kind, sections[kind]["name"]) != sections[kind]["name"]:
            raise _other_part(kind, chosen[kind], path, sections[kind])
    names = [f"{kind}={sections[kind]['name']}" for kind in bundle.PARTS if kind not in chosen]
    place = list(words).index(overrides[0])
    return [*words[:place], *names, *words[place:]]


def _model(overrides: Sequence[str]) -> str | None:
    words = [word for word in overrides if word.lstrip("+").startswith("init=")]
    if not words:
        return None
    (parsed,) = _parsed(words[-1:])
    if parsed.is_sweep_override():
        raise ConfigError(
            f"{words[-1]}: a run begins from one model, so this cannot be swept over. If it is the "
            f"path of one, it needs quotes of its own: init='\"…\"'"
        )
    value = parsed.value()
    return None if value is None else str(value)


def _parsed(overrides: Sequence[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as fault:
        raise explain(fault) from fault


def _sections_of(path: str) -> dict[str, Section]:
    return bundle.sections(Path(path).expanduser())


def begun(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """Return a run's config with the frontend, encoder and head of the model that it begins from.

    Args:
        config: frozen; nothing of a model is filled in any more.
        overrides: those of the user; the parameters that they name stay as they are.

    Raises:
        ConfigError: another frontend or encoder than the model's is chosen, or there is no such
            parameter.
        BundleError: there is no such model.
    """
    if not config.init:
        return config
    parsed = _parsed(overrides)
    keys = [one.key_or_group for one in parsed]
    sections = {
        kind: _part(kind, config, section, keys) for kind, section in _sections(config).items()
    }
    found = replace(
        config,
        frontend=sections["frontend"],
        encoder=sections["encoder"],
        head=sections["head"],
    )
    refuse_unknown_keys(found.to_plain())
    return found


def _sections(config: RunConfig) -> dict[str, Section]:
    """Return the model's sections; of a run that goes on, those with which it began."""
    folder = RunFolder(Path(config.run_dir))
    if config.resume == "auto" and folder.last.exists() and folder.config.exists():
        stored = folder.frozen()
        return {kind: stored.components[kind] for kind in bundle.PARTS}
    assert config.init
    return _sections_of(config.init)


def _part(kind: str, config: RunConfig, section: Section, keys: Sequence[str]) -> Section:
    own = config.components[kind]
    named = [key.split(".")[1:] for key in keys if key.startswith(f"{kind}.")]
    if own["name"] != section["name"] and (named or kind in keys):
        if kind == "head" and kind in keys:
            return own  # a new head on the trained encoder
        raise _other_part(kind, own["name"], str(config.init), section)
    part = copy.deepcopy(section)
    for path in named:
        _put(part, path, own)
    return part


def _other_part(kind: str, name: str, path: str, section: Section) -> ConfigError:
    return ConfigError(f"{kind}={name}: the model {path} has {kind}={section['name']}.")


def _put(part: Section, path: Sequence[str], source: Mapping[str, Any]) -> None:
    """Put the value at a path of the source into the same place of a part."""
    for name in path[:-1]:
        part, source = part.setdefault(name, {}), source[name]
    part[path[-1]] = source[path[-1]]


class Beginning:
    """The model that a run begins from.

    Raises:
        BundleError: it cannot be loaded.
    """

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.path = Path(str(config.init)).expanduser()
        self.classes = config.init_classes
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
            pipeline.head.load_matching(self.model.head)

    def _copy(self, kind: str, part: nn.Module, trained: nn.Module) -> None:
        try:
            part.load_state_dict(trained.state_dict())
        except RuntimeError as fault:
            theirs = self.model.info["components"][kind]["section"]
            changed = ", ".join(
                f"{kind}.{key}={value} (there {theirs[key]})"
                for key, value in self.config.components[kind].items()
                if key in theirs and theirs[key] != value
            )
            raise ConfigError(
                f"init={self.path}: its weights do not fit with {changed or fault}. Leave these as "
                "they are in the model."
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
