"""The rate limiters of this process: one for each account, whoever asks it, from one step of a run to the next.

What one reading has learnt of the network, the next one begins with. Between processes
`account_lock` hands over what an account's limiter has learnt.
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
    """The limiter of the source's account. Its pauses end when the scope of the thread that waits is cancelled.

    Raises `SettingsError` for a limit of the deployment that is none.
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
