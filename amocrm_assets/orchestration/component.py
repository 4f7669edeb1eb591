"""The component `amocrm_assets.AmoCrmSource`: a source as a user writes it into `defs.yaml`.

Its attributes are the settings of `settings.SourceSettings`, and its definitions those of `source`. It can be used
in any Dagster project.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import dagster as dg
from pydantic import BaseModel, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from amocrm_assets.orchestration.broken import broken_definitions
from amocrm_assets.orchestration.claims import load_of
from amocrm_assets.orchestration.component_library import TAGS
from amocrm_assets.orchestration.scaffolder import AmoCrmSourceScaffolder
from amocrm_assets.orchestration.source import source_definitions, wrong_translation
from amocrm_assets.orchestration.translation import TranslatedSource
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.guest_sources import broken_because, broken_document, broken_values
from amocrm_assets.settings.source_files import SourceFound

if TYPE_CHECKING:
    from amocrm_assets.orchestration.claims import Place
    from amocrm_assets.settings.source_files import BrokenSource


_LOGGER = logging.getLogger("amocrm_assets")


@dg.scaffold_with(AmoCrmSourceScaffolder)
class AmoCrmSource(dg.Component, dg.Resolvable, TranslatedSource):
    """Loads the leads of one amoCRM account into your warehouse every day.

    Defines daily partitioned assets, `raw_leads` → `leads` → `amoCrmLeads` and those that its attributes switch
    on, their checks, a job, and a schedule that materialises the day that has just ended.
    """

    _broken: BrokenSource | None = PrivateAttr(default=None)
    _file: Path | None = PrivateAttr(default=None)

    @property
    def broken(self) -> BrokenSource | None:
        """What is wrong with the attributes, if anything."""
        return self._broken

    @property
    def file(self) -> Path | None:
        """The file of the attributes, None for a component made by Python code."""
        return self._file

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The schema of the attributes, with the descriptions that Dagster drops for attributes with a default."""
        model = super().model()
        for name, own in SourceSettings.model_fields.items():  # a subclass may have additional ones
            field = model.model_fields[name]
            field.description, field.examples = own.description, own.examples
        return _explained_later(model)

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """How `dg list components` shows the component."""
        return dg.ComponentTypeSpec(tags=list(TAGS))

    @classmethod
    def get_code_references_for_yaml(
        cls,
        yaml_path: Path,
        source_position: Any,
        context: dg.ComponentLoadContext,  # noqa: ARG003
    ) -> list[dg.LocalFileCodeReference]:
        """The link from each asset's page to the source's settings, which Dagster adds to the one to the code."""
        line = source_position.start.line
        return [dg.LocalFileCodeReference(file_path=str(yaml_path), line_number=line, label="settings")]

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The source of a document; one with wrong attributes is shown as broken, so that others load."""
        broken = _broken_file(attributes, context, is_subclass=cls is not AmoCrmSource)
        if broken is None:
            try:
                source = super().load(attributes, context)
            except ValidationError as error:  # in the values of templates
                broken = broken_values(*_place_of(context), error)
            except Exception as error:  # of any code that a template calls
                _LOGGER.exception("A template of %s cannot be filled in", context.path)
                message = f"a template cannot be filled in ({type(error).__name__})"
                broken = broken_because(
                    *_place_of(context), f"{message}; the code location's log has the whole error."
                )
        if broken is not None:
            _LOGGER.error("%s", broken.error())
            source = cast("Self", cls.model_construct(subdomain=broken.name, start_date=""))
            source._broken = broken  # noqa: SLF001  # its own
        source._file = _place_of(context)[0]  # noqa: SLF001  # its own
        return source

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, checks, job, schedule and resources of the source; nothing when it is not enabled.

        For a source that cannot be loaded, definitions that show why. With the first source of a project, its
        alerts.
        """
        place = _own_place_of(context)
        broken = self._broken or self._second(context, place)
        broken = _with_own_key(broken, context, place) if broken else self._untranslatable(place)
        own = broken_definitions(broken) if broken else source_definitions(self)
        return dg.Definitions.merge(own, load_of(context).alerts(place, broken or self))

    def _untranslatable(self, place: Place) -> BrokenSource | None:
        return wrong_translation(SourceFound(self, place[0], 1))

    def _second(self, context: dg.ComponentLoadContext, place: Place) -> BrokenSource | None:
        """The source as a broken one if another component has its key."""
        if (first := load_of(context).first_place(self.key, place)) == place:
            return None
        file, which = first
        taken_by = f"document {which + 1}" if isinstance(which, int) else f"`{which}`"
        return broken_because(
            *_place_of(context),
            f"`subdomain`: {self.subdomain!r} is taken by {taken_by} of {file}. Each source needs"
            " its own, in more than letter case and hyphens.",
        )


def _broken_file(
    attributes: BaseModel | None, context: dg.ComponentLoadContext, *, is_subclass: bool
) -> BrokenSource | None:
    """What is wrong with the attributes in the file, if anything. A subclass may have others."""
    place = _place_of(context)
    broken = broken_document(*place) if place[0].is_file() and not is_subclass else None
    error = getattr(attributes, "_error", None)
    return broken_values(*place, error) if broken is None and error else broken


def _place_of(context: dg.ComponentLoadContext) -> tuple[Path, int]:
    """The file of a component, and which of its documents it is."""
    number = context.component_path.instance_key
    file = context.path / "defs.yaml" if context.path.is_dir() else context.path
    return file, number if isinstance(number, int) else 0


def _own_place_of(context: dg.ComponentLoadContext) -> Place:
    """The place that no other component has: a file in Python may have several."""
    file, number = _place_of(context)
    name = context.component_path.instance_key
    return file, name if isinstance(name, str) else number


def _with_own_key(broken: BrokenSource, context: dg.ComponentLoadContext, place: Place) -> BrokenSource:
    """The broken source under a key that no other one of this load has."""
    key, number = broken.key, 2
    while load_of(context).first_place(key, place) != place:
        key, number = f"{broken.key}_{number}", number + 1
    return replace(broken, key=key)


def _explained_later(model: type[BaseModel]) -> type[BaseModel]:
    """The same schema; wrong attributes are kept for `load`, which has their file and reports them with lines."""

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
