"""From examples to batches: splitting, encoding, batching, collating."""
