"""The credentials in a source's settings: names of environment variables that hold secrets, never secrets."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from amocrm_assets.settings.loopback import is_cleartext

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Settings(BaseModel):
    """Base class of settings: unknown names are errors, and values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OAuthSettings(Settings):
    """OAuth 2.0 of an amoCRM integration; `docs/connecting.md` shows where amoCRM displays the three values."""

    client_id_env: str = Field(
        description="Name of the environment variable that holds the integration's id.",
        examples=["AMOCRM_CLIENT_ID"],
    )
    client_secret_env: str = Field(
        description="Name of the environment variable that holds the integration's secret key.",
        examples=["AMOCRM_CLIENT_SECRET"],
    )
    redirect_uri: str = Field(
        description="The redirect address, exactly as in the integration's settings.",
        examples=["http://127.0.0.1:8910/callback"],
    )

    @field_validator("client_id_env", "client_secret_env")
    @classmethod
    def _is_a_variable(cls, value: str) -> str:
        return variable_name(value)

    @field_validator("redirect_uri")
    @classmethod
    def _is_a_redirect_address(cls, value: str) -> str:
        if "@" in value:  # not repeated: it may hold a password
            raise ValueError(
                "an address must not contain a user or a password; write like http://127.0.0.1:8910/callback"
            )
        if not re.fullmatch(r"https?://[^\s#]{1,2000}", value) or not has_a_host(value):
            raise ValueError(f"{value[:100]!r} is not an address; write like http://127.0.0.1:8910/callback")
        if is_cleartext(value):
            raise ValueError(
                f"{value[:100]!r} would send the authorisation code unencrypted; write https://, or http:// with"
                " 127.0.0.1, [::1] or localhost (the same in the integration's settings)"
            )
        return value


def has_a_host(url: str) -> bool:
    """Whether an address has a host, and a valid port if it has one."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is not a number up to 65535, or a bracket is not closed
        return False


def wrong_credentials(access_token_env: object, oauth: object) -> str | None:
    """What is wrong with a source's credentials, if anything: it needs exactly one kind."""
    if (access_token_env is None) != (oauth is None):
        return None
    return f"give either access_token_env or oauth ({'both' if oauth else 'neither'} given)"


def variable_name(value: str) -> str:
    """The name of a variable, unchanged. Raises `ValueError` for a text that cannot be a name."""
    if not VARIABLE.fullmatch(value):
        raise ValueError("write the NAME of an environment variable, not its value")
    return value
