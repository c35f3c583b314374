"""The HTML report of a bundle."""

from churn_core.reports.report import render_report

__all__ = ["render_report"]
