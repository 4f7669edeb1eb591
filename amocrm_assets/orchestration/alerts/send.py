"""Sends messages to Apprise addresses (`slack://…`, `tgram://…`, `mailto://…`), each within some seconds."""

from __future__ import annotations

import logging
import threading
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from amocrm_assets.errors import SettingsError
from amocrm_assets.settings.alerts import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from amocrm_assets.orchestration.alerts.problem import Message

# Dagster ends an evaluation of a sensor after 60 seconds.
DEADLINE_SECONDS = 10.0


def name_of(address: str) -> str:
    """A name for an address without its secrets."""
    return sha256(address.encode()).hexdigest()[:12]


def shown(address: str) -> str:
    """An address for display, its secrets as dots. Raises `SettingsError` for an unsupported one."""
    return str(_service(address).url(privacy=True))


def senders(addresses: Sequence[str]) -> dict[str, Callable[[Message], bool]]:
    """A function for each address, by its name. Raises `SettingsError` for one that Apprise does not support."""
    for address in addresses:
        _service(address)
    return {name_of(address): partial(send, address) for address in addresses}


def send(address: str, message: Message, *, deadline_seconds: float = DEADLINE_SECONDS) -> bool:
    """Whether the service accepted the message within the deadline; Apprise's log has the reason otherwise."""
    taken: list[bool] = []
    # A slow trickle of bytes could block the sensor indefinitely, so the thread is abandoned.
    thread = threading.Thread(target=lambda: taken.append(_notify(address, message)), daemon=True, name="alert")
    thread.start()
    thread.join(deadline_seconds)
    return taken == [True]


def _notify(address: str, message: Message) -> bool:
    from apprise import Apprise, NotifyFormat

    service = Apprise()
    service.add(address)
    return bool(service.notify(title=message.title, body=message.body, body_format=NotifyFormat.TEXT))


def _service(address: str) -> Any:
    from apprise import Apprise

    # Apprise logs an address that it does not support, including secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    service = Apprise.instantiate(address, suppress_exceptions=True)
    if service is None:
        raise SettingsError(
            f"Reading the environment variable {VARIABLE}",
            cause=f"Apprise does not support an address that begins with {address.partition('://')[0][:20]!r}.",
            fix="Write addresses into AMOCRM_ALERTS as on https://github.com/caronc/apprise/wiki,"
            " with spaces between them.",
            variable=VARIABLE,
        )
    return service
