"""The page of a sweep: one HTML file that needs nothing else."""

from seqloom.sweep.page.page import write_page

__all__ = ["write_page"]
