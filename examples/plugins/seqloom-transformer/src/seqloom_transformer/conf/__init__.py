"""Presets of the Transformer."""
