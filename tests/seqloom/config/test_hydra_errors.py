"""What a wrong config is answered with: one sentence that names key, value and what to do."""

from __future__ import annotations

from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

import seqloom_conf
from seqloom.cli.main import run
from seqloom.config.compose import as_overrides, compose_data, compose_run
from seqloom.config.options import hint_of_options
from seqloom.config.schema import Run
from seqloom.errors import ConfigError

BILSTM = "dropout, forget_bias, hidden_size, locked_dropout, merge, num_layers"
RUN = ", ".join(sorted(field.name for field in fields(Run)))
EXPERIMENTS = Path(seqloom_conf.__file__).parent.joinpath("experiment").glob("*.yaml")

SENTENCES = [
    (
        "encoder=bilstn",
        "There is no encoder=bilstn. Did you mean 'bilstm'? There are: bigru, bilstm, birnn, gru, "
        "lstm, rnn.",
    ),
    ("trainer=gqu", "There is no trainer=gqu. Did you mean 'gpu'? There are: cpu, default, gpu."),
    (
        "experiment=snip_slots",
        "There is no experiment=snip_slots. Did you mean 'snips_slots'? There are: "
        f"{', '.join(sorted(path.stem for path in EXPERIMENTS))}.",
    ),
    ("encodr=lstm", f"A run has no key 'encodr'. Did you mean 'encoder'? There are: {RUN}."),
    ("+seeed=3", f"seeed is not a parameter of a run. Did you mean 'seed'? There are: {RUN}."),
    (
        "encoder.mrege=sum",
        "encoder has no key 'mrege'. Did you mean 'merge'? There are: dropout, forget_bias, "
        "hidden_size, locked_dropout, merge, name, num_layers.",
    ),
    (
        "+encoder.mrege=3",
        "encoder.mrege is not a parameter of encoder=bilstm. Did you mean 'merge'? There are: "
        f"{BILSTM}.",
    ),
    (
        "+batch.max_exmaples=3",
        "batch.max_exmaples is not a parameter of a run. Did you mean 'max_examples'? There are: "
        "max_cost, max_examples, max_length, on_long, workers.",
    ),
    (
        "batch.max_exmaples=3",
        "batch has no key 'max_exmaples'. Did you mean 'max_examples'? There are: max_cost, "
        "max_examples, max_length, on_long, workers.",
    ),
    ("encoder.hidden_size=abc", "encoder.hidden_size: 'abc' is not a whole number."),
    *(
        (
            f"encoder={value}",
            "A group of the config, such as encoder, takes the name of one of its options, "
            "encoder=lstm, not null or a number. To leave one out: ~scheduler, logger=none or "
            "callbacks=none.",
        )
        for value in ("null", "3")
    ),
    (
        "encoder=[lstm,gru]",
        "Several options of encoder are given; expected one, encoder=NAME. To compare them, put "
        "-m before: seqloom train -m encoder=NAME,NAME.",
    ),
    (
        "callbacks=[defualt]",
        "There is no callbacks=defualt. Did you mean 'default'? There are: average, default, none.",
    ),
    ("freeze=frontend", "freeze: expected a list, [A,B]."),
    ("batch=3", "batch: 3 is not a section; set its keys one by one."),
    ("encoder.hidden_size=null", "encoder.hidden_size: null is not allowed."),
    ("encoder.dropout=much", "encoder.dropout: 'much' is not a number."),
    ("frontend.lowercase=perhaps", "frontend.lowercase: 'perhaps' is neither true nor false."),
    ("seed=one", "seed: 'one' is not a whole number."),
    ("encoder.merge=summ", "encoder.merge: 'summ' is not one of: concat, sum, average, multiply."),
    ("on_bad=skp", "on_bad: 'skp' is not one of: error, skip."),
    (
        "encoder.name=lstm",
        "encoder.name cannot be set: it names the chosen component. Choose another one with "
        "encoder=NAME.",
    ),
    (
        "++encoder.name=lstm",
        "encoder.name cannot be set: it names the chosen component. Choose another one with "
        "encoder=NAME.",
    ),
    ("run_dir=???", "run_dir has no value. Set it: run_dir=…"),
    ("~encoder", "encoder has no value. Set it: encoder=…"),
    ("run_dir=${nowhere}", "run_dir cannot be resolved: Interpolation key 'nowhere' not found."),
    ("run_dir=${odd:1}", "run_dir cannot be resolved: Unsupported interpolation type odd."),
    ("encoder lstm", "'encoder lstm' cannot be read; write GROUP=NAME or KEY=VALUE."),
    (
        "data.delimiter=;",
        "'data.delimiter=;' cannot be read. A value with a comma, semicolon, bracket, ~ or similar "
        "needs quotes inside the shell's quotes: 'KEY=\"VALUE\"'.",
    ),
    (
        "data.columns={text: r\u00e9sum\u00e9}",
        "'data.columns={text: r\u00e9sum\u00e9}' cannot be read. Strings with characters other "
        "than letters and digits need quotes inside the shell's quotes: 'data.columns={\"KEY\": "
        '"VALUE"}\'.',
    ),
    (
        "logger.wandb.project=r\u00e9sum\u00e9",
        "'logger.wandb.project=r\u00e9sum\u00e9' cannot be read. A value with a comma, semicolon, "
        "bracket, ~ or similar needs quotes inside the shell's quotes: 'KEY=\"VALUE\"'.",
    ),
    (
        "head.class_weights.-1=2",
        "'head.class_weights.-1=2' cannot be read. A key with characters other than letters and "
        "digits needs braces and quotes: 'head.class_weights={\"KEY\": VALUE}'.",
    ),
    (
        "optimizer.momentum=1",
        "optimizer has no key 'momentum'. There are: fused, lr. It is a key of optimizer=sgd. To "
        "add it anyway, prefix it with a plus: +optimizer.momentum=…",
    ),
]


