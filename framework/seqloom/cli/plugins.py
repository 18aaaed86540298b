"""``seqloom plugins``: what is installed, what each plugin provides, and what is wrong with it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from seqloom.plugins import Plugin, registry


def plugins(arguments: list[str]) -> int:
    """Print the plugins; the exit status is 0 also where one is set aside."""
    parser = argparse.ArgumentParser(
        prog="seqloom plugins",
        description="List the installed plugins and their parts.",
        epilog="SEQLOOM_DISABLE_PLUGINS=NAME[,NAME…] in the environment turns plugins off.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    found = registry().plugins
    if options.json:
        print(json.dumps([facts(plugin) for plugin in found], indent=2))
    else:
        print("\n".join(described(plugin) for plugin in found))
        for what, claims in contested().items():
            print(f"{what} is claimed by {' and '.join(map(str, claims))}: neither gets it")
    return 0


def contested() -> dict[str, Sequence[Plugin]]:
    """Return the plugins that claim the same component or command."""
    parts = {f"{kind}={name}": claims for (kind, name), claims in registry().contested.items()}
    commands = {f"command {n}": claims for n, claims in registry().contested_commands().items()}
    return {**parts, **commands}


def facts(plugin: Plugin) -> dict[str, object]:
    """Return all that is known of a plugin as plain data."""
    return {
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": plugin.state,
        "reason": plugin.reason,
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


def described(plugin: Plugin) -> str:
    """Return a plugin in a few lines of text."""
    lines = [f"{plugin.name} ({plugin.distribution} {plugin.version}): {plugin.state}"]
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
    return "\n".join(lines)
