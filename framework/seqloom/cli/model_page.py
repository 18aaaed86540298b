"""What is known of a model, as a page of plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqloom.cli.model_facts import Facts
from seqloom.model.printable import printable
from seqloom.model.weights import total

WIDTH = 10
"""Of the column of names."""
VERDICTS = {
    True: "Fits what is installed here",
    False: "Does not fit what is installed here",
    None: "Whether it fits what is installed here is not known",
}


def page(facts: Facts) -> str:
    """Return the facts as lines of text."""
    made = f", made {facts['made']}" if facts["made"] else ""
    lines = [f"{facts['path']}: {facts['what']}{made}"]
    for name, texts in _rows(facts):
        for number, text in enumerate(texts):
            lines.append(f"  {'' if number else name:<{WIDTH}} {text}")
    lines.append(f"{VERDICTS[facts['fits']]}{':' if facts['says'] else '.'}")
    return "\n".join(printable(one) for one in [*lines, *(f"  {one}" for one in facts["says"])])


def _rows(facts: Facts) -> Iterator[tuple[str, list[str]]]:
    if facts["run"]:
        yield "run", [_pairs(facts["run"], but="overrides"), *_overrides(facts["run"])]
    yield "made with", [", ".join(_version(n, one) for n, one in facts["versions"].items())]
    for kind, one in facts["components"].items():
        yield kind, [_component(one), _pairs(one["parameters"])]
    if facts["weights"]:
        sizes = {"in all": total(facts["weights"]), **facts["weights"]}
        yield "weights", [f"{part}: {_size(one)}" for part, one in sizes.items()]
    yield "codecs", [f"{name}: {_entry(one)}" for name, one in facts["codecs"].items()]
    yield "metrics", [f"{split}: {_pairs(one)}" for split, one in facts["metrics"].items()]
    yield (
        "files",
        [
            f"{name}: {one['bytes']:,} bytes, SHA-256 {one['sha256']}, {_file_state(one['state'])}"
            for name, one in facts["files"].items()
        ],
    )


def _version(name: str, one: Mapping[str, str]) -> str:
    same = one["recorded"] == one["here"]
    return f"{name} {one['recorded']}{'' if same else ' (here ' + one['here'] + ')'}"


def _component(one: Facts) -> str:
    if "plugin" not in one:
        return f"{one['name']}, of a plugin that is not recorded"
    recorded = f"{one['name']}, of {_distribution(one)} ({one['plugin']})"
    here = one["here"]
    if not here:
        return f"{recorded}; missing here"
    schema = "the same parameters" if one["same_schema"] else "other parameters"
    return f"{recorded}; here {_distribution(here)}, {schema}"


def _distribution(one: Facts) -> str:
    """Return the distribution of a component, with what its version does not say."""
    commit = f", commit {one['commit']}" if "commit" in one else ""
    editable = ", editable" if one.get("editable") else ""
    return f"{one['distribution']} {one['version']}{commit}{editable}"


def _overrides(run: Facts) -> list[str]:
    overrides = run.get("overrides")
    return [" ".join(map(str, overrides))] if overrides and isinstance(overrides, list) else []


def _pairs(values: Mapping[str, Any], but: str = "") -> str:
    return ", ".join(f"{key} {_value(one)}" for key, one in values.items() if key != but)


def _value(one: Any) -> str:
    if isinstance(one, float):
        return f"{one:.6g}"
    if isinstance(one, Mapping):
        return f"({_pairs(one)})"
    return "none" if one is None else str(one)


def _entry(one: Any) -> str:
    if isinstance(one, Mapping):
        return ", ".join(f"{value:,} {unit}" for unit, value in one.items() if value is not None)
    return _value(one)


def _size(one: Mapping[str, int]) -> str:
    return f"{one['numbers']:,} numbers, {one['bytes']:,} bytes"


def _file_state(state: str) -> str:
    return state if state in {"ok", "readable"} else "not as it was written"
