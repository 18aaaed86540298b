"""From sounds to sequences of log-mel features."""
