"""``seqloom demo`` as a command."""

from __future__ import annotations

import errno
import signal
import socket
import subprocess
import webbrowser
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from seqloom.cli import demo as command
from seqloom.cli.demo import listen, url
from seqloom.cli.main import run
from seqloom.demo import serve
from seqloom.demo.served import ServedModel
from seqloom.errors import BundleError, ConfigError
from seqloom.extras import install_command
from seqloom.model.pipeline import Pipeline
from seqloom.plugins import registry
from seqloom_ctc.schema import Ctc

Start = Callable[..., "subprocess.Popen[str]"]


def test_it_serves_until_it_is_interrupted(stroke_model: Path, start: Start) -> None:
    with start("demo", stroke_model, "--port", "0") as program:
        assert program.stdout
        assert program.stderr
        line = program.stdout.readline()
        try:
            assert line.startswith("Write at http://127.0.0.1:")
            assert line.endswith("/ (Ctrl-C ends the demo)\n")
            with urlopen(line.split()[2], timeout=600) as page:
                assert b"<canvas" in page.read()
        finally:
            program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "The demo has ended.\n"
        assert program.stderr.read() == ""
    assert program.returncode == 0


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServedModel]:
    """The models that would have been served."""
    found: list[ServedModel] = []
    monkeypatch.setattr(serve, "serve", lambda reader, sock, host: found.append(reader))
    return found


def test_it_opens_the_browser_if_told_to(
    stroke_model: Path, served: list[ServedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert run(["demo", str(stroke_model), "--port", "0"]) == 0
    assert opened == []
    assert run(["demo", str(stroke_model), "--port", "0", "--open"]) == 0
    assert opened[0].startswith("http://127.0.0.1:")
    assert [reader.name for reader in served] == ["digits", "digits"]


def test_it_decodes_as_it_is_told(stroke_model: Path, served: list[ServedModel]) -> None:
    words = ["head.decoder=beam", "--port", "0", "head.beam_width=7"]
    assert run(["demo", str(stroke_model), *words]) == 0
    options = served[0].pipeline.head.options
    assert isinstance(options, Ctc)
    assert (options.decoder, options.beam_width) == ("beam", 7)
    with pytest.raises(ConfigError, match=r"'beam_widht'. Did you mean 'beam_width'\?"):
        run(["demo", str(stroke_model), "head.beam_widht=7"])


@pytest.mark.parametrize("word", ["data=strokes", "data.train=x"])
def test_it_reads_no_data(stroke_model: Path, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run(["demo", str(stroke_model), word])
    assert str(caught.value) == (
        "The demo reads its input from the browser, so data=… and data.KEY=VALUE have no effect; "
        "leave them out."
    )


def test_it_says_which_packages_are_missing(
    stroke_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        run(["demo", str(stroke_model)])
    assert str(caught.value) == (
        f"seqloom demo needs starlette and uvicorn. To install: {install_command('demo')}"
    )


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        run(["demo", str(tmp_path / "none")])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--port", "65536"], "'65536' is not a port from 0 to 65535"),
        (["--port", "x"], "'x' is not a port"),
        (["--threads", "0"], "'0' is not a positive integer"),
    ],
)
def test_options_that_are_none(
    words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(["demo", "model", *words])
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_a_model_of_what_no_pad_makes(
    stroke_reader: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = stroke_reader.info["components"]["frontend"]["section"]
    monkeypatch.setitem(section, "name", "features")
    with pytest.raises(ConfigError) as caught:
        ServedModel(stroke_reader, "mine")
    assert str(caught.value) == (
        "This model has frontend=features, which reads features; no installed plugin has a pad for "
        f"that in the demo. There are pads for: {', '.join(registry().pads())}. Use seqloom "
        "predict."
    )


def test_the_classes_of_another_head_are_known(
    stroke_reader: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = stroke_reader.codecs.heads[stroke_reader.head_name]
    monkeypatch.delattr(type(codec), "alphabet")
    monkeypatch.setattr(codec, "classes", ["one", "two"], raising=False)
    assert ServedModel(stroke_reader, "mine").about()["symbols"] == ["one", "two"]


def test_a_free_port_is_found() -> None:
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as other:
        assert url(one) != url(other)
        assert url(one) == f"http://127.0.0.1:{one.getsockname()[1]}/"


def test_a_port_in_use() -> None:
    with listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        text = (
            f"Port {port} of 127.0.0.1 is in use, perhaps by another demo. Choose another one with "
            "--port, or a free one with --port 0"
        )
        with pytest.raises(ConfigError) as caught:
            listen("127.0.0.1", port)
    assert str(caught.value) == text
    with listen("127.0.0.1", port):  # it is free again at once
        pass


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7", "a..b"])
def test_a_host_that_is_not_this_machine(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        listen(host, 0)
    assert str(caught.value).startswith(f"The demo cannot listen at --host {host}: ")
    assert str(caught.value).endswith("127.0.0.1 for itself only, 0.0.0.0 for its network.")


def test_a_port_for_administrators(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ConfigError, match="Port 80 needs administrator rights"):
        listen("127.0.0.1", 80)


def test_where_all_addresses_are_listened_at_the_own_one_is_named() -> None:
    with listen("0.0.0.0", 0) as sock:
        assert url(sock).startswith("http://127.0.0.1:")


def test_the_new_form_of_addresses() -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    try:
        sock = listen("::1", 0)
    except ConfigError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    with sock:
        assert url(sock) == f"http://[::1]:{sock.getsockname()[1]}/"
