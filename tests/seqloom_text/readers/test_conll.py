"""CoNLL columns, in the forms that are found in the wild."""

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqloom.data.text_file
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom.testing.readers import usable
from seqloom_text.readers import sentences as sentences_module
from seqloom_text.readers.conll import ConllReader
from seqloom_text.readers.sentences import SentenceReader


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


def sentences(reader: ConllReader) -> list[tuple[list[str], list[str]]]:
    return [(e.fields["tokens"], e.fields["tags"]) for e in reader.examples("train")]


TWO = [(["New", "York"], ["B-LOC", "I-LOC"]), (["ok"], ["O"])]


@pytest.mark.parametrize(
    "text",
    [
        "New\tB-LOC\nYork\tI-LOC\n\nok\tO\n",
        "New B-LOC\nYork I-LOC\n\nok O",
        "New B-LOC \nYork  I-LOC\t\n \t \n\n\nok O\n\n\n",
        "\ufeff\r\nNew\tB-LOC\r\nYork\tI-LOC\r\n\r\nok\tO\r\n",
        "New NNP B-LOC\nYork NNP I-LOC\n\nok UH O\n",
    ],
)
def test_forms_of_the_same_data(tmp_path: Path, text: str) -> None:
    assert sentences(ConllReader(train=write(tmp_path / "a.conll", text))) == TWO


token = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\r\n "), min_size=1)


@given(st.lists(st.lists(st.tuples(token, token), min_size=1), min_size=1))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: list[list[tuple[str, str]]]
) -> None:
    data = [[(w.replace("-DOCSTART-", "d"), t) for w, t in rows] for rows in data]
    # A byte order mark at the start of a line, as of files that were joined, is no text.
    data = [[(w.lstrip("\ufeff") or "x", t) for w, t in rows] for rows in data]
    text = "\n".join("".join(f"{word}\t{tag}\n" for word, tag in rows) for rows in data)
    path = write(tmp_path_factory.mktemp("conll") / "a.conll", text)
    found = sentences(ConllReader(train=path))
    assert [list(zip(*pair, strict=True)) for pair in found] == data


def test_origins_documents_and_comments(tmp_path: Path) -> None:
    text = (
        "# a comment\n-DOCSTART- -X- O\n\na x O\n# inside\nb y O\n\n-DOCSTART- -X- O\n\nc z B-Q\n"
        "-DOCSTART- (3)\nd z O\n"
    )
    path = write(tmp_path / "a.iob", text)
    columns = {"tokens": 1, "pos": 2, "tags": -1}
    examples = list(ConllReader(train=path, columns=columns, comment="#").examples("train"))
    assert [e.fields["tokens"] for e in examples] == [["a", "b"], ["c"], ["d"]]
    assert [e.fields["pos"] for e in examples] == [["x", "y"], ["z"], ["z"]]
    assert [e.meta["document"] for e in examples] == [1, 2, 3]
    assert [e.origin.line for e in examples if e.origin] == [4, 10, 12]
    assert [e.id for e in examples] == ["a:1", "a:2", "a:3"]


