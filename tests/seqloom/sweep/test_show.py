"""What is printed and written when a sweep ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.sweep.show import sum_up

from .conftest import AddTrial


def test_the_end_of_a_sweep(sweep: Path, add: AddTrial, capsys: pytest.CaptureFixture[str]) -> None:
    add("encoder=rnn", val=0.5)
    add("encoder=lstm", state="failed", error="ConfigError: no such thing\nand more")
    sum_up(sweep)
    out, err = capsys.readouterr()
    lines = out.strip().splitlines()
    assert lines[0].startswith("encoder")
    assert [line.split()[0] for line in lines[1:3]] == ["rnn", "lstm"]
    assert lines[-2].split() == ["best", str(sweep / "0" / "bundle")]
    assert lines[-1] == f"sweep  {sweep}"
    assert "1 done, 1 failed of 2." in err
    assert "Trial 1 has failed: ConfigError: no such thing\n" in err
    assert len(json.loads((sweep / "index.json").read_bytes())["trials"]) == 2
