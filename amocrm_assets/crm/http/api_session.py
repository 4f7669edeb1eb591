"""The HTTP session for requests to the API: its headers, the token, and no cookies."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import requests

from amocrm_assets.crm.http.transport import Session

MAX_CONNECTIONS = 32


class Bearer(requests.auth.AuthBase):
    """Puts the token into the header; as `auth` it also prevents `requests` from reading ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def api_session(url: str) -> Session:
    """A session with the headers of every request to the API."""
    session = Session(url, connections=MAX_CONNECTIONS)
    session.headers["User-Agent"] = "amocrm-assets"
    session.headers["Accept"] = "application/hal+json, application/json"
    # amoCRM sends cookies that are not needed, and a cookie jar is not thread-safe.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session
