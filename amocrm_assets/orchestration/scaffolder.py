"""`dg scaffold defs amocrm_assets.AmoCrmSource NAME` writes what `amocrm-assets new NAME` writes."""

from __future__ import annotations

from typing import Any

import dagster as dg

from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.documents import NAME
from amocrm_assets.settings.new_source_file import default_attributes, settings_text


class AmoCrmSourceScaffolder(dg.Scaffolder[Any]):
    """A source whose subdomain is the name of its folder; everything else can be edited in the file."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write the `defs.yaml`, or add a document to one. Raises `ValueError` if the name is no subdomain."""
        folder = request.target_path.parent if request.append else request.target_path
        # The folder of a Python package often has underscores, a subdomain never has.
        attributes = default_attributes(folder.name.replace("_", "-"))
        text = settings_text(SourceSettings.model_validate(attributes), attributes)
        if request.append:
            with request.target_path.open("a", encoding="utf-8") as file:
                file.write(f"---\n{text}")
        else:
            (folder / NAME).write_text(text, encoding="utf-8")
