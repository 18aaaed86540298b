"""Start from a trained model: ``init=MODEL``.

The model's frontend, encoder and head become the run's, except for parameters that the user sets;
training starts from its codecs' states and its weights.
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

from seqloom.config.freeze import refuse_unknown_keys
from seqloom.config.hydra_errors import explain
from seqloom.config.quoted_keys import with_plain_keys
from seqloom.config.run_config import RunConfig, Section
from seqloom.errors import BundleError, ConfigError, did_you_mean, printable
from seqloom.files import expanded
from seqloom.model import bundle
from seqloom.model.build import States
from seqloom.model.description import MODEL_KINDS, find_bundle, read_description, verify
from seqloom.model.mismatch import mismatch
from seqloom.model.pipeline import Pipeline
from seqloom.model.states import read as read_states
from seqloom.plugins.named_files import named_files
from seqloom.train.folder import RunFolder

log = logging.getLogger("seqloom")


def words_with_init(words: Sequence[str]) -> list[str]:
    """Return command-line words with the names of the components of ``init=MODEL``, if any.

    Hydra then composes the components whose parameters the words may set. Their names come before
    the first override and after the flags; a component that the words choose is not named again.

    Raises:
        ConfigError: The words name several models.
    """
    overrides = [word for word in words if "=" in word and not word.startswith("-")]
    path = _model(overrides)
    if not path:
        return list(words)
    try:
        sections = _sections_of(path)
    except BundleError:
        if "resume=auto" in words:  # a run that is resumed does not need it any more
            return list(words)
        raise
    chosen = {word.partition("=")[0]: word.partition("=")[2] for word in overrides}
    for kind in ("frontend", "encoder"):
        if chosen.get(kind, sections[kind]["name"]) != sections[kind]["name"]:
            raise _other_component(kind, chosen[kind], path, sections[kind])
    names = [f"{kind}={sections[kind]['name']}" for kind in MODEL_KINDS if kind not in chosen]
    place = list(words).index(overrides[0])
    return [*words[:place], *names, *words[place:]]


def _model(overrides: Sequence[str]) -> str | None:
    words = [word for word in overrides if word.lstrip("+").startswith("init=")]
    if not words:
        return None
    (parsed,) = _parsed(words[-1:])
    if parsed.is_sweep_override():
        raise ConfigError(
            f"{words[-1]}: a run starts from one model, so this cannot be swept over. If it is a "
            f"path, add inner quotes: init='\"…\"'"
        )
    value = parsed.value()
    return None if value is None else str(value)


def _parsed(overrides: Sequence[str]) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides(with_plain_keys(overrides))
    except HydraException as error:
        raise explain(error) from error


def _sections_of(path: str) -> dict[str, Section]:
    return bundle.sections(expanded(path))


def config_with_init(cfg: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """Return a run's config with the frontend, encoder and head of the model that it starts from.

    Args:
        cfg: Config as composed, without anything of the model.
        overrides: The user's overrides; the parameters that they name keep their values.

    Raises:
        ConfigError: Another frontend or encoder than the model's is chosen, or a parameter is
            unknown.
        BundleError: The model cannot be read.
    """
    if not cfg.init:
        return cfg
    keys = [one.key_or_group for one in _parsed(overrides)]
    sections = _sections(cfg, cfg.init)
    found = replace(
        cfg,
        frontend=_merged("frontend", cfg, sections["frontend"], keys),
        encoder=_merged("encoder", cfg, sections["encoder"], keys),
        head=_merged("head", cfg, sections["head"], keys),
    )
    refuse_unknown_keys(found.to_plain())
    if cfg.init_classes != "keep" and "head" not in keys:
        _refuse_named_files(found, [key.removeprefix("head.") for key in keys])
    return found


def _refuse_named_files(cfg: RunConfig, own: Sequence[str]) -> None:
    """Refuse files that only the model names, where its head learns from data again.

    Raises:
        ConfigError: The head names files that the user did not.
    """
    named = named_files("head", cfg.head, own)
    if not named or cfg.resume == "auto":
        return
    pairs = printable(", ".join(f"head.{key}={value}" for key, value in named.items()))
    raise ConfigError(
        f"init_classes={cfg.init_classes} would read what the model {cfg.init} names: {pairs}. To "
        "allow that, set these keys yourself; otherwise set them to other files or to null."
    )


def _sections(cfg: RunConfig, model: str) -> dict[str, Section]:
    """Return the model's sections; for a run that is resumed, those with which it started."""
    folder = RunFolder(Path(cfg.run_dir))
    if cfg.resume == "auto" and folder.resumable and folder.config_file.exists():
        return folder.config().components
    return _sections_of(model)


