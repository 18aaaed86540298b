"""What torch reads when it is imported is set before, unless the user has set it."""

from __future__ import annotations

import os
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from seqloom.torch_variables import (
    HUGE_PAGES,
    SPIN_COUNT,
    SPINS,
    WAIT_POLICY,
    set_torch_variables,
)

NAMES = (SPIN_COUNT, WAIT_POLICY, HUGE_PAGES)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, (SPINS, None, "1")),
        ({SPIN_COUNT: "7"}, ("7", None, "1")),
        ({WAIT_POLICY: "passive"}, (None, "passive", "1")),
        ({HUGE_PAGES: "0"}, (SPINS, None, "0")),
    ],
)
def test_what_the_user_has_set_stays(
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    found: tuple[str | None, ...],
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")  # so that all are as before at the end
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    set_torch_variables()
    assert tuple(map(os.environ.get, NAMES)) == found


def test_a_command_sets_them_before_torch_is_imported(
    python: Callable[[str], CompletedProcess[str]],
) -> None:
    done = python(
        "import os, sys\n"
        f"for name in {NAMES!r}: os.environ.pop(name, None)\n"
        "import seqloom.torch_variables\n"
        "prepare = seqloom.torch_variables.set_torch_variables\n"
        "def seen(): print('torch' in sys.modules, prepare())\n"
        "seqloom.torch_variables.set_torch_variables = seen\n"
        "from seqloom.cli.main import main\n"
        "sys.argv[1:] = ['--version']\n"
        "try: main()\n"
        f"finally: print(*map(os.environ.get, {NAMES!r}))\n"
    )
    first, *_, last = done.stdout.splitlines()
    assert (first, last) == ("False None", f"{SPINS} None 1")
