"""Training: a run and its folder, alone or on several ranks; its report."""
