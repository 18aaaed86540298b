"""``seqloom demo``: a page in the browser to try a model on."""

from __future__ import annotations

import argparse
import errno
import socket
import webbrowser
from importlib.util import find_spec
from pathlib import Path

from seqloom.cli.options import HelpFormatter, positive_int, use_threads
from seqloom.config.overrides import split_overrides
from seqloom.errors import Cause, ConfigError
from seqloom.extras import install_command
from seqloom.inference.load import load_model


def demo(arguments: list[str]) -> int:
    """Serve the page until Ctrl-C."""
    options = _parser().parse_intermixed_args(arguments)
    require_extra()
    from seqloom.demo.serve import serve
    from seqloom.demo.served import ServedModel

    pipeline = load_model(options.model, _of_head(options.overrides))
    served = ServedModel(pipeline, name=name_of(options.model))
    use_threads(options.threads)
    with listen(options.host, options.port) as sock:
        address = url(sock)
        print(f"{served.pad.invitation} at {address} (Ctrl-C ends the demo)", flush=True)
        if options.open:
            webbrowser.open(address)
        serve(served, sock, options.host)
    return 0


def _of_head(words: list[str]) -> list[str]:
    """Return the words, all of them ``head.KEY=VALUE``.

    Raises:
        ConfigError: A word is about something else.
    """
    given = split_overrides(words)
    if given.name is not None or given.data:
        raise ConfigError(
            "The demo reads its input from the browser, so data=… and data.KEY=VALUE have no "
            "effect; leave them out."
        )
    return given.head


def require_extra() -> None:
    """Refuse to start without the packages that serve the page.

    Raises:
        ConfigError: One of them is not installed.
    """
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"seqloom demo needs {' and '.join(missing)}. To install: {install_command('demo')}",
            cause=Cause.missing_extra,
        )


def name_of(model: Path) -> str:
    """Return what a model is called: its folder, or its run's.

    >>> name_of(Path("runs/digits/bundle")), name_of(Path("shared/reader"))
    ('digits', 'reader')
    """
    path = model.resolve()
    return path.parent.name if path.name == "bundle" else path.name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom demo",
        description="Serve a page for trying a model in the browser. Depending on what the model "
        "reads, type a text, write with mouse, pen or finger, drop the image of a line, or speak. "
        "Nothing leaves this machine.",
        epilog="Example:\n  seqloom demo runs/mine --open",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="bundle or run folder")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="KEY=VALUE", help="head.KEY=VALUE: decoding"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine only); 0.0.0.0 allows the "
        "whole network",
    )
    parser.add_argument(
        "--port", type=_port, default=7860, help="port (default: 7860); 0 chooses a free one"
    )
    parser.add_argument("--threads", type=positive_int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at the address.

    Args:
        host: Name or address of this machine.
        port: Port; 0 chooses a free one.

    Raises:
        ConfigError: The port is in use, or the host is not one of this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((str(address[0]), port), family=family)
    except (OSError, UnicodeError) as error:  # a host name may not even be one: "a..b"
        raise ConfigError(_sentence(host, port, error)) from error


def _sentence(host: str, port: int, error: Exception) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use, perhaps by another demo. Choose another one with "
            "--port, or a free one with --port 0"
        )
    if code == errno.EACCES:
        return f"Port {port} needs administrator rights. Choose one from 1024 up: --port 7860"
    return (
        f"The demo cannot listen at --host {host}: {error}. Pass an address of this machine: "
        "127.0.0.1 for itself only, 0.0.0.0 for its network."
    )


def url(sock: socket.socket) -> str:
    """Return where a browser on this machine finds what listens there."""
    host, port = sock.getsockname()[:2]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{local}]:{port}/" if ":" in local else f"http://{local}:{port}/"
