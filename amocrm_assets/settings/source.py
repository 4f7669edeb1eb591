"""Settings of a source: one account, and what is brought from it.

They hold names of environment variables, never a secret. How they are read from a `defs.yaml`:
`source_files`.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from amocrm_assets.settings.credentials import (
    OAuthSettings,
    Settings,
    has_a_host,
    variable_name,
    wrong_credentials,
)
from amocrm_assets.settings.dagster_names import check_owners, check_tags
from amocrm_assets.settings.loopback import is_cleartext
from amocrm_assets.settings.schedule import ScheduleSettings

# A label of a host's name (RFC 1035, 2.3.4).
MAX_SUBDOMAIN_CHARACTERS = 63
# No account comes near; they bound what one line of defs.yaml can ask for.
MAX_FIELDS, MAX_NAME_CHARACTERS = 10_000, 1_000
MAX_REQUESTS_PER_SECOND = 50
SUBDOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")


class SourceSettings(Settings):
    """One amoCRM account and what is brought from it."""

    subdomain: str = Field(
        description="The account's name in `https://{subdomain}.amocrm.ru`. Unique among the sources.",
        examples=["my-shop"],
    )
    display_name: str | None = Field(
        default=None,
        description="Shown in the UI and in `amocrm-assets sources`. Default: the subdomain.",
        examples=["My Shop"],
    )
    enabled: bool = Field(
        default=True,
        description="False: nothing of this source is loaded; its settings, captures and tables stay.",
        examples=[False],
    )
    import_leads: bool = Field(
        default=True,
        description="False: the source is listed, its schedule stays off, and materialising is refused.",
        examples=[False],
    )
    leads_custom_fields: list[str | int] | None = Field(
        default=None,
        description="Which custom fields to import: names, codes or ids. Default: all. `[]`: none.",
        examples=[["Город", "UTM_SOURCE", 123456]],
    )
    import_lead_name: bool = Field(
        default=True,
        description="False: lead names are dropped before anything is written anywhere.",
        examples=[False],
    )
    import_deleted: bool = Field(
        default=True,
        description="Also read deleted leads, as rows with `is_deleted`.",
        examples=[False],
    )
    base_url: str | None = Field(
        default=None,
        description="Address of the account. Default: `https://{subdomain}.amocrm.ru`.",
        examples=["https://my-shop.kommo.com"],
    )
    access_token_env: str | None = Field(
        default=None,
        description="Name of the environment variable that holds a long-lived token. Either this or `oauth`.",
        examples=["AMOCRM_TOKEN"],
    )
    oauth: OAuthSettings | None = Field(
        default=None,
        description="OAuth 2.0 instead of a long-lived token; `amocrm-assets connect` authorises it.",
        examples=[
            {
                "client_id_env": "AMOCRM_CLIENT_ID",
                "client_secret_env": "AMOCRM_CLIENT_SECRET",
                "redirect_uri": "http://127.0.0.1:8910/callback",
            }
        ],
    )
    timezone: str = Field(
        default="UTC",
        description="The zone whose midnights bound a day. It should be the account's own.",
        examples=["Europe/Moscow"],
    )
    start_date: str = Field(description="First day to import, `YYYY-MM-DD`.", examples=["2026-01-01"])
    schedule: ScheduleSettings = Field(
        default_factory=ScheduleSettings,
        description="When the day that has ended is materialised, in `timezone`.",
        examples=[{"hour": 4, "minute": 15}],
    )
    requests_per_second: float = Field(
        default=7,
        description="How often amoCRM may be asked. 7 is what amoCRM allows an integration.",
        examples=[3],
    )
    latest_view: bool = Field(
        default=False,
        description="Also keep the view `amoCrmLeadsLatest_{subdomain}`: the newest row of each lead.",
        examples=[True],
    )
    owners: list[str] = Field(
        default_factory=list,
        description="Owners of the assets: e-mail addresses or `team:name`.",
        examples=[["team:sales"]],
    )
    tags: dict[str, str] = Field(
        default_factory=dict, description="Tags of the assets.", examples=[{"domain": "sales"}]
    )

    @field_validator("subdomain", mode="before")
    @classmethod
    def _is_a_text(cls, value: object) -> object:
        if isinstance(value, int | float):
            raise ValueError(f'a number here needs quotes: subdomain: "{value}"')  # noqa: TRY004  # pydantic's
        return value

    @field_validator("subdomain")
    @classmethod
    def _is_a_subdomain(cls, value: str) -> str:
        if not SUBDOMAIN.fullmatch(value):
            raise ValueError(
                f"{value!r} is not a subdomain; write only the account's name: letters, digits, hyphens"
            )
        if len(value) > MAX_SUBDOMAIN_CHARACTERS:
            raise ValueError(f"a subdomain has up to {MAX_SUBDOMAIN_CHARACTERS} characters, this has {len(value)}")
        return value

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if "@" in value:  # not repeated: it may hold a password
            raise ValueError("an address holds neither user nor password; write like https://my-shop.kommo.com")
        if not re.fullmatch(r"https?://[^/?#\s]+/?", value) or not has_a_host(value):
            raise ValueError(f"{value!r} is not an address of an account; write like https://my-shop.kommo.com")
        if is_cleartext(value):
            raise ValueError(
                f"{value!r} would send the token in the clear; write https:// (http:// is for 127.0.0.1, [::1] and"
                " localhost only)"
            )
        return value.rstrip("/")

    @field_validator("access_token_env")
    @classmethod
    def _is_a_variable(cls, value: str | None) -> str | None:
        return value and variable_name(value)

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if value not in _zones():
            raise ValueError(f"{value!r} is not a time zone; write an IANA name like Europe/Moscow")
        return value

    @field_validator("display_name")
    @classmethod
    def _is_a_title(cls, value: str | None) -> str | None:
        if value is not None and (len(value) > MAX_NAME_CHARACTERS or not value.isprintable()):
            raise ValueError(f"a display name is one line of at most {MAX_NAME_CHARACTERS} characters")
        return value

    @field_validator("leads_custom_fields", mode="before")
    @classmethod
    def _name_fields(cls, value: object) -> object:
        if isinstance(value, list) and len(value) > MAX_FIELDS:
            raise ValueError(f"{len(value)} fields are named; at most {MAX_FIELDS} are possible")
        for name in value if isinstance(value, list) else []:
            if isinstance(name, str) and len(name) > MAX_NAME_CHARACTERS:
                raise ValueError(f"{name[:20]!r}… names no field: it has over {MAX_NAME_CHARACTERS} characters")
            if isinstance(name, bool) or name == "":
                raise ValueError(f"{name!r} names no field; write a name, a code or an id, in quotes if need be")
        return value

    @field_validator("start_date", mode="before")
    @classmethod
    def _is_a_day(cls, value: object) -> str:
        try:
            # Other readers of YAML make a date of 2026-01-01 without quotes.
            return date.fromisoformat(str(value)).isoformat()
        except ValueError as error:
            raise ValueError(f"{value!r} is not a day; write it as YYYY-MM-DD") from error

    @field_validator("requests_per_second")
    @classmethod
    def _is_a_rate(cls, value: float) -> float:
        # A validator, since a bound of the field would break off at a template that Dagster has yet to fill in.
        if not 0 < value <= MAX_REQUESTS_PER_SECOND:
            raise ValueError(f"{value:g} is not greater than 0 and at most {MAX_REQUESTS_PER_SECOND}")
        return value

    @field_validator("owners")
    @classmethod
    def _are_owners(cls, value: list[str]) -> list[str]:
        check_owners(value)
        return value

    @field_validator("tags")
    @classmethod
    def _are_tags(cls, value: dict[str, str]) -> dict[str, str]:
        check_tags(value)
        return value

    @model_validator(mode="after")
    def _has_one_kind_of_credentials(self) -> SourceSettings:
        if wrong := wrong_credentials(self.access_token_env, self.oauth):
            raise ValueError(wrong)
        return self

    @property
    def key(self) -> str:
        """First part of the asset keys, and the group: the subdomain with hyphens as underscores."""
        return self.subdomain.replace("-", "_")

    @property
    def title(self) -> str:
        """How people call the source."""
        return self.display_name or self.subdomain

    @property
    def url(self) -> str:
        """Address of the account, without a slash at the end."""
        return self.base_url or f"https://{self.subdomain}.amocrm.ru"

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose midnights bound a day."""
        return ZoneInfo(self.timezone)

    @property
    def first_day(self) -> date:
        """First partition day."""
        return date.fromisoformat(self.start_date)


@cache
def _zones() -> frozenset[str]:
    """Names that mean the same on every machine. Finding them walks a folder, so it is done once."""
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})
