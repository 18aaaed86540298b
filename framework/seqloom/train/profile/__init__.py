"""Where the time of a training step and of an inference step goes."""
