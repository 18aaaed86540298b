"""Every installed component keeps the promises of its interface, in each of its variants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seqloom.plugins import registry
from seqloom.testing.checks import Check, name_of
from seqloom.testing.subjects import Subject, subjects


def _pairs() -> Iterator[Any]:
    """Yield each variant with each check; those outside the check's scope are slow tests."""
    for component, _ in registry().components.values():
        for subject in subjects(component):
            label = "-".join([subject.name, *subject.variant.split()])
            apart = pytest.mark.xdist_group(subject.name)
            for check in subject.checks:
                marks = [apart] if subject.needs(check) else [apart, pytest.mark.slow]
                yield pytest.param(subject, check, id=f"{label}-{name_of(check)}", marks=marks)


@pytest.mark.parametrize(("subject", "check"), [*_pairs()])
def test_component(subject: Subject, check: Check) -> None:
    subject.run(check)
