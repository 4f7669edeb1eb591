"""The client of an account for a whole run: every reading uses its connections, tokens and verified account.

`AmoCrmResource` has one. `crm.http.account_lock` decides who may send requests, and when.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.crm.http.client import AmoCrmClient


class RunClient:
    """A client that is opened at its first use and stays open. Used by one thread at a time."""

    def __init__(self) -> None:
        self._client: AmoCrmClient | None = None

    @contextmanager
    def use(self, open_client: Callable[[], AmoCrmClient]) -> Iterator[AmoCrmClient]:
        """The client. After an error or a signal in the body it is closed, and the next use has a new one.

        Other threads may still be sending requests after a failure; only closing the client ends them.
        """
        client = self._client
        if client is None or client.scope.cancelled:
            client = self._client = open_client()
            # A resource without a run, or of a run of users' own assets only, has no teardown.
            weakref.finalize(self, client.close)
        try:
            yield client
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End its requests, and close its connections."""
        if self._client is not None:
            self._client.close()
            self._client = None