@pytest.mark.parametrize(
    ("text", "expected", "told"),
    [
        # Between tokens it begins a document, and a sentence, as everywhere.
        ("a O\n-DOCSTART- O\nb O\n", ["a", "b 1"], ":2: '-DOCSTART-' beside a token"),
        ("a O _\n-DOCSTART- O _\nb O _\n", ["a", "b 1"], ":2: '-DOCSTART-' beside a token"),
        ("a\n-DOCSTART-\nb\n", ["a", "b 1"], ":2: '-DOCSTART-' beside a token"),
        ("c O\n\na O\n-DOCSTART- O\nb O\n", ["c", "a", "b 1"], ":4: '-DOCSTART-' beside a"),
        # With a tag of its own, or with more letters, it is a token.
        ("a O\n\n-DOCSTART- B-X\nb O\n", ["a", "-DOCSTART- b"], ":3: '-DOCSTART-' in a"),
        ("a O\n\n-DOCSTART-s O\n", ["a", "-DOCSTART-s"], ":3: '-DOCSTART-' in a sentence"),
        ("a O\n-DOCSTART- O\n\nb O\n", ["a", "b 1"], ":2: '-DOCSTART-' beside a token"),
        ("a O\n-DOCSTART- O", ["a"], ":2: '-DOCSTART-' beside a token"),
        (
            "-DOCSTART- O\na O\n-DOCSTART- O\nb O\n",
            ["a 1", "b 2"],
            "of a sentence, not as a token (lines like this: 2)",
        ),
        # These are no tokens.
        ("a x O\n-DOCSTART- -X- O\nb x O\n", ["a", "b 1"], ""),
        ("a O\n-DOCSTART- (1)\nb O\n", ["a", "b 1"], ""),
        ("a x O\n-DOCSTART- -DOCSTART- O\nb x O\n", ["a", "b 1"], ""),
        ("a O\n\n-DOCSTART- O\n\nb O\n", ["a", "b 1"], ""),
    ],
)
def test_the_mark_of_a_document_as_a_token(
    tmp_path: Path, text: str, expected: list[str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqloom")
    path = write(tmp_path / "a.conll", text)
    examples = usable(ConllReader().inputs([path]))
    found = [" ".join([*one.fields["tokens"], *map(str, one.meta.values())]) for one in examples]
    assert found == expected
    assert (f"{path}{told}" if told.startswith(":") else told) in caplog.text
    assert bool(caplog.text) == bool(told)


def test_a_hash_is_a_token_unless_it_begins_comments(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bio", "# O\na O\n")
    assert sentences(ConllReader(train=path)) == [(["#", "a"], ["O", "O"])]


def test_delimiters_and_spaces_inside_tokens(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "New York\tB-LOC\n10\u00a0000\tO\n")
    assert sentences(ConllReader(train=path)) == [(["New York", "10\u00a0000"], ["B-LOC", "O"])]
    path = write(tmp_path / "b.conll", "a,O\n")
    assert sentences(ConllReader(train=path, delimiter=",")) == [(["a"], ["O"])]


def test_spaces_around_cells_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqloom")
    path = write(tmp_path / "a.conll", "New York\tB-LOC\nis\tO\n\n x \tO\nx\tO \n")
    assert [tokens for tokens, _ in sentences(ConllReader(train=path))] == [
        ["New York", "is"],
        ["x", "x"],
    ]
    said = f"{path}:4: spaces around the cells are left out (lines like this: 2)."
    assert said in caplog.text
    caplog.clear()
    sentences(ConllReader(train=write(tmp_path / "b.conll", "  a  O \nb O\n")))
    assert not caplog.text


@pytest.mark.parametrize("delimiter", ["tab", r"\t"])
def test_a_tab_has_a_name(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "a.conll", "New York\tB-LOC\n")
    reader = ConllReader(train=path, delimiter=delimiter)
    assert sentences(reader) == [(["New York"], ["B-LOC"])]


def test_conllu_with_word_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conllu", "# text = ab\n1\ta\tDET\n2\tb\tNOUN\n")
    reader = ConllReader(train=path, columns={"tokens": 2, "tags": 3}, comment="#")
    assert sentences(reader) == [(["a", "b"], ["DET", "NOUN"])]
    path = write(tmp_path / "b.conllu", "1-2\tab\t_\n1\ta\tDET\n2\tb\tNOUN\n")
    with pytest.raises(DataError, match=r"b\.conllu:1: '1-2' is not a word number: multi-word"):
        usable(ConllReader(train=path, columns={"tokens": 2, "tags": 3}).examples("train"))


def test_standard_input_is_read_like_the_conllu_of_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "# text = ab\n1\ta\tDET\n2\tb\tNOUN\n\na\tb\tDET\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    reader = ConllReader(train="a.conllu", columns={"tokens": 2, "tags": 3})
    first, second = reader.inputs(["-"])
    assert isinstance(first, Example)
    assert first.fields == {"tokens": ["a", "b"], "tags": ["DET", "NOUN"]}
    assert str(second) == (
        "<stdin>:5: 'a' is not a word number, which begins each line of a CoNLL-U file."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.conll: no examples"),
        (
            "a x O\nb x O\n\nc O\n",
            r"a\.conll:4: the line has 2 columns, the first one .* has 3",
        ),
        ("a\nb\n", ":1: the line has 1 column, so none is left for data.columns.tags=-1"),
        ("a\tO\n\tO\n", ":2: column 1 of 2 is empty"),
        ("a\tO\nb\t\n", r":2: column 2 of 2 is empty \(tags\)"),
        ("a\tO\nb\n", ":2: the line has 1 column"),
    ],
)
def test_errors_have_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    reader = ConllReader(train=write(tmp_path / "a.conll", text))
    with pytest.raises(DataError, match=message):
        usable(reader.examples("train"))


def test_a_column_beyond_the_last(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "a O\n")
    with pytest.raises(DataError, match=r"2 columns, so none is left for data\.columns\.tags=4"):
        list(ConllReader(train=path, columns={"tokens": 1, "tags": 4}).examples("train"))


def test_columns_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match=r"data\.columns\.tags=0: columns are numbered from 1"):
        ConllReader(columns={"tokens": 1, "tags": 0})
    with pytest.raises(ConfigError, match="no column has the tokens"):
        ConllReader(columns={"tags": 1})
    with pytest.raises(ConfigError, match="a CoNLL column holds tokens or tags, not a label"):
        ConllReader(columns={"tokens": 1, "label": 2})


@pytest.mark.parametrize("columns", [{"tokens": 1, "tags": -1}, {"tokens": 2, "tags": 5}])
def test_inputs_may_have_tokens_only(tmp_path: Path, columns: dict[str, int]) -> None:
    path = write(tmp_path / "a.conll", "Apple\nfell\n\nok\n")
    examples = list(ConllReader(columns=columns).inputs([path]))
    assert [e.fields for e in examples] == [{"tokens": ["Apple", "fell"]}, {"tokens": ["ok"]}]


def test_inputs_may_have_tags_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "Apple B-X\n")
    (example,) = ConllReader().inputs([path])
    assert example.fields == {"tokens": ["Apple"], "tags": ["B-X"]}


