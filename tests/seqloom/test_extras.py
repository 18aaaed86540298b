"""The commands that install an extra and a newer version fit how seqloom was installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from seqloom.extras import install_command, update_command, version_command


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which an installer records where the distribution ``invented`` is from."""
    folder = tmp_path / "site" / "invented-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: invented\nVersion: 1.0\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    return folder / "direct_url.json"


def test_a_clone_that_is_edited(
    record: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.write_text(json.dumps({"url": tmp_path.as_uri(), "dir_info": {"editable": True}}))
    assert install_command("text", "invented") == f'pip install -e "{tmp_path}[text]"'
    monkeypatch.chdir(tmp_path)
    assert install_command("text", "invented") == 'pip install -e ".[text]"'


def test_a_copy_of_a_clone_in_a_folder_that_a_shell_would_expand(
    record: Path, tmp_path: Path
) -> None:
    clone = tmp_path / "my $clone"
    clone.mkdir()
    record.write_text(json.dumps({"url": clone.as_uri(), "dir_info": {}}))
    assert install_command("a,b", "invented") == f"pip install '{clone}[a,b]'"


def test_a_wheel_while_it_is_there(record: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "invented-1.0-py3-none-any.whl"
    wheel.touch()
    record.write_text(json.dumps({"url": wheel.as_uri(), "archive_info": {}}))
    assert install_command("text", "invented") == f'pip install "{wheel}[text]"'
    wheel.unlink()
    assert install_command("text", "invented") == 'pip install "invented[text]"'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"url": "https://a.example/b", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "invented[text] @ git+https://a.example/b@c0ffee",
        ),
        ({"url": "https://a.example/b.whl"}, "invented[text] @ https://a.example/b.whl"),
        ({"url": "file:///x\n"}, "invented[text]"),
        ({"url": 3, "dir_info": 4}, "invented[text]"),
        ([], "invented[text]"),
    ],
    ids=["git", "url", "newline", "types", "list"],
)
def test_other_origins(record: Path, content: object, expected: str) -> None:
    assert install_command("text", "invented") == 'pip install "invented[text]"'  # an index
    record.write_text(json.dumps(content))
    assert install_command("text", "invented") == f'pip install "{expected}"'


def test_updates(record: Path, tmp_path: Path) -> None:
    assert update_command("invented") == "pip install --upgrade invented"
    place = {"url": tmp_path.as_uri()}
    record.write_text(json.dumps(place | {"dir_info": {"editable": True}}))
    assert update_command("invented") == f'git -C "{tmp_path}" pull'
    record.write_text(json.dumps(place | {"dir_info": {}}))
    assert update_command("invented") == f'git -C "{tmp_path}" pull && pip install "{tmp_path}"'
    record.write_text(json.dumps({"url": "https://a.example/b", "vcs_info": {"vcs": "git"}}))
    expected = 'pip install --upgrade "invented @ git+https://a.example/b"'
    assert update_command("invented") == expected
    record.write_text(json.dumps({"url": "https://a.example/b.whl"}))
    assert update_command("invented") == "install a newer wheel of invented"


def test_a_given_version(record: Path, tmp_path: Path) -> None:
    assert version_command("invented", "0.9") == 'pip install "invented==0.9"'
    place = {"url": tmp_path.as_uri()}
    record.write_text(json.dumps(place | {"dir_info": {"editable": True}}))
    assert version_command("invented", "0.9") == f'check out invented 0.9 in "{tmp_path}"'
    record.write_text(json.dumps(place | {"dir_info": {}}))
    expected = f'check out invented 0.9 in "{tmp_path}", then pip install "{tmp_path}"'
    assert version_command("invented", "0.9") == expected
    record.write_text(json.dumps({"url": "https://a.example/b", "vcs_info": {"vcs": "git"}}))
    expected = 'pip install "invented @ git+https://a.example/b@c0ffee"'
    assert version_command("invented", "0.9", "c0ffee") == expected
    expected = "install invented 0.9 from git+https://a.example/b"
    assert version_command("invented", "0.9", "$(c0ffee)") == expected
    assert version_command("invented", "0.9") == expected
    record.write_text(json.dumps({"url": "https://a.example/b.whl"}))
    assert version_command("invented", "0.9") == "install the wheel of invented 0.9"
