"""Build codecs and pipelines from the names and parameters in a config or bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from seqloom.data.encode import Codecs
from seqloom.errors import ConfigError
from seqloom.interfaces import Encoder, Frontend, Head, Reader
from seqloom.model.pipeline import Model, Pipeline
from seqloom.plugins import Kind, registry, resolve
from seqloom.plugins.registry import name_and_params

Spec = Mapping[str, Any]
"""Component sections by kind, ``{"encoder": {"name": "lstm", "hidden_size": 128}, …}``."""
States = Mapping[str, Any]
"""Codec states: ``{"frontend": {…}, "heads": {"ner": {…}}}``."""


Params = dict[str, Any]


@overload
def class_and_params(
    kind: Literal["data"], section: Mapping[str, Any]
) -> tuple[type[Reader], Params]: ...
@overload
def class_and_params(
    kind: Literal["frontend"], section: Mapping[str, Any]
) -> tuple[type[Frontend], Params]: ...
@overload
def class_and_params(
    kind: Literal["encoder"], section: Mapping[str, Any]
) -> tuple[type[Encoder], Params]: ...
@overload
def class_and_params(
    kind: Literal["head"], section: Mapping[str, Any]
) -> tuple[type[Head], Params]: ...
def class_and_params(kind: Kind, section: Mapping[str, Any]) -> tuple[type[Any], Params]:
    """Return the class and the parameters that a section names.

    Raises:
        PluginError: No plugin provides the component, or its class cannot be imported.
    """
    name, params = name_and_params(section)
    found = resolve(kind, name)
    settings = registry().find(kind, name).settings
    return found, {key: value for key, value in params.items() if key not in settings}


def build_reader(section: Mapping[str, Any]) -> Reader:
    """Return the reader that a section names.

    Raises:
        PluginError: No plugin provides it, or its class cannot be imported.
    """
    reader, params = class_and_params("data", section)
    return reader(**params)


def build_codecs(spec: Spec, states: States | None = None) -> Codecs:
    """Return the codecs of a spec, with their states if these are passed."""
    frontend, frontend_params = class_and_params("frontend", spec["frontend"])
    head, head_params = class_and_params("head", spec["head"])
    codecs = Codecs(
        frontend.make_codec(**frontend_params),
        {spec["head"]["name"]: head.make_codec(**head_params)},
    )
    if states is not None:
        restore(codecs, states)
    return codecs


def restore(codecs: Codecs, states: States) -> None:
    """Restore every codec from its state."""
    codecs.frontend.restore(states["frontend"])
    for name, codec in codecs.heads.items():
        codec.restore(states["heads"][name])


def build_pipeline(spec: Spec, codecs: Codecs) -> Pipeline:
    """Return an untrained pipeline with codecs that have their states.

    Raises:
        ConfigError: A component rejects its parameters.
        PluginError: A component is not installed.
    """
    frontend_class, params = class_and_params("frontend", spec["frontend"])
    frontend = _made(spec["frontend"], frontend_class, codecs.frontend, **params)
    encoder_class, params = class_and_params("encoder", spec["encoder"])
    encoder = _made(spec["encoder"], encoder_class, frontend.output_size, **params)
    head_class, params = class_and_params("head", spec["head"])
    name = spec["head"]["name"]
    if head_class.reads_features:
        params["features_size"] = frontend.output_size
    head = _made(spec["head"], head_class, codecs.heads[name], encoder.output_size, **params)
    return Pipeline(codecs, Model(frontend, encoder, {name: head}))


def _made(section: Mapping[str, Any], cls: Any, *args: Any, **params: Any) -> Any:
    try:
        return cls(*args, **params)
    except (RuntimeError, MemoryError) as error:
        raise ConfigError(f"{section['name']} cannot be built with {params}: {error}") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{section['name']} does not accept its parameters {params}: {error}"
        ) from error
