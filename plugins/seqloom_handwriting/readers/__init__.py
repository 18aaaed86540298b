"""Readers of line images, pen strokes and series of vectors."""
