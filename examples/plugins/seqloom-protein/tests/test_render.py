from __future__ import annotations

from typing import Any

from seqloom.interfaces import Example, View

from seqloom_protein.codec import StructureCodec

HELIX = '<span style="background: rgb(220 60 100 / 30%)">{}</span>'
STRAND = '<span style="background: rgb(60 120 220 / 30%)">{}</span>'


def test_helices_and_strands_are_coloured(codec: StructureCodec) -> None:
    example = Example("1", {"tokens": list("MKVLA")})
    html = codec.render(example, {"states": "HHCEE"}, View(""))
    residues, predicted = html.removesuffix("</pre>").split("\n")
    assert residues == '<pre class="protein">        1 MKVLA'
    assert predicted == f"predicted {HELIX.format('HH')}C{STRAND.format('EE')}"


def test_the_known_structure_stands_below_with_dots_where_unresolved(
    codec: StructureCodec, protein: Any
) -> None:
    html = codec.render(protein("HHCC", "0111"), {"states": "CCCC"}, View(""))
    assert html.removesuffix("</pre>").split("\n")[2] == f"    known .{HELIX.format('H')}CC"


def test_lines_are_cut_after_60_residues(codec: StructureCodec, protein: Any) -> None:
    html = codec.render(protein("C" * 130), {"states": "C" * 130}, View(""))
    blocks = html.removeprefix('<pre class="protein">').split("\n\n")
    assert [block.split()[0] for block in blocks] == ["1", "61", "121"]
    assert [block.count("C") for block in blocks] == [120, 120, 20]  # predicted and known


def test_a_structure_that_does_not_fit_is_left_out(codec: StructureCodec, protein: Any) -> None:
    example = protein("HH")
    example.fields["structure"] = "H"
    assert "known" not in codec.render(example, {"states": "HH"}, View(""))
