"""From an installed component to a case: from its sample, or from small examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.errors import ConfigError
from seqloom.testing import ConformanceError, NotApplicable, encoders, modules
from seqloom.testing.samples import LENGTHS
from seqloom.testing.subjects import Subject, find, subjects

PLUGIN = """
from dataclasses import dataclass
from omegaconf import MISSING
from seqloom.plugins import Component, hookimpl

@dataclass
class Rows:
    path: str = MISSING

@dataclass
class Sounds:
    field: str = "sound"

@hookimpl
def seqloom_components():
    net = "faulty_rooms_net"
    return [
        Component("data", "rows", Rows, f"{net}:Rows", gives={"text": "text"},
                  suffixes=(".rows",), sample=f"{net}:rows"),
        Component("data", "bare", Rows, f"{net}:Rows", gives={"text": "text"}),
        Component("frontend", "sounds", Sounds, f"{net}:Sounds", takes={"field": ("sound",)}),
        Component("frontend", "few", Sounds, f"{net}:Sounds", takes={"field": ("sound",)},
                  sample=f"{net}:few"),
        Component("frontend", "sampled", Sounds, f"{net}:Sounds", takes={"field": ("sound",)},
                  sample=f"{net}:sampled"),
    ]
"""

NET = """
from seqloom.interfaces import Example, Reader

class Rows(Reader):
    def __init__(self, path):
        self.path = path

    def examples(self, split):
        yield from ()

class Sounds:
    pass

def rows(folder):
    (folder / "all.rows").write_text("a row")
    return {"path": folder / "all.rows"}

def sampled(lengths, rng):
    return [Example(str(n), {"sound": rng.normal(size=n)}) for n in lengths]

def few(lengths, rng):
    return sampled(lengths[1:], rng)
"""


@pytest.fixture
def rooms(install: Callable[..., Path]) -> None:
    install("faulty_rooms", PLUGIN, files={"faulty_rooms_net.py": NET})


def test_encoders_are_small_by_default() -> None:
    with Subject(find("encoder=bilstm")).case() as case:
        assert (case.params["hidden_size"], case.params["num_layers"]) == (8, 2)
    with Subject(find("encoder=bilstm"), {"hidden_size": 5}, {"merge": "sum"}).case() as case:
        assert case.make(3).output_size == 5
        assert case.params["merge"] == "sum"


def test_each_option_of_an_enum_is_a_variant_unless_it_is_set() -> None:
    found = [one.variant for one in subjects(find("encoder=birnn"))]
    assert found == ["", "nonlinearity=relu", "merge=sum", "merge=average", "merge=multiply"]
    given = subjects(find("encoder=birnn"), {"merge": "sum"})
    assert [one.variant for one in given] == ["", "nonlinearity=relu"]
    assert [one.params for one in given] == [{"merge": "sum"}] * 2


def test_a_check_runs_on_the_variants_that_it_depends_on() -> None:
    found = subjects(find("encoder=birnn"))
    needed = {
        check: [one.variant for one in found if one.needs(check)]
        for check in (encoders.check_padding, encoders.check_pickle, modules.check_ranks)
    }
    assert needed == {
        encoders.check_padding: [one.variant for one in found],
        encoders.check_pickle: ["", "nonlinearity=relu", "merge=sum"],
        modules.check_ranks: [""],
    }


def test_a_frontend_reads_each_kind_that_it_takes() -> None:
    tokens, text = subjects(find("frontend=words"))[:2]
    assert (tokens.variant, text.variant) == ("tokens", "text")
    with tokens.case() as one, text.case() as other:
        assert {*one.examples[0].fields} == {"tokens"}
        assert {*other.examples[0].fields} == {"text"}


def test_a_head_gets_the_kind_that_its_parameters_want() -> None:
    with Subject(find("head=classification")).case() as case:
        assert case.kind == "label"
    with Subject(find("head=classification"), {"multi_label": True}).case() as case:
        assert case.kind == "labels"
        assert isinstance(case.examples[0].fields["label"], list)


def test_a_head_gets_as_many_frames_as_its_targets_need() -> None:
    with Subject(find("head=ner")).case() as case:
        assert case.frames == list(LENGTHS)
    with Subject(find("head=ctc")).case() as case:
        texts = [len(example.fields["text"]) for example in case.examples]
        assert all(frames >= text for frames, text in zip(case.frames, texts, strict=True))


def test_samples_need_not_suit_an_option_for_other_data() -> None:
    subject = Subject(find("head=ner"), {}, {"scheme": "bioes"})
    with pytest.raises(NotApplicable, match=r"the sample does not suit scheme=bioes: .*bioes must"):
        subject.case().__enter__()


def test_a_sample_of_files_exists_as_long_as_the_case(rooms: None) -> None:
    with Subject(find("data=rows")).case() as case:
        path = Path(case.params["path"])
        assert path.read_text() == "a row"
        assert (case.folder, case.suffixes) == (path.parent, (".rows",))
        assert case.gives == {"text": "text"}
    assert not path.exists()


def test_what_has_no_default_must_be_set_or_sampled(rooms: None) -> None:
    with pytest.raises(ConfigError, match=r"data.path has no value. Set data.path=…"):
        Subject(find("data=bare")).case().__enter__()
    with Subject(find("data=bare"), {"path": "x"}).case() as case:
        assert (case.params, case.folder) == ({"path": "x"}, None)


def test_an_unknown_kind_asks_for_a_sample(rooms: None) -> None:
    message = r"a field of the kind 'sound', so frontend=sounds .* Component\(…, sample='module:"
    (subject,) = subjects(find("frontend=sounds"))
    with pytest.raises(ConformanceError, match=message):
        subject.case().__enter__()


def test_a_sample_makes_an_example_of_each_length(rooms: None) -> None:
    with Subject(find("frontend=sampled")).case() as case:
        assert [len(example.fields["sound"]) for example in case.examples] == [*LENGTHS]
    with pytest.raises(ConformanceError, match="faulty_rooms_net:few makes 3 examples for 4 len"):
        Subject(find("frontend=few")).case().__enter__()
