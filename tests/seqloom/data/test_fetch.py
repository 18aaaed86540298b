"""Files are found or fetched, verified, and every failure says what to do."""

import hashlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seqloom.data.fetch import PinnedUrl, _mirrored, file_name, is_url, local_path
from seqloom.errors import ConfigError, DataError
from seqloom.extras import install_command

CONTENT = b"text\tlabel\nhello\tgreeting\n"
SHA = hashlib.sha256(CONTENT).hexdigest()
URL = f"https://data.example.org/v1/train.tsv#sha256={SHA}&local=set/train.tsv"


class Handler(SimpleHTTPRequestHandler):
    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder that a server on this machine serves in the place of every host."""
    folder = tmp_path / "site"
    (folder / "v1").mkdir(parents=True)
    (folder / "v1" / "train.tsv").write_bytes(CONTENT)
    Handler.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("SEQLOOM_MIRROR", f"http://127.0.0.1:{server.server_port}")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SEQLOOM_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files_below(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_url_is_downloaded_once(site: Path, cache: Path) -> None:
    path = local_path(URL)
    assert path.read_bytes() == CONTENT
    assert path.name == "train.tsv"
    assert path.is_relative_to(cache)
    assert local_path(URL) == path
    assert Handler.requests == ["/v1/train.tsv"]


def test_nothing_is_printed_without_a_terminal(
    site: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    local_path(URL)
    assert capfd.readouterr() == ("", "")


def test_the_bar_is_shown_on_a_terminal(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    local_path(URL)
    assert "100%" in capsys.readouterr().err


def test_a_damaged_file_in_the_cache_is_fetched_again(site: Path) -> None:
    path = local_path(URL)
    path.write_bytes(b"damaged")
    assert local_path(URL).read_bytes() == CONTENT


def test_the_cache_does_without_pooch(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = local_path(URL)
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert local_path(URL) == path


def test_without_pooch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=re.escape(install_command("text"))):
        local_path(URL)


def test_a_cache_in_a_home_folder_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(ConfigError, match=r"this home folder does not exist\. Set SEQLOOM_CACHE"):
        local_path(URL)


def test_the_platform_has_a_cache_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pooch

    monkeypatch.delenv("SEQLOOM_CACHE")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    file = tmp_path / "seqloom" / SHA[:16] / "train.tsv"
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    assert local_path(URL) == file


def test_a_copy_is_used_in_place_of_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "data" / "set" / "train.tsv"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(CONTENT)
    monkeypatch.setenv("SEQLOOM_DATA", str(tmp_path / "data"))
    assert local_path(URL) == copy
    copy.write_bytes(b"older")
    with pytest.raises(DataError, match=f"SHA-256 {hashlib.sha256(b'older').hexdigest()}.*{SHA}"):
        local_path(URL)


def test_a_copy_that_is_not_there_is_downloaded(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("SEQLOOM_DATA", str(tmp_path))
    assert local_path(URL).is_relative_to(cache)
    monkeypatch.setenv("SEQLOOM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"SEQLOOM_DATA=.*nowhere: no such folder"):
        local_path(URL)


def test_wrong_bytes_are_refused_and_leave_nothing(site: Path, cache: Path) -> None:
    (site / "v1" / "train.tsv").write_bytes(b"tampered")
    with pytest.raises(DataError, match=f"not have the pinned SHA-256, {SHA}"):
        local_path(URL)
    assert files_below(cache) == []


def test_404_says_what_to_do(site: Path, cache: Path) -> None:
    with pytest.raises(DataError) as caught:
        local_path(URL.replace("train.tsv#", "gone.tsv#"))
    message = str(caught.value)
    assert "404" in message
    assert "SEQLOOM_DATA to a folder that has set/train.tsv" in message
    assert f"put the file at {cache}" in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert files_below(cache) == []


def test_a_closed_port_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.server_close()
    monkeypatch.setenv("SEQLOOM_MIRROR", f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(DataError, match=r"v1/train\.tsv: cannot be downloaded .*SEQLOOM_MIRROR"):
        local_path(URL.partition("&")[0])


def test_without_a_mirror_the_url_is_that_of_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQLOOM_MIRROR", raising=False)
    assert _mirrored("https://example.org/a/b.tsv") == "https://example.org/a/b.tsv"
    monkeypatch.setenv("SEQLOOM_MIRROR", "http://localhost:80/")
    assert _mirrored("https://example.org/a/b.tsv") == "http://localhost:80/a/b.tsv"


@pytest.mark.parametrize("mirror", ["127.0.0.1:80", "http://127.0.0.1/copy", "ftp://127.0.0.1"])
def test_a_mirror_must_be_a_server(monkeypatch: pytest.MonkeyPatch, mirror: str) -> None:
    monkeypatch.setenv("SEQLOOM_MIRROR", mirror)
    message = f"SEQLOOM_MIRROR={mirror}: expected http://host:port"
    with pytest.raises(DataError, match=re.escape(message)):
        local_path(URL)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("https://a.org/x.tsv", "the URL has no hash, so a change of the data"),
        ("https://a.org/x.tsv#sha256=12", "sha256=12 is not a SHA-256; expected 64"),
        (f"https://a.org/x.tsv#sha526={SHA}", "unknown 'sha526'.* Did you mean 'sha256'"),
        (f"https://a.org/x.tsv#sha256={SHA}&local=/etc/x", "must be a path below SEQLOOM_DATA"),
        (f"https://a.org/x.tsv#sha256={SHA}&local=a/../../x", "must be a path below"),
        (f"ftp://a.org/x.tsv#sha256={SHA}", "ftp:// is not supported"),
    ],
)
def test_urls_that_are_refused(spec: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        local_path(spec)


def test_local_paths(tmp_path: Path) -> None:
    file = tmp_path / "train.tsv"
    file.write_bytes(CONTENT)
    assert local_path(str(file)) == file
    with pytest.raises(DataError, match=r"no such file in .*Did you mean 'train\.tsv'"):
        local_path(str(tmp_path / "trian.tsv"))
    with pytest.raises(DataError, match="this is a folder; expected a file"):
        local_path(str(tmp_path))
    with pytest.raises(DataError, match=r"the folder .*nowhere does not exist"):
        local_path(str(tmp_path / "nowhere" / "train.tsv"))


def test_a_link_that_leads_nowhere_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to("gone/b.csv")
    (tmp_path / "c.csv").symlink_to("c.csv")
    for name, target in [("a.csv", "gone/b.csv"), ("c.csv", "c.csv")]:
        with pytest.raises(DataError, match=f"this is a link to '{target}', which does not exist"):
            local_path(str(tmp_path / name))


def test_a_full_folder_is_not_listed(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"{n:03}.wav").touch()
    with pytest.raises(DataError) as caught:
        local_path(str(tmp_path / "zebra"))
    assert "There are none" not in str(caught.value)
    assert "no such file in" in str(caught.value)
    assert ".wav" not in str(caught.value)


def test_names_do_not_depend_on_where_the_file_is(tmp_path: Path) -> None:
    spec = f"https://a.org/v1/devel%20x.tsv#sha256={SHA}"
    assert file_name(spec) == "devel x.tsv"
    assert file_name(f"{spec}&local=set/dev.tsv") == "dev.tsv"
    assert file_name(str(tmp_path / "a.csv")) == "a.csv"
    assert PinnedUrl.parse(spec.upper().replace("HTTPS", "https").replace("SHA256", "sha256"))
    assert is_url(spec)
    assert not is_url("a/b.csv")


def test_a_pipe_is_no_file_for_what_reads_it_in_any_order(tmp_path: Path) -> None:
    pipe = tmp_path / "a.parquet"
    os.mkfifo(pipe)
    with pytest.raises(DataError, match="this is a pipe; expected a file"):
        local_path(str(pipe))
    assert local_path(str(pipe), stream=True) == pipe
