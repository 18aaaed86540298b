"""Codes of errors and the page on troubleshooting belong to each other."""

from __future__ import annotations

import pickle
import re
import shlex
from pathlib import Path

import pytest

from seqloom.cli.main import main, run
from seqloom.cli.reference.troubles import page, sections
from seqloom.data.rejected import Rejected
from seqloom.errors import (
    BundleError,
    Cause,
    ConfigError,
    DataError,
    ExampleError,
    PluginError,
    RunError,
    SeqloomError,
    with_code,
)
from seqloom.interfaces import Example

SOURCE = Path(__file__).parent.parent.parent
EXAMPLE = re.compile(r"^\$ seqloom (.*)\n(?:Error: (.*))?", re.MULTILINE)
SHOWN = [
    (code, shlex.split(words), said)
    for code, text in sections().items()
    for words, said in EXAMPLE.findall(text)
    if said
]
"""Examples that show what they print."""


def test_every_code_has_a_section_with_cause_fix_and_example() -> None:
    assert sorted(sections()) == sorted(Cause)
    for code, text in sections().items():
        assert f"({code.lower()})=\n## {code}: " in page()
        parts = re.split(r"^(?:\*\*(?:Cause|Fix)\.\*\* |```console\n\$ )", text, flags=re.MULTILINE)
        assert [bool(part.strip()) for part in parts] == [True] * 4


def test_every_cause_is_given_somewhere() -> None:
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("framework", "plugins")
        for path in sorted((SOURCE / folder).rglob("*.py"))
    ]
    given = set(re.findall(r"\bCause\.(\w+)", "\n".join(texts)))
    assert given == {cause.name for cause in Cause}


@pytest.mark.parametrize(("code", "words", "said"), SHOWN, ids=[code for code, _, _ in SHOWN])
def test_the_examples_print_what_the_page_shows(
    code: str, words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SeqloomError) as caught:
        run(words)
    assert with_code(caught.value) == said
    assert said.endswith(f"[{code}]")


def test_most_examples_of_configs_show_what_they_print() -> None:
    assert len(SHOWN) >= 7


def test_an_error_has_the_usual_code_of_its_class_or_its_own() -> None:
    usual = {SeqloomError: "S100", ConfigError: "S100", PluginError: "S200", DataError: "S300"}
    usual |= {BundleError: "S400", RunError: "S500"}
    assert {kind: kind("no").code for kind in usual} == usual
    assert ExampleError(Example("a", {}), "no").code == "S310"
    found = pickle.loads(pickle.dumps(DataError("no", cause=Cause.no_file)))
    assert (str(found), found.code, with_code(found)) == ("no", "S301", "no [S301]")


def test_an_error_of_a_plugin_may_leave_the_code_out() -> None:
    class OwnError(DataError):
        def __init__(self, place: str) -> None:
            self.place = place

    assert with_code(OwnError("there")).endswith("[S300]")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["train", "encoder.hidden_size=big"], "S103"),
        (["train", "'a b'="], "S104"),
        (["train", "data=digit_lines"], "S107"),
        (["trian"], "S201"),
        (["check", "data=csv", "head=classification", "data.train=nowhere.csv"], "S301"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_program_prints_the_code(
    words: list[str],
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["seqloom", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    printed = capsys.readouterr()
    assert f"[{code}]\n" in printed.out + printed.err


def test_a_code_is_explained_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "s106"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("S106: missing value\n\nCause. A key without a default")
    assert "\n  $ seqloom train data=csv head=classification\n" in text


def test_rejected_examples_that_share_a_cause_share_its_code() -> None:
    def refused(*causes: Cause | None) -> str:
        found = Rejected(skip=False)
        example = Example("one", {})
        found.errors = [ExampleError(example, "no", cause=cause) for cause in causes]
        with pytest.raises(DataError) as caught:
            found.raise_or_warn("the train split")
        return caught.value.code

    assert refused(Cause.bad_tags, Cause.bad_tags) == "S312"
    assert refused(Cause.bad_tags, None) == "S310"
