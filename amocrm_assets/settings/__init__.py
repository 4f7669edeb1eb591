"""Settings of sources and of the deployment; the only package that reads environment variables."""

from amocrm_assets.settings.attribute_checks import SUBDOMAIN
from amocrm_assets.settings.credentials import OAuthSettings, wrong_credentials
from amocrm_assets.settings.deployment import (
    Deployment,
    dagster_home,
    file_mode,
    google_key_file,
    history_not_kept,
    secret,
)
from amocrm_assets.settings.loopback import is_cleartext, is_loopback
from amocrm_assets.settings.named_field import NamedField
from amocrm_assets.settings.personal_data import HASH_KEY_VARIABLE, HashField, hash_field, hash_key
from amocrm_assets.settings.schedule import ScheduleSettings
from amocrm_assets.settings.source import SourceSettings

__all__ = [
    "HASH_KEY_VARIABLE",
    "SUBDOMAIN",
    "Deployment",
    "HashField",
    "NamedField",
    "OAuthSettings",
    "ScheduleSettings",
    "SourceSettings",
    "dagster_home",
    "file_mode",
    "google_key_file",
    "hash_field",
    "hash_key",
    "history_not_kept",
    "is_cleartext",
    "is_loopback",
    "secret",
    "wrong_credentials",
]
