"""``seqloom conformance``: run the checks of components and print the outcomes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seqloom.cli.options import HelpFormatter, use_threads
from seqloom.config.hydra_errors import explain
from seqloom.errors import ConfigError, did_you_mean
from seqloom.plugins import KINDS, Component, registry

if TYPE_CHECKING:
    from seqloom.testing.conform import Outcome
    from seqloom.testing.subjects import Subject

Params = dict[str, Any]

WIDTH = 16
"""Width of the column with the names of checks."""


def conformance(arguments: list[str]) -> int:
    """Run the checks and print the outcomes; the exit status is 1 if one failed."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not (options.words or options.plugin or options.all):
        parser.error("name a component, KIND=NAME, or use --plugin NAME or --all")
    given = _overrides(options.words)
    components = _components(options)
    for kind in given:
        if kind not in {component.kind for component in components}:
            raise ConfigError(f"{kind}.… needs a component to apply to. Name one: {kind}=NAME.")
    from seqloom.testing.subjects import subjects

    use_threads(1)
    found = [one for each in components for one in subjects(each, given.get(each.kind))]
    _refuse_unknown(options.k, found)
    ran = [] if options.json else [_Page(sys.stdout)]
    outcomes = []
    for outcome in _run(found, options.k):
        outcomes.append(outcome)
        for page in ran:
            page.add(outcome)
    if options.json:
        print(json.dumps([asdict(one) for one in outcomes], indent=2))
    else:
        print(_count(outcomes))
    return int(any(one.state == "failed" for one in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom conformance",
        description="Check components against their interfaces, each with its defaults and with "
        "every other value of its enum parameters.",
        epilog="Example:\n  seqloom conformance encoder=lstm encoder.hidden_size=8\n\n"
        "Encoders are checked at a small size unless one is set. The exit status is 1 if a "
        "check failed.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help="KIND=NAME selects a component, KIND.KEY=VALUE sets its parameters",
    )
    parser.add_argument("--plugin", metavar="NAME", help="check all components of a plugin")
    parser.add_argument("--all", action="store_true", help="check all installed components")
    parser.add_argument(
        "-k", metavar="WORD", default="", help="only checks whose name contains this word"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _components(options: argparse.Namespace) -> list[Component]:
    """Return the chosen components, each once.

    Raises:
        ConfigError: There is no such plugin, or it cannot be used.
        PluginError: There is no such component.
    """
    found: list[Component] = []
    for word in options.words:
        kind, _, name = word.partition("=")
        if kind in KINDS:
            found.append(registry().find(kind, name))
    if options.plugin:
        plugins = {plugin.name: plugin for plugin in registry().plugins}
        if options.plugin not in plugins:
            raise ConfigError(
                f"There is no plugin {options.plugin!r}. {did_you_mean(options.plugin, plugins)}"
            )
        plugin = plugins[options.plugin]
        if plugin.state != "ok":
            raise ConfigError(f"{plugin} is {plugin.state}: {plugin.reason}.")
        found.extend(registry().find(one.kind, one.name) for one in plugin.components)
    if options.all:
        found.extend(component for component, _ in registry().components.values())
    return list({(one.kind, one.name): one for one in found}.values())


def _overrides(words: Sequence[str]) -> dict[str, Params]:
    """Return the values of KIND.KEY=VALUE words, by kind and key.

    Raises:
        ConfigError: A word is neither KIND=NAME nor KIND.KEY=VALUE.
    """
    found: dict[str, Params] = {}
    for word in words:
        key, equals, _ = word.lstrip("+").partition("=")
        kind, dot, rest = key.partition(".")
        if not equals or kind not in KINDS:
            raise ConfigError(
                f"{word!r} is neither KIND=NAME nor KIND.KEY=VALUE. {did_you_mean(kind, KINDS)}"
            )
        if dot:
            try:
                (override,) = OverridesParser.create().parse_overrides([word])
            except HydraException as error:
                raise explain(error) from error
            found.setdefault(kind, {})[rest] = override.value()
    return found


def _refuse_unknown(word: str, found: Sequence[Subject]) -> None:
    from seqloom.testing.checks import name_of

    names = {name_of(check) for subject in found for check in subject.checks}
    if not any(word in name for name in names):
        raise ConfigError(f"No check has {word!r} in its name. {did_you_mean(word, names)}")


def _run(found: Sequence[Subject], word: str) -> Iterator[Outcome]:
    from seqloom.testing.conform import outcomes

    for subject in found:
        yield from outcomes(subject, word)


class _Page:
    """Prints outcomes as they come, below the name of their subject."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.subject = ""

    def add(self, outcome: Outcome) -> None:
        if outcome.subject != self.subject:
            self.subject = outcome.subject
            print(self.subject, file=self.stream)
        state = "FAILED" if outcome.state == "failed" else outcome.state
        text = outcome.text if outcome.state == "does not apply" else outcome.promise
        if outcome.state == "failed":
            text += f"\n{' ' * (WIDTH + 20)}{outcome.text}"
        print(f"  {state:<16}{outcome.check:<{WIDTH}}  {text}", file=self.stream, flush=True)


def _count(outcomes: Sequence[Outcome]) -> str:
    states = [one.state for one in outcomes]
    checks = "one check" if len(states) == 1 else f"{len(states)} checks"
    return (
        f"{checks}: {states.count('ok')} ok, {states.count('failed')} failed, "
        f"{states.count('does not apply')} do not apply."
    )
