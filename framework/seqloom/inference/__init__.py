"""Trained models in use: loaded with other parameters of decoding, and evaluated."""
