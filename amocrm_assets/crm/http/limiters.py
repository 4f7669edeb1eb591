"""The rate limiters of this process: one for each account, shared by all clients and steps.

So each run starts with what earlier ones have learned about the network. Between processes `account_lock` hands
over the state of an account's limiter.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from amocrm_assets import cancellation
from amocrm_assets.crm.http.egress_limit import EgressLimit
from amocrm_assets.crm.http.rate_limiter import RateLimiter
from amocrm_assets.settings.egress import egress_settings

if TYPE_CHECKING:
    from amocrm_assets.settings import SourceSettings

_limiters: dict[str, RateLimiter] = {}
_lock = threading.Lock()


def limiter_of(source: SourceSettings) -> RateLimiter:
    """The limiter of the source's account. Its waits end when the cancel scope of the waiting thread is cancelled.

    Raises `SettingsError` for an invalid limit of the deployment.
    """
    with _lock:
        before = _limiters.get(source.url)
        if before is not None and before.requests_per_second == source.requests_per_second:
            return before
        egress = egress_settings()
        limiter = RateLimiter(
            source.requests_per_second,
            sleep=cancellation.sleep,
            reserve=EgressLimit(egress).reserve if egress else None,
        )
        if before is not None:
            limiter.start_after(before.drain_delay())
        _limiters[source.url] = limiter
        return limiter
