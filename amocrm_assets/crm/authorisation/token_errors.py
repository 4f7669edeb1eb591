"""What an error response of the token endpoint means, and how to fix it.

amoCRM's texts are localised, so only the status and `hint` are used (amocrm-php issues 83, 123, 315). A test
compares the table in docs/connecting.md with this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import requests

from amocrm_assets.errors import AccountBlocked, AccountUnpaid, AmoCrmAssetsError, NotAuthorised, UnexpectedAnswer

if TYPE_CHECKING:
    from amocrm_assets.settings import OAuthSettings, SourceSettings

CONNECT = "Run `amocrm-assets connect {subdomain}`."
NEW_CODE = "Run `amocrm-assets connect {subdomain}` again: each code works once, for 20 minutes."
SAME_INTEGRATION = "Put id and secret of one integration into {client_id_env} and {client_secret_env}."


class Meaning(NamedTuple):
    """An error and its texts; settings are in braces."""

    kind: type[AmoCrmAssetsError]
    cause: str
    fix: str


UNKNOWN_INTEGRATION = Meaning(
    NotAuthorised,
    "it does not know this integration id with this secret, or there is no such account.",
    f"{SAME_INTEGRATION} Check that the address is the account's.",
)
ANOTHER_INTEGRATION = Meaning(
    NotAuthorised, "that was given to another integration.", f"{SAME_INTEGRATION} Then: {CONNECT}"
)
# By grant ("" is any) and a part of the hint. The first match counts.
HINTS = {
    ("", "redirect"): Meaning(
        NotAuthorised,
        "the redirect address is not the integration's.",
        "Make `redirect_uri` in the source's defs.yaml the one on the integration's page, letter by letter.",
    ),
    ("authorization_code", "this client"): ANOTHER_INTEGRATION,
    ("refresh_token", "to client"): ANOTHER_INTEGRATION,
    ("", "client"): UNKNOWN_INTEGRATION,
    ("authorization_code", "expired"): Meaning(NotAuthorised, "the code is older than 20 minutes.", NEW_CODE),
    ("authorization_code", "revoked"): Meaning(NotAuthorised, "the code has been used already.", NEW_CODE),
    ("authorization_code", ""): Meaning(
        NotAuthorised, "this is no code of this integration, or not the whole of it.", NEW_CODE
    ),
    ("refresh_token", "expired"): Meaning(
        NotAuthorised, "the refresh token has expired; unused, it lives three months.", CONNECT
    ),
    ("refresh_token", "revoked"): Meaning(
        NotAuthorised,
        "the refresh token has been used already, perhaps by a copy of the stored tokens, or somebody has"
        " withdrawn the access in amoCRM.",
        f"{CONNECT} Let all machines share one token store.",
    ),
    ("refresh_token", ""): Meaning(NotAuthorised, "the refresh token is not valid.", CONNECT),
}
STATUSES = {
    400: UNKNOWN_INTEGRATION,
    401: UNKNOWN_INTEGRATION,
    402: Meaning(
        AccountUnpaid,
        "the account's subscription has ended.",
        "Pay it, then run `amocrm-assets check {subdomain}`.",
    ),
    403: Meaning(
        AccountBlocked,
        "it refuses this machine (403): the account allows other IP addresses only, or has blocked this one.",
        "Check the account's security settings, or ask amoCRM's support. Do not run before that; then run"
        " `amocrm-assets check {subdomain}`.",
    ),
    404: Meaning(
        NotAuthorised,
        "there is no account at this address (404).",
        "Correct `subdomain` or `base_url` in the source's defs.yaml.",
    ),
}
ELSEWHERE = Meaning(
    NotAuthorised,
    "it redirects to another address, to which secrets are not sent.",
    "Set `base_url` in the source's defs.yaml to the account's own address.",
)
UNDESCRIBED = Meaning(UnexpectedAnswer, "its API does not document this.", "Report this.")


class _Problem(msgspec.Struct):
    hint: str = ""


def refusal(
    response: requests.Response, *, source: SourceSettings, oauth: OAuthSettings, grant_type: str
) -> AmoCrmAssetsError:
    """The error to raise for a response of the token endpoint that is neither a pair nor a passing fault."""
    meaning = _meaning(response, grant_type)
    return meaning.kind(
        f"Asking {source.url} for tokens of {source.subdomain}",
        cause=meaning.cause,
        fix=meaning.fix.format(
            subdomain=source.subdomain,
            client_id_env=oauth.client_id_env,
            client_secret_env=oauth.client_secret_env,
        ),
        source=source.subdomain,
        status=response.status_code,
    )


def _meaning(response: requests.Response, grant_type: str) -> Meaning:
    status = response.status_code
    if response.is_redirect:
        return ELSEWHERE
    if status in {requests.codes.bad_request, requests.codes.unauthorized} and (hint := _hint(response)):
        return next(HINTS[key] for key in HINTS if key[0] in {"", grant_type} and key[1] in hint)
    return STATUSES.get(status, UNDESCRIBED)


def _hint(response: requests.Response) -> str:
    try:
        return msgspec.json.decode(response.content, type=_Problem).hint.lower()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""  # an HTML page of the gateway has no hint; this is not an error
