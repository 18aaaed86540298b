"""The pad of ``seqloom demo`` for models that read texts."""