@pytest.mark.parametrize(("override", "sentence"), SENTENCES, ids=[pair[0] for pair in SENTENCES])
def test_a_wrong_override(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as found:
        compose_run([override])
    assert str(found.value) == sentence


@pytest.mark.skipif(find_spec("ray") is not None, reason="the extra ray is installed")
def test_a_launcher_whose_package_is_missing() -> None:
    needs = r"^hydra/launcher=ray needs its package: pip install .*ray"
    with pytest.raises(ConfigError, match=needs):
        run(["train", "-m", "encoder=lstm", "hydra/launcher=ray", "run_dir=x"])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["encoder=lstm", "encoder.merge=sum"],
            "encoder has no key 'merge'. There are: dropout, forget_bias, hidden_size, "
            "locked_dropout, name, num_layers. It is a key of encoder=bigru, encoder=bilstm, "
            "encoder=birnn.",
        ),
        (
            ["encoder=lstm", "+encoder.merge=sum"],
            "encoder.merge is not a parameter of encoder=lstm. There are: dropout, forget_bias, "
            "hidden_size, locked_dropout, num_layers. It is a key of encoder=bigru, "
            "encoder=bilstm, encoder=birnn.",
        ),
        (
            ["data=conll", "data.columns={tokens: 1, 1.5: 2}"],
            "data.columns: keys must be strings, but 1.5 was parsed as a number or similar. It "
            "needs quotes inside the shell's quotes: 'data.columns={\"1.5\": VALUE}'.",
        ),
        (
            ["head=classification", "head.class_weights={null: 2}"],
            "head.class_weights: keys must be strings, but one was parsed as null or similar. It "
            "needs quotes inside the shell's quotes: 'head.class_weights={\"KEY\": VALUE}'.",
        ),
        (
            ["head=classification", "head.class_weights.1.0=2"],
            "head.class_weights has no keys inside '1'. A key with a dot needs braces and quotes: "
            "'head.class_weights={\"1.…\": VALUE}'.",
        ),
        (
            ["head=classification", 'head.class_weights={"1.0": many}'],
            "head.class_weights: 'many' is not a number.",
        ),
    ],
    ids=str,
)
def test_a_key_of_other_options(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as found:
        compose_run(overrides)
    assert str(found.value) == sentence


def test_keys_of_presets_and_of_plugins_are_found() -> None:
    assert hint_of_options("scheduler.warmup") == " It is a key of scheduler=warmup_hold_linear."
    assert hint_of_options("logger.csv") == " It is a key of logger=csv."
    assert "head=ner" in hint_of_options("head.scheme")
    assert hint_of_options("seed") == hint_of_options("encoder.nothing") == ""


def test_a_wrong_argument_of_the_trainer() -> None:
    with pytest.raises(ConfigError) as found:
        compose_run(["trainer.max_epohcs=1"])
    sentence = str(found.value)
    assert sentence.startswith("trainer has no key 'max_epohcs'. Did you mean 'max_epochs'? There ")
    assert sentence.endswith(". To add it anyway, prefix it with a plus: +trainer.max_epohcs=…")


def test_a_wrong_key_deep_inside() -> None:
    for plus, start in (
        ("+", "data.split.vall is not a parameter of data=conll. "),
        ("", "data.split has no key 'vall'. "),
    ):
        with pytest.raises(ConfigError) as found:
            compose_run(["data=conll", f"{plus}data.split.vall=0.1"])
        assert str(found.value) == (
            f"{start}Did you mean 'val'? There are: automatic, group, seed, stratify, test, val."
        )


def test_what_is_said_has_nothing_of_omegaconf_in_it() -> None:
    for override in ("encoder=[lstm,gru]", "encoder=lstm,gru", "batch=3", "~encoder.merge"):
        with pytest.raises(ConfigError) as found:
            compose_run([override])
        assert "full_key" not in str(found.value)
        assert "object_type" not in str(found.value)


def test_a_file_without_its_reader() -> None:
    with pytest.raises(ConfigError) as found:
        compose_run(["data.train=a.csv", "head=classification"])
    assert str(found.value).startswith(
        "data has no key 'train': choose the reader of the file, one"
    )
    assert "data=csv (.csv)" in str(found.value)
    assert "data=apples" not in str(found.value)


def test_data_alone() -> None:
    with pytest.raises(ConfigError, match=r"^There is no data=cvs\. Did you mean 'csv'\?"):
        compose_data(["data=cvs"])
    with pytest.raises(ConfigError, match=r"^data has no key 'trian'\. Did you mean 'train'\?"):
        compose_data(["data=csv", "data.trian=x.csv"])
    with pytest.raises(ConfigError, match=r"^data\.trian is not a parameter of data=csv\. Did you"):
        compose_data(["data=csv", "+data.trian=x.csv"])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("reviews.csv", "data=csv data.train=reviews.csv"),
        ("my/reviews.csv", "data=csv data.train=my/reviews.csv"),
        ("/tmp/reviews.jsonl.gz", "data=jsonl data.train=/tmp/reviews.jsonl.gz"),
        ("names.conll", "data=conll data.train=names.conll"),
    ],
)
def test_a_file_in_place_of_a_reader(path: str, words: str) -> None:
    with pytest.raises(ConfigError) as found:
        compose_run([f"data={path}", "head=classification"])
    assert str(found.value).startswith(
        f"data={path} is a file, but data= takes the name of a reader. Set both: {words}. "
    )


