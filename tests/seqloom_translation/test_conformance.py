"""The variants of the head keep every promise of the interface, as its defaults do."""

from __future__ import annotations

from typing import ClassVar

from seqloom.testing import HeadConformance
from seqloom.testing.head_search import check_search
from seqloom.testing.subjects import Subject, find


class TestOfFewCharacters(HeadConformance):
    """The search keeps every text that there is, so it must find the best."""

    name = "translation"
    params: ClassVar = {
        "unit": "character",
        "beam": 16,
        "max_ratio": 0.0,
        "max_extra": 3,
        "length_penalty": 0.0,
        "no_repeat": 0,
        "cell": "lstm",
        "attention": "general",
        "model": "bpe",
    }

    def test_all_texts_are_tried(self) -> None:
        """Were there no candidates, the check of the search would not apply."""
        Subject(find("head=translation"), self.params).run(check_search)


class TestInputFeeding(HeadConformance):
    name = "translation"
    params: ClassVar = {
        "input_feeding": True,
        "coverage_penalty": 0.3,
        "alternatives": 3,
        "alignment": True,
        "unit": "word",
        "cell": "gru",
        "attention": "additive",
        "model": "bpe",
    }
