"""Sweeps: planned, run, resumed and compared."""
