"""How plugins' parameters become Hydra configs, and a composed config plain, checked data."""
