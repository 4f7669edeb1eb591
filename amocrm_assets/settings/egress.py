"""The rate limit of the whole deployment, for sources that share an egress IP address. Off by default."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings import places
from amocrm_assets.settings.deployment import Deployment, file_mode

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "AMOCRM_REQUESTS_PER_SECOND"
MAX_PER_SECOND = 1000.0


@dataclass(frozen=True)
class EgressSettings:
    """The rate limit of all sources together; the processes of a machine coordinate through `file`."""

    requests_per_second: float
    file: Path
    file_mode: int


def egress_settings(environment: Mapping[str, str] = os.environ) -> EgressSettings | None:
    """From `AMOCRM_REQUESTS_PER_SECOND`; None if it is unset or empty.

    Raises `SettingsError` for a value that is not a number of requests.
    """
    written = environment.get(VARIABLE, "").strip()
    if not written:
        return None
    try:
        per_second = float(written)
    except ValueError:
        per_second = 0.0
    if not 0 < per_second <= MAX_PER_SECOND:
        raise SettingsError(
            f"Reading {VARIABLE}={written}",
            cause=f"it is not a number of requests above 0, up to {MAX_PER_SECOND:.0f}.",
            fix=f"Set {VARIABLE} to the limit of the IP address that the sources share (7), or leave it empty.",
            variable=VARIABLE,
        )
    return EgressSettings(per_second, _shared_file(environment), file_mode(environment))


def _shared_file(environment: Mapping[str, str]) -> Path:
    """A file in the storage's folder; in the temporary folder if the storage is a bucket, which is too slow."""
    written = environment.get("AMOCRM_STORAGE", "").strip() or Deployment.storage
    storage = places.folder_or_bucket("AMOCRM_STORAGE", written, environment)
    if storage.startswith("gs://"):
        place = f"amocrm-assets-{sha256(storage.encode()).hexdigest()[:16]}"
        return Path(tempfile.gettempdir()) / place / "requests"
    return Path(storage) / "locks" / ".requests"
