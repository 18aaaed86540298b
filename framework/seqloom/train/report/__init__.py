"""The report of a run: one self-contained HTML file."""

from seqloom.train.report.content import Report, WorstExample
from seqloom.train.report.page import write_report

__all__ = ["Report", "WorstExample", "write_report"]
