"""The command ``seqloom``."""
