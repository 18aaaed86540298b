"""The log of a run on a disk that becomes full."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from privileges import dropped

from seqloom.errors import RunError
from seqloom.train.ranks import rank
from seqloom.train.run_log import RunLog


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(str(tmp_path / "train.log"))
    log.stream.close()
    log.stream = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - the log closes it
    for text in ("one", "two"):
        log.handle(logging.makeLogRecord({"msg": text}))
    log.close()
    log.close()
    said = capsys.readouterr().err
    assert said == f"{tmp_path / 'train.log'} is incomplete: No space left on device.\n"


def test_a_link_to_elsewhere_gets_no_lines(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "train.log").symlink_to(tmp_path / "mine")
    with pytest.raises(RunError, match=r"train\.log is a link to .*mine, which is not in its"):
        RunLog(str(tmp_path / "run" / "train.log"))
    assert not (tmp_path / "mine").exists()


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0)
    with dropped(), pytest.raises(RunError, match=r"Cannot write .*train\.log: Permission denied"):
        RunLog(str(folder / "train.log"))
    folder.chmod(0o700)


def test_a_rank_logs_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, list[logging.Handler]] = {}
    monkeypatch.setattr(logging, "basicConfig", lambda **options: given.update(options))
    rank._log_to(tmp_path / "train.log")
    assert [type(one) for one in given["handlers"]] == [logging.StreamHandler, RunLog]
    given["handlers"][1].close()
