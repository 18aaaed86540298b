"""How torch's threads wait is limited before torch is imported, unless the user has said how."""

from __future__ import annotations

import os
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from seqloom.cores import SPIN_COUNT, SPINS, WAIT_POLICY, limit_spinning


@pytest.mark.parametrize(
    ("variables", "found"),
    [({}, SPINS), ({SPIN_COUNT: "7"}, "7"), ({WAIT_POLICY: "passive"}, None)],
)
def test_what_the_user_has_set_stays(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], found: str | None
) -> None:
    for name in (SPIN_COUNT, WAIT_POLICY):
        monkeypatch.setenv(name, "")  # so that both are as before at the end
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    limit_spinning()
    assert os.environ.get(SPIN_COUNT) == found


def test_a_command_limits_it_before_torch_is_imported(
    python: Callable[[str], CompletedProcess[str]],
) -> None:
    done = python(
        "import os, sys\n"
        f"os.environ.pop({SPIN_COUNT!r}, None), os.environ.pop({WAIT_POLICY!r}, None)\n"
        "import seqloom.cores\n"
        "limit = seqloom.cores.limit_spinning\n"
        "seqloom.cores.limit_spinning = lambda: print('torch' in sys.modules, limit())\n"
        "from seqloom.cli.main import main\n"
        "sys.argv[1:] = ['--version']\n"
        "try: main()\n"
        f"finally: print(os.environ[{SPIN_COUNT!r}])\n"
    )
    first, *_, last = done.stdout.splitlines()
    assert (first, last) == ("False None", SPINS)
