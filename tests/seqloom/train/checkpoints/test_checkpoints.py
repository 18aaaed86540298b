"""Checkpoints and run.json say what a run's components came from; a run that goes on compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import seqloom
from seqloom.errors import RunError
from seqloom.extras import update_command
from seqloom.model.provenance import entries
from seqloom.train.folder import Result, RunFolder
from seqloom.train.stored_record import write_record
from seqloom.versions import versions

Fit = Callable[..., Result]


def checkpoint(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(path, weights_only=True)
    return found


def test_checkpoints_and_the_record_say_where_components_are_from(ran: Path) -> None:
    run = RunFolder(ran)
    expected = entries(run.config().components)
    assert list(expected) == ["data", "frontend", "encoder", "head"]
    for name in ("last", "best"):
        found = checkpoint(run.checkpoints / f"{name}.ckpt")["seqloom"]
        assert found["components"] == expected
        assert found["versions"] == versions()
    assert run.read_record()["components"] == expected


@pytest.fixture
def other_version(ran: Path, caplog: pytest.LogCaptureFixture) -> RunFolder:
    """Return the folder of a run whose encoder was of a later version."""
    run = RunFolder(ran)
    found = checkpoint(run.last)
    found["seqloom"]["components"]["encoder"]["version"] = "99.0"
    torch.save(found, run.last)
    record = run.read_record()
    record["components"] = found["seqloom"]["components"]
    write_record(run.record, record)
    caplog.clear()
    return run


OLDER = (
    f"encoder=bilstm comes from seqloom {seqloom.__version__}, older than the 99.0 that the model "
    f"was made with: {update_command()}."
)


def test_a_run_that_goes_on_with_an_older_plugin_is_warned(
    fit: Fit, other_version: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    fit("trainer.max_epochs=2", "resume=auto")
    assert f"The components have changed since the run started: {OLDER}" in caplog.messages
    # Its checkpoints are now of what is installed.
    caplog.clear()
    fit("trainer.max_epochs=3", "resume=auto")
    assert not [one for one in caplog.messages if "components have changed" in one]


def test_one_that_cannot_go_on_is_told_of_the_versions(fit: Fit, other_version: RunFolder) -> None:
    with pytest.raises(RunError) as found:
        fit("trainer.max_epochs=2", "resume=auto", "encoder.hidden_size=9")
    assert "encoder.hidden_size (was 8, is 9)" in str(found.value)
    assert str(found.value).endswith(OLDER)
    with pytest.raises(RunError, match="already holds a run") as found:
        fit("trainer.max_epochs=2")
    assert "99.0" not in str(found.value)


def test_a_checkpoint_that_does_not_fit_is_told_in_a_sentence(fit: Fit, ran: Path) -> None:
    run = RunFolder(ran)
    found = checkpoint(run.last)
    whole = dict(found["state_dict"])
    shorter = {name: one[:-1] if one.ndim > 1 else one for name, one in whole.items()}
    for state, said in (
        ({f"{name}.old": one for name, one in whole.items()}, "missing; .* are not in the model"),
        (shorter, r"has the shape \(.*\), not \(.*\), and \d+ more have other shapes"),
    ):
        found["state_dict"] = state
        torch.save(found, run.last)
        with pytest.raises(
            RunError, match=rf"^.* its checkpoint does not match .* inspect .* \(.* {said}\)$"
        ):
            fit("trainer.max_epochs=2", "resume=auto")


def test_a_checkpoint_without_a_record_is_nothing_to_warn_of(
    fit: Fit, ran: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = RunFolder(ran)
    found = checkpoint(run.last)
    del found["seqloom"]
    torch.save(found, run.last)
    caplog.clear()
    fit("trainer.max_epochs=2", "resume=auto")
    assert not [one for one in caplog.messages if "components have changed" in one]
