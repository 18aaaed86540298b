"""``seqloom inspect``: what a model is, also where it cannot be loaded."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch

import seqloom
from seqloom.cli.inspect import _pairs
from seqloom.cli.main import run
from seqloom.errors import BundleError, RunError
from seqloom.extras import update_command
from seqloom.files import sha256
from seqloom.model.provenance import installed
from seqloom.plugins import registry

Inspect = Callable[..., dict[str, Any]]
EDITABLE = installed("seqloom").get("editable", False)
OURS = f"seqloom {seqloom.__version__}{', editable' if EDITABLE else ''}"


@pytest.fixture
def model(trained_ner: Path, tmp_path: Path) -> Path:
    """Return a copy of a bundle, away from its run."""
    return Path(shutil.copytree(trained_ner / "bundle", tmp_path / "model"))


@pytest.fixture
def facts(capsys: pytest.CaptureFixture[str]) -> Inspect:
    """Return what ``--json`` prints."""

    def found(path: Path, status: int = 0, *options: str) -> dict[str, Any]:
        assert run(["inspect", str(path), "--json", *options]) == status
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    return found


@pytest.fixture
def without_recurrent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Disable the plugin that has the encoders."""
    monkeypatch.setenv("SEQLOOM_DISABLE_PLUGINS", "recurrent")
    registry.cache_clear()
    yield
    monkeypatch.undo()
    registry.cache_clear()


