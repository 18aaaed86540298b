"""Presets of minGRU."""
