"""From what a config names, a path or a pinned URL, to a file on this machine.

A pinned URL is ``https://host/path#sha256=HEX&local=RELATIVE``: the address, the SHA-256 of the
expected bytes, and where a copy is below the folder ``$SEQLOOM_DATA``, if any.

Environment:
    SEQLOOM_DATA: Folder with copies of the files; they are used in place of a download.
    SEQLOOM_CACHE: Folder for downloads; by default the user's cache folder of the platform.
    SEQLOOM_MIRROR: ``http://host:port`` that replaces the URLs' scheme and host.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from seqloom.data.cache import VARIABLE, cache_root
from seqloom.errors import Cause, DataError, did_you_mean
from seqloom.extras import install_command
from seqloom.files import expanded, kind_of

TIMEOUT = 30  # seconds without a byte from the server


@dataclass(frozen=True)
class PinnedUrl:
    """An address and the SHA-256 of what is there.

    >>> spec = "https://example.org/v1/train.tsv#sha256=" + "0" * 64 + "&local=set/train.tsv"
    >>> PinnedUrl.parse(spec).name
    'train.tsv'
    """

    url: str
    sha256: str
    local: str | None = None

    @property
    def name(self) -> str:
        """The file's name, the same for a copy and a download."""
        return PurePosixPath(self.local or unquote(urlsplit(self.url).path)).name

    @classmethod
    def parse(cls, spec: str) -> PinnedUrl:
        """Return the parts of the pinned URL.

        Raises:
            DataError: It is not HTTP, has no hash, or the part after ``#`` is not understood.
        """
        parts = urlsplit(spec)
        url = urlunsplit(parts._replace(fragment=""))
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise DataError(
                f"{spec}: {parts.scheme}:// is not supported; expected a path or an https:// URL.",
                cause=Cause.download,
            )
        pins = dict(parse_qsl(parts.fragment, keep_blank_values=True))
        for key in pins.keys() - {"sha256", "local"}:
            raise DataError(f"{spec}: unknown {key!r} after '#'. {_known(key)}")
        return cls(url, _hash_of(url, pins.get("sha256")), _local_of(url, pins.get("local")))


def _known(key: str) -> str:
    return did_you_mean(key, ("sha256", "local"))


def _hash_of(url: str, value: str | None) -> str:
    if value is None:
        raise DataError(
            f"{url}: the URL has no hash, so a change of the data would go unnoticed; "
            "write URL#sha256=HEX with the SHA-256 of the file.",
            cause=Cause.download,
        )
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise DataError(f"{url}: sha256={value} is not a SHA-256; expected 64 hexadecimal digits.")
    return value.lower()


def _local_of(url: str, value: str | None) -> str | None:
    if value is None:
        return None
    path = PurePosixPath(value)
    if not path.name or path.is_absolute() or ".." in path.parts:
        raise DataError(f"{url}: local={value} must be a path below SEQLOOM_DATA, without '..'.")
    return value


def is_url(path: str) -> bool:
    """Return whether the path is an address rather than a file."""
    return "://" in path


def file_name(path: str) -> str:
    """Return the name of the file that ``local_path`` would return, without looking for it."""
    return PinnedUrl.parse(path).name if is_url(path) else Path(path).name


def local_path(path: str, *, stream: bool = False) -> Path:
    """Return an existing local file for a path or a pinned URL, downloading it if needed.

    Args:
        path: Path or pinned URL.
        stream: Whether a pipe is accepted too: it is read from its start to its end, once.

    Raises:
        DataError: The file does not exist, is a device or something else that has no end, has other
            bytes than were pinned, or cannot be downloaded; the text says what to do.
    """
    if not is_url(path):
        file = _existing(path)
        refuse_endless(file, stream=stream)
        return file
    pinned = PinnedUrl.parse(path)
    return _copy(pinned) or _cached(pinned)


def refuse_endless(path: Path, *, stream: bool) -> None:
    """Refuse what cannot be read like a file, without opening it, which may wait for ever.

    Args:
        path: Path of what exists.
        stream: Whether a pipe is accepted, and a terminal.

    Raises:
        DataError: It is a socket, a device other than ``/dev/null``, or a pipe.
    """
    kind = kind_of(path)
    if kind in ("a file", "a folder") or (kind == "a pipe" and stream):
        return
    if kind == "a device" and (path.samefile(os.devnull) or (stream and _is_terminal(path))):
        return
    advice = " Write its output to a file, and name that file." if kind == "a pipe" else ""
    raise DataError(f"{path}: this is {kind}; expected a file.{advice}", cause=Cause.no_file)


def _is_terminal(path: Path) -> bool:
    with suppress(OSError), path.open("rb", buffering=0) as file:
        return file.isatty()
    return False


