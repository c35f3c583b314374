"""Inspection of unknown tables: what each column is, and what would spoil a churn model."""

from churn_core.data.inspection.config_text import config_text
from churn_core.data.inspection.inspect import Inspection, PlannedColumn, inspect_table
from churn_core.data.inspection.table_findings import replica_findings

__all__ = ["Inspection", "PlannedColumn", "config_text", "inspect_table", "replica_findings"]
