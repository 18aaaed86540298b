from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqloom import revision as module
from seqloom.revision import revision

COMMIT = "0123456789abcdef" * 2 + "01234567"
OTHER = COMMIT[::-1]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    module._revision.cache_clear()
    yield
    module._revision.cache_clear()


def repository(folder: Path, head: str = "ref: refs/heads/main\n", **files: str) -> Path:
    """Write a .git folder with a HEAD and other files; ``__`` in their names is a slash."""
    git = folder / ".git"
    for name, text in {"HEAD": head, **files}.items():
        path = git / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return git


def commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.chdir(folder)
    found = revision()
    return found["commit"] if found else None


def git(folder: Path, *words: str) -> str:
    known = ("-c", "user.email=a@b", "-c", "user.name=a", "-c", "protocol.file.allow=always")
    command = ["git", "-C", str(folder), *known, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_it_is_what_git_says_also_in_worktrees_submodules_and_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, tree, outer = tmp_path / "main", tmp_path / "tree", tmp_path / "outer"
    for folder in (main, outer):
        (folder / "sub").mkdir(parents=True)
        git(folder, "init", "-q")
        git(folder, "commit", "-qm", "x", "--allow-empty")
    git(main, "worktree", "add", "-q", "-b", "feature/one", str(tree))
    git(tree, "commit", "-qm", "y", "--allow-empty")
    git(outer, "submodule", "add", "-q", str(main), "inner")
    places = (main, main / "sub", tree, outer / "inner")
    expected = [git(folder, "rev-parse", "HEAD") for folder in places]
    assert len(set(expected)) >= 2
    assert [commit(folder, monkeypatch) for folder in places] == expected
    git(main, "pack-refs", "--all")
    git(main, "checkout", "-q", "--detach")
    module._revision.cache_clear()
    assert [commit(folder, monkeypatch) for folder in places] == expected


def test_nothing_that_the_repository_configures_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("a", encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-qm", "x")
    git(tmp_path, "config", "core.fsmonitor", f"sh -c 'touch {tmp_path}/executed; false'")
    assert commit(tmp_path, monkeypatch) == git(tmp_path, "rev-parse", "HEAD")
    assert not (tmp_path / "executed").exists()


def test_a_reference_may_lead_to_another_and_be_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = f"# pack-refs with: peeled\n{OTHER} refs/tags/v1\n^{OTHER}\n{COMMIT} refs/heads/main\n"
    git_folder = repository(tmp_path, "ref: refs/heads/alias", **{"packed-refs": packed})
    (git_folder / "refs/heads").mkdir(parents=True)
    (git_folder / "refs/heads/alias").write_text("ref: refs/heads/main\n", encoding="utf-8")
    assert commit(tmp_path, monkeypatch) == COMMIT


@pytest.mark.parametrize(
    "head",
    [
        "",
        "ref: refs/heads/none",  # before the first commit
        "ref: refs/heads/.invalid",  # of a repository with reftables
        "ref: refs/../../secret",
        "ref: /etc/passwd",
        "ref: HEAD",
        "not a commit",
        COMMIT[:39],
        "ref: refs/heads/a\0b",
        "\ufeff\x1b[2J",
    ],
)
def test_a_head_without_a_commit_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    (tmp_path / "secret").write_text(COMMIT, encoding="utf-8")
    repository(tmp_path, head)
    assert commit(tmp_path, monkeypatch) is None


@pytest.mark.parametrize("content", ["", "nothing of git", "gitdir:", "gitdir:  \n", "other: x"])
def test_a_file_that_names_no_folder_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    (tmp_path / ".git").write_text(content)
    assert commit(tmp_path, monkeypatch) is None


def test_references_in_a_circle_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git_folder = repository(tmp_path, refs__heads__main="ref: refs/heads/main")
    assert (git_folder / "refs/heads/main").exists()
    assert commit(tmp_path, monkeypatch) is None


def test_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".git/HEAD")
    assert commit(tmp_path, monkeypatch) is None


@pytest.mark.parametrize("name", ["elsewhere", "elsewhere/worktrees/x", "elsewhere/modules/x"])
def test_a_file_that_names_a_folder_elsewhere_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    elsewhere, own = tmp_path / name, tmp_path / "own"
    elsewhere.mkdir(parents=True)
    own.mkdir()
    (elsewhere / "HEAD").write_text(COMMIT, encoding="utf-8")
    (own / ".git").write_text(f"gitdir: {elsewhere}\n", encoding="utf-8")
    assert commit(own, monkeypatch) is None


def test_a_worktree_takes_references_from_its_own_repository_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git_folder = repository(tmp_path, COMMIT)
    (git_folder / "commondir").write_text("/\n", encoding="utf-8")
    assert commit(tmp_path, monkeypatch) is None


def test_a_folder_without_git_has_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit(tmp_path, monkeypatch) is None
