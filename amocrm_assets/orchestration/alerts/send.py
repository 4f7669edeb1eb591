"""Sends messages to Apprise addresses (`slack://…`, `tgram://…`, `mailto://…`), each within some seconds."""

from __future__ import annotations

import logging
import re
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
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,19}://", re.IGNORECASE)


def name_of(address: str) -> str:
    """A name for an address without its secrets."""
    return sha256(address.encode()).hexdigest()[:12]


def shown(address: str) -> str:
    """An address that Apprise supports, for display, its secrets as dots."""
    return str(_service(address).url(privacy=True))


def senders(addresses: Sequence[str]) -> dict[str, Callable[[Message], bool]]:
    """A function for each address that Apprise supports, by its name."""
    return {name_of(address): partial(send, address) for address in addresses if _service(address)}


def unsupported(addresses: Sequence[str]) -> list[str]:
    """The addresses that Apprise does not support, in words without secrets."""
    return [
        f"address {number} ({_scheme(address)})"
        for number, address in enumerate(addresses, start=1)
        if not _service(address)
    ]


def require_supported(addresses: Sequence[str]) -> None:
    """Raise `SettingsError`, which names each address that Apprise does not support, if there is one."""
    if wrong := unsupported(addresses):
        raise SettingsError(
            f"Reading the environment variable {VARIABLE}",
            cause=f"Apprise does not support {', '.join(wrong)}.",
            fix="Write addresses into AMOCRM_ALERTS as on https://github.com/caronc/apprise/wiki,"
            " with spaces between them.",
            variable=VARIABLE,
        )


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
    """Apprise's object for an address; None if it does not support the address."""
    from apprise import Apprise

    # Apprise logs an address that it does not support, including secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    return Apprise.instantiate(address, suppress_exceptions=True)


def _scheme(address: str) -> str:
    """How an address begins. What is not certainly a scheme may be a secret."""
    found = _SCHEME.match(address)
    return f"it begins with {found[0]}" if found else "it does not begin like slack://"
