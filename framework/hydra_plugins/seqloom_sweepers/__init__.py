"""The sweepers of seqloom, where Hydra looks for plugins. Hydra imports this at every start."""
