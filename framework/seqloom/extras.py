"""How to install an extra or another version of a distribution, from where it was installed.

``pip install "seqloom[text]"`` asks a package index. Someone who installed a clone or a wheel must
name that instead; pip and uv record it in ``direct_url.json`` (PEP 610).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

_PLAIN = re.compile(r"[\w\-./,@+:\[\] ]+")
"""What a shell leaves as it is within double quotes."""


def install_command(extra: str, name: str = "seqloom") -> str:
    """Return the command that installs an extra of a distribution, for the end of a message.

    Args:
        extra: Name of the extra, or several, separated by commas.
        name: Name of the distribution.

    >>> install_command("text", "seqloom-of-an-index")
    'pip install "seqloom-of-an-index[text]"'
    """
    record = _record(name)
    editable = "-e " if _is_editable(record) else ""
    wanted = _requirement(record, extra, name)
    return f"pip install {editable}{_quoted(wanted)}"


def update_command(name: str = "seqloom") -> str:
    """Return how to get a newer version of a distribution, for the end of a message.

    Args:
        name: Name of the distribution.

    >>> update_command("seqloom-of-an-index")
    'pip install --upgrade seqloom-of-an-index'
    """
    if not has_recorded_origin(name):
        return f"pip install --upgrade {name}"
    record = _record(name)
    if repository := _repository(record):
        return f"pip install --upgrade {_quoted(f'{name} @ {repository}')}"
    folder = _clone(record)
    if not folder:
        return f"install a newer wheel of {name}"
    again = "" if _is_editable(record) else f" && pip install {folder}"
    return f"git -C {folder} pull{again}"


def has_recorded_origin(name: str) -> bool:
    """Return whether a distribution was installed from a folder, a file or a URL, not an index."""
    url = _record(name).get("url")
    return isinstance(url, str) and url.isprintable()


def version_command(name: str, wanted: str, commit: str = "") -> str:
    """Return how to get a given version of a distribution, for the end of a message.

    Args:
        name: Name of the distribution.
        wanted: The version.
        commit: Commit of that version, if it is known.

    >>> version_command("seqloom-of-an-index", "1.2")
    'pip install "seqloom-of-an-index==1.2"'
    """
    if not has_recorded_origin(name):
        return f'pip install "{name}=={wanted}"'
    record = _record(name)
    if repository := _repository(record):
        if commit.isalnum():
            return f"pip install {_quoted(f'{name} @ {repository}@{commit}')}"
        return f"install {name} {wanted} from {repository}"
    folder = _clone(record)
    if not folder:
        return f"install the wheel of {name} {wanted}"
    again = "" if _is_editable(record) else f", then pip install {folder}"
    return f"check out {name} {wanted} in {folder}{again}"


def _repository(record: Mapping[str, Any]) -> str:
    """Return the URL of the repository that pip cloned, as pip writes it; empty if it did not."""
    vcs = _part(record, "vcs_info").get("vcs")
    return f"{vcs}+{record['url']}" if vcs else ""


def _clone(record: Mapping[str, Any]) -> str:
    """Return the folder that was installed, quoted for a shell; empty if it was none."""
    parts = urlsplit(str(record["url"]))
    folder = Path(url2pathname(parts.path))
    return _quoted(str(folder)) if parts.scheme == "file" and folder.is_dir() else ""


def _is_editable(record: Mapping[str, Any]) -> bool:
    return _part(record, "dir_info").get("editable") is True


def _requirement(record: Mapping[str, Any], extra: str, name: str) -> str:
    """Return what pip is asked for: a folder, a file, a URL, or a name of the package index."""
    url = record.get("url")
    if not isinstance(url, str) or not url.isprintable():
        return f"{name}[{extra}]"
    parts = urlsplit(url)
    if parts.scheme == "file":
        place = Path(url2pathname(parts.path))
        if not place.exists():  # such as a wheel that was deleted since
            return f"{name}[{extra}]"
        here = place.is_dir() and place == Path.cwd()
        return f"{'.' if here else place}[{extra}]"
    origin = _part(record, "vcs_info")
    if origin.get("vcs"):
        commit = f"@{origin['commit_id']}" if origin.get("commit_id") else ""
        return f"{name}[{extra}] @ {origin['vcs']}+{url}{commit}"
    return f"{name}[{extra}] @ {url}"


def _record(name: str) -> Mapping[str, Any]:
    """Return what was recorded about the origin of a distribution; empty if it is an index."""
    try:
        found = json.loads(distribution(name).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _part(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = record.get(key)
    return found if isinstance(found, dict) else {}


def _quoted(text: str) -> str:
    return f'"{text}"' if _PLAIN.fullmatch(text) else shlex.quote(text)