@pytest.mark.parametrize("word", ["data.columns=text:review", "data.columns=[text,label]"])
def test_braces_that_the_shell_took_apart(word: str) -> None:
    with pytest.raises(ConfigError) as found:
        compose_run(["data=csv", "data.train=a.csv", word, "head=classification"])
    assert str(found.value) == (
        "data.columns: expected keys with values, 'data.columns={KEY: VALUE, KEY: VALUE}'. The "
        "quotes are needed: without them the shell expands the braces. To set a single key, use "
        "data.columns.KEY=VALUE."
    )


def test_a_value_that_the_shell_took_apart_at_its_spaces() -> None:
    with pytest.raises(ConfigError, match=r"^'data.columns={text:' cannot be read: a bracket is"):
        compose_run(["data=csv", "data.columns={text:", "review}"])


def test_overrides_from_python_are_words_or_mappings() -> None:
    with pytest.raises(
        ConfigError, match=r"^\['encoder=lstm'\] \(list\) is not an override\. Pass"
    ):
        as_overrides([["encoder=lstm"]])  # type: ignore[list-item]


@pytest.mark.parametrize("word", ["data.train='caf\udce9.csv'", "data.train=caf\udce9.csv"])
def test_what_cannot_be_written_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match=r"caf\\udce9\.csv.* has bytes that are not UTF-8, so it"):
        compose_run(["data=csv", word, "head=classification"])
