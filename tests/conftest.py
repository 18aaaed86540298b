"""Fixtures for all tests."""

from __future__ import annotations

import gc
import os
import pickle
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import pytest
import without_plots
from fork_server import Forked, ForkServer, serving
from hypothesis import settings
from read_once import read_once

# The same examples each time: a change is judged by what it changes, not by luck. To look for more,
# pytest --hypothesis-profile=default
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

# The collector would go through thousands of tests and modules each time; it takes a tenth of the
# time to collect the tests and a twentieth of running them.
gc.set_threshold(20_000, 50, 1_000)

# Ctrl-C works in the tests' programs also if a shell started the tests in the background.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # and if they were started by nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

collect_ignore = ["tools/audited_child"]  # imported by audited processes alone

PROGRAM = "from seqloom.cli.main import main; main()"
SMALL = (
    "data.train_size=60",
    "data.val_size=20",
    "data.test_size=20",
    "frontend.size=8",
    "frontend.character_filters=4",
    "encoder.hidden_size=8",
    "trainer.max_epochs=1",
    "trainer.log_every_n_steps=1",
    "trainer.accelerator=cpu",
)

FORKS = "SEQLOOM_TEST_FORKS"
"""Variable with the folder of the server of forks that several processes share."""

PATIENCE = 600
"""Seconds that a program may take on a machine with a busy neighbor."""

OnRanks = Callable[..., dict[int, list[Any]]]
Start = Callable[..., "subprocess.Popen[str]"]
Program = Callable[..., "subprocess.CompletedProcess[str]"]


LONGEST = (
    "tests/test_examples.py",
    "tests/test_readme.py",
    "tests/slurm",
    "tests/test_site.py",
    "tests/seqloom/sweep/test_resume.py",
    "tests/pitfalls",
    "tests/seqloom/testing/test_installed_components.py",
    "tests/seqloom/sweep",
    "tests/seqloom/train",
    "tests/seqloom/cli",
    "tests/seqloom_handwriting",
)
"""Files and folders whose tests come first, as a core that ends with them would keep the others."""


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Use two processes more than cores: while a test waits, for Slurm or a dead rank, two work."""
    return (yield) + 2


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse sets of parameters: each process would collect them in another order, and xdist stop.

    Raises:
        pytest.UsageError: Parameters are a set.
    """
    for mark in metafunc.definition.iter_markers("parametrize"):
        values = mark.args[1] if len(mark.args) > 1 else mark.kwargs.get("argvalues")
        if isinstance(values, set | frozenset):
            raise pytest.UsageError(f"{metafunc.definition.nodeid}: sort the set of parameters.")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one core, so that they share what is made once; begin with the long.

    Tests with a mark ``xdist_group`` of their own go where the others of that group go.
    """
    ranks = {}
    for item in items:
        file = item.nodeid.partition("::")[0]
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(file))
        fitting = [n for n, place in enumerate(LONGEST) if file.startswith(place)]
        ranks[item] = min(fitting, default=len(LONGEST)), file
    items.sort(key=ranks.__getitem__)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let the garbage collector ignore what the tests of a file leave: what they imported, too."""
    if nextitem is None or nextitem.path != item.path:
        gc.freeze()


def pytest_collection_finish() -> None:
    """Let the garbage collector ignore what is there already: thousands of tests and modules.

    Each run ends with a collection, which would take half a second otherwise.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """End a test's changes of the environment with it, such as those of ``main()``.

    With a variable that Python reads at its start, later programs could not be forks.
    """
    before = dict(os.environ)
    try:
        return (yield)
    finally:
        if os.environ != before:
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture(autouse=True, scope="session")
def _no_sync() -> Iterator[None]:
    """Leave out the waiting for the disk: no test has its machine lose power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda file: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def _read_once() -> Iterator[None]:
    """Parse equal YAML once for all configs, and look for entry points of Lightning once."""
    with pytest.MonkeyPatch.context() as patch:
        read_once(patch.setattr)
        yield


