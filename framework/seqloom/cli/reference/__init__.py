"""What every key of a config means: for ``seqloom explain``, ``--help`` and the docs."""
