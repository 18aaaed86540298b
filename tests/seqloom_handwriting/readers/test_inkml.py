"""InkML, by the examples of the W3C's recommendation and by round trips."""

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ExampleError
from seqloom_handwriting.readers.inkml import parse_inkml
from seqloom_handwriting.readers.strokes import StrokeReader

# The word "hello" of the recommendation's section 1.3, its first two traces.
HELLO = """<ink xmlns="http://www.w3.org/2003/InkML">
  <trace>
    10 0, 9 14, 8 28, 7 42, 6 56, 6 70, 8 84, 8 98, 8 112, 9 126, 10 140,
    13 154, 14 168, 17 182, 18 188, 23 174, 30 160, 38 147, 49 135,
    58 124, 72 121, 77 135, 80 149, 82 163, 84 177, 87 191, 93 205
  </trace>
  <trace>
    130 155, 144 159, 158 160, 170 154, 179 143, 179 129, 166 125,
    152 128, 140 136, 131 149, 126 163, 124 177, 128 190, 137 200,
    150 208, 163 210, 178 208, 192 201, 205 192, 214 180
  </trace>
</ink>"""


def ink(body: str) -> bytes:
    return f'<ink xmlns="http://www.w3.org/2003/InkML">{body}</ink>'.encode()


def test_the_word_of_the_recommendation() -> None:
    strokes = parse_inkml(HELLO.encode()).strokes
    assert [len(stroke) for stroke in strokes] == [27, 20]
    assert (strokes[0][0], strokes[0][-1], strokes[1][-1]) == ((10, 0), (93, 205), (214, 180))


number = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(
    st.permutations(["X", "Y", "F", "T"]),
    st.lists(st.lists(st.tuples(number, number), min_size=1), min_size=1),
    st.text(st.characters(categories=["L", "N", "P", "S"])),
)
def test_channels_in_any_order(
    channels: list[str], strokes: list[list[tuple[float, float]]], truth: str
) -> None:
    listing = "".join(f'<channel name="{name}" type="decimal"/>' for name in channels)
    traces = ""
    for stroke in strokes:
        values = [{"X": x, "Y": y, "F": 1, "T": i} for i, (x, y) in enumerate(stroke)]
        points = ", ".join(" ".join(str(v[name]) for name in channels) for v in values)
        traces += f"<trace>{points}</trace><trace type='penUp'>0 0 0 0</trace>"
    content = ink(
        f"<definitions><traceFormat>{listing}<intermittentChannels><channel name='B'/>"
        f"</intermittentChannels></traceFormat></definitions>"
        f"<annotation type={quoteattr('truth')}>{escape(truth)}</annotation>{traces}"
    )
    found = parse_inkml(content)
    assert found.strokes == strokes
    assert found.annotations == {"truth": truth}


@pytest.mark.parametrize(
    ("trace", "points"),
    [
        ("5 1, '2 '3, -1 0, ! 9 !7", [(5, 1), (7, 4), (6, 4), (9, 7)]),
        ("500 100,'0'40,\"0\"5,'0'50,1-2", [(500, 100), (500, 140), (500, 185), (500, 235),
                                           (501, 233)]),
        ("1125 18432,'23'43,\"7\"-8,3-5", [(1125, 18432), (1148, 18475), (1178, 18510),
                                           (1211, 18540)]),
        ("1e-1-2,-3-4", [(0.1, -2), (-3, -4)]),
        ("500 100,'0'40,\"0\"5,0 5,'0'50", [(500, 100), (500, 140), (500, 185), (500, 235),
                                              (500, 285)]),
        ("1 2, 4 6, \"1 6", [(1, 2), (4, 6), (8, 6)]),
    ],
)  # fmt: skip
def test_values_may_be_differences(trace: str, points: list[tuple[float, float]]) -> None:
    assert parse_inkml(ink(f"<trace>{trace}</trace>")).strokes == [points]


def test_annotations_of_the_whole_file_go_first() -> None:
    group = "<traceGroup><annotation type='truth'>part</annotation><trace>1 2</trace></traceGroup>"
    whole = "<annotation type='truth'> whole </annotation>"
    assert parse_inkml(ink(group)).annotations == {"truth": "part"}
    assert parse_inkml(ink(group + whole)).annotations == {"truth": "whole"}
    other = group.replace("part", "other")
    assert not parse_inkml(ink(group + group)).several
    assert not parse_inkml(ink(group + other + whole)).several
    assert parse_inkml(ink(group + other)).several == {"truth"}


