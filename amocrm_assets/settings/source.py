"""Settings of a source: one account, and what is imported from it.

They contain names of environment variables, never secrets. `source_files` reads them from `defs.yaml` files.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from amocrm_assets.entities import WITH_CUSTOM_FIELDS
from amocrm_assets.settings import attribute_checks as checks
from amocrm_assets.settings import personal_data
from amocrm_assets.settings.credentials import OAuthSettings, Settings, wrong_credentials
from amocrm_assets.settings.named_field import NamedField
from amocrm_assets.settings.personal_data import HashField
from amocrm_assets.settings.schedule import ScheduleSettings
from amocrm_assets.settings.translation import TranslationSettings


class SourceSettings(Settings):
    """One amoCRM account and what is imported from it."""

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
        description="False: nothing of this source is loaded; its settings, captures and tables are kept.",
        examples=[False],
    )
    import_leads: bool = Field(
        default=True,
        description="False: leads are not loaded, and materialising `raw_leads` is refused. The schedule"
        " stays off if nothing else is imported.",
        examples=[False],
    )
    leads_custom_fields: list[str | int | NamedField] | None = Field(
        default=None,
        description=(
            "Which custom fields to import: names, codes or ids; `{field: …, column: …}` also names the column of"
            " the flat table. Default: all. `[]`: none."
        ),
        examples=[["Город", "UTM_SOURCE", 123456]],
    )
    import_lead_name: bool = Field(
        default=True,
        description="False: lead names are removed before data is written to disk.",
        examples=[False],
    )
    import_deleted: bool = Field(
        default=True,
        description="Also read deleted records, as rows with `is_deleted`.",
        examples=[False],
    )
    leads_status_name: bool = Field(
        default=False,
        description="Shards of leads have `status_name` after `status_id`: the stage's name at `updated_at`.",
        examples=[True],
    )
    import_lead_details: bool = Field(
        default=True,
        description="Contacts, company, tags, products, loss reason, source of each lead, as a second table.",
        examples=[False],
    )
    import_reference: bool = Field(
        default=True,
        description="Reference tables with history: pipelines, stages, users, groups, loss reasons, fields, tags.",
        examples=[False],
    )
    import_events: bool = Field(
        default=False,
        description="Events of leads, contacts, companies and tasks, and a table of each lead's stages.",
        examples=[True],
    )
    import_contacts: bool = Field(
        default=False,
        description="Contacts, as shards `amoCrmContacts_{subdomain}_{day}`.",
        examples=[True],
    )
    contacts_custom_fields: list[str | int | NamedField] | None = Field(
        default=None,
        description="Which custom fields of contacts to import, written as `leads_custom_fields`. Default: all.",
        examples=[["PHONE", "EMAIL"]],
    )
    import_companies: bool = Field(
        default=False,
        description="Companies, as shards `amoCrmCompanies_{subdomain}_{day}`.",
        examples=[True],
    )
    companies_custom_fields: list[str | int | NamedField] | None = Field(
        default=None,
        description="Which custom fields of companies to import, written as `leads_custom_fields`. Default: all.",
        examples=[["ADDRESS"]],
    )
    import_tasks: bool = Field(
        default=False,
        description="Tasks, as shards `amoCrmTasks_{subdomain}_{day}`.",
        examples=[True],
    )
    import_calls: bool = Field(
        default=False,
        description="Calls of leads, contacts and companies, as shards `amoCrmCalls_{subdomain}_{day}`.",
        examples=[True],
    )
    drop_fields: list[str | int] = personal_data.DROP_FIELDS
    hash_fields: list[str | int | HashField] = personal_data.HASH_FIELDS
    store_only_chosen: bool = Field(
        default=False,
        description="True: captures do not store custom fields that are not in `leads_custom_fields`, or in the"
        " lists of contacts and companies. If you add one later, it is empty for earlier days.",
        examples=[True],
    )
    phone_region: str = personal_data.PHONE_REGION
    keep_captures_days: int | None = personal_data.KEEP_CAPTURES_DAYS
    policy_tags: dict[str, str] = personal_data.POLICY_TAGS
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
        description="The time zone in which a day starts and ends at midnight. It should be the account's own.",
        examples=["Europe/Moscow"],
    )
    start_date: str = Field(description="First day to import, `YYYY-MM-DD`.", examples=["2026-01-01"])
    schedule: ScheduleSettings = Field(
        default_factory=ScheduleSettings,
        description="When the previous day is materialised, in `timezone`.",
        examples=[{"hour": 4, "minute": 15}],
    )
    requests_per_second: float = Field(
        default=7,
        description="Maximum number of requests to amoCRM per second. amoCRM allows an integration 7.",
        examples=[3],
    )
    latest_table: bool = Field(
        default=False,
        description="Also keep the flat table `amoCrmLeadsLatest_{subdomain}` with the newest version of each"
        " lead, and such tables of contacts and companies if they are imported.",
        examples=[True],
    )
    latest_view: bool = Field(
        default=False,
        description="Former name of `latest_table`. Use that name instead.",
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
    translation: TranslationSettings | None = Field(
        default=None,
        description="Changes how the assets appear in Dagster: keys, group, owners and more.",
        examples=[{"key_prefix": ["crm"], "group_name": "sales"}],
    )

    _subdomain_text = field_validator("subdomain", mode="before")(checks.text)
    _subdomain = field_validator("subdomain")(checks.subdomain)
    _base_url = field_validator("base_url")(checks.origin)
    _access_token_env = field_validator("access_token_env")(checks.variable)
    _timezone = field_validator("timezone")(checks.zone)
    _display_name = field_validator("display_name")(checks.title)
    _custom_fields = field_validator(*WITH_CUSTOM_FIELDS, mode="before")(checks.field_names)
    _named_columns = field_validator(*WITH_CUSTOM_FIELDS)(checks.named_columns)
    _import_reference = field_validator("import_reference")(checks.reference)
    _drop_fields = field_validator("drop_fields", mode="before")(checks.names)
    _drop_fields_needed = field_validator("drop_fields")(personal_data.protected)
    _hash_fields = field_validator("hash_fields", mode="before")(checks.names)
    _hash_fields_needed = field_validator("hash_fields")(personal_data.hashed)
    _phone_region = field_validator("phone_region")(checks.region)
    _policy_tags = field_validator("policy_tags")(personal_data.policy_tags)
    _keep_captures_days = field_validator("keep_captures_days")(checks.days_kept)
    _start_date = field_validator("start_date", mode="before")(checks.day)
    _requests_per_second = field_validator("requests_per_second")(checks.rate)
    _owners = field_validator("owners")(checks.owners)
    _tags = field_validator("tags")(checks.tags)

    @model_validator(mode="after")
    def _has_one_kind_of_credentials(self) -> SourceSettings:
        if wrong := wrong_credentials(self.access_token_env, self.oauth):
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _tags_columns_that_exist(self) -> SourceSettings:
        lists = [getattr(self, name) or () for name in WITH_CUSTOM_FIELDS]
        named = [each.column for fields in lists for each in fields if isinstance(each, NamedField)]
        if wrong := personal_data.unknown_column(self.policy_tags, named):
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _treats_each_field_in_one_way(self) -> SourceSettings:
        if wrong := personal_data.contradiction(
            self.drop_fields,
            self.hash_fields,
            store_only_chosen=self.store_only_chosen,
            chosen={name: getattr(self, name) for name in WITH_CUSTOM_FIELDS},
        ):
            raise ValueError(wrong)
        return self

    @property
    def key(self) -> str:
        """First part of the asset keys, and the group: the subdomain with hyphens as underscores."""
        return self.subdomain.replace("-", "_")

    @property
    def title(self) -> str:
        """The display name of the source."""
        return self.display_name or self.subdomain

    @property
    def url(self) -> str:
        """Address of the account, without a trailing slash."""
        return self.base_url or f"https://{self.subdomain}.amocrm.ru"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which a day starts and ends at midnight."""
        return ZoneInfo(self.timezone)

    @property
    def has_latest_table(self) -> bool:
        """Whether flat tables are made. `latest_view`, the former name, also switches them on."""
        return self.latest_table or self.latest_view

    @property
    def first_day(self) -> date:
        """First partition day."""
        return date.fromisoformat(self.start_date)
