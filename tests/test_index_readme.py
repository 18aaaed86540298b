"""The README as a package index shows it: nothing in it leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path

from hatchling.metadata.core import ProjectMetadata
from hatchling.plugin.manager import PluginManager

ROOT = Path(__file__).parent.parent


def test_it_has_the_table_and_no_link_or_picture_of_the_repository() -> None:
    readme = ProjectMetadata(str(ROOT), PluginManager()).core.readme
    assert "| **bilstm** | **1.0000** |" in readme
    assert "seqloom train -m encoder=rnn,lstm,bilstm" in readme
    assert re.findall(r"\]\((?!https?:)[^)]*\)", readme) == []
    assert "uv, wheels, GPUs and extras: install." in readme
