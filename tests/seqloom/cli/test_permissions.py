"""A folder of another user that may not be read is told in a sentence by every command."""

from __future__ import annotations

from pathlib import Path

import pytest
from privileges import dropped

from seqloom.cli.main import run
from seqloom.errors import SeqloomError
from seqloom.files import explained

COMMANDS = (
    "evaluate {}",
    "predict {} -",
    "inspect {}",
    "inspect {}/checkpoints/last.ckpt",
    "demo {}",
    "sweep show {}",
    "sweep show {} --html {}/page.html",
    "sweep index {}",
    "sweep diff {} {}",
    "sweep resume {}",
    "cache list --folder {}",
    "cache clear --all --folder {}",
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_may_not_be_read_is_a_sentence(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "theirs"
    (folder / "encoded").mkdir(parents=True)
    folder.chmod(0)
    try:
        with dropped(), pytest.raises((SeqloomError, OSError)) as found:
            run(command.format(*[folder] * 2).split())
    finally:
        folder.chmod(0o700)
    error = found.value
    said = explained(error) if isinstance(error, OSError) else error
    assert isinstance(said, SeqloomError)
    assert "Permission denied" in str(said)
    assert "theirs" in str(said)
