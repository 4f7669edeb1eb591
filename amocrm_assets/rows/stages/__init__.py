"""Stages: from the events and present states of records to their stays in stages, in chronological order.

`month_files` stores the needed columns of all days' rows in monthly files, and `ordered` sorts them by record.
`stays` infers the stays of a record, whatever is known of it; `continuous` does the same for all records at once
whose events tell everything; `courses` puts both together, and `files` writes the table. The result depends only
on the rows, the reference tables and the settings: a table that is written again is the same, byte for byte.
"""

from __future__ import annotations

from amocrm_assets.rows.stages.files import StagesWritten, write_stages

__all__ = ["StagesWritten", "write_stages"]
