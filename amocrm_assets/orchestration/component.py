"""The component `amocrm_assets.AmoCrmSource`: a source as a person writes it into `defs.yaml`.

Its attributes are the settings of `settings.SourceSettings`, and its definitions those of `source`. It can be used
in anybody's own Dagster project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from pydantic import BaseModel


class AmoCrmSource(dg.Component, dg.Resolvable, SourceSettings):
    """One amoCRM account whose leads come to your warehouse every day.

    It makes three daily partitioned assets, `raw_leads` → `leads` → `amoCrmLeads`, their checks, a job and a
    schedule that materialises the day that has just ended.
    """

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The schema of the attributes, with the descriptions that Dagster drops where there is a default."""
        model = super().model()
        for name, field in model.model_fields.items():
            field.description = SourceSettings.model_fields[name].description
            field.examples = SourceSettings.model_fields[name].examples
        model.model_rebuild(force=True)
        return model

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """How `dg list components` shows the component."""
        return dg.ComponentTypeSpec(tags=["amocrm", "kommo", "bigquery"])

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, checks, job, schedule and resources of the source; nothing when it is not enabled."""
        return source_definitions(self, file=context.path / "defs.yaml" if context.path.is_dir() else context.path)
