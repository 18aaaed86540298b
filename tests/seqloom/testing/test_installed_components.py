"""Every installed component keeps the promises of its interface."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from seqloom.plugins import Component, Kind, registry, resolve
from seqloom.testing import (
    ENCODER_CHECKS,
    FRONTEND_CHECKS,
    HEAD_CHECKS,
    FrontendCase,
    HeadCase,
    examples,
    variants,
)
from seqloom.testing.encoders import MakeEncoder
from seqloom.testing.samples import LENGTHS


def _params(kind: Kind) -> Iterator[Any]:
    for name in registry().names(kind):
        component = registry().find(kind, name)
        default = variants(component)[0]
        for params in variants(component, fixed=["scheme"]):
            changed = [str(value) for key, value in params.items() if value != default[key]]
            yield pytest.param(component, params, id="-".join([name, *changed]))


def _by_name(checks: Any) -> dict[str, Any]:
    return {"argvalues": checks, "ids": [check.__name__ for check in checks]}


@pytest.mark.parametrize("check", **_by_name(ENCODER_CHECKS))
@pytest.mark.parametrize(("component", "params"), [*_params("encoder")])
def test_encoder(
    component: Component, params: dict[str, Any], check: Callable[[MakeEncoder], None]
) -> None:
    cls = resolve(component)
    small = {**params, "hidden_size": 8, "num_layers": 2}
    check(lambda input_size: cls(input_size, **small))


def _inputs() -> Iterator[Any]:
    for param in _params("frontend"):
        component, params = param.values
        kinds = component.takes.get("field", ("tokens", "text"))
        for kind in kinds:
            yield pytest.param(component, params, kind, id=f"{param.id}-{kind}")


@pytest.mark.parametrize("check", **_by_name(FRONTEND_CHECKS))
@pytest.mark.parametrize(("component", "params", "kind"), [*_inputs()])
def test_frontend(
    component: Component,
    params: dict[str, Any],
    kind: str,
    check: Callable[[FrontendCase], None],
) -> None:
    check(FrontendCase(resolve(component), examples({kind: kind}), params))


@pytest.mark.parametrize("check", **_by_name(HEAD_CHECKS))
@pytest.mark.parametrize(("component", "params"), [*_params("head")])
def test_head(
    component: Component, params: dict[str, Any], check: Callable[[HeadCase], None]
) -> None:
    (kind, *_) = component.takes["field"]
    field = str(params["field"])
    labelled = examples({"tokens": "tokens", field: kind})
    # In frames rather than tokens, a text needs one for each character, and between equal ones.
    frames = LENGTHS if kind != "text" else [2 * len(one.fields[field]) + 3 for one in labelled]
    check(HeadCase(resolve(component), labelled, frames, params))
