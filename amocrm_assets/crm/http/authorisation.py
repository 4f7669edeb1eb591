"""The protocol that the client needs of an authorisation: the token to send, and a newer one after a 401."""

from __future__ import annotations

from typing import Protocol


class Authorisation(Protocol):
    """An authorisation of one source. Safe to share between threads; its `repr` holds no secret."""

    def token(self) -> str:
        """The bearer token to send now. Raises `NotAuthorised`."""
        ...

    def renew(self, refused: str) -> str:
        """The token for a second attempt after a 401: a newer one, or `refused` itself if none can be obtained.

        A single 401 can be a mistake of the server; the second one in a row is final. Raises `NotAuthorised`.
        """
        ...

    def expires_at(self) -> int | None:
        """When the authorisation must be renewed manually, unless it is refreshed before; None if unknown."""
        ...
