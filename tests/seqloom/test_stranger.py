"""A stranger's package, built, installed, used and taken away again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from seqloom.config.compose import compose_run
from seqloom.errors import BundleError, ConfigError
from seqloom.testing import conform

Program = Callable[..., "subprocess.CompletedProcess[str]"]


def test_it_is_listed(program: Program, stranger_site: Path) -> None:
    done = program("plugins", "--json", site=stranger_site)
    assert done.returncode == 0, done.stderr
    (found,) = [one for one in json.loads(done.stdout) if one["name"] == "stranger"]
    seconds = found.pop("seconds")
    assert 0 < seconds < 5
    assert found == {
        "name": "stranger",
        "module": "stranger_window",
        "distribution": "stranger-window",
        "version": "0.3.1",
        "state": "ok",
        "reason": "",
        "conflicts": [],
        "components": [
            {"kind": "encoder", "name": "stranger", "contested": False},
            {"kind": "data", "name": "parity", "contested": False},
        ],
        "config_packages": ["stranger_window.conf"],
        "commands": ["stranger-sizes"],
        "pads": [],
    }


def test_its_command_is_offered_and_runs(program: Program, stranger_site: Path) -> None:
    assert (
        "stranger-sizes Tell the sizes of the window."
        in program("--help", site=stranger_site).stdout
    )
    done = program("stranger-sizes", "--more", site=stranger_site)
    assert (done.returncode, done.stdout) == (0, "hidden_size 16, width 3 --more\n")


def test_completion_offers_its_parts(program: Program, stranger_site: Path) -> None:
    def offered(line: str) -> list[str]:
        return program("-sc", "query=bash", site=stranger_site, COMP_LINE=line).stdout.split()

    assert offered("seqloom str") == ["stranger-sizes"]
    assert offered("seqloom train encoder=str") == ["encoder=stranger", "encoder=stranger_wide"]


def test_its_preset_composes(stranger: None) -> None:
    encoder = compose_run(["encoder=stranger_wide", "encoder.hidden_size=5"]).encoder
    assert encoder == {"name": "stranger", "hidden_size": 5, "width": 7, "bound": "tanh"}
    assert next(iter(encoder)) == "name"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("encoder.width=wide", "encoder.width: 'wide' is not a whole number."),
        ("encoder.bound=relu", "encoder.bound: 'relu' is not one of: tanh, none."),
        (
            "encoder.widht=3",
            "encoder has no key 'widht'. Did you mean 'width'? There are: bound, hidden_size, "
            "name, width.",
        ),
    ],
)
def test_mistakes_over_its_preset_are_told(stranger: None, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as found:
        compose_run(["encoder=stranger_wide", override])
    assert str(found.value) == message


def test_its_encoder_keeps_the_promises(stranger: None) -> None:
    conform("encoder=stranger")


def test_its_life(
    program: Program, stranger_site: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    """Train with its encoder; predict; take the package away; read what to install."""
    run = tmp_path / "run"
    done = program("train", "encoder=stranger", *small, f"run_dir={run}", site=stranger_site)
    assert done.returncode == 0, done.stderr
    assert f"model  {run}/bundle" in done.stdout
    record = json.loads((run / "run.json").read_text())
    assert {"name": "stranger", "distribution": "stranger-window"}.items() <= next(
        plugin for plugin in record["plugins"] if plugin["name"] == "stranger"
    ).items()
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["encoder"] == {"name": "stranger", "hidden_size": 8, "width": 3, "bound": "tanh"}

    shutil.copytree(run / "bundle", tmp_path / "shared")
    done = program(
        "predict", tmp_path / "shared", site=stranger_site, stdin="Apple opens in Paris.\n"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["id"]

    sentence = (
        f"{tmp_path / 'shared'} cannot be loaded. The model needs encoder=stranger from "
        'stranger-window 0.3.1: pip install "stranger-window>=0.3.1".'
    )
    from seqloom import load

    with pytest.raises(BundleError) as found:
        load(tmp_path / "shared")
    assert str(found.value) == sentence


def test_its_data_trains_too(stranger: None, small: tuple[str, ...], tmp_path: Path) -> None:
    from seqloom import fit

    own = [word for word in small if not word.startswith("data.")]
    result = fit("data=parity", "encoder=stranger_wide", *own, run_dir=tmp_path / "run")
    assert 0 <= result.metrics["test"]["f1"] <= 1


def test_a_wrong_type_in_a_preset_names_the_file(
    install: Callable[..., Path],
) -> None:
    source = (
        "from seqloom.plugins import hookimpl\n"
        "@hookimpl\ndef seqloom_config_packages(): return ['faulty_conf']\n"
    )
    preset = "defaults: [/schema/encoder/lstm@_here_, _self_]\n{}\n"
    files = {
        "faulty_conf/encoder/wrong_type.yaml": preset.format("hidden_size: big"),
        "faulty_conf/encoder/wrong_key.yaml": preset.format("hiden_size: 8"),
        "faulty_conf/encoder/wrong_base.yaml": preset.replace("lstm", "lstn").format("a: 8"),
        "faulty_conf/encoder/no_yaml.yaml": "a: 1\nb: [",
    }
    install("faulty", source, files=files)
    messages = {
        "wrong_type": "In the config 'encoder/wrong_type': encoder.hidden_size: 'big' is not a "
        "whole number.",
        "wrong_key": "In the config 'encoder/wrong_key': encoder has no key 'hiden_size'. Did you "
        "mean 'hidden_size'? There are: ",
    }
    for name, message in messages.items():
        with pytest.raises(ConfigError) as found:
            compose_run([f"encoder={name}"])
        assert str(found.value).startswith(message)
    with pytest.raises(ConfigError, match=r"^There is no encoder=lstn\. Did you mean 'lstm'\?"):
        compose_run(["encoder=wrong_base"])
    with pytest.raises(ConfigError, match=r"no_yaml\.yaml:2: this is not valid YAML: expected"):
        compose_run(["encoder=no_yaml"])
