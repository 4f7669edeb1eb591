"""`/sandbox/…`: change options and records of a running sandbox, from another process. Not part of amoCRM."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from amocrm_assets.sandbox.http.api import world_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from amocrm_assets.sandbox.account.account import Account
    from amocrm_assets.sandbox.account.linked import LinkedRecords
    from amocrm_assets.sandbox.world import Sandbox


def routes() -> list[Route]:
    """Beside the API, without limits and faults."""
    return [
        Route("/sandbox/control", _options),
        Route("/sandbox/control", _change, methods=["POST"]),
        Route("/sandbox/do", _do, methods=["POST"]),
        Route("/sandbox/requests", _requests),
        Route("/sandbox/token", _token),
    ]


async def _options(request: Request) -> Response:
    return JSONResponse(asdict(world_of(request).options))


async def _change(request: Request) -> Response:
    """Change options by their names: `{"filters_enabled": false, "faults": [{"kind": "502", "rate": 0.1}]}`."""
    sandbox = world_of(request)
    try:
        sandbox.configure(**json.loads(await request.body()))
    except (TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    return JSONResponse(asdict(sandbox.options))


async def _do(request: Request) -> Response:
    """`{"edit": [ids], "delete": [ids], "restore": [ids], "purge": [ids], "merge": {"1": 2}, "revoke": true,
    "unblock": true, "advance_seconds": 60}`. Ids are of leads, unless lists are named:
    `{"edit": {"tasks": [ids]}}`; `merge` merges a lead into another one."""
    sandbox = world_of(request)
    try:
        _done(sandbox, json.loads(await request.body()))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    return JSONResponse({"now": sandbox.clock.now()})


def _done(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    sandbox.clock.advance(changes.pop("advance_seconds", 0))
    for change in ("edit", "delete", "restore", "purge"):
        given = changes.pop(change, ())
        for name, ids in (given if isinstance(given, dict) else {"leads": given}).items():
            for record_id in ids:
                getattr(_list(sandbox, name), change)(record_id)
    for lead_id, into in changes.pop("merge", {}).items():
        sandbox.account.merge(int(lead_id), into)
    if changes.pop("revoke", False):
        sandbox.tokens.revoke()
    if changes.pop("unblock", False):
        sandbox.limiter.reset()
    if changes:
        raise ValueError(f"unknown operations: {', '.join(sorted(changes))}")


def _list(sandbox: Sandbox, name: str) -> Account | LinkedRecords[Any]:
    """A list by its name in `/api/v4/{name}`."""
    lists: dict[str, Account | LinkedRecords[Any]] = {
        "leads": sandbox.account,
        "contacts": sandbox.contacts,
        "companies": sandbox.companies,
        "tasks": sandbox.tasks,
        **{f"{owners}/notes": notes for owners, notes in sandbox.notes.items()},
    }
    return lists[name]


async def _requests(request: Request) -> Response:
    """The requests so far, below `?path=`."""
    sandbox = world_of(request)
    log = sandbox.requests
    path = request.query_params.get("path", "/")
    log_entries = log.of(path)
    return JSONResponse(
        {
            "requests": len(log_entries),
            "rows": sum(each.rows for each in log_entries),
            "by_status": dict(Counter(str(each.status) for each in log_entries)),
            "refused": sandbox.limiter.refusals,
            "most_in_a_second": log.most_in_a_second(path),
            "last": [each.as_json() for each in log_entries[-20:]],
        }
    )


async def _token(request: Request) -> Response:
    return PlainTextResponse(world_of(request).token)
