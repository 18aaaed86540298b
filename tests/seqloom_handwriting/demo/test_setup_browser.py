"""``scripts/setup-browser``, run on a copy with stand-ins for what it would install."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "setup-browser"
Setup = Callable[[int], list[str]]
SAY = '#!/bin/sh\necho "ran $(basename "$0") $*"\n'
APT = """\
#!/bin/sh
echo "ran apt-get $*" >&2
[ "$1" = update ] || cp "$0.chromium" "$(dirname "$0")/chromium"
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """The only folder in the path: with what the script calls, but no Chromium."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("bash", "sh", "dirname", "basename", "cp", "env"):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def setup(tmp_path: Path, programs: Path) -> Setup:
    """Run the script as this user; returns what it printed."""
    program(tmp_path / "checkout" / ".venv" / "bin" / "python", SAY)
    (tmp_path / "checkout" / "scripts").mkdir()
    copy = shutil.copy(SCRIPT, tmp_path / "checkout" / "scripts")

    def _setup(user: int) -> list[str]:
        program(programs / "id", f"#!/bin/sh\necho {user}\n")
        done = subprocess.run(
            [copy], env={"PATH": str(programs)}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return (done.stdout + done.stderr).splitlines()

    return _setup


def test_with_a_chromium_there_is_nothing_to_do(setup: Setup, programs: Path) -> None:
    program(programs / "google-chrome", SAY)
    assert setup(0) == [f"setup-browser: found {programs}/google-chrome"]


def test_root_on_debian_gets_the_package(setup: Setup, programs: Path) -> None:
    program(programs / "apt-get", APT)
    program(programs / "apt-get.chromium", SAY)
    assert setup(0) == [
        "setup-browser: installing the package chromium",
        f"setup-browser: found {programs}/chromium",
        "ran apt-get update -qq",
        "ran apt-get install -qq -y --no-install-recommends chromium",
    ]


def test_where_the_package_is_no_browser_playwright_fetches_one(
    setup: Setup, programs: Path
) -> None:
    program(programs / "apt-get", APT)
    program(programs / "apt-get.chromium", "#!/bin/sh\necho install the snap >&2; exit 1\n")
    assert "ran python -m playwright install --with-deps chromium" in setup(0)


def test_others_let_playwright_fetch_one(setup: Setup, programs: Path) -> None:
    program(programs / "apt-get", APT)
    lines = setup(1000)
    assert lines[-1] == "ran python -m playwright install chromium"
    assert not any("apt-get" in line for line in lines)
