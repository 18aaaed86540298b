"""A bundle gives back the same bits, executes nothing, and says what is wrong with it."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

import seqloom
from seqloom.cli.main import run
from seqloom.errors import BundleError, RunError
from seqloom.model import bundle
from seqloom.model.description import find_bundle, read_description


def _edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "bundle.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    found.pop("sha256", None)  # as of a bundle that was made so
    path.write_text(json.dumps(found), encoding="utf-8")


def test_a_round_trip_is_bit_for_bit(tagger: Any, folder: Path) -> None:
    loaded = seqloom.load(folder)
    before, after = tagger.pipeline.model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not loaded.model.training
    assert loaded(tagger.examples) == tagger.pipeline(tagger.examples)


def test_a_second_round_trip_gives_the_same_file(tagger: Any, folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    bundle.save(seqloom.load(folder), again, spec=tagger.config, states=tagger.states)
    weights = [path / "model.safetensors" for path in (folder, again)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


class Parts(nn.Module):
    """A network whose weights are parts of one tensor."""

    def __init__(self, whole: torch.Tensor) -> None:
        super().__init__()
        self.first = nn.Parameter(whole[:1])
        self.register_buffer("rest", whole[1:])


def test_weights_that_are_parts_of_a_larger_tensor(tmp_path: Path) -> None:
    fresh, whole = Parts(torch.zeros(6)), torch.arange(6.0)
    bundle.write_weights(Parts(whole), tmp_path / "weights")
    bundle.read_weights(fresh, tmp_path / "weights")
    assert torch.equal(torch.cat([*fresh.state_dict().values()]), whole)


class Tied(nn.Module):
    """A network with a weight, and another one that is part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = nn.Parameter(torch.zeros(6))
        self.part = nn.Parameter(self.whole.data[:2])


def test_a_part_of_a_weight_stays_tied_to_it(tmp_path: Path) -> None:
    net, fresh = Tied(), Tied()
    net.whole.data.copy_(torch.arange(6.0))
    bundle.write_weights(net, tmp_path / "weights")
    bundle.read_weights(fresh, tmp_path / "weights")
    assert torch.equal(fresh.part, torch.arange(2.0))
    for one in (net, fresh):
        one.whole.data.fill_(7.0)
        assert torch.equal(one.part, torch.tensor([7.0, 7.0]))


def test_nothing_in_it_can_be_executed(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "model.safetensors"]
    assert "_target_" not in (folder / "bundle.json").read_text(encoding="utf-8")
    assert not any(os.access(path, os.X_OK) for path in folder.iterdir())


def test_others_may_read_it_as_the_umask_has_it(folder: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert len(modes) == 1


def test_the_description_tells_where_everything_came_from(folder: Path) -> None:
    info = seqloom.load(str(folder)).info
    assert info["components"]["encoder"]["section"]["hidden_size"] == 4
    assert info["components"]["encoder"]["plugin"] == "recurrent"
    assert info["components"]["head"]["distribution"] == "seqloom"
    assert info["data"]["name"] == "apples"
    assert info["metrics"] == {"val": {"f1": 0.5}}
    assert info["versions"]["seqloom"] == seqloom.__version__
    assert set(info["files"]) == {"model.safetensors"}


def test_a_metric_that_is_not_a_number_becomes_null(tagger: Any, tmp_path: Path) -> None:
    nan = {"val": {"f1": float("nan")}}
    bundle.save(
        tagger.pipeline, tmp_path / "b", spec=tagger.config, states=tagger.states, metrics=nan
    )
    assert seqloom.load(tmp_path / "b").info["metrics"] == {"val": {"f1": None}}


def test_the_bundle_in_a_runs_folder_is_found(folder: Path) -> None:
    assert find_bundle(folder.parent) == folder
    assert seqloom.load(folder.parent).head_name == "ner"


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere does not exist\. Pass a bundle"):
        seqloom.load(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"has no bundle\.json"):
        seqloom.load(tmp_path)


def test_weights_that_were_cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[:-3])
    sizes = f"has {len(data) - 3} bytes, not {len(data)}: it was cut short"
    with pytest.raises(BundleError, match=f"model.safetensors {sizes}.*copy the bundle again"):
        seqloom.load(folder)


def test_a_changed_byte(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"model\.safetensors was changed after.*copy the bundle"):
        seqloom.load(folder)