def test_an_empty_cell_matters_only_where_it_is_read(tmp_path: Path) -> None:
    text = "ok\tO\t\n\nApple\tB-X\t0.9\nfell\tO\t\n\nit\t\tO\nis\t_\tO\n"
    path = write(tmp_path / "a.conll", text)
    reader = ConllReader(train=path, columns={"tokens": 1, "tags": 2})
    first, second, error = reader.examples("train")
    assert isinstance(error, ExampleError)
    assert str(error) == f"{path}:6: column 2 of 3 is empty (tags)."
    found = [one.fields["tags"] for one in (first, second) if not isinstance(one, ExampleError)]
    assert found == [["O"], ["B-X", "O"]]
    assert [e.fields for e in reader.inputs([path])][-1] == {"tokens": ["it", "is"]}


def test_columns_counted_backwards_do_not_move(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "a\tO\t\n\nb\tO\tX\n\nc\tO\t\n")
    first, error, last = ConllReader(train=path).examples("train")
    assert isinstance(error, ExampleError)
    assert "has 3 columns, the first one of the file has 2" in str(error)
    assert [e.fields["tags"] for e in (first, last)] == [["O"], ["O"]]


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"x\nb O\n", ":4: the line has 1 column"),
        (b"b x O\n", ":4: the line has 3 columns"),
        (b"b O\ncaf\xe9 O\n", ":5: not UTF-8: byte 0xe9"),
    ],
)
def test_what_is_wrong_with_one_sentence_leaves_the_others(
    tmp_path: Path, bad: bytes, problem: str
) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes(b"a O\ne O\n\n" + bad + b"\nd O\n")
    first, error, last = ConllReader(train=str(path)).examples("train")
    assert isinstance(error, ExampleError)
    assert f"a.conll{problem}" in str(error)
    assert (first.id, error.example_id, last.id) == ("a:1", "a:2", "a:3")


