"""The entry point of ``seqloom``: find the subcommand and import only what it needs."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from typing import NoReturn

from seqloom.cli.commands import COMMANDS, COMPOSING
from seqloom.errors import SeqloomError, with_code
from seqloom.safe_path import protect_children
from seqloom.terminal import open_closed_streams, protect_terminal
from seqloom.torch_variables import set_torch_variables

DATA = (["predict"], ["completion"], ["-sc"], ["--shell-completion"])
"""Commands whose output other programs read as it is."""

WRITING = {"predict", "prepare", "sweep", "tune"}
"""Commands that write files, of which nothing incomplete is to be left.

Plugins provide ``prepare`` and ``tune``. ``train`` is not here: it notices signals itself, to store
a checkpoint first; see `seqloom.train.preemption`.
"""

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)
"""Signals that would end these without an exception, at which they remove their drafts."""

HELP = """\
Usage: seqloom COMMAND [ARGUMENTS]

Train, compare and share models that read sequences.

Commands:
{commands}

  seqloom COMMAND --help describes a command.
  seqloom --version prints the version.
  eval "$(seqloom completion bash)" enables TAB completion; fish works too.
"""


def main() -> None:
    """Run the program, print user errors without a traceback, and exit with a status."""
    try:
        _main()
    except SystemExit as end:
        _end_in_broken_group(end.code)
        raise
    finally:
        if preemption := sys.modules.get("seqloom.train.preemption"):
            preemption.let_imports_pass()  # libraries import at exit, also where a signal came
        atexit.register(_end_at_once)  # the last to be registered is the first to be called


def _end_at_once() -> None:
    """Let another Ctrl-C end the program that ends: Python would print a traceback of its exit."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_in_broken_group(status: object) -> None:
    """End at once in a group of processes that has failed: Python's own exit would wait for it."""
    distributed = sys.modules.get("torch.distributed")
    if distributed and distributed.is_available() and distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else int(bool(status)))


def _main() -> None:
    """Set the process up, run the command, and exit with a status, or an error in a sentence."""
    _notice_signals(sys.argv[1:])
    open_closed_streams()
    set_torch_variables()  # before torch is imported
    protect_children()
    protect_terminal(data=sys.argv[1:2] in DATA)
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()  # a broken pipe must be raised here, not while Python shuts down
        sys.exit(status)
    except SeqloomError as error:
        print(f"Error: {with_code(error)}", file=sys.stderr)
        sys.exit(1)
    except SystemExit as end:
        if not getattr(end, "said", True):  # a Preempted, which is imported only where it may come
            print(f"Preempted ({end}).", file=sys.stderr)
            _quiet()
        raise
    except BrokenPipeError:
        _discard_output()  # its reader closed the pipe
        sys.exit(0)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        _quiet()
        sys.exit(130)
    except OSError as error:
        from seqloom.files import explained

        known = explained(error)
        if known is None:
            raise
        with suppress(OSError):
            sys.stdout.flush()  # what was printed before
        print(f"Error: {with_code(known)}", file=sys.stderr)
        _discard_output()
        sys.exit(1)


def _quiet() -> None:
    """Log nothing more: libraries that were interrupted while they were imported do as they end."""
    import logging

    logging.disable()


def _discard_output() -> None:
    """Have Python not try again, when it exits, to write what it could not."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _notice_signals(arguments: list[str]) -> None:
    """Notice signals before anything is imported that takes time, if the command trains."""
    if arguments[:1] == ["train"] or arguments[:2] == ["sweep", "resume"]:
        from seqloom.train.preemption import install

        install()


def run(arguments: list[str]) -> int:
    """Run a subcommand with its arguments and return the exit status."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(help_text(), end="")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name == "--version":
        from seqloom import __version__

        print(f"seqloom {__version__}")
        return 0
    if name in {"-sc", "--shell-completion", "completion"}:
        from seqloom.cli.completion import completion

        return completion(rest)
    if name in COMPOSING:
        from seqloom.config.groups import refuse_unknown_component
        from seqloom.train.ranks.group import current_group

        if current_group() is None:  # in a group, the first one refuses it when it composes
            refuse_unknown_component(rest)
    with ended_by_signals() if name in WRITING else nullcontext():
        return find(name)(rest)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have signals that would kill the program raise SystemExit in the block.

    The status is that of shells: 128 and the signal's number. Signals that are ignored, or that the
    program notices already, stay so.
    """
    own = []
    if threading.current_thread() is threading.main_thread():
        own = [one for one in SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for number in own:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in own:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def find(name: str) -> Callable[[list[str]], int]:
    """Return the function of a subcommand.

    Raises:
        PluginError: There is no such command, or its plugin cannot be loaded.
    """
    found: Callable[[list[str]], int]
    if name in COMMANDS:
        module, _, function = COMMANDS[name][1].partition(":")
        found = getattr(import_module(module), function)
        return found
    from seqloom.plugins import registry
    from seqloom.plugins.registry import import_with_extra

    command = registry().command(name, others=COMMANDS)
    plugin = registry().provider(command)
    found = import_with_extra(command, f"the command {name!r}", plugin)
    return found


def help_text() -> str:
    """Return the text that ``seqloom --help`` prints."""
    from seqloom.plugins import registry

    lines = {name: text for name, (text, _) in COMMANDS.items()}
    lines |= {name: command.help for name, command in registry().commands().items()}
    return HELP.format(commands="\n".join(f"  {name:<11} {text}" for name, text in lines.items()))
