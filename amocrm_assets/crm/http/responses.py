"""What a response of amoCRM means: continue, retry, wait, renew the token, or stop.

The functions are pure. The rules follow the API's error pages and the experience of many clients
(https://www.amocrm.ru/developers/content/crm_platform/error-codes): gateways return HTML instead of JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.http.error_context import NO_CONTEXT, ErrorContext
from amocrm_assets.errors import (
    AccessDenied,
    AccountBlocked,
    AccountUnpaid,
    AmoCrmAssetsError,
    NotAuthorised,
    SettingsError,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# amoCRM's response for an empty list.
NO_CONTENT = 204
MAX_WAIT_SECONDS = 600.0
# Descriptions of errors are short; a longer body is something else.
MAX_PROBLEM_BYTES = 1 << 20
# For lists that are decoded at once. The largest known page, 250 fields with 1,000 options each, has 1,000,000.
MAX_JSON_VALUES = 2_000_000


@dataclass(frozen=True)
class Response:
    """One response as received. `headers` have lower-case names; errors name the source in `context`."""

    path: str
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    context: ErrorContext = NO_CONTEXT

    def json(self) -> Any:
        """The body as JSON. Raises `RetryableError` if it is not JSON: truncated, empty, or a gateway's page.

        Raises `UnexpectedAnswer` for more values than `MAX_JSON_VALUES`, or nesting that is too deep for Python.
        """
        # Counted before decoding: one byte of JSON can become a hundred bytes of objects.
        if sum(self.body.count(mark) for mark in (b",", b"[", b"{")) > MAX_JSON_VALUES:
            raise too_complex(self, f"it has more than {MAX_JSON_VALUES:,} values")
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RetryableError(f"{self.status} with a body that is not JSON", status=self.status) from error
        except RecursionError as error:
            raise too_complex(self, "it is nested too deeply to be read") from error

    @property
    def is_html(self) -> bool:
        """Whether a gateway responded instead of the application."""
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"

    @property
    def sent_at(self) -> int | None:
        """amoCRM's clock at the time of the response, Unix seconds, from the `Date` header."""
        return _date(self.headers.get("date"))


class RetryableError(Exception):
    """A retry is likely to succeed. `fix` is what to do if it does not, if that is more than to wait."""

    def __init__(self, reason: str, *, status: int | None = None, fix: str | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.fix = fix


class ReadTimeout(RetryableError):
    """No response in time."""


class RateLimited(RetryableError):
    """Too many requests. `wait_seconds` is amoCRM's `Retry-After`, None without one."""

    def __init__(self, wait_seconds: float | None) -> None:
        super().__init__("429, too many requests", status=429)
        self.wait_seconds = wait_seconds


class RequestsExhausted(Exception):
    """A client with `max_requests`, used by one thread, has sent that many, including retries."""


class Unauthorized(Exception):
    """401: amoCRM does not accept the token."""


def raise_for_status(response: Response) -> None:
    """Return for 200 and 204. Raises `RetryableError`, `RateLimited`, `Unauthorized`, or what ends the run."""
    status = response.status
    if status in {200, 204}:
        return
    if status == 401:  # noqa: PLR2004
        raise Unauthorized
    if status == 429:  # noqa: PLR2004
        raise RateLimited(_wanted_wait(response))
    if status >= 500 or status == 408:  # noqa: PLR2004
        raise RetryableError(f"{status} from the server", status=status)
    raise _stop(response)


def not_accepted(response: Response) -> NotAuthorised:
    """The error for a token that was refused twice."""
    return NotAuthorised(
        _operation(response),
        cause=f"401, the token is not accepted, twice in a row{_detail(response)}.",
        fix="It was revoked, or belongs to another account, or the account was renamed."
        f" {response.context.renewal}",
        **_facts(response),
    )


def too_complex(response: Response, what: str) -> UnexpectedAnswer:
    """The error for a response that would crash this process: amoCRM itself does not send such responses."""
    return UnexpectedAnswer(
        _operation(response),
        cause=f"the response cannot be read: {what}.",
        fix=f"Check base_url in {response.context.file}; if it is right, report this with the request id.",
        **_facts(response),
    )


def _stop(response: Response) -> AmoCrmAssetsError:
    operation, facts, context = _operation(response), _facts(response), response.context
    match response.status:
        case 402:
            return AccountUnpaid(
                operation,
                cause="402, the account is not paid.",
                fix=f"Pay the amoCRM subscription, then materialise the missing days ({context.run}).",
                **facts,
            )
        case 403 if response.is_html:
            return AccountBlocked(
                operation,
                cause="403 as a web page, so amoCRM's gateway blocks this address or integration.",
                fix="Send no further requests. Ask amoCRM's support to lift the block, and lower"
                f" requests_per_second in {context.file} if other integrations use this account too.",
                **facts,
            )
        case 403:
            return AccessDenied(
                operation,
                cause=f"403, not allowed{_detail(response)}.",
                fix=f"Give the token's user the right to see {_subject(response)}, and check the account's list of"
                f" allowed IP addresses. {context.check} shows whether it helped.",
                **facts,
            )
        case status if 300 <= status < 400 and "location" in response.headers:  # noqa: PLR2004
            return SettingsError(
                operation,
                cause=f"{status}, the account has another address: {_origin(response)}.",
                fix=f"Set base_url in {context.file} (and subdomain, if renamed) to the account's own address.",
                **facts,
            )
        case status:
            return UnexpectedAnswer(
                operation,
                cause=f"{status}{_detail(response)}.",
                fix=f"Check base_url in {context.file}; if it is right, report this with the request id.",
                **facts,
            )


def _wanted_wait(response: Response) -> float | None:
    """The wait in `Retry-After`, which is a number of seconds or a date by amoCRM's own clock."""
    header, sent_at = response.headers.get("retry-after"), response.sent_at
    wanted = header or _json_property(response, "retry_after")
    if (until := _date(header)) is not None and sent_at is not None:
        wanted = until - sent_at
    try:
        return min(MAX_WAIT_SECONDS, max(0.0, float(wanted)))
    except (TypeError, ValueError):
        return None  # the caller's own wait applies


def _date(text: str | None) -> int | None:
    """An HTTP date as Unix seconds; None for another text."""
    try:
        return int(parsedate_to_datetime(text or "").timestamp())
    except ValueError:
        return None


def _json_property(response: Response, name: str) -> Any:
    if len(response.body) > MAX_PROBLEM_BYTES:
        return None
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return None  # an HTML page has no properties; this is not an error
    return body.get(name) if isinstance(body, dict) else None


def _detail(response: Response) -> str:
    detail = _json_property(response, "detail") or _json_property(response, "title")
    return f" ({str(detail)[:200]})" if detail else ""


def _origin(response: Response) -> str:
    # Only scheme and host: a redirect's query may carry anything.
    return "/".join(response.headers["location"].split("?")[0].split("/")[:3])


def _subject(response: Response) -> str:
    """The requested resource in amoCRM's terms: `leads` for `/api/v4/leads/custom_fields`."""
    first = response.path.removeprefix("/api/v4/").strip("/").partition("/")[0]
    return "the account" if first == "account" else first


def _operation(response: Response) -> str:
    return response.context.operation(response.path)


def _facts(response: Response) -> dict[str, str | float | None]:
    return {
        "status": response.status,
        "request_id": response.headers.get("x-request-id"),
        "source": response.context.subdomain,
    }