def _head(found: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of the only head of a description."""
    (entry,) = found["components"]["heads"].values()
    return cast("dict[str, Any]", entry)


def test_a_bundle_is_told_of_in_full(model: Path, facts: Inspect) -> None:
    found = facts(model, 0, "--check")
    pipeline = seqloom.load(model)
    here = seqloom.__version__
    assert found["what"] == "a bundle of format 2"
    assert found["made"].startswith("20")
    assert found["run"] is None
    assert found["versions"]["torch"] == {"recorded": torch.__version__, "here": torch.__version__}
    assert list(found["components"]) == ["data", "frontend", "encoder", "head"]
    encoder = found["components"]["encoder"]
    assert encoder["name"] == "bilstm"
    assert encoder["parameters"]["hidden_size"] == 8
    assert (encoder["distribution"], encoder["version"]) == ("seqloom", here)
    assert encoder["here"]["version"] == here
    assert encoder["same_schema"] is True
    assert found["codecs"]["frontend.words"]["entries"] > 100
    assert found["codecs"]["ner.scheme"] == "iob2"
    assert "f1" in found["metrics"]["test"]
    assert (found["compatible"], found["messages"]) == (True, [])

    numbers = {part: one["numbers"] for part, one in found["weights"].items()}
    for part in ("frontend", "encoder", "heads"):
        state = getattr(pipeline.model, part).state_dict().values()
        assert numbers[part] == sum(one.numel() for one in state)
    assert found["files"]["model.safetensors"] == {
        "bytes": (model / "model.safetensors").stat().st_size,
        "sha256": sha256(model / "model.safetensors"),
        "state": "ok",
    }


def test_a_runs_folder_is_told_of_with_its_run(
    trained_ner: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", str(trained_ner)]) == 0
    page = capsys.readouterr().out
    lines = page.splitlines()
    assert lines[0].startswith(f"{trained_ner}/bundle: a bundle of format 2, made 20")
    assert lines[-1] == "Compatible with the installed plugins."
    for text in (
        "run        state done, started ",
        "data.train_size=60",
        f"made with  seqloom {seqloom.__version__}, torch {torch.__version__}, ",
        f"encoder    bilstm from {OURS} (recurrent); installed: {OURS}, same param",
        "hidden_size 8, num_layers 1, ",
        "weights    total: ",
        "ner.scheme: iob2",
        "metrics    val: f1 ",
        "bytes, SHA-256 ",
    ):
        assert text in page


def test_a_model_whose_plugin_is_not_there(
    model: Path, facts: Inspect, without_recurrent: None, capsys: pytest.CaptureFixture[str]
) -> None:
    found = facts(model)
    encoder = found["components"]["encoder"]
    assert (encoder["state"], encoder["here"], encoder["same_schema"]) == ("missing", None, None)
    assert found["compatible"] is False
    (sentence,) = found["messages"]
    assert sentence.startswith("The model needs encoder=bilstm from plugin 'recurrent'")
    assert run(["inspect", str(model), "--check"]) == 1
    page = capsys.readouterr().out
    assert f"bilstm from {OURS} (recurrent); not installed" in page
    assert page.endswith(f"Not compatible with the installed plugins:\n  {sentence}\n")


def _edit(model: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = model / "bundle.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    found.pop("sha256", None)
    path.write_text(json.dumps(found), encoding="utf-8")


def test_other_versions_are_told_and_fit(
    model: Path, facts: Inspect, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(model, lambda found: _head(found).update(version="99.1", schema="x"))
    _edit(model, lambda found: found["versions"].update(torch="1.0"))
    found = facts(model)
    assert found["compatible"] is True
    assert found["components"]["head"]["state"] == "older"
    (sentence,) = found["messages"]
    assert sentence.endswith(f"made with: {update_command()}.")
    run(["inspect", str(model)])
    page = capsys.readouterr().out
    assert f"torch 1.0 (installed: {torch.__version__})" in page
    assert (
        f"ner from {OURS.replace(seqloom.__version__, '99.1')} (ner); installed: seqloom " in page
    )
    assert ", other parameters\n" in page


def test_a_file_that_was_changed(
    model: Path, facts: Inspect, capsys: pytest.CaptureFixture[str]
) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    found = facts(model, 1, "--check")
    assert found["files"]["model.safetensors"]["state"] == found["messages"][0]
    assert found["messages"][0].startswith(f"{path} was changed after the bundle was made")
    run(["inspect", str(model)])
    assert ", damaged\n" in capsys.readouterr().out


def test_check_finds_what_only_loading_shows(model: Path, facts: Inspect) -> None:
    _edit(model, lambda found: found["components"]["encoder"]["section"].update(hidden_size=9))
    assert facts(model)["compatible"]
    with pytest.raises(BundleError, match="do not match its description"):
        run(["inspect", str(model), "--check"])


def test_bytes_in_a_codecs_state_are_told_by_their_size(
    trained_reader: Path, facts: Inspect
) -> None:
    found = facts(trained_reader)
    file = trained_reader / "bundle" / "codec.heads.ctc.ngram"
    assert found["codecs"]["ctc.ngram"] == {"bytes": file.stat().st_size}
    assert found["files"][file.name]["state"] == "ok"


def test_models_of_before_say_less(
    model: Path, facts: Inspect, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(model, lambda found: [found.pop(key) for key in ("made", "data_component", "versions")])
    assert facts(model)["components"]["data"]["state"] == "not recorded"
    run(["inspect", str(model)])
    page = capsys.readouterr().out
    assert page.startswith(f"{model}: a bundle of format 2\n")
    assert "apples, from a plugin that is not recorded" in page


def test_a_strangers_model_cannot_steer_the_terminal(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(
        model,
        lambda found: _head(found).update(distribution="\x1b[2J\n\x9bA"),
    )
    run(["inspect", str(model)])
    page = capsys.readouterr().out
    assert "ner from \\x1b[2J\\n\\x9bA " in page
    assert all(one.isprintable() or one == "\n" for one in page)


def test_a_long_text_of_a_strangers_model_is_shortened(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _edit(model, lambda found: found.update(made="y" * 100_000))
    run(["inspect", str(model)])
    lines = capsys.readouterr().out.splitlines()
    assert "yy…yy" in lines[0]
    assert max(map(len, lines)) <= 2000


def test_a_checkpoint(
    trained_ner: Path, facts: Inspect, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = facts(trained_ner / "checkpoints" / "last.ckpt", 0, "--check")
    whole = facts(trained_ner)
    assert found["what"] == "a checkpoint after epoch 1, step 4"
    for key in ("run", "versions", "components", "weights", "codecs"):
        assert found[key] == whole[key], key
    assert found["files"]["last.ckpt"]["state"] == "readable"

    unfinished = tmp_path / "run"
    (unfinished / "checkpoints").mkdir(parents=True)
    shutil.copy(trained_ner / "checkpoints" / "last.ckpt", unfinished / "checkpoints")
    assert run(["inspect", str(unfinished)]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"{unfinished}/checkpoints/last.ckpt: a checkpoint after epoch 1, ")
    assert "run  " not in page


def test_a_checkpoint_of_before_is_not_claimed_to_fit(
    trained_ner: Path, facts: Inspect, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = torch.load(trained_ner / "checkpoints" / "last.ckpt", weights_only=True)
    del state["seqloom"]
    torch.save(state, tmp_path / "old.ckpt")
    sentence = "It does not record which plugins it was made with."
    found = facts(tmp_path / "old.ckpt", 1, "--check")
    assert (found["compatible"], found["messages"]) == (None, [sentence])
    assert run(["inspect", str(tmp_path / "old.ckpt")]) == 0
    assert capsys.readouterr().out.endswith(
        f"\nWhether it is compatible with the installed plugins is unknown:\n  {sentence}\n"
    )


WEIGHTS = {"encoder.x": torch.ones(2)}


@pytest.mark.parametrize(
    "held",
    [
        {"weights": torch.ones(2)},
        torch.ones(2),
        {"state_dict": WEIGHTS},
        {"state_dict": 3, "epoch": 1, "global_step": 2},
        {
            "state_dict": WEIGHTS,
            "epoch": 1,
            "global_step": 2,
            "seqloom": {"components": {"encoder": {}}},
        },
        {"state_dict": WEIGHTS, "epoch": 1, "global_step": 2, "seqloom": [1]},
    ],
    ids=["other", "tensor", "no epoch", "no weights", "no section", "no record"],
)
def test_a_checkpoint_of_another_program(tmp_path: Path, held: Any) -> None:
    torch.save(held, tmp_path / "other.ckpt")
    with pytest.raises(
        BundleError, match=r"other\.ckpt is not a seqloom checkpoint\. Pass a checkpoint or"
    ):
        run(["inspect", str(tmp_path / "other.ckpt")])


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["states"]["heads"]["ner"].update(scheme={"$file": [1]}),
        lambda found: found.update(made={"at": 3}, metrics={"test": {"f1": [None]}}),
        lambda found: found.update(states=["none"]),
    ],
)
def test_what_makes_no_sense_is_shown_as_far_as_it_goes(model: Path, change: Any) -> None:
    _edit(model, change)
    assert run(["inspect", str(model)]) == 0


def test_what_is_nested_without_end_is_told_in_a_sentence(model: Path) -> None:
    path = model / "bundle.json"
    text = path.read_text(encoding="utf-8")
    deep = '{"a":' * 400 + "1" + "}" * 400
    path.write_text(text.replace('"hidden_size": 8', f'"hidden_size": {deep}'), encoding="utf-8")
    with pytest.raises(BundleError, match=r"nested too deeply; .*copy it"):
        run(["inspect", str(model)])


def test_how_its_distribution_was_installed_is_told(
    model: Path, facts: Inspect, capsys: pytest.CaptureFixture[str]
) -> None:
    found = facts(model)["components"]["head"]
    assert found.get("editable", False) == found["here"].get("editable", False) == EDITABLE
    _edit(
        model,
        lambda found: _head(found).update(commit="abc12", editable=True),
    )
    assert facts(model)["components"]["head"]["commit"] == "abc12"
    run(["inspect", str(model)])
    page = capsys.readouterr().out
    assert (
        f"ner from seqloom {seqloom.__version__}, commit abc12, editable (ner); installed: " in page
    )


def test_what_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "text.ckpt").write_text("no checkpoint", encoding="utf-8")
    with pytest.raises(RunError, match=r"text\.ckpt cannot be read"):
        run(["inspect", str(tmp_path / "text.ckpt")])
    with pytest.raises(BundleError, match=r"has no bundle\.json\. Pass a bundle"):
        run(["inspect", str(tmp_path)])


PLAN = '{"version": 1, "kind": "grid", "command": ["seed=1,2"], "cwd": "/", "trials": []}'


@pytest.mark.parametrize(
    "content",
    [
        PLAN[:30],
        "",
        "[1, 2]",
        '{"a": "\\u001b[2J"}',
        PLAN.replace("grid", "gr\x1bid"),
        PLAN.replace("[]", '[{"number": 0, "overrides": ["a"], "\\u001b[2J": 1}]'),
        PLAN.replace("[]", '[{"number": "0", "overrides": ["a"]}]'),
        PLAN.replace('["seed=1,2"]', "5"),
    ],
)
def test_a_sweep_whose_plan_is_damaged(tmp_path: Path, content: str) -> None:
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(RunError) as raised:
        run(["inspect", str(tmp_path)])
    said = str(raised.value)
    assert f"{tmp_path / 'sweep.json'}" in said
    assert "is damaged" in said
    assert f"Its trials can be used: seqloom sweep show {tmp_path}" in said
    assert "\x1b" not in said
    assert len(said.splitlines()) == 1


def test_it_imports_nothing_heavy(
    python: Callable[[str], subprocess.CompletedProcess[str]], trained_ner: Path
) -> None:
    done = python(
        "import sys\nfrom seqloom.cli.main import run\n"
        f"assert run(['inspect', {str(trained_ner)!r}]) == 0\n"
        "print({'torch', 'numpy', 'hydra', 'pytorch_lightning'} & set(sys.modules))"
    )
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


def test_sections_in_sections_are_put_in_brackets() -> None:
    values = {"split": {"val": 0.10000001, "test": None}, "train": "a.csv"}
    assert _pairs(values) == "split (val 0.1, test none), train a.csv"
