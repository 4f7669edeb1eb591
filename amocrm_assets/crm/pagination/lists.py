"""Reads any list of API v4 page by page, without verification.

Lists that change while they are read, and must be read completely, are read by `window_reader`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.http.responses import NO_CONTENT, RetryableError
from amocrm_assets.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.http.responses import Response

    Records = list[dict[str, Any]]

# Every documented list accepts 250 or, like events, reduces it.
DEFAULT_LIMIT = 250
# Others have read about 990 pages of contacts. The limit ends a list that always has a next page.
MAX_PAGES = 10_000


def list_pages(client: AmoCrmClient, path: str, params: Mapping[str, Any]) -> Iterator[Records]:
    """The records of each page, until a page has no `next`. `params` may set `limit`, and a first `page`.

    Raises `UnexpectedAnswer` for a list without end or with a repeated page, and the errors of
    `AmoCrmClient.request`.
    """
    first = int(params.get("page", 1))
    before: Records = []
    for page in range(first, first + MAX_PAGES):
        records, has_next = client.request(path, {"limit": DEFAULT_LIMIT, **params, "page": page}, parse_list)
        if records and records == before:
            raise _endless(
                path, f"page {page} is identical to page {page - 1}.", "Report this, with the requested path."
            )
        before = records
        if records:
            yield records
        if not has_next:
            return
    raise _endless(
        path,
        f"there is a next page after {MAX_PAGES} pages.",
        "Narrow the list with a filter; if it cannot be that long, report this.",
    )


def _endless(path: str, cause: str, fix: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"Reading {path}", cause=cause, fix=fix)


def parse_list(response: Response) -> tuple[Records, bool]:
    """The records of a page, and whether a next one exists. Raises `RetryableError` for an invalid page."""
    if response.status == NO_CONTENT:
        return [], False
    body = response.json()
    links = body.get("_links") if isinstance(body, dict) else None
    if not isinstance(links, dict):
        raise RetryableError("a page of a list without _links", status=response.status)
    lists = [found for found in _embedded(body).values() if isinstance(found, list)]
    if len(lists) != 1:
        raise RetryableError("a page that holds no list, or several", status=response.status)
    return lists[0], bool(links.get("next"))


def _embedded(body: dict[str, Any]) -> dict[str, Any]:
    found = body.get("_embedded")
    return found if isinstance(found, dict) else {}
