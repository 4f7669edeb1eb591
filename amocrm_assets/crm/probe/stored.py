"""Stores the report of an account's last probe: `probes/{subdomain}.json`, beside the captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.probe.report import ProbeState, from_bytes, to_bytes
from amocrm_assets.errors import Busy

if TYPE_CHECKING:
    from amocrm_assets.crm.probe.report import ProbeReport
    from amocrm_assets.storage import Storage


def probe_name(subdomain: str) -> str:
    """The report's name in the storage."""
    return f"probes/{subdomain}.json"


def read_probe(storage: Storage, subdomain: str) -> ProbeState:
    """What is known about the account. A report that cannot be used is no error: readings do not need one."""
    kept = storage.read(probe_name(subdomain))
    return ProbeState(subdomain) if kept is None else from_bytes(subdomain, kept.content)


def write_probe(storage: Storage, subdomain: str, report: ProbeReport) -> None:
    """Store a report, replacing the previous one. The caller holds the account's lock."""
    name = probe_name(subdomain)
    before = storage.read(name)
    if storage.write(name, to_bytes(report), if_version=None if before is None else before.version) is None:
        raise Busy(
            f"Keeping {name}",
            cause="another process wrote it at the same moment.",
            fix=f"Run `amocrm-assets probe {subdomain}` again.",
            source=subdomain,
        )
