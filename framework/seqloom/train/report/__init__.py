"""The report of a run: one self-contained HTML file."""

from seqloom.train.report.content import Report, ShownExample
from seqloom.train.report.page import write_report

__all__ = ["Report", "ShownExample", "write_report"]
