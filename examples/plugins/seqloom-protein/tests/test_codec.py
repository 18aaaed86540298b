from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from seqloom.errors import ExampleError
from seqloom.interfaces import Example

from seqloom_protein.codec import UNRESOLVED, StructureCodec

Make = Callable[..., Example]


def test_states_are_those_of_resolved_residues(protein: Make) -> None:
    codec = StructureCodec()
    state = codec.fit([protein("HHC", "110"), protein("EH")])
    assert state == {"states": ["E", "H"]}  # the C is not resolved: its letter means nothing
    assert {type(letter) for letter in state["states"]} == {str}
    codec.restore(state)
    assert codec.encode(protein("EHC", "110"))["states"].tolist() == [0, 1, UNRESOLVED]


def test_eight_states(protein: Make) -> None:
    codec = StructureCodec()
    codec.restore(codec.fit([protein("HBEGITSC")]))
    assert codec.states == sorted("HBEGITSC")
    assert codec.score == "q8"


def test_other_fields(protein: Make) -> None:
    example = protein("HEC")
    example.fields["ss8"], example.fields["seen"] = "GBT", "101"
    codec = StructureCodec("ss8", "seen")
    assert codec.fit([example]) == {"states": ["G", "T"]}


def refused(example: Example, codec: StructureCodec) -> str:
    with pytest.raises(ExampleError) as caught:
        codec.encode(example)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"structure": None}, "has no field 'structure' (head.field). There are: resi"),
        ({"resolved": None}, "has no field 'resolved' (head.mask). There are: residues"),
        ({"structure": ["H", "E"]}, "is ['H', 'E']; expected one letter for each residue."),
        ({"resolved": "12"}, "field 'resolved' has other characters than 0 and 1"),
        ({"resolved": "1"}, "field 'structure' has 2 states, but field 'resolved' has 1 marks"),
        ({"resolved": "00"}, "no residue is resolved, so there is nothing to learn"),
        (
            {"structure": "HX"},
            "residue 2 has the state 'X', which is not in the training data. There",
        ),
    ],
)
def test_what_cannot_be_encoded(
    protein: Make, codec: StructureCodec, fields: dict[str, Any], problem: str
) -> None:
    example = protein("HE")
    example.fields |= fields
    example.fields = {name: value for name, value in example.fields.items() if value is not None}
    said = refused(example, codec)
    assert said.startswith("train.tsv:7: ")
    assert problem in said


def test_an_unknown_state_that_is_not_resolved_does_not_matter(
    protein: Make, codec: StructureCodec
) -> None:
    assert codec.encode(protein("HX", "10"))["states"].tolist() == [2, UNRESOLVED]


def test_one_state_for_each_residue(protein: Make, codec: StructureCodec) -> None:
    example = protein("HE")
    item = codec.encode(example)
    codec.check(example, item, 2)
    with pytest.raises(ExampleError, match=re.escape("has 2 states for 3 residues")):
        codec.check(example, item, 3)
