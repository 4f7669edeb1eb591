"""The component `amocrm_assets.AmoCrmSource`: a source as a person writes it into `defs.yaml`.

Its attributes are the settings of `settings.SourceSettings`, and its definitions those of `source`. It can be used
in anybody's own Dagster project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from pydantic import BaseModel, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from amocrm_assets.orchestration.scaffolder import AmoCrmSourceScaffolder
from amocrm_assets.orchestration.source import source_definitions
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.source_files import check_file

if TYPE_CHECKING:
    from pathlib import Path


@dg.scaffold_with(AmoCrmSourceScaffolder)
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
        return _explained_later(model)

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """How `dg list components` shows the component."""
        return dg.ComponentTypeSpec(tags=["amocrm", "kommo", "bigquery"])

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The source of a file. Raises `SettingsError` with every problem in it, its line and its fix."""
        file = _file_of(context)
        if file.is_file():
            check_file(file)
        if error := getattr(attributes, "_error", None):
            raise error
        return super().load(attributes, context)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, checks, job, schedule and resources of the source; nothing when it is not enabled."""
        return source_definitions(self, file=_file_of(context))


def _file_of(context: dg.ComponentLoadContext) -> Path:
    return context.path / "defs.yaml" if context.path.is_dir() else context.path


def _explained_later(model: type[BaseModel]) -> type[BaseModel]:
    """The same schema; wrong attributes are kept for `load`, which knows their file and explains them by line."""

    class Attributes(model):  # type: ignore[misc,valid-type]  # the model is made at run time
        _error: ValidationError | None = PrivateAttr(default=None)

        @model_validator(mode="wrap")
        @classmethod
        def _keep_the_error(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
            try:
                return handler(value)
            except ValidationError as error:
                wrong: Self = cls.model_construct()
                wrong._error = error  # its own
                return wrong

    return Attributes
