"""Readers of sound files."""
