"""Nobody spells an entity but its own module: what is written for leads alone would be wrong for the next one.

Names and texts of the code are looked at, docstrings and comments are not: those may explain by an example.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amocrm_assets.entities import ENTITIES
from amocrm_assets.settings import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[1] / "amocrm_assets"
SPELLED = re.compile(r"(?<!it )lead(?!ing)", re.IGNORECASE)  # and not the verb
# Where leads are the subject, or a name that was given away. The sandbox has a module of its own for each entity.
MAY = {
    "entities/__init__.py": "lists the entities",
    "entities/leads.py": "declares them",
    "entities/lead_details.py": "likewise",
    "entities/contacts.py": "a contact has leads",
    "entities/companies.py": "likewise",
    "entities/tasks.py": "a task may be about a lead",
    "entities/calls.py": "leads have a list of calls",
    "entities/events.py": "types of events, most of which are about leads",
    "captures/files.py": "the key of a count in the format of captures, whatever the records",
    "cli/__init__.py": "the help of a command about the custom fields of leads",
    "cli/demo.py": "shows leads of the sandbox",
    "cli/fields.py": "lists the custom fields of leads, unless told otherwise",
    "cli/forget.py": "an option that names a lead",
    "cli/new.py": "names an attribute of the settings",
    "cli/sandbox.py": "an option about the leads of the sandbox",
    "crm/probe/asking.py": "an account is asked about its leads",
    "crm/probe/filters.py": "likewise",
    "crm/probe/orders.py": "likewise",
    "crm/probe/questions.py": "likewise",
    "crm/probe/records.py": "likewise",
    "crm/probe/report.py": "likewise",
    "crm/probe/samples.py": "likewise",
    "crm/probe/sizes.py": "likewise",
    "entities/reference/lists.py": "lists of ids that leads name",
    "entities/reference/tables.py": "likewise",
    "rows/reference/known.py": "likewise",
    "orchestration/reference_checks.py": "likewise",
    "orchestration/metadata_keys.py": "explains keys of metadata, those of leads among them",
    "orchestration/amocrm_resource.py": "attributes of the settings",
    "orchestration/names.py": "the name of the job that brings all entities",
    "orchestration/component_library.py": "the description of the component",
    "settings/source.py": "attributes of the settings",
}
MODULES = [path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.relative_to(PACKAGE).parts]


def words(tree: ast.Module) -> Iterator[str]:
    """Names and texts of a module, without its docstrings."""
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        for statement in (node.body if isinstance(node, described) else [])
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and id(node) not in docstrings:
                yield node.value
        else:
            names = (getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname"))
            yield from (name for name in names if isinstance(name, str))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_spells_leads_but_those_about_them(path: Path) -> None:
    spelled = [word for word in words(ast.parse(path.read_text(encoding="utf-8"))) if SPELLED.search(word)]
    name = path.relative_to(PACKAGE).as_posix()
    if name in MAY:
        assert spelled, f"{name} spells leads no longer: take it out of the list"
    else:
        assert not spelled, "take the entity as a parameter"


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_the_attributes_of_settings_that_an_entity_names_exist(entity: object) -> None:
    choices = entity.choices  # type: ignore[attr-defined]
    named = [choices.imported, choices.custom_fields, *(switch for switch, _ in choices.properties)]
    assert {name for name in named if name} <= SourceSettings.model_fields.keys()
