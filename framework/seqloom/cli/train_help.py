"""What ``seqloom train --help`` prints."""

from __future__ import annotations

from collections.abc import Sequence

from seqloom.config.store import register_configs

HELP = """\
Usage: seqloom train [-m] [GROUP=NAME] [KEY=VALUE] …

Train a model. Default: a bilstm that finds entities in the generated data set apples.
With -m, each value of a list is tried:
  seqloom train -m encoder=rnn,lstm,bilstm

Your own table, with the columns text and label (or 'data.columns={{text: A, label: B}}'):
  seqloom train data=csv data.train=reviews.csv head=classification

Put words with brackets, braces or spaces in quotes: the shell would split or expand them.

Groups:
{groups}

Common keys:
  run_dir=PATH                folder of the run (with -m: of the sweep)
  seed=N                      seed; results are bit-identical on the same machine
  resume=auto                 resume from the newest checkpoint in run_dir
  save_every=10m              a checkpoint every ten minutes too; or every N steps
  'disable_plugins=[NAME]'    disable plugins for this run
  on_bad=skip                 leave out, count and list examples that cannot be used
  init=MODEL                  start from a trained model; 'freeze=[frontend]': not trained
  encoder.hidden_size=N       parameter of a component; --cfg job lists all of them
  budget.min_steps=N          optimizer steps that even a small data set gets, in more epochs
  monitor=val/NAME            metric that selects the best model (default: the head's own)
  time_limit=23.5h            stop in time, with a checkpoint and exit status 75
  baseline=true               evaluate simple models too, such as the most frequent class
  trainer.max_epochs=N        argument of Lightning's Trainer; others with +trainer.KEY=VALUE
  optimizer.lr=X              argument of the optimizer
  batch.max_examples=N        examples in a batch; batch.max_cost=N: padded tokens or pixels

  GROUP=NAME --help explains the keys of an option: seqloom train encoder=bilstm --help
  --cfg job prints the config and does not train. --info, --hydra-help: see Hydra.
"""


def help_of(arguments: Sequence[str]) -> str:
    """Return the help; the explanation of the chosen options, if there are any.

    Raises:
        ConfigError: There is no such option.
    """
    from seqloom.cli.explain import explanation
    from seqloom.cli.reference.groups import group_names

    pairs = [word.partition("=") for word in arguments if "=" in word]
    known = group_names()
    chosen = [(group, names.strip("[]").split(",")) for group, _, names in pairs if group in known]
    labels = [f"{group}={name.strip()}" for group, names in chosen for name in names]
    texts = [explanation(one) for one in labels if not one.endswith(("=", "=null"))]
    more = "seqloom train --help describes the command; seqloom explain, all keys."
    return "\n\n".join([*texts, f"{more}\n"]) if texts else help_text()


def help_text() -> str:
    """Return the text of ``seqloom train --help``, with the options of every group."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra._internal.utils import create_automatic_config_search_path

    register_configs()
    search_path = create_automatic_config_search_path(None, None, "pkg://seqloom_conf")
    loader = ConfigLoaderImpl(config_search_path=search_path)
    groups = (
        "data",
        "frontend",
        "encoder",
        "head",
        "optimizer",
        "scheduler",
        "trainer",
        "callbacks",
        "logger",
        "experiment",
        "sweep",
        "debug",
        "hydra/launcher",
    )
    lines = [f"  {group:<14} {', '.join(loader.get_group_options(group))}" for group in groups]
    return HELP.format(groups="\n".join(lines))