def test_an_odd_line_in_the_first_sentence_does_not_set_the_width(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "Title\na O\n\nb O\n")
    error, good = ConllReader(train=path).examples("train")
    assert isinstance(error, ExampleError)
    assert good.fields["tokens"] == ["b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Separated by spaces: at the start of a sentence a comment may have as many words.
        ("# O\n1 O\n\n#go O\n#a B-X\n", [["#", "1"], ["#go", "#a"]]),
        ("# one\na O\n# no O\n#b B-X\n\n# two\nc O\n", [["a", "#b"], ["c"]]),
        ("# doc\n\n#Xe B-LOC\na O\n", [["#Xe", "a"]]),
        ("# by hand\na D\n# N\n\n# N\nb N\n", [["a", "#"], ["#", "b"]]),
        # By tabs: a comment has none.
        ("# one two\n#a\tO\nb c\tO\n# d\n\n#e\tO\n", [["#a", "b c"], ["#e"]]),
        ("#a\tx\tO\n# a\tb\nb\tx\tO\n", [["#a", "b"]]),
    ],
)
def test_tokens_may_begin_with_the_mark_of_comments(
    tmp_path: Path, text: str, expected: list[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqloom")
    path = write(tmp_path / "a.conll", text)
    assert [tokens for tokens, _ in sentences(ConllReader(train=path, comment="#"))] == expected
    tokens = sum(word.startswith("#") for words in expected for word in words)
    assert f"with as many columns as the tokens, were read as tokens: {tokens}." in caplog.text
    marks = sum(line.startswith("#") for line in text.split("\n"))
    if marks > tokens:
        assert (
            f"lines that begin with '#' were skipped as comments: {marks - tokens}." in caplog.text
        )


def test_comments_of_conllu_need_no_setting(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conllu", "# newdoc\n# text = # b\n1\t#\tX\n2\tb\tY\n\n# end\n")
    reader = ConllReader(train=path, columns={"tokens": 2, "tags": 3})
    assert sentences(reader) == [(["#", "b"], ["X", "Y"])]


CELLS = st.sampled_from(["a", "B-X", "O", "", " b", "c d", "e ", "#", "-DOCSTART-"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=3), max_size=3),
    st.sampled_from(["\t", " "]),
    st.sampled_from([None, "#"]),
)
def test_usual_lines_are_read_as_odd_ones_are(
    tmp_path: Path, blocks: list[list[list[str]]], mark: str, comment: str | None
) -> None:
    first = [["a", "O"], ["b", "B-X"]]
    blocks = [first, *blocks, first]
    texts = ["".join(mark.join(row) + "\n" for row in rows) for rows in (first, *blocks)]
    train = write(tmp_path / "a.conll", "\n".join(texts))

    def read() -> list[str]:
        return list(map(repr, ConllReader(train=train, comment=comment).examples("train")))

    found = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seqloom.data.text_file, "RUN", 9)  # ends within sentences
        assert found == read()
        patch.setattr(sentences_module, "MOST_SPELLINGS", 1)  # so few are kept
        assert found == read()
        patch.setattr(SentenceReader, "_usual", lambda *_: None)
        assert found == read()


def test_tags_that_are_features(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu"
    rows = ["# text = Ada ran", "1\tAda\tNER=B-PER|SpaceAfter=No", "2\tran\t_", "3\t.\tNERD=x", ""]
    path.write_text("\n".join([*rows, ""]), encoding="utf-8")
    columns = {"tokens": 2, "tags": -1}
    reader = ConllReader(train=str(path), columns=columns, features={"tags": "NER"})
    (one,) = usable(reader.examples("train"))
    assert one.fields["tags"] == ["B-PER", "O", "O"]
    with pytest.raises(ConfigError, match=r"data\.features\.tokens: expected a field with tags"):
        ConllReader(features={"tokens": "NER"})


@pytest.mark.parametrize(("end", "told"), [("\n", True), ("\n\na O\n", False)])
def test_a_file_that_is_one_sentence_is_told(
    tmp_path: Path, end: str, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a O\n" * 201 + end, encoding="utf-8")
    usable(ConllReader(train=str(path)).examples("train"))
    assert ("a.conll: all 201 tokens are one sentence. A blank line" in caplog.text) == told


def test_numbers_of_tags_get_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.conll", "Ada 1\nran 0\n")
    (one,) = usable(ConllReader(train=path, names={"tags": ["O", "B-PER"]}).examples("train"))
    assert one.fields["tags"] == ["B-PER", "O"]


@pytest.mark.parametrize("text", ["word tag\na O\n", '"Token"\tNER\n\na\tO\n'])
def test_a_header_is_no_token(tmp_path: Path, text: str) -> None:
    first, *_ = ConllReader(train=write(tmp_path / "a.conll", text)).examples("train")
    assert isinstance(first, ExampleError)
    assert str(first).startswith(f"{tmp_path}/a.conll:1: the line looks like the header of a table")
    path = write(tmp_path / "b.conll", "word O\ntag O\n")
    assert sentences(ConllReader(train=path)) == [(["word", "tag"], ["O", "O"])]


def test_comments_that_are_read_as_tokens_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.conll", "# id\na O\n\n# O\nb O\n\n# O\nb O\n\n# O\nb O\n")
    usable(ConllReader(train=path).examples("train"))
    assert f"{path}:1: sentences whose first line begins with '# ', which is read as" in caplog.text
    assert "token: 4. If these are comments: data.comment='\"#\"'." in caplog.text
    wrong, _ = ConllReader(train=write(tmp_path / "b.conll", "# a b\na O\n\nb O\n")).examples(
        "train"
    )
    assert str(wrong).endswith("If lines that begin with # are comments: data.comment='\"#\"'.")
