"""The contributors' scripts, run on a copy of theirs with stand-ins for what takes long."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Script = Callable[..., subprocess.CompletedProcess[str]]

FAKE_PYTHON = """\
#!/usr/bin/env bash
# A stand-in for Python: notes what it is asked, makes .venv with itself in it, installs nothing.
echo "$*" >>"$LOG"
case "$*" in
  --version) echo "Python 3.12.1" ;;
  *"import ensurepip"*) [ -z "${NO_VENV:-}" ] ;;
  *'version("torch")'*) echo "${TORCH_THERE:-}" ;;
  "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"${REFUSE:-nothing at all}") exit 1 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with a space in its name, with the scripts and what they read."""
    folder = tmp_path / "my checkout"
    folder.mkdir()
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def script(checkout: Path, tmp_path: Path) -> Script:
    """Runs a script of the checkout, from elsewhere, with stand-ins ahead in the path."""
    programs = tmp_path / "programs"
    programs.mkdir()
    executable(programs / "python", FAKE_PYTHON)
    (tmp_path / "log").touch()

    def run(name: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        base = {k: v for k, v in os.environ.items() if not k.startswith(("SEQLOOM_", "PYTHON"))}
        own = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "LOG": str(tmp_path / "log"),
            "PYTHON": "python",
        }
        return subprocess.run(
            [str(checkout / "scripts" / name), *arguments],
            env=base | own | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def installs(tmp_path: Path) -> list[str]:
    """Return what pip was asked for, and forget it."""
    log = tmp_path / "log"
    lines = [line for line in log.read_text().splitlines() if "pip install" in line]
    log.write_text("")
    return [line.removeprefix("-m pip install -q ") for line in lines]


EVERYTHING = "-e .[dev] -c constraints.txt"
TORCH = "torch==2.13.0+cpu"
INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"


@pytest.mark.parametrize("extras", ["--help", "text,sounds", "text sweep.*"])
def test_setup_names_the_extras_when_one_is_unknown(script: Script, extras: str) -> None:
    done = script("setup", extras)
    assert done.returncode == 1
    assert done.stderr.startswith("setup: unknown extra '")
    assert {"text", "sound", "dev"} <= set(done.stderr.replace(".", "").split())
    assert "creating .venv" not in done.stdout


def test_setup_installs_once_and_again_only_after_a_change(
    script: Script, checkout: Path, tmp_path: Path
) -> None:
    first = script("setup", SEQLOOM_TORCH="cuda")
    assert first.returncode == 0, first.stderr
    assert "creating .venv with Python 3.12.1" in first.stdout
    assert installs(tmp_path) == [EVERYTHING]

    for extras in ("dev", "text,report"):  # dev has everything that the others have
        again = script("setup", extras, SEQLOOM_TORCH="cuda")
        assert again.stdout == "setup: nothing to do\n"
        assert installs(tmp_path) == []

    with (checkout / "constraints.txt").open("a") as constraints:
        constraints.write("jinja2==3.1.6\n")
    assert script("setup", SEQLOOM_TORCH="cuda").returncode == 0
    assert installs(tmp_path) == [EVERYTHING]


def test_setup_with_fewer_extras_does_not_stand_for_dev(script: Script, tmp_path: Path) -> None:
    script("setup", "text", SEQLOOM_TORCH="cuda")
    script("setup", "dev", SEQLOOM_TORCH="cuda")
    assert installs(tmp_path) == ["-e .[text] -c constraints.txt", EVERYTHING]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch has one build only")
class TestTorch:
    def test_the_cpu_build_comes_from_where_pip_looks(self, script: Script, tmp_path: Path) -> None:
        assert script("setup", SEQLOOM_TORCH="cpu").returncode == 0
        assert installs(tmp_path) == [TORCH, EVERYTHING]

    def test_else_from_its_own_index(self, script: Script, tmp_path: Path) -> None:
        assert script("setup", SEQLOOM_TORCH="cpu", REFUSE=TORCH).returncode == 0
        assert installs(tmp_path) == [TORCH, f"{TORCH} {INDEX}", EVERYTHING]

    def test_else_from_pip_with_a_warning(self, script: Script, tmp_path: Path) -> None:
        done = script("setup", SEQLOOM_TORCH="cpu", REFUSE="cpu")
        assert done.returncode == 0
        assert "no CPU build found: using pip's default" in done.stdout
        assert installs(tmp_path)[-1] == EVERYTHING

    def test_auto_takes_the_default_where_there_is_a_gpu(
        self, script: Script, tmp_path: Path
    ) -> None:
        executable(tmp_path / "programs" / "nvidia-smi", "#!/bin/sh\n")
        assert script("setup").returncode == 0
        assert installs(tmp_path) == [EVERYTHING]

    def test_auto_leaves_a_torch_that_is_there(self, script: Script, tmp_path: Path) -> None:
        assert script("setup", TORCH_THERE="2.13.0+cu130").returncode == 0
        assert installs(tmp_path) == [EVERYTHING]

    def test_cuda_takes_the_cpu_build_away(self, script: Script, tmp_path: Path) -> None:
        done = script("setup", SEQLOOM_TORCH="cuda", TORCH_THERE="2.13.0+cpu")
        assert done.returncode == 0
        assert "-m pip uninstall -q -y torch" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"SEQLOOM_TORCH": "gpu"}, "SEQLOOM_TORCH=gpu: expected cpu, cuda or auto."),
        ({"PYTHON": "no-such-python"}, "no Python 3.11 or newer as no-such-python"),
        ({"NO_VENV": "1"}, "venv or ensurepip is missing. On Debian and Ubuntu: apt-get install"),
    ],
)
def test_setup_says_what_is_missing(script: Script, variables: dict[str, str], text: str) -> None:
    done = script("setup", **variables)
    assert done.returncode == 1
    assert text in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def tools(checkout: Path) -> Path:
    """Stand-ins for the programs of .venv: each says what it was asked and succeeds."""
    folder = checkout / ".venv" / "bin"
    for name in ("ruff", "mypy", "lint-imports", "python"):
        executable(folder / name, '#!/bin/sh\necho "ran $(basename "$0") $*"\n')
    for name in ("check-wheel", "words"):
        executable(checkout / "scripts" / name, f"#!/bin/sh\necho ran {name}\n")
    return folder


