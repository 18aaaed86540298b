"""Search with Optuna: the outcomes of earlier trials guide the choice of the next."""
