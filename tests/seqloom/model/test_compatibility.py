"""Components that differ from those that a model was made with are reported with what to do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from window_plugin import Install, provide

from seqloom.config.compose import compose_run
from seqloom.extras import update_command
from seqloom.model.compatibility import install as pip
from seqloom.model.compatibility import messages
from seqloom.model.provenance import compare, entries, entry


def recorded(**changes: Any) -> dict[str, dict[str, Any]]:
    """Return the entry of a window of ``faulty`` 1.5, by kind, with changes to it."""
    found = entry("encoder", {"name": "window", "size": 4})
    return {"encoder": {**found, **changes}}


def said(**changes: Any) -> str:
    return " ".join(messages(compare(recorded(**changes))))


def test_the_same_is_not_worth_a_word(install: Install) -> None:
    provide(install)
    assert said() == ""
    assert said(version="1.4") == said(version="1.5.0") == said(version="1.5rc1") == ""
    assert said(distribution="Faulty") == ""


OLD = 'To use that version: pip install "faulty=={}".'


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"version": "1.10"},
            "encoder=window comes from faulty 1.5, older than the 1.10 that the model was made "
            'with: pip install "faulty>=1.10".',
        ),
        (
            {"version": "0.9"},
            "encoder=window comes from faulty 1.5; the model was made with 0.9, which may not be "
            f"compatible. {OLD.format('0.9')}",
        ),
        (
            {"version": "1.4", "schema": "other"},
            "encoder=window comes from faulty 1.5; the model was made with 1.4, in which "
            "encoder=window had other parameters. "
            f"{OLD.format('1.4')}",
        ),
        (
            {"schema": "other"},
            "The parameters of encoder=window differ from those that the model was made with, "
            "although both versions are faulty 1.5.",
        ),
        (
            {"distribution": "better-windows", "version": "0.3"},
            "encoder=window comes from faulty 1.5; the model was made with that of better-windows "
            "0.3, a different package. If you know and trust that package, install it and disable "
            "the plugin 'faulty': SEQLOOM_DISABLE_PLUGINS=faulty.",
        ),
    ],
)
def test_what_differs_is_told_with_what_to_install(
    install: Install, changes: dict[str, str], expected: str
) -> None:
    provide(install)
    assert said(**changes) == expected


@pytest.mark.parametrize("version", ["unknown", "a while ago", ""])
def test_versions_that_cannot_be_compared(install: Install, version: str) -> None:
    provide(install)
    assert said(version=version) == ""
    assert said(version=version, schema="other").startswith(
        "The parameters of encoder=window differ"
    )
    assert pip({"distribution": "faulty", "version": version}, ">=") == 'pip install "faulty"'


@pytest.mark.parametrize(
    ("then", "here", "worth_a_word"),
    [
        ("0.1", "0.1.9", False),
        ("0.1", "0.2", True),
        ("0.9", "1.0", True),
        ("1.0", "1.9", False),
        ("1.9", "2.0", True),
    ],
)
def test_while_the_major_version_is_0_the_minor_one_counts(
    install: Install, then: str, here: str, worth_a_word: bool
) -> None:
    provide(install)
    (one,) = compare(recorded(version=then))
    assert one.plugin
    one = replace(one, plugin=replace(one.plugin, version=here))
    assert one.state == ("newer" if worth_a_word else "same")


def test_components_of_one_distribution_share_a_sentence() -> None:
    found = entries(compose_run([]).components)
    older = {kind: {**one, "version": "99.0"} for kind, one in found.items()}
    (sentence,) = messages(compare(older))
    assert sentence.startswith(
        "data=apples, frontend=words, encoder=bilstm and head=ner come from seqloom "
    )
    assert sentence.endswith(f"made with: {update_command()}.")


def test_a_distribution_from_a_clone_is_not_looked_for_in_an_index(
    install: Install, tmp_path: Path
) -> None:
    provide(install)
    record = tmp_path / "site" / "faulty-1.5.dist-info"
    clone = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    (record / "direct_url.json").write_text(json.dumps(clone), encoding="utf-8")
    assert said(version="1.10") == (
        "encoder=window comes from faulty 1.5, older than the 1.10 that the model was made "
        f'with: git -C "{tmp_path}" pull.'
    )
    assert said(version="0.9").endswith(
        f'To use that version: check out faulty 0.9 in "{tmp_path}".'
    )
    (match,) = compare({"encoder": {**ABSENT, "version": "2.0"}})
    assert messages([match]) == [
        "The model needs encoder=wide from faulty 2.0. The installed faulty 1.5 does not have "
        f'it: git -C "{tmp_path}" pull.'
    ]


ABSENT = {
    "section": {"name": "wide", "size": 4},
    "plugin": "faulty",
    "distribution": "faulty",
    "schema": "x",
}


@pytest.mark.parametrize(
    ("entry_changes", "expected"),
    [
        (
            {"distribution": "elsewhere", "version": "0.2"},
            'The model needs encoder=wide from elsewhere 0.2: pip install "elsewhere>=0.2".',
        ),
        (
            {"version": "2.0"},
            "The model needs encoder=wide from faulty 2.0. The installed faulty 1.5 does not have "
            'it: pip install "faulty>=2.0".',
        ),
        (
            {"version": "1.1"},
            "The model needs encoder=wide from faulty 1.1. The installed faulty 1.5 does not have "
            'it: pip install "faulty==1.1".',
        ),
        (
            {"distribution": "unknown", "version": "unknown"},
            "The model needs encoder=wide from the plugin 'faulty': install the package that "
            "provides the plugin 'faulty'.",
        ),
    ],
)
def test_what_is_missing_is_told_with_what_to_install(
    install: Install, entry_changes: dict[str, str], expected: str
) -> None:
    provide(install)
    (match,) = compare({"encoder": {**ABSENT, **entry_changes}})
    assert not match.compatible
    assert messages([match]) == [expected]


@pytest.mark.parametrize("name", ["window", "wide"])
def test_nothing_that_a_model_says_steers_the_terminal(install: Install, name: str) -> None:
    provide(install)
    for distribution in ("faulty", "elsewhere", "\x1b[2J"):
        odd = {"section": {"name": name}, "version": "9; \x1b[2J\n\x1b]0;"}
        said = messages(compare({"encoder": {**ABSENT, **odd, "distribution": distribution}}))
        assert said
        assert all(map(str.isprintable, said))


def test_a_quarantined_plugin_is_told_as_such(install: Install) -> None:
    install("faulty", "import a_library_that_is_not_there\n")
    (found,) = messages(compare({"encoder": {**ABSENT, "version": "1.5"}}))
    assert re.sub(r"\(at .*/", "(at ", found) == (
        "The model needs encoder=wide from plugin 'faulty' (faulty 1.5), which is quarantined: "
        "ModuleNotFoundError: No module named 'a_library_that_is_not_there' (at faulty.py:1). Fix "
        'that plugin, or install a working version: pip install "faulty>=1.5".'
    )


def test_the_message_names_both_plugins_that_claim_a_component(install: Install) -> None:
    provide(install, name="wide")
    provide(install, name="wide", module="faulty_too")
    (found,) = messages(compare({"encoder": {**ABSENT, "version": "1.5"}}))
    assert found.startswith(
        "The model needs encoder=wide from faulty 1.5. encoder=wide is claimed by plugin 'faulty' "
        "(faulty 1.5) and plugin 'faulty_too' (faulty-too 1.5), so neither gets it. "
    )