def _existing(path: str) -> Path:
    # The functions of os.path, unlike Path's, take any name: too long, of an unknown user.
    file = expanded(path)
    if os.path.isdir(file):  # noqa: PTH112
        raise DataError(f"{path}: this is a folder; expected a file.", cause=Cause.no_file)
    if os.path.exists(file):  # noqa: PTH110
        return file
    if not os.path.isdir(file.parent):  # noqa: PTH112
        raise DataError(
            f"{path}: no such file; the folder {file.parent.absolute()} does not exist.",
            cause=Cause.no_file,
        )
    if os.path.islink(file):  # noqa: PTH114
        target = str(file.readlink())
        raise DataError(
            f"{path}: this is a link to {target!r}, which does not exist.", cause=Cause.no_file
        )
    siblings = [sibling.name for sibling in file.parent.iterdir()]
    if len(siblings) > 20:
        siblings = difflib.get_close_matches(file.name, siblings, n=5)
    hint = f" {did_you_mean(file.name, siblings)}" if siblings else ""
    raise DataError(f"{path}: no such file in {file.parent.absolute()}.{hint}", cause=Cause.no_file)


def _copy(pinned: PinnedUrl) -> Path | None:
    """Return the verified copy below SEQLOOM_DATA, if there is one."""
    folder = os.environ.get("SEQLOOM_DATA")
    if not folder or pinned.local is None:
        return None
    if not Path(folder).is_dir():
        raise DataError(
            f"SEQLOOM_DATA={folder}: no such folder; fix the variable or unset it.",
            cause=Cause.no_file,
        )
    file = Path(folder, pinned.local)
    if not file.is_file():
        return None
    if (found := _sha256(file)) != pinned.sha256:
        raise DataError(
            f"{file}: the file has SHA-256 {found}, but {pinned.url} is pinned to "
            f"{pinned.sha256}; replace the file, or remove it so that it is downloaded.",
            cause=Cause.download,
        )
    return file


def _cached(pinned: PinnedUrl) -> Path:
    folder = _cache_folder() / pinned.sha256[:16]
    file = folder / pinned.name
    if not (file.is_file() and _sha256(file) == pinned.sha256):
        _download(pinned, file)
    return file


def _cache_folder() -> Path:
    chosen = os.environ.get(VARIABLE)
    return cache_root() if chosen else Path(_pooch().os_cache("seqloom"))


def _pooch() -> ModuleType:
    try:
        import pooch
    except ImportError:
        raise DataError(
            f"Downloading data needs the package pooch: {install_command('text')}.",
            cause=Cause.missing_extra,
        ) from None
    return pooch  # type: ignore[no-any-return]


def _mirrored(url: str) -> str:
    mirror = os.environ.get("SEQLOOM_MIRROR")
    if not mirror:
        return url
    place = urlsplit(mirror)
    if place.scheme not in ("http", "https") or not place.netloc or place.path not in ("", "/"):
        raise DataError(f"SEQLOOM_MIRROR={mirror}: expected http://host:port or https://host.")
    return urlunsplit(urlsplit(url)._replace(scheme=place.scheme, netloc=place.netloc))


def _download(pinned: PinnedUrl, file: Path) -> None:
    """Download the file; it gets its name only once its bytes are verified."""
    pooch = _pooch()
    pooch.get_logger().setLevel("WARNING")
    bar = sys.stderr.isatty() and importlib.util.find_spec("tqdm") is not None
    url = _mirrored(pinned.url)
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{pinned.sha256}",
            fname=file.name,
            path=file.parent,
            downloader=pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT),
        )
    except OSError as error:  # requests' errors are OSErrors, a full disk is one too
        if (response := getattr(error, "response", None)) is not None:
            response.close()  # pooch leaves the connection of a refused request open
        raise DataError(_not_fetched(url, pinned, file, error), cause=Cause.download) from None
    except ValueError as error:  # what pooch raises for a wrong hash
        raise DataError(_wrong_bytes(url, pinned, str(error)), cause=Cause.download) from None


def _wrong_bytes(url: str, pinned: PinnedUrl, reason: str) -> str:
    return (
        f"{url}: the download does not have the pinned SHA-256, {pinned.sha256}. {reason} If you "
        "want the new data, pin its hash."
    )


def _not_fetched(url: str, pinned: PinnedUrl, file: Path, error: OSError) -> str:
    copy = f"set SEQLOOM_DATA to a folder that has {pinned.local}, or " if pinned.local else ""
    return (
        f"{url}: cannot be downloaded ({error}). Without a network, {copy}put the file at {file}; "
        "behind a firewall, set SEQLOOM_MIRROR to a server that has it."
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
