"""``seqloom demo``: write by hand in a browser, and a model reads along."""

from __future__ import annotations

import argparse
import webbrowser
from importlib.util import find_spec
from pathlib import Path

from seqloom.commands import load_model, positive_int, split_overrides, use_threads
from seqloom.errors import ConfigError


def demo(arguments: list[str]) -> int:
    """Serve the page until Ctrl-C."""
    options = _parser().parse_intermixed_args(arguments)
    require_extra()
    from seqloom_handwriting.demo.listen import listen, url
    from seqloom_handwriting.demo.reader import Reader
    from seqloom_handwriting.demo.serve import serve

    pipeline = load_model(options.model, _of_head(options.overrides))
    reader = Reader(pipeline, name=name_of(options.model))
    use_threads(options.threads)
    with listen(options.host, options.port) as sock:
        address = url(sock)
        print(f"Write at {address} (Ctrl-C ends the demo)", flush=True)
        if options.open:
            webbrowser.open(address)
        serve(reader, sock, options.host)
    return 0


def _of_head(words: list[str]) -> list[str]:
    """Return the words, all of them ``head.KEY=VALUE``.

    Raises:
        ConfigError: a word is about something else.
    """
    given = split_overrides(words)
    if given.name is not None or given.data:
        raise ConfigError(
            "The demo reads what one writes in the browser, so data=… and data.KEY=VALUE mean "
            "nothing to it; leave them out."
        )
    return given.head


def require_extra() -> None:
    """Refuse to begin without the packages that serve the page.

    Raises:
        ConfigError: one of them is not installed.
    """
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"seqloom demo needs {' and '.join(missing)}, not installed here. "
            'Do: pip install "seqloom[demo]"'
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
        description="Serve a page where one writes with mouse, pen or finger and the model reads "
        "along; with a model of line images, images can be dropped there as well.",
        epilog="Example: seqloom demo runs/mine --open",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a bundle, or a run's folder")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="head.KEY=VALUE: how to decode"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen at (default: 127.0.0.1, this machine only); 0.0.0.0 lets everyone "
        "in the network in",
    )
    parser.add_argument(
        "--port", type=_port, default=7860, help="default: 7860; 0 stands for a free one"
    )
    parser.add_argument(
        "--threads", type=positive_int, default=1, help="of the CPU, for large models (default: 1)"
    )
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return int(text)
