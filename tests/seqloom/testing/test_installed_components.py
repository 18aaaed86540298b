"""Every installed component keeps the promises of its interface, in each of its variants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seqloom.plugins import registry
from seqloom.testing.checks import Check, name_of
from seqloom.testing.subjects import Subject, subjects

LONG = {"learning", "ranks", "metrics_on_ranks"}
"""Checks of training that are run on each component but not, for time's sake, on its variants.

``seqloom conformance --all`` runs them on all.
"""


def _pairs() -> Iterator[Any]:
    for component, _ in registry().components.values():
        for subject in subjects(component):
            label = "-".join([subject.name, *subject.variant.split()])
            apart = pytest.mark.xdist_group(f"{component.kind}={component.name}")
            for check in subject.checks:
                name = name_of(check)
                if not (subject.option and name in LONG):
                    yield pytest.param(subject, check, id=f"{label}-{name}", marks=apart)


@pytest.mark.parametrize(("subject", "check"), [*_pairs()])
def test_component(subject: Subject, check: Check) -> None:
    subject.run(check)