def test_test_runs_everything_and_passes_arguments_on(script: Script, tools: Path) -> None:
    done = script("test", "--no-install", "--", "-k", "two words")
    assert done.returncode == 0, done.stdout
    ran = [line for line in done.stdout.splitlines() if line.startswith("ran ")]
    assert ran == [
        "ran ruff check",
        "ran ruff format --check",
        "ran mypy ",
        "ran lint-imports ",
        "ran words",
        "ran check-wheel",
        "ran python -m pytest -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder "
        "--durations=40 -m not gpu and not slow -k two words",
    ]
    assert done.stdout.endswith("== test: 3 passed, 0 failed\n")
    assert "-m not gpu\n" in script("test", "--no-install", "--all").stdout


@pytest.mark.parametrize("broken", ["ruff", "mypy", "lint-imports", "python"])
def test_a_failing_step_fails_the_script_but_not_the_steps_after_it(
    script: Script, tools: Path, broken: str
) -> None:
    executable(tools / broken, "#!/bin/sh\necho it broke\nexit 3\n")
    done = script("test", "--no-install")
    assert done.returncode == 1
    assert "failed with exit code 3" in done.stdout
    assert "ran check-wheel" in done.stdout
    failed = "tests" if broken == "python" else "checks"
    assert done.stdout.endswith(f"== test: 2 passed, 1 failed\n   failed: {failed}\n")


def test_a_wheel_that_fails_beside_the_checks_fails_the_script(
    script: Script, tools: Path, checkout: Path
) -> None:
    executable(checkout / "scripts" / "check-wheel", "#!/bin/sh\necho no wheel\nexit 4\n")
    done = script("test", "--no-install")
    assert done.returncode == 1
    assert "no wheel\n!! wheel failed with exit code 4" in done.stdout
    assert done.stdout.endswith("== test: 2 passed, 1 failed\n   failed: wheel\n")


