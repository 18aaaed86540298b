"""Pen strokes and series of vectors as input."""
