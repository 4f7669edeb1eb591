"""The status of a source's authorisation, without requests to amoCRM.

Whether amoCRM still accepts it is tested by `amocrm-assets check`, and by every run.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from amocrm_assets.crm.authorisation import expiry_warning, open_authorisation
from amocrm_assets.crm.http.error_context import renewal
from amocrm_assets.errors import AmoCrmAssetsError

if TYPE_CHECKING:
    from amocrm_assets.settings import Deployment, SourceSettings


@dataclass(frozen=True)
class AuthorisationStatus:
    """Who is connected and until when; `problem` is something that a user has to fix."""

    connected_as: str | None
    expires_at: int | None
    problem: str | None


def authorisation_status(
    source: SourceSettings, deployment: Deployment, *, now: float | None = None
) -> AuthorisationStatus:
    """The status of a source's authorisation. Nothing is sent and nothing refreshed."""
    now = time.time() if now is None else now
    authorisation = open_authorisation(source, deployment)
    try:
        connected_as, expires_at = authorisation.connected_as(), authorisation.expires_at()
    except AmoCrmAssetsError as error:  # the error is the result here
        return AuthorisationStatus(None, None, f"{error.cause} {error.fix}")
    warning = expiry_warning(expires_at, now=now)
    return AuthorisationStatus(connected_as, expires_at, warning and f"{warning} {renewal(source)}")
