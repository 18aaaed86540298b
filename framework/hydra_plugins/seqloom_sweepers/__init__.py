"""Our sweepers, in the only place where Hydra looks for them. Every start of it imports this."""