def test_test_finds_the_data_beside_the_checkout(
    script: Script, tools: Path, tmp_path: Path
) -> None:
    executable(tools / "python", '#!/bin/sh\necho "data: $SEQLOOM_DATA"\n')
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert f"data: {tmp_path}/shared/data\n" in script("test", "--no-install").stdout
    chosen = script("test", "--no-install", SEQLOOM_DATA="/elsewhere").stdout
    assert "data: /elsewhere\n" in chosen


def test_test_refuses_what_it_does_not_know(script: Script, tools: Path) -> None:
    done = script("test", "--fast")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: scripts/test")


WORDS = """\
# A comment.
Meter -> Evaluator
as it is -> unchanged
Meter @ docs/units.md
Meter @ plugins/mine/
"""


def test_words_finds_those_that_are_retired(script: Script, checkout: Path) -> None:
    (checkout / "scripts" / "retired-words.txt").write_text(WORDS, encoding="utf-8")
    texts = {
        "framework/a.py": "class Meter:\n    # left as\n    # it is here\n    Meters = meter = 1\n",
        "docs/units.md": "A Meter, as it is.\n",
        "docs/units.txt": "Meter\n",
        "plugins/mine/page.html.j2": "<p>Meter</p>\n",
        "tests/test_meter.py": "Meter = 1\n",
    }
    for name, text in texts.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text, encoding="utf-8")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=checkout, check=True)
    done = script("words")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "docs/units.md:1: as it is -> unchanged",
        "framework/a.py:1: Meter -> Evaluator",
        "framework/a.py:2: as it is -> unchanged",
    ]
    for name in ("framework/a.py", "docs/units.md"):
        (checkout / name).unlink()
    assert script("words").returncode == 0


def test_words_refuses_a_list_that_it_cannot_read(script: Script, checkout: Path) -> None:
    (checkout / "scripts" / "retired-words.txt").write_text("Meter: Evaluator\n", encoding="utf-8")
    done = script("words")
    assert done.returncode == 1
    assert "retired-words.txt:1: expected WORD -> REPLACEMENT or WORD @ PATH" in done.stderr


def test_quickstart_predicts_with_the_best_and_names_the_report(
    script: Script, checkout: Path
) -> None:
    executable(checkout / "scripts" / "setup", "#!/bin/sh\n")
    show = "import sys\nprint('showed', *sys.argv[1:])\n"
    for name in ("show_lines.py", "show_commands.py"):
        (checkout / "scripts" / name).write_text(show, encoding="utf-8")
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    seqloom = """\
#!/usr/bin/env bash
echo "ran $*"
for last; do :; done
case $1 in
  train) mkdir -p "${last#run_dir=}/2" && echo '{"best": 2}' >"${last#run_dir=}/index.json" ;;
  predict) cat ;;
esac
"""
    executable(checkout / ".venv" / "bin" / "seqloom", seqloom)
    first = script("quickstart")
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert "ran train -m encoder=rnn,lstm,bilstm run_dir=runs/quickstart" in lines
    assert "ran predict runs/quickstart/2/bundle -" in lines
    assert "Apple is something that I like to eat." in lines
    assert "showed runs/quickstart-lines" in lines
    assert "ran train experiment=spoken run_dir=runs/quickstart-speech" in lines
    assert "showed runs/quickstart-speech" in lines
    assert lines[-1].endswith(
        "Open in a browser: runs/quickstart/2/report.html runs/quickstart-lines/report.html "
        "runs/quickstart-speech/report.html"
    )
    executable(
        checkout / ".venv" / "bin" / "seqloom",
        seqloom.replace(
            "train) ", """train) mkdir -p "${last#*=}" && touch "${last#*=}/report.html" && """
        ),
    )
    second = script("quickstart").stdout
    assert "run_dir=runs/quickstart-2" in second
    assert "Open in a browser: runs/quickstart-2/report.html runs/quickstart-2-lines/" in second
