"""``seqloom new plugin``: names, refusals, and packages that are whole as they are written."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fork_server import Forked, ForkServer
from hatchling.builders.wheel import WheelBuilder

import seqloom
from seqloom.cli.main import run
from seqloom.cli.new import TEMPLATES, choose_names, render_plugin, seqloom_range, write_plugin
from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError, PluginError, SeqloomError
from seqloom.plugins import KINDS, Kind
from seqloom.public import PUBLIC

Program = Callable[..., "subprocess.CompletedProcess[str]"]
Python = Callable[[str], "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).parents[3]
EVERY: dict[Kind, str] = dict.fromkeys(KINDS, "kelp")
LONGEST = (("abcdefghij" * 4)[:34], ("klmnopqrst" * 3)[:24])


def python_m(*command: str | Path, cwd: Path, site: Path | None = None) -> str:
    """Run a module of Python's that must succeed, and return what it said."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(site or "")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a package with a component of each kind, as it was written."""
    folder = tmp_path_factory.mktemp("written") / "kelp"
    write_plugin(folder, choose_names("stranger-kelp", EVERY), "Ann O'Neil <ann@example.org>")
    return folder


@pytest.fixture(scope="module")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build its wheel, install that into a folder of its own, and return the folder."""
    folder = tmp_path_factory.mktemp("built")
    python_m("build", "--wheel", "--no-isolation", "--outdir", folder, package, cwd=folder)
    pip = ("pip", "install", "--no-deps", "--no-index", "--target", folder / "site")
    python_m(*pip, "--find-links", folder, "stranger-kelp", cwd=folder)
    return folder / "site"


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch, fresh_plugins: None) -> None:
    """Have it installed in this process too."""
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    ("typed", "distribution", "module", "entry"),
    [
        ("seqloom-kelp", "seqloom-kelp", "seqloom_kelp", "kelp"),
        ("my_encoder", "my-encoder", "my_encoder", "my_encoder"),
        ("Kelp", "kelp", "kelp", "kelp"),
        ("Sea.horse--2", "sea-horse-2", "sea_horse_2", "sea_horse_2"),
    ],
)
def test_names_are_made_of_one(typed: str, distribution: str, module: str, entry: str) -> None:
    names = choose_names(typed, {"encoder": ""})
    assert (names.distribution, names.module, names.entry) == (distribution, module, entry)
    (part,) = names.components
    assert part.choice == f"encoder={entry}"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("2fast", "NAME '2fast': expected letters, digits and - between them, a letter first"),
        ("kelp/forest", "NAME 'kelp/forest': expected letters"),
        ("été", "NAME 'été': expected letters"),
        ("", "NAME '': expected letters"),
        ("Class", "NAME 'Class': class is a Python keyword"),
        ("k" * 35, "35 characters; at most 34 are expected"),
        ("json", "NAME 'json': Python's standard library has a module json. Choose another name"),
        ("seqloom", "NAME 'seqloom': seqloom has a module seqloom. Choose another name"),
    ],
)
def test_names_that_python_cannot_have(typed: str, message: str) -> None:
    with pytest.raises(ConfigError) as found:
        choose_names(typed, {"encoder": ""})
    assert message in str(found.value)


@pytest.mark.parametrize(
    ("typed", "kind", "component", "message"),
    [
        ("torch", "encoder", "", "A module torch is already installed, in "),
        ("seqloom-text", "encoder", "", "A module seqloom_text is already installed, in "),
        ("pytorch-lightning", "encoder", "", "A module pytorch_lightning is already installed"),
        ("hydra-core", "encoder", "", "hydra-core "),
        (
            "handwriting",
            "encoder",
            "",
            "The name 'handwriting' is already taken by ",
        ),
        ("kelp", "encoder", "LSTM", "encoder=lstm is already provided by plugin 'recurrent'"),
        ("kelp", "data", "snips", "data=snips is already provided by a config of seqloom"),
    ],
)
def test_names_that_others_have(typed: str, kind: Kind, component: str, message: str) -> None:
    with pytest.raises(PluginError) as found:
        choose_names(typed, {kind: component})
    assert str(found.value).startswith(message)
    assert "another name" in str(found.value) or f"--{kind} COMPONENT" in str(found.value)


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ("null", "--head 'null': YAML reads head=null as a value, not a name."),
        ("a b", "--head 'a b': expected letters"),
        ("k" * 25, "25 characters; at most 24 are expected."),
    ],
)
def test_components_need_a_name_too(component: str, message: str) -> None:
    with pytest.raises(ConfigError) as found:
        choose_names("kelp", {"head": component})
    assert message in str(found.value)


def test_a_name_too_long_for_a_component_asks_for_one() -> None:
    with pytest.raises(ConfigError, match=r"at most 24 are expected\. Choose another name: --head"):
        choose_names("k" * 30, {"head": ""})
    assert choose_names("k" * 30, {"head": "kelp"}).components[0].choice == "head=kelp"


def test_a_preset_of_another_plugin_is_not_taken(installed: None) -> None:
    with pytest.raises(PluginError) as found:
        choose_names("algae", {"head": "kelp_small"})
    assert str(found.value) == (
        "head=kelp_small is already provided by plugin 'stranger_kelp' (stranger-kelp 0.1.0). "
        "Choose another name: --head COMPONENT."
    )


def test_a_folder_of_that_name_is_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kelp").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert choose_names("kelp", {"encoder": ""}).module == "kelp"


def test_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "plugin", "seqloom-kelp", "--head", "--encoder", "Frond"]) == 0
    out = capsys.readouterr().out
    files = sorted(p.relative_to("seqloom-kelp").as_posix() for p in _files(Path("seqloom-kelp")))
    listing = "".join(f"  {file}\n" for file in files)
    assert out == (
        f"Wrote seqloom-kelp to seqloom-kelp:\n{listing}\nNext steps:\n"
        '  cd seqloom-kelp && pip install -e ".[dev]"\n  pytest\n'
        "  seqloom train encoder=frond head=kelp\n"
    )
    assert "src/seqloom_kelp/conf/encoder/frond_small.yaml" in files
    assert run(["new", "plugin", "algae", "--data", "--out", "elsewhere/algae"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "  seqloom train data=algae data.train=FILE head=classification"


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "kelp"
    folder.mkdir()
    command = ["new", "plugin", "kelp", "--out", str(folder)]
    assert run(command) == 0
    before = {path: path.read_bytes() for path in _files(folder)}
    with pytest.raises(ConfigError) as found:
        run(command)
    assert str(found.value) == (
        f"The folder {folder} is not empty (.github, .gitignore, CHANGELOG.md, …). Nothing is "
        "overwritten. Choose another folder: --out FOLDER."
    )
    assert {path: path.read_bytes() for path in _files(folder)} == before


def test_a_file_in_the_way(tmp_path: Path) -> None:
    file = tmp_path / "kelp"
    file.touch()
    with pytest.raises(ConfigError, match=r"kelp is a file\. Choose another folder: --out FOLDER"):
        run(["new", "plugin", "kelp", "--out", str(file)])
    with pytest.raises(ConfigError, match="inside: cannot be written: "):
        run(["new", "plugin", "kelp", "--out", str(file / "inside")])


def test_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new"]) == 0
    assert "plugin   Write a plugin" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        run(["new", "plugin", "--help"])
    assert end.value.code == 0
    assert "--frontend [COMPONENT]" in capsys.readouterr().out
    with pytest.raises(SeqloomError) as found:
        run(["new", "plugn"])
    assert str(found.value) == (
        "There is no command 'new plugn'. Did you mean 'plugin'? There are: plugin."
    )


def test_the_templates_are_in_the_wheel() -> None:
    shipped = {file.path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    templates = {str(path) for path in _files(TEMPLATES)}
    assert len(templates) > 20
    assert templates <= shipped


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS], ids="-".join)
@pytest.mark.parametrize(("name", "component"), [("x", "x"), LONGEST], ids=["short", "long"])
def test_ruff_finds_nothing(
    tmp_path: Path, kinds: tuple[Kind, ...], name: str, component: str
) -> None:
    write_plugin(tmp_path, choose_names(name, dict.fromkeys(kinds, component)))
    python_m("ruff", "check", "--no-cache", cwd=tmp_path)
    python_m("ruff", "format", "--check", "--no-cache", cwd=tmp_path)
    assert f'[tool.hatch.build.targets.wheel]\npackages = ["src/{name}"]' in (
        tmp_path / "pyproject.toml"
    ).read_text(encoding="utf-8")


def test_nothing_is_left_unrendered() -> None:
    for place, text in render_plugin(choose_names("stranger-kelp", EVERY)).items():
        assert not {"MODULE", "COMPONENT"} & set(Path(place).parts), place
        assert "{%" not in text, place
        assert "{{" not in text.replace("${{ matrix.python }}", ""), place
        assert text.endswith("\n") or not text, place


def test_what_pyproject_says(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "stranger-kelp"
    assert project["authors"] == [{"name": "Ann O'Neil", "email": "ann@example.org"}]
    assert project["dependencies"] == [f"seqloom{seqloom_range(seqloom.__version__)}"]
    assert project["entry-points"] == {"seqloom.plugins": {"stranger_kelp": "stranger_kelp"}}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", ">=0.1.0,<0.2"),
        ("0.9.3", ">=0.9.3,<0.10"),
        ("1.4.0", ">=1.4.0,<2"),
        ("0.2.dev1+g12ab", ">=0.2.dev1,<0.3"),
    ],
)
def test_it_asks_for_versions_that_cannot_break_it(version: str, expected: str) -> None:
    assert seqloom_range(version) == expected


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (None, None),
        ('Ann "A" \\ B', [{"name": 'Ann "A" \\ B'}]),
        ("<ann@example.org>", [{"email": "ann@example.org"}]),
    ],
)
def test_authors(author: str | None, expected: list[dict[str, str]] | None) -> None:
    text = render_plugin(choose_names("kelp", {"head": ""}), author)["pyproject.toml"]
    assert tomllib.loads(text)["project"].get("authors") == expected


def test_the_ci_file_runs_every_check(package: Path) -> None:
    flow = yaml.safe_load((package / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    said = [step.get("run") for step in flow["jobs"]["test"]["steps"]]
    assert {"ruff check", "mypy", "pytest", "seqloom plugins doctor"} <= set(said)


def test_it_uses_public_names_only(package: Path) -> None:
    used = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("seqloom"):
                used |= {(node.module, alias.name) for alias in node.names}
    assert len(used) > 20
    for module, name in used:
        assert name in PUBLIC[module], (module, name)


def test_mypy_finds_nothing(package: Path) -> None:
    # What is known there of torch since our own check saves half a minute.
    said = python_m("mypy", "--cache-dir", ROOT / ".mypy_cache", cwd=package)
    assert said.startswith("Success: no issues found in ")


def test_its_own_tests_pass(package: Path, site: Path, fork_server: ForkServer) -> None:
    command = "import sys, pytest; sys.exit(pytest.console_main())"
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(site)}
    words = (command, "-q", "-p", "no:cacheprovider")
    pipe = subprocess.PIPE
    with Forked(
        fork_server, *words, stdout=pipe, stderr=pipe, text=True, cwd=package, env=env
    ) as program:
        said, error = program.communicate(timeout=600)
    assert program.returncode == 0, said + error
    assert " passed" in said
    assert "error" not in said.lower()


def test_seqloom_finds_it_and_imports_nothing_heavy(python: Python, site: Path) -> None:
    done = python(
        f"import sys\nsys.path.insert(0, {str(site)!r})\n"
        "from seqloom.cli.main import run\nrun(['plugins'])\n"
        "assert not {'torch', 'numpy', 'pytorch_lightning'} & set(sys.modules)"
    )
    assert done.returncode == 0, done.stderr
    own = done.stdout[done.stdout.index("stranger_kelp (stranger-kelp 0.1.0): ok") :]
    for kind in KINDS:
        assert f"  {kind}: kelp\n" in own


def test_the_doctor_has_no_complaint_of_it(
    installed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plugins", "doctor"]) == 0
    assert "stranger_kelp (stranger-kelp 0.1.0): ok" in capsys.readouterr().out


def test_its_components_can_be_checked_from_the_shell(
    installed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = [kind for kind in KINDS if kind != "head"]  # of which no check has this word
    assert run(["conformance", "-k", "order", *(f"{kind}=kelp" for kind in kinds)]) == 0
    out = capsys.readouterr().out
    for kind in kinds:
        assert f"{kind}=kelp" in out
    assert "4 checks: 4 ok, 0 failed" in out


def test_its_presets_compose(installed: None) -> None:
    config = compose_run([f"{kind}=kelp_small" for kind in ("frontend", "encoder", "head")])
    assert config.encoder == {"name": "kelp", "hidden_size": 16, "width": 3}
    assert config.head == {"name": "kelp", "field": "tags", "dropout": 0.5}
    assert (config.frontend["name"], config.frontend["size"]) == ("kelp", 16)
    words = ["data=kelp_small", "data.train=x", "frontend=kelp", "head=classification"]
    assert compose_run(words).data["split"]["val"] == 0.1


def test_it_trains(program: Program, site: Path, small: tuple[str, ...], tmp_path: Path) -> None:
    own = [word for word in small if not word.startswith("frontend.")]
    parts = [f"{kind}=kelp" for kind in ("frontend", "encoder", "head")]
    done = program("train", *parts, *own, f"run_dir={tmp_path / 'run'}", site=site)
    assert done.returncode == 0, done.stderr
    assert "\ntest  accuracy 0." in done.stdout


def test_its_data_trains_and_is_predicted(installed: None, tmp_path: Path) -> None:
    sample = importlib.import_module("stranger_kelp.sample").sample(tmp_path)
    files = [f"data.{split}={file}" for split, file in sample.items()]
    settings = ["trainer=cpu", "trainer.max_epochs=1", f"run_dir={tmp_path / 'run'}"]
    assert run(["train", "data=kelp", *files, "head=classification", *settings]) == 0
    out = tmp_path / "predicted.tsv"
    assert (
        run(["predict", str(tmp_path / "run"), sample["test"], "--to", "tsv", "--out", str(out)])
        == 0
    )
    lines = out.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 7
    assert lines[1].startswith(f"{sample['test']}:1\t")
