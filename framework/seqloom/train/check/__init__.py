"""What ``seqloom check`` finds out about the data and the memory of a config before a training."""
