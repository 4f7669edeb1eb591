"""The rate limit of the whole deployment, for sources that share an egress address. Off unless set."""

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
    """The requests per second of all sources together; `file` is shared by the processes of a machine."""

    requests_per_second: float
    file: Path
    file_mode: int


def egress_settings(environment: Mapping[str, str] = os.environ) -> EgressSettings | None:
    """The limit in `AMOCRM_REQUESTS_PER_SECOND`; None if it is unset or empty.

    Raises `SettingsError` for an invalid number.
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
            fix=f"Set {VARIABLE} to the limit of the address that the sources share (7), or leave it empty.",
            variable=VARIABLE,
        )
    return EgressSettings(per_second, _shared_file(environment), file_mode(environment))


def _shared_file(environment: Mapping[str, str]) -> Path:
    """In the storage's folder; in the machine's temporary folder if the storage is a bucket, which is too slow."""
    written = Deployment.storage_address(environment)
    storage = places.folder_or_bucket("AMOCRM_STORAGE", written, environment)
    if storage.startswith("gs://"):
        place = f"amocrm-assets-{sha256(storage.encode()).hexdigest()[:16]}"
        return Path(tempfile.gettempdir()) / place / "requests"
    return Path(storage) / "locks" / ".requests"
