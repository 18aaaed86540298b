"""Texts of options, from the source of what has them."""

from __future__ import annotations

from enum import Enum

from seqloom.plugins.named_files import _may_be_one
from seqloom.plugins.texts import member_texts


class Colour(Enum):
    red = 1  # like blood
    blue = 2


def test_comments_behind_members_are_their_texts() -> None:
    assert member_texts(Colour) == {"red": "like blood"}
    assert member_texts(Enum("Made", "red blue", module="nowhere")) == {}


def test_a_text_that_no_file_can_have_names_none() -> None:
    assert not _may_be_one("a\0b")
    assert _may_be_one("~/a")
