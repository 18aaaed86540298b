"""Search with Optuna: what is tried next depends on what came of the trials before."""
