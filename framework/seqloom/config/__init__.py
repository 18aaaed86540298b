"""How plugins' parameters become Hydra configs, and a composed config becomes plain, checked data."""
