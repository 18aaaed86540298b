"""Presets: the published data set, and the recipe of the published result."""