def test_parts_with_different_texts_are_no_line(tmp_path: Path) -> None:
    group = "<traceGroup><annotation type='truth'>{}</annotation><trace>1 2</trace></traceGroup>"
    (tmp_path / "two.inkml").write_bytes(ink(group.format("one") + group.format("two")))
    (found,) = StrokeReader(train=str(tmp_path), columns={"text": "text"}).examples("train")
    assert str(found) == (
        f"{tmp_path}/two.inkml: parts of the file have different annotations of the type truth; "
        "expected one for the whole file. Write a file for each part."
    )
    (example,) = StrokeReader(columns={"text": "text"}).inputs([str(tmp_path)])
    assert not isinstance(example, ExampleError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<ink><trace>1 2</ink>", "not well-formed XML: mismatched tag: line 1, column 17"),
        (b'<?xml version="1.0" encoding="none"?><ink/>', "not well-formed XML: unknown encoding"),
        (b'<?xml version="1.0" encoding="utf-7"?><ink/>', "not well-formed XML: multi-byte enc"),
        (b"", "not well-formed XML: no element found"),
        (b"<page/>", "no <trace> in <page>; expected InkML"),
        (ink("<trace></trace>"), "trace 1, point 1: '' has 0 values, the format has 2 (X Y)"),
        (ink("<trace>1 2</trace><trace>1 2, 3</trace>"), "trace 2, point 2: '3' has 1 value, the"),
        (ink("<trace>1 2, '* 4</trace>"), "trace 1, point 2: \"'* 4\" is not a point of two"),
        (ink("<traceFormat><channel name='X'/></traceFormat><trace>1</trace>"),
         "the trace format has the channels ['X']; expected X and Y in it"),
        (ink("<traceFormat><channel name='X'/><channel name='Y'/></traceFormat><traceFormat/>"),
         "traces of several formats in one file are not supported"),
    ],
)  # fmt: skip
def test_what_is_no_ink(content: bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is tested below
        parse_inkml(content)
    assert str(caught.value).startswith(message)


def test_folders_of_ink(tmp_path: Path) -> None:
    def annotated(kind: str, text: str) -> bytes:
        return ink(f"<annotation type='{kind}'>{text}</annotation><trace>1 2, 3 4</trace>")

    files = {
        "a10.inkml": annotated("truth", "ten"),
        "a9.inkml": annotated("label", "nine"),
        "b.inkml": b"<ink>",
        "c.inkml": annotated("writer", "someone"),
        "d/e.inkml": annotated("said", "own"),
        "notes.txt": b"not ink",
    }
    (tmp_path / "d").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    columns = {"text": "said", "writer": "writer"}
    reader = StrokeReader(train=str(tmp_path), columns=columns)
    found = list(reader.examples("train"))
    assert [
        str(one) if isinstance(one, ExampleError) else (one.id, one.fields["text"]) for one in found
    ] == [
        ("a9.inkml", "nine"),
        ("a10.inkml", "ten"),
        f"{tmp_path}/b.inkml: not well-formed XML: no element found: line 1, column 5.",
        f"{tmp_path}/c.inkml: the text is missing: no annotation of the type said or truth or "
        "label.",
        ("d/e.inkml", "own"),
    ]
    inputs = reader.inputs([str(tmp_path / "c.inkml"), str(tmp_path / "d" / "e.inkml")])
    assert [(e.id, e.fields, e.meta) for e in inputs] == [
        ("c.inkml", {"strokes": [[(1, 2), (3, 4)]]}, {"writer": "someone"}),
        ("e.inkml", {"strokes": [[(1, 2), (3, 4)]], "text": "own"}, {}),
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<!DOCTYPE ink [<!ENTITY a 'aaa'><!ENTITY b '&a;&a;'>]><ink>&b;</ink>", "the entity 'a'"),
        ("<!DOCTYPE ink [<!ENTITY a SYSTEM '/etc/passwd'>]><ink>&a;</ink>", "the entity 'a'"),
        ("<!DOCTYPE ink SYSTEM 'a.dtd'><ink>&a;</ink>", "the entity 'a'"),
        ("<a>" * 200 + "</a>" * 200, "elements more than 100 deep"),
        ("<a>" * 100_000, "elements more than 100 deep"),
        ("<ink>", "no element found"),
        ("<ink><trace>" + "x" * 5000 + " 1</trace></ink>", "^trace 1, point 1: 'x{60}' is not a"),
        ("<?xml version='1.0' encoding='x'?><ink/>", "unknown encoding"),
    ],
)
def test_what_could_fill_the_memory_is_refused(content: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_inkml(content.encode())
