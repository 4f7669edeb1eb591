"""One server for all tests of the sandbox; each test makes another sandbox of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from amocrm_assets.sandbox import Population, Sandbox, SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = 1_767_258_000  # 2026-01-01T12:00 in Moscow
DAY = 86_400


def quiet(**changes: Any) -> SandboxOptions:
    """A hundred leads changed within one day, a stopped clock, no limit."""
    given: dict[str, Any] = {
        "populations": (Population(leads=100, updated_from=NOON - DAY, updated_to=NOON - 1),),
        "frozen_at": float(NOON),
        "requests_per_second": None,
    }
    return SandboxOptions(**(given | changes))


class Asking:
    """A plain client: one session, the sandbox's token."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self._sandbox = sandbox
        self._session = session

    def get(self, path: str, **more: Any) -> requests.Response:
        """Ask with the token; parameters whose names have brackets go in `params`."""
        headers = {"Authorization": f"Bearer {self._sandbox.token}"} | more.pop("headers", {})
        return self._session.get(self._sandbox.url + path, headers=headers, timeout=60, **more)

    def leads(self, **params: Any) -> list[dict[str, Any]]:
        """The leads of one page; `updated_from`, `updated_to` and `order` are written out."""
        response = self.page(**params)
        return [] if response.status_code == 204 else list(response.json()["_embedded"]["leads"])

    def page(self, **params: Any) -> requests.Response:
        """One page of leads."""
        brackets = {
            "updated_from": "filter[updated_at][from]",
            "updated_to": "filter[updated_at][to]",
            "order": "order[updated_at]",
            "extra": "with",
        }
        return self.get("/api/v4/leads", params={brackets.get(name, name): each for name, each in params.items()})

    def post(self, path: str, content: Any) -> requests.Response:
        """Send JSON."""
        return self._session.post(self._sandbox.url + path, json=content, timeout=60, allow_redirects=False)


@pytest.fixture
def sandbox(served: Sandbox) -> Sandbox:
    served.reset(quiet())
    return served


@pytest.fixture
def asking(sandbox: Sandbox) -> Iterator[Asking]:
    with requests.Session() as session:
        yield Asking(sandbox, session)