def _merged(kind: str, cfg: RunConfig, section: Section, keys: Sequence[str]) -> Section:
    """Return the model's section with the values that the user's overrides set."""
    own = cfg.components[kind]
    named = [key.split(".")[1:] for key in keys if key.startswith(f"{kind}.")]
    if own["name"] != section["name"] and (named or kind in keys):
        if kind == "head" and kind in keys:
            return own  # a new head on the trained encoder
        raise _other_component(kind, own["name"], str(cfg.init), section)
    merged = copy.deepcopy(section)
    for path in named:
        _put(merged, path, own)
    return merged


def _other_component(kind: str, name: str, path: str, section: Section) -> ConfigError:
    return ConfigError(f"{kind}={name}: the model {path} has {kind}={section['name']}.")


def _put(section: Section, path: Sequence[str], source: Mapping[str, Any]) -> None:
    """Copy the value at a path of the source to the same path of a section."""
    for name in path[:-1]:
        section, source = section.setdefault(name, {}), source[name]
    section[path[-1]] = source[path[-1]]


def pretrained_states(init: str) -> States:
    """Return the states of the codecs of a trained model, once its files are verified.

    Raises:
        BundleError: The model is damaged.
    """
    folder = find_bundle(expanded(init))
    description = read_description(folder)
    for file, facts in description["files"].items():
        verify(folder, file, facts)
    states: States = read_states(description["states"], folder, description["files"])
    return states


class Pretrained:
    """The trained model that a run starts from.

    Raises:
        BundleError: It cannot be loaded.
    """

    def __init__(self, cfg: RunConfig) -> None:
        self.cfg = cfg
        self.path = expanded(str(cfg.init))
        self.model = bundle.load(self.path)
        self.states = pretrained_states(str(cfg.init))

    def initialize(self, pipeline: Pipeline, states: States) -> None:
        """Copy the weights of the model into a new pipeline.

        Args:
            pipeline: Pipeline to initialize.
            states: States of its codecs.

        Raises:
            ConfigError: The frontend or encoder has other parameters than the model's.
        """
        self._copy("frontend", pipeline.model.frontend, self.model.model.frontend)
        self._copy("encoder", pipeline.model.encoder, self.model.model.encoder)
        name = pipeline.head_name
        if name != self.model.head_name:
            log.info("head=%s starts untrained: the model %s has another head.", name, self.path)
        elif states["heads"][name] == self.states["heads"][name]:
            self._copy("head", pipeline.head, self.model.head)
        else:
            pipeline.head.load_matching(self.model.head)

    def _copy(self, kind: str, module: nn.Module, trained: nn.Module) -> None:
        try:
            module.load_state_dict(trained.state_dict())
        except RuntimeError as error:
            theirs = self.model.info["components"][kind]["section"]
            changed = ", ".join(
                f"{kind}.{key}={value} (the model has {theirs[key]})"
                for key, value in self.cfg.components[kind].items()
                if key in theirs and theirs[key] != value
            )
            raise ConfigError(
                f"init={self.path}: its weights do not match {changed or mismatch(error)}. Keep "
                "the values of the model."
            ) from error


def freeze_modules(model: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Freeze modules, named as in ``named_modules``, and return them.

    Raises:
        ConfigError: A module does not exist, or nothing is left to train.
    """
    modules = dict(model.named_modules())
    frozen = []
    for name in names:
        if name not in modules or not name:
            known = {known for known in modules if known.count(".") <= name.count(".") and known}
            raise ConfigError(f"freeze={name}: no such module. {did_you_mean(name, known)}")
        frozen.append(modules[name].requires_grad_(False))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f"freeze={list(names)} leaves nothing to train.")
    return frozen