@pytest.fixture(autouse=True)
def _no_plots(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave plots out of a test's own runs and programs, except in the tests of pages."""
    with pytest.MonkeyPatch.context() as patch:
        if not {"report", "test_page", "test_render"} & {*request.path.parts, request.path.stem}:
            patch.setenv(without_plots.VARIABLE, "1")
            without_plots.replace_plots(patch.setattr)
        yield


@pytest.fixture
def real_data() -> Path:
    """Return the folder of the real data sets; tests that ask for it are marked ``realdata``."""
    folder = os.environ.get("SEQLOOM_DATA")
    if not folder:
        pytest.skip("SEQLOOM_DATA is not set, so the real data sets are not at hand")
    return Path(folder)


def environment(site: Path | None = None, **extra: str) -> dict[str, str]:
    """Return the environment of a child, with a folder of installed plugins if one is given."""
    found = {**os.environ, "OMP_NUM_THREADS": "1", **extra}
    found.pop("PYTHONPATH", None)
    return found | ({"PYTHONPATH": str(site)} if site else {})


def pytest_configure(config: pytest.Config) -> None:
    """Start the server of forks that the processes of pytest-xdist share, while they collect."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        server = ExitStack()
        os.environ[FORKS] = str(server.enter_context(serving(environment())))
        config.add_cleanup(server.close)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """Return a process that has imported all of seqloom, of which programs are forks."""
    if FORKS in os.environ:
        yield ForkServer(Path(os.environ[FORKS]), environment())
        return
    with serving(environment()) as folder:
        yield ForkServer(folder, environment())


@pytest.fixture(scope="session")
def start(fork_server: ForkServer) -> Start:
    """Start ``seqloom`` in a process of its own, with pipes to it.

    The process is a fork that has all modules imported; with ``cold=True`` it is a new interpreter,
    for what depends on what is imported or on the interpreter's own start and end.
    """

    def begin(
        *arguments: str | Path,
        site: Path | None = None,
        cold: bool = False,
        stdout: IO[str] | int = subprocess.PIPE,
        stderr: IO[str] | int = subprocess.PIPE,
        **extra: str,
    ) -> subprocess.Popen[str]:
        words, own = list(map(str, arguments)), environment(site, **extra)
        options: dict[str, Any] = {"env": own, "stdin": subprocess.PIPE, "text": True}
        options |= {"stdout": stdout, "stderr": stderr}
        if cold or not fork_server.can_start(own):
            return subprocess.Popen([sys.executable, "-c", PROGRAM, *words], **options)
        return Forked(fork_server, PROGRAM, *words, **options)

    return begin


@pytest.fixture(scope="session")
def program(start: Start) -> Program:
    """Run ``seqloom`` in a process of its own; takes what ``start`` takes."""

    def run(
        *arguments: str | Path, stdin: str = "", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        with start(*arguments, **options) as running:
            try:
                said = running.communicate(stdin, timeout=PATIENCE)
            except BaseException:
                running.kill()
                raise
        return subprocess.CompletedProcess(running.args, running.returncode, *said)

    return run


@pytest.fixture(scope="session")
def python() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run some lines of Python in a new interpreter."""

    def run(source: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", source],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    return run


@pytest.fixture(scope="session")
def small() -> tuple[str, ...]:
    """Overrides that make a run on apples take a moment."""
    return SMALL


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built as scripts/docs does, but without pages of sources."""
    folder, docs = tmp_path_factory.mktemp("site"), Path(__file__).parent.parent / "docs"
    extensions = runpy.run_path(str(docs / "conf.py"))["extensions"]
    quick = ",".join(name for name in extensions if name != "sphinx.ext.viewcode")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-b"]
    options = ["-D", f"extensions={quick}", "-d", folder / "doctrees"]
    done = subprocess.run(
        [*command, "html", *options, docs, folder / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture
def on_ranks(tmp_path: Path) -> OnRanks:
    """Call a function of a module on 1, 2 and 3 processes that know of one another by gloo.

    Returns what it gave on each rank, by the number of processes. One process has no group.
    """

    def run(
        function: Callable[..., Any], *args: Any, sizes: Sequence[int] = (1, 2, 3)
    ) -> dict[int, list[Any]]:
        from torch import multiprocessing

        folder = Path(tempfile.mkdtemp(prefix="ranks", dir=tmp_path))
        given = (str(folder), tuple(sizes), function, args)
        multiprocessing.set_forkserver_preload(["seqloom.train.run", "seqloom.testing"])
        multiprocessing.start_processes(_serve, given, nprocs=max(sizes), start_method="forkserver")
        return {
            size: [pickle.loads((folder / f"{size}-{r}").read_bytes()) for r in range(size)]
            for size in sizes
        }

    return run


def _serve(
    rank: int, folder: str, sizes: Sequence[int], function: Callable[..., Any], args: Any
) -> None:
    """Take part, as one process, in a group of each size that has room for it."""
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    for size in sizes:
        if rank >= size:
            continue
        if size > 1:
            # What torch's launcher leaves for Lightning to find.
            numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size}
            os.environ |= {name: str(number) for name, number in numbers.items()}
            os.environ |= {"TORCHELASTIC_RUN_ID": "test", "LOCAL_WORLD_SIZE": str(size)}
            distributed.init_process_group(
                "gloo",
                init_method=f"file://{folder}/store-{size}",
                rank=rank,
                world_size=size,
                timeout=timedelta(seconds=60),  # a test that waits for ever should fail
            )
        found = function(*args)
        if size > 1:
            distributed.barrier()
            distributed.destroy_process_group()
        Path(folder, f"{size}-{rank}").write_bytes(pickle.dumps(found))
