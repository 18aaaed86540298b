"""Check a config before any training: read its data, fit its codecs, take one step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from seqloom.checks import similar_names, warn_of_similar_names
from seqloom.config.run_config import RunConfig
from seqloom.data.rejected import counted
from seqloom.errors import SeqloomError, plural, printable, with_code
from seqloom.train.check.characters import characters
from seqloom.train.check.duplicates import duplicates
from seqloom.train.check.finding import SHOWN, Finding, reason
from seqloom.train.check.memory import Memory, step_memory
from seqloom.train.check.raw_text import raw_text
from seqloom.train.check.sizes import classes, padding, sizes
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data
from seqloom.train.pretrained import pretrained_states
from seqloom.train.process import set_seed, set_threads

OWN = ("rejected", "overlap")
"""Modules whose warnings are not repeated, since findings cover the same."""


@dataclass
class Check:
    """Result of a check.

    Attributes:
        sizes: Numbers of the data by split; empty if it cannot be read.
        classes: Number of examples of each class by split; empty if there are no classes.
        memory: What a step needs; None if no step could be taken.
        findings: What was found, errors first.
    """

    sizes: dict[str, Any] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    memory: Memory | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """Return the number of errors."""
        return sum(one.error for one in self.findings)

    def facts(self) -> dict[str, Any]:
        """Return all of it in plain types."""
        return {
            "sizes": self.sizes,
            "classes": self.classes,
            "memory": self.memory.facts() if self.memory else None,
            "findings": [one.facts() for one in self.findings],
            "errors": self.errors,
        }


def check(cfg: RunConfig) -> Check:
    """Return what is known of a config's data and memory. Nothing is written.

    Examples that cannot be used are collected, whatever ``on_bad`` says; with ``skip`` they are not
    an error.
    """
    set_threads(cfg.threads)
    set_seed(cfg.seed)
    found = Check()
    with _warnings() as (said, covered):
        try:
            data = encoded_data(
                replace(cfg, on_bad="skip", cache="off"),
                basis=pretrained_states(cfg.init) if cfg.init else None,
            )
        except SeqloomError as error:
            # Without data there are no findings that say why examples cannot be used.
            found.findings = [Finding("data", error=True, text=with_code(error)), *covered, *said]
            return found
    skip = cfg.on_bad == "skip"
    found.sizes = sizes(cfg, data)
    found.classes, first, odd = classes(data)
    alike = [f"{first[name]}: {name!r}" for names in similar_names(first) for name in names]
    said = [replace(one, places=alike) if one.kind == "alike" else one for one in said]
    found.findings = [*_rejected(data, skip), *said, *duplicates(data.splits, data.contents)]
    found.findings += [*characters(data.splits), *raw_text(data.splits, data.codecs.frontend)]
    found.findings += [*odd, *padding(found.sizes)]
    try:
        found.memory = step_memory(cfg, data)
    except SeqloomError as error:
        found.findings.append(Finding("step", error=True, text=with_code(error)))
    found.findings.sort(key=lambda one: not one.error)
    return found


def _rejected(data: RunData, skip: bool) -> Iterator[Finding]:
    remedy = (
        "Left out, as on_bad=skip says."
        if skip
        else "Correct the data, or leave out what is wrong by on_bad=skip."
    )
    for split, errors in data.skipped.items():
        if errors:
            yield Finding(
                "unusable",
                error=not skip,
                text=f"{counted(errors, split)} cannot be used. {remedy}",
                places=[*map(reason, errors)],
            )
    for split, errors in data.unknown.items():
        if errors:
            yield Finding(
                "unknown",
                error=True,
                text=f"{counted(errors, split)} {plural(len(errors), 'has', 'have')} a target that "
                f"no training example has: {plural(len(errors), 'it counts', 'they count')} as "
                "wrong, whatever is predicted.",
                places=[*map(reason, errors)],
            )


@contextmanager
def _warnings() -> Iterator[tuple[list[Finding], list[Finding]]]:
    """Collect the warnings in the block instead of logging them: others, and those of `OWN`."""
    found: list[Finding] = []
    own: list[Finding] = []

    class Collect(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            if record.levelno < logging.WARNING:
                return True
            text = record.getMessage()
            if record.module not in OWN:
                kind = "alike" if record.funcName == warn_of_similar_names.__name__ else "warning"
                found.append(Finding(kind, error=False, text=printable(text)))
            else:
                first, *lines = text.splitlines()
                places = [line.strip() for line in lines[:SHOWN]]  # the last says how many more
                own.append(Finding("unusable", error=bool(places), text=first, places=places))
            return False

    log, collect = logging.getLogger("seqloom"), Collect()
    log.addFilter(collect)
    try:
        yield found, own
    finally:
        log.removeFilter(collect)
