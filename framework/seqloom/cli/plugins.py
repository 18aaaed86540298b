"""``seqloom plugins``: what is installed, what each plugin provides, and what is wrong with it."""

from __future__ import annotations

import argparse
import json

from seqloom.plugins import Plugin, registry
from seqloom.plugins.disabling import DISABLE_VARIABLE, in_environment
from seqloom.plugins.loading import known_names


def plugins(arguments: list[str]) -> int:
    """Print the plugins; the exit status is 0 also where one is quarantined, but not of doctor."""
    options = _parser().parse_args(arguments)
    if options.action == "doctor":
        from seqloom.cli.doctor import doctor

        return doctor(as_json=options.json)
    found = registry().plugins
    if options.json:
        print(json.dumps([facts(plugin) for plugin in found], indent=2))
    else:
        print("\n".join([*map(described, found), *idle()]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom plugins",
        description="List the installed plugins and their parts. With 'doctor': look for faults in "
        "each, import all that it names, and exit with 1 if there are any.",
        epilog=f"{DISABLE_VARIABLE}=NAME[,NAME…] in the environment turns plugins off, and so does "
        "disable_plugins=[NAME] for one run of seqloom train. A plugin that cannot be loaded is "
        "quarantined and all else goes on; but an import that hangs, or that kills the "
        "interpreter, nothing can guard against: turn such a plugin off, or uninstall it.",
    )
    parser.add_argument("action", nargs="?", choices=["doctor"], help="look for faults")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def facts(plugin: Plugin) -> dict[str, object]:
    """Return all that is known of a plugin as plain data."""
    return {
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": state(plugin),
        "reason": plugin.reason,
        "conflicts": registry().conflicts(plugin),
        "seconds": round(plugin.seconds, 4),
        "components": [
            {
                "kind": part.kind,
                "name": part.name,
                "contested": (part.kind, part.name) in registry().contested,
            }
            for part in plugin.components
        ],
        "config_packages": list(plugin.config_packages),
        "commands": [command.name for command in plugin.commands],
    }


def state(plugin: Plugin) -> str:
    """Return ``ok``, ``disabled``, ``quarantined``, or ``conflict`` if it claims what others do."""
    return "conflict" if registry().conflicts(plugin) else plugin.state


def described(plugin: Plugin) -> str:
    """Return a plugin in a few lines of text."""
    loaded = f", loaded in {1000 * plugin.seconds:.0f} ms" if plugin.state == "ok" else ""
    lines = [f"{plugin.name} ({plugin.distribution} {plugin.version}): {state(plugin)}{loaded}"]
    if plugin.reason:
        lines.append(f"  {plugin.reason}")
    kinds = dict.fromkeys(part.kind for part in plugin.components)
    for kind in kinds:
        names = ", ".join(part.name for part in plugin.components if part.kind == kind)
        lines.append(f"  {kind}: {names}")
    if plugin.config_packages:
        lines.append(f"  configs: {', '.join(plugin.config_packages)}")
    if plugin.commands:
        lines.append(f"  commands: {', '.join(command.name for command in plugin.commands)}")
    lines += [f"  {text}" for text in registry().conflicts(plugin)]
    return "\n".join(lines)


def idle() -> list[str]:
    """Return a sentence for each name in the environment that disables nothing."""
    known = known_names()
    return [
        f"{DISABLE_VARIABLE} names {name!r}, but no plugin is called so."
        for name in in_environment()
        if name not in known
    ]
