"""Presets of data and experiments."""
