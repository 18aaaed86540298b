"""The checkpoints of a run: what is in them, how they are written, and how training continues."""
