"""Settings that change how a source's assets appear in Dagster: keys, group, owners, texts.

The names are those of Dagster's own components. Values may be templates, which are filled in for each asset
(`orchestration.translation`). Names of stored data and tables do not change.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator

from amocrm_assets.settings.credentials import Settings
from amocrm_assets.settings.dagster_names import check_owners, check_tags

TEMPLATE_MARK = "{{"
# Dagster's rule for names of groups.
_GROUP = re.compile(r"[A-Za-z0-9_]+")


class TranslationSettings(Settings):
    """Values that replace those of each asset; tags and metadata are added to the existing ones."""

    key_prefix: str | list[str] | None = Field(
        default=None, description="Prefix of each key.", examples=[["crm", "raw"]]
    )
    key: str | None = Field(
        default=None,
        description="The complete key, with `/` between its parts. A template, since each asset needs its own.",
        examples=["crm/{{ asset.name }}"],
    )
    group_name: str | None = Field(default=None, description="The asset group.", examples=["sales"])
    description: str | None = Field(
        default=None, description="The description of each asset.", examples=["{{ asset.name }} of the shop"]
    )
    owners: list[str] | str | None = Field(
        default=None, description="Owners: e-mail addresses or `team:name`.", examples=[["team:sales"]]
    )
    tags: dict[str, Any] | str = Field(default={}, description="Further tags.", examples=[{"tier": "gold"}])
    kinds: list[str] | str = Field(default=[], description="Kinds; up to three are shown.", examples=[["amocrm"]])
    metadata: dict[str, Any] | str = Field(
        default={}, description="Further metadata.", examples=[{"contact": "+7 495 000-00-00"}]
    )
    code_version: str | int | float | None = Field(
        default=None, description="The code version of the assets.", examples=["2"]
    )
    automation_condition: str | None = Field(
        default=None,
        description="When Dagster materialises the assets automatically. Must be a template.",
        examples=["{{ dg.AutomationCondition.eager() }}"],
    )

    @field_validator("key")
    @classmethod
    def _differs_by_asset(cls, value: str | None) -> str | None:
        if value is not None and TEMPLATE_MARK not in value:
            raise ValueError(
                f"{value!r} would be the key of every asset; write crm/{{{{ asset.name }}}}, or use key_prefix"
            )
        return value

    @field_validator("group_name")
    @classmethod
    def _is_a_group(cls, value: str | None) -> str | None:
        if value is not None and TEMPLATE_MARK not in value and not _GROUP.fullmatch(value):
            raise ValueError(f"{value!r} is not the name of a group; write letters, digits and `_`")
        return value

    @field_validator("owners")
    @classmethod
    def _are_owners(cls, value: list[str] | str | None) -> list[str] | str | None:
        check_owners([owner for owner in value if TEMPLATE_MARK not in owner] if isinstance(value, list) else [])
        return value

    @field_validator("tags")
    @classmethod
    def _are_tags(cls, value: dict[str, Any] | str) -> dict[str, Any] | str:
        tags = value if isinstance(value, dict) else {}
        check_tags({name: str(tag) for name, tag in tags.items() if TEMPLATE_MARK not in f"{name}{tag}"})
        return value

    @field_validator("automation_condition")
    @classmethod
    def _is_a_template(cls, value: str | None) -> str | None:
        if value is not None and TEMPLATE_MARK not in value:
            raise ValueError(f"{value!r} is not a template; write like {{{{ dg.AutomationCondition.eager() }}}}")
        return value
