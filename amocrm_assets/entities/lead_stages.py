"""The stages of each lead over time: a table made of events and of the newest states.

For the inference see `rows.stages`. The types of events about a lead's stage are declared here.
"""

from __future__ import annotations

from dataclasses import dataclass

from amocrm_assets.entities.entity import Entity
from amocrm_assets.entities.events import EVENTS
from amocrm_assets.entities.latest import PIPELINE_NAME, STATUS_NAME, STATUS_SORT, NameOf
from amocrm_assets.entities.leads import LEADS
from amocrm_assets.entities.table import Column, WholeTable


@dataclass(frozen=True)
class StageEvents:
    """Types of events, in the order used within one second."""

    created: str
    restored: str
    moved: str
    deleted: str
    merged: str


@dataclass(frozen=True, kw_only=True)
class StagesTable(WholeTable):
    """One table of an account, with a row for each stay of a record in a stage.

    `of` is the entity of the records, `events` that of their events, with their kind as `entity_type`. The first
    column of the key is the record's id.
    """

    of: Entity
    events: Entity
    entity_type: str
    types: StageEvents
    names: tuple[NameOf, ...]
    document: str

    @property
    def reference_tables(self) -> tuple[str, ...]:
        """The reference tables of names, by their assets."""
        return tuple(dict.fromkeys(name.table for name in self.names))


_NAMES = (
    PIPELINE_NAME,
    STATUS_NAME,
    STATUS_SORT,
    NameOf(
        "previous_status_name",
        "Name of the previous stage.",
        by=("previous_pipeline_id", "previous_status_id"),
        table="amoCrmStatuses",
    ),
    NameOf("entered_by_name", "Who moved the lead there.", by=("entered_by",), table="amoCrmUsers"),
)
_NAMED = {each.column: Column(each.column, each.type, f"{each.description} As of now.") for each in _NAMES}

STAGES = StagesTable(
    asset="amoCrmLeadStages",
    warehouse_name="amoCrmLeadStages",
    record="stage of a lead",
    records="stages of leads",
    whole_words="one after the other",
    key=("lead_id", "stage_number"),
    preview=(),
    columns=(
        Column("lead_id", "INTEGER", "The lead."),
        Column("stage_number", "INTEGER", "Number of the stay among the lead's stays, from 1 on."),
        Column("pipeline_id", "INTEGER", "Pipeline of the stage."),
        Column("status_id", "INTEGER", "The stage: 142 is won, 143 lost in every pipeline; null if unknown."),
        Column("previous_pipeline_id", "INTEGER", "Pipeline of the previous stage; null for the lead's first."),
        Column("previous_status_id", "INTEGER", "The previous stage; null for the lead's first."),
        _NAMED["pipeline_name"],
        _NAMED["status_name"],
        _NAMED["status_sort"],
        _NAMED["previous_status_name"],
        Column("outcome", "STRING", "`won` (142), `lost` (143), or `open`."),
        Column("visit_number", "INTEGER", "Number of the lead's stay in this stage, from 1 on."),
        Column("entered_at", "INTEGER", "When the lead entered the stage, Unix seconds, UTC; null if unknown."),
        Column(
            "left_at",
            "INTEGER",
            "When it left the stage, or was deleted, Unix seconds, UTC; null if it is still there, or unknown.",
        ),
        Column("entered_date", "DATE", "Date of `entered_at` in the source's `timezone`."),
        Column("entered_time", "TIMESTAMP", "`entered_at` as a timestamp."),
        Column("left_time", "TIMESTAMP", "`left_at` as a timestamp."),
        Column("seconds_in_stage", "INTEGER", "`left_at` minus `entered_at`; null if one of them is null."),
        Column(
            "is_current",
            "BOOLEAN",
            "Whether the lead is in the stage now; false for all stages of a deleted lead.",
        ),
        Column("entered_by", "INTEGER", "User who moved, restored or created the lead; 0 is a robot."),
        _NAMED["entered_by_name"],
        Column("is_deleted", "BOOLEAN", "Whether the lead is in amoCRM's trash now, or was merged into another."),
        Column(
            "origin",
            "STRING",
            "Source of the stage: `event`; `first_value_before`, the stage before the first event;"
            " `present_state`, the lead's present stage. All but `event` are inferred.",
        ),
    ),
    of=LEADS,
    events=EVENTS,
    entity_type="lead",
    types=StageEvents(
        created="lead_added",
        restored="lead_restored",
        moved="lead_status_changed",
        deleted="lead_deleted",
        merged="entity_merged",
    ),
    names=_NAMES,
    document="stages.md",
)