@pytest.mark.parametrize("name", ["bundle.json", "model.safetensors"])
def test_a_file_of_a_bundle_is_no_bundle(folder: Path, name: str) -> None:
    with pytest.raises(BundleError, match=rf"{name} is a file, not a folder\. Pass a bundle, or"):
        seqloom.load(folder / name)
    with pytest.raises(BundleError, match=rf"{name} is a file, not a folder\. Pass a bundle, or"):
        run(["inspect", str(folder / name)])


def test_a_missing_file(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"model\.safetensors is missing.*copy the bundle again"):
        seqloom.load(folder)


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_description_that_was_cut_short(folder: Path, keep: int) -> None:
    path = folder / "bundle.json"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BundleError, match=r"bundle\.json.* damaged.*copy it again"):
        seqloom.load(folder)


def test_no_bit_of_a_description_is_changed_in_silence(folder: Path) -> None:
    path = folder / "bundle.json"
    content = path.read_bytes()
    whole = read_description(folder)
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with suppress(BundleError):
            found = read_description(folder)
            assert {key: found.get(key) for key in whole} == whole  # as in white space
    other = content.replace(b'"apple"', b'"applf"')
    assert other != content
    path.write_bytes(other)
    with pytest.raises(
        BundleError,
        match=r"bundle\.json was changed after the bundle was made; copy.* 'sha256' from",
    ):
        seqloom.load(folder)
    _edit(folder, lambda found: None)  # as the message says
    assert seqloom.load(folder)


def test_a_description_of_before_it_had_a_digest(folder: Path) -> None:
    _edit(folder, lambda found: None)
    assert seqloom.load(folder).info["components"]


@pytest.mark.parametrize("text", ["null", "[]", "3", "{}", '{"format": "x"}', '"\\ud800"'])
def test_a_description_of_another_kind(folder: Path, text: str) -> None:
    (folder / "bundle.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError, match=r"bundle\.json.* damaged"):
        seqloom.load(folder)


def test_a_newer_format(folder: Path) -> None:
    _edit(folder, lambda found: found.update(format=3, versions={"seqloom": "9.1"}))
    expected = r"is of format 3, made by seqloom 9\.1; .* up to 2\. Update it: (pip install|git)"
    with pytest.raises(BundleError, match=expected):
        seqloom.load(folder)


@pytest.mark.parametrize("key", ["components", "states", "files"])
def test_a_description_that_lacks_a_part(folder: Path, key: str) -> None:
    _edit(folder, lambda found: found.pop(key))
    with pytest.raises(BundleError, match=rf"is damaged: it lacks {key}; copy it again"):
        seqloom.load(folder)


def test_weights_that_the_description_does_not_vouch_for(folder: Path) -> None:
    _edit(folder, lambda found: found.update(files={}))
    with pytest.raises(BundleError, match=r"lacks model\.safetensors among its files"):
        seqloom.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["components"].pop("encoder"),
        lambda found: found["components"]["encoder"].pop("section"),
        lambda found: found["components"]["encoder"]["section"].pop("name"),
        lambda found: found["components"]["encoder"].update(version=3),
        lambda found: found.update(data=[]),
        lambda found: found.update(versions=[]),
        lambda found: found.update(metrics={"test": 0.5}),
        lambda found: found["data_component"].pop("schema"),
        lambda found: found["components"]["encoder"]["section"].update(hidden_size=-1),
        lambda found: found.update(components=[]),
        lambda found: found.update(components=5),
        lambda found: found.update(components=None),
        lambda found: found.update(components=[{}]),
        lambda found: found["components"]["encoder"].update(commit=5),
        lambda found: found["components"]["encoder"].update(editable="yes"),
        lambda found: found.update(files=None),
        lambda found: found.update(states={}),
        lambda found: found.update(states=[1]),
        lambda found: found["states"]["frontend"].update(words=3),
        lambda found: found["files"].update({"model.safetensors": {}}),
    ],
)
def test_a_description_that_makes_no_sense(folder: Path, change: Any) -> None:
    _edit(folder, change)
    with pytest.raises(BundleError, match=r"bundle\.json is damaged"):
        seqloom.load(folder)


@pytest.mark.parametrize("key", ["states", "components"])
def test_a_description_that_is_nested_without_end(folder: Path, key: str) -> None:
    path = folder / "bundle.json"
    deep = '{"a":' * 900 + "1" + "}" * 900
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f'"{key}": {{', f'"{key}": {{"b": {deep}, '), encoding="utf-8")
    with pytest.raises(BundleError, match=r"damaged|tampered"):
        seqloom.load(folder)


