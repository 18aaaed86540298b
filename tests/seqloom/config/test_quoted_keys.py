"""Keys in quotes: every text can be the key of a mapping in an override."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import Program

from seqloom.cli.main import run
from seqloom.config.compose import as_overrides, compose_run
from seqloom.config.overrides import with_overrides
from seqloom.config.quoted_keys import with_plain_keys
from seqloom.errors import ConfigError

HEAD = ["data=csv", "data.train=a.csv", "head=classification"]
SMALL = ["encoder.hidden_size=4", "frontend.size=4", "frontend.characters=false"]
LABELS = ["1.0", "-1", "null", "true", "yes", "a=b", "two words", "x,y", 'say "hi"', "it's", "a.b"]
LABELS += ["caf\u00e9", "", " ", "{x}", "$HOME", "${x}", "back\\slash\\", "1e3", "~", "a: b", "#"]


def weights(*words: str) -> object:
    return compose_run([*HEAD, *words]).head["class_weights"]


@pytest.mark.parametrize("mark", ["'", '"'])
def test_any_label_can_have_a_weight(mark: str) -> None:
    wanted = {label: number + 0.5 for number, label in enumerate(LABELS)}
    texts = {one: one.replace("\\", "\\\\").replace(mark, f"\\{mark}") for one in LABELS}
    pairs = [f"{mark}{texts[label]}{mark}: {weight}" for label, weight in wanted.items()]
    assert weights(f"head.class_weights={{{', '.join(pairs)}, other: 3}}") == {
        **wanted,
        "other": 3.0,
    }


@settings(max_examples=20)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0.1, 9)))
def test_mappings_of_python_may_have_any_key(wanted: dict[str, float]) -> None:
    assert weights(*as_overrides([{"head": {"class_weights": wanted}}])) == wanted


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("""data.columns={"text": 'a "b", c', label: "x"}""", None),
        ("data.delimiter=','", None),
        (
            "x={'a': 1},{\"b-c\": [1, {'d': \"{'e': 1}\"}]}",
            "x={a: 1},{b-c: [1, {d: \"{'e': 1}\"}]}",
        ),
        ("x={'a' 1}", None),
        ("x={'a': 1", None),
        ("x={'1': }", None),
    ],
)
def test_what_needs_no_quotes_is_plain(word: str, plain: str | None) -> None:
    plain = word.replace('"text"', "text") if plain is None else plain
    assert with_plain_keys([word]) == [plain]
    assert with_plain_keys(with_plain_keys([word])) == [plain]


def test_a_mapping_with_a_key_twice() -> None:
    with pytest.raises(ConfigError, match="has a key twice"):
        weights("head.class_weights={'1': 2, \"1\": 3}")


def test_a_trained_model_reads_them_too() -> None:
    section = with_overrides({"name": "csv"}, ['data.columns={"text": "a", "1": "b"}'])
    assert section["columns"] == {"text": "a", "1": "b"}
    with pytest.raises(ConfigError, match=r"data\.columns: "):
        with_overrides({"name": "conll"}, ['data.columns={"1": {a: 2}}'])


def test_a_printed_config_has_the_mapping(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["head=classification", """head.class_weights={'größe': 2, "a=b}": 3, "1.0": 4}"""]
    assert run(["train", *words, "--cfg", "job"]) == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["head"]["class_weights"] == {"größe": 2, "a=b}": 3, "1.0": 4}


def test_a_sweep_over_weights(program: Program, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    rows = [f"word{i % 2} {i},{i % 2}.0" for i in range(40)]
    table.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    words = ["data=csv", f"data.train={table}", "head=classification", "trainer.max_epochs=1"]
    swept = """head.class_weights={"1.0": 2},{'1.0': 5, "0.0": 3}"""
    done = program("train", "-m", *words, *SMALL, swept, f"hydra.sweep.dir={tmp_path}/sweep")
    assert done.returncode == 0, done.stderr
    configs = [(tmp_path / "sweep" / trial / "config.yaml").read_text("utf-8") for trial in "01"]
    assert """[1] head.class_weights={"1.0": 5, "0.0": 3}\n""" in done.stderr + done.stdout
    found = [yaml.safe_load(text)["head"]["class_weights"] for text in configs]
    assert found == [{"1.0": 2.0}, {"1.0": 5.0, "0.0": 3.0}]