def test_no_message_steers_the_terminal(folder: Path) -> None:
    odd = "\x1b[2J"
    _edit(folder, lambda found: found["files"].update({odd: {"bytes": 1, "sha256": "0"}}))
    with pytest.raises(BundleError, match=r"names the file '\\x1b\[2J', which is not simply"):
        seqloom.load(folder)
    _edit(folder, lambda found: found["components"].update({odd: {}}))
    with pytest.raises(BundleError, match=r"components of other kinds: \\x1b\[2J\."):
        seqloom.load(folder)
    _edit(folder, lambda found: found.update(format=3, versions={"seqloom": odd}))
    with pytest.raises(BundleError, match=r"made by seqloom \\x1b\[2J; this"):
        seqloom.load(folder)


def test_a_file_that_was_not_verified_is_not_read(folder: Path) -> None:
    (folder / "codec.secret").symlink_to(folder.parent / "secret")
    (folder.parent / "secret").write_bytes(b"x")
    _edit(folder, lambda found: found["states"].update(frontend={"$file": "codec.secret"}))
    with pytest.raises(BundleError, match=r"holds 'codec\.secret' .* but does not list it among"):
        seqloom.load(folder)


def test_heads_are_stored_by_their_names(folder: Path) -> None:
    stored = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    assert stored["format"] == 2
    assert list(stored["components"]) == ["frontend", "encoder", "heads"]
    assert list(stored["components"]["heads"]) == ["ner"]
    assert seqloom.load(folder).info["components"]["head"] == stored["components"]["heads"]["ner"]


def test_a_description_of_format_1_has_one_head(folder: Path) -> None:
    def older(found: dict[str, Any]) -> None:
        found["components"]["head"] = found["components"].pop("heads")["ner"]
        found["format"] = 1

    _edit(folder, older)
    assert seqloom.load(folder).head_name == "ner"


def test_several_heads_cannot_be_loaded_yet(folder: Path) -> None:
    _edit(folder, lambda found: found["components"]["heads"].update({"\x1b[2J": {}}))
    with pytest.raises(BundleError, match=r"has several heads \(ner, \\x1b\[2J\); this seqloom"):
        seqloom.load(folder)


@pytest.mark.parametrize("heads", [{}, [], 5, None, {"ner": {}}, {"ner": 3}])
def test_heads_that_make_no_sense(folder: Path, heads: Any) -> None:
    _edit(folder, lambda found: found["components"].update(heads=heads))
    with pytest.raises(BundleError, match=r"bundle\.json is damaged"):
        seqloom.load(folder)


def test_weights_of_another_size(folder: Path) -> None:
    _edit(folder, lambda found: found["components"]["encoder"]["section"].update(hidden_size=5))
    with pytest.raises(
        BundleError,
        match=r"The weights of .* do not match its description: .* has the shape \(.*\), not \(",
    ):
        seqloom.load(folder)


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/hostname", "a/b", "a\\b", "..", "C:secret", ""]
)
def test_a_file_outside_its_folder_is_not_touched(folder: Path, name: str) -> None:
    secret = folder.parent / "secret.txt"
    secret.write_text("x", encoding="utf-8")
    _edit(folder, lambda found: found["files"].update({name: {"bytes": 1, "sha256": "0"}}))
    with pytest.raises(BundleError, match="which is not simply a name in its own folder"):
        seqloom.load(folder)


def test_an_absent_plugin_is_named_with_its_distribution(
    folder: Path, without_recurrent: None
) -> None:
    expected = (
        r"cannot be loaded\. The model needs encoder=bilstm from plugin 'recurrent' \(seqloom "
        rf"{seqloom.__version__}\), which is disabled: named in SEQLOOM_DISABLE_PLUGINS\. "
        r"Enable the plugin to use the model\.$"
    )
    with pytest.raises(BundleError, match=expected):
        seqloom.load(folder)


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), SafetensorError("full")])
def test_a_write_that_fails_leaves_the_old_bundle(
    tagger: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(*args: Any) -> None:
        Path(args[1]).write_bytes(b"half")
        raise fault

    monkeypatch.setattr(bundle, "save_model", fail)
    with pytest.raises(RunError, match=r"Cannot write .*bundle: (No space|full).*Free some space"):
        tagger.save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_an_interrupt_while_the_folders_change_places_leaves_the_old_bundle(
    tagger: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tagger.save(folder)
    monkeypatch.undo()
    assert seqloom.load(folder).head_name == "ner"
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


@contextmanager
def small_files() -> Iterator[None]:
    """Let no file grow over 1000 bytes, as on a full disk; not for longer than it must."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_told_in_a_sentence(tagger: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match=r"^Cannot write .*model: .*\. Free some space"),
        small_files(),
    ):
        tagger.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
