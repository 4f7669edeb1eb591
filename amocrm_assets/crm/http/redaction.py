"""Removes secrets that were sent to a server from everything that the server returns.

A server, or a gateway in front of it, may repeat a request in its response: in `detail`, in a header, in a page,
in a broken status line. Responses are redacted where they are received (`crm/http/client.py`,
`authorisation/token_endpoint.py`), before anything is shown, logged or stored, so no other code has to do it.
"""

from __future__ import annotations

import html
import json
import logging
import threading
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

REDACTED = "[secret]"
# A shorter piece may be an ordinary word, and reveals nothing about a secret of hundreds of characters.
MIN_PIECE = 12
# In longer texts pieces are not searched: no error has such a text, and the search takes 0.3 s per MB.
MAX_SEARCHED_BYTES = 1 << 20
MAX_SECRETS = 64

_sent: OrderedDict[str, None] = OrderedDict()
_lock = threading.Lock()


class _Forms(NamedTuple):
    """Encodings of one secret; `pieces` are the substrings of `MIN_PIECE` characters of the usual ones."""

    whole: tuple[str, ...]
    pieces: frozenset[str]


def remember(*secrets: str) -> None:
    """Remove secrets from every response from now on. The last `MAX_SECRETS` are kept, in memory only."""
    with _lock:
        for secret in secrets:
            if len(secret) >= MIN_PIECE:
                _sent[secret] = None
                _sent.move_to_end(secret)
        while len(_sent) > MAX_SECRETS:
            _sent.popitem(last=False)


def redact(text: str, *, pieces: bool = True) -> str:
    """The text without the secrets that were sent; with `pieces`, also without parts of them."""
    with _lock:
        secrets = tuple(_sent)
    for secret in secrets:
        forms = _forms(secret)
        for form in forms.whole:
            text = text.replace(form, REDACTED)
        if pieces and len(text) <= MAX_SEARCHED_BYTES:
            text = _without_pieces(text, forms.pieces)
    return text


def redact_body(body: bytes, *, pieces: bool) -> bytes:
    """A body without the secrets; the same object when there are none."""
    text = body.decode("latin-1")  # each byte is one character, and secrets are ASCII
    redacted = redact(text, pieces=pieces)
    return body if redacted == text else redacted.encode("latin-1")


def redact_error(error: BaseException) -> None:
    """Redact the texts of a library's exception and its causes, which may contain a status line."""
    for each in _wrapped(error, set()):
        each.args = tuple(_redacted(value) for value in each.args)
        for name, value in vars(each).items():
            if isinstance(value, str | bytes):
                setattr(each, name, _redacted(value))


class RedactingFilter(logging.Filter):
    """Redacts log records of a library: urllib3 logs header lines that it cannot parse."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass the record on, without secrets."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info and (error := record.exc_info[1]):
            redact_error(error)
        return True


_FILTER = RedactingFilter()


def redact_logs() -> None:
    """Redact urllib3's log from now on, for all handlers."""
    for name in ("connection", "connectionpool", "response", "util.retry"):
        logging.getLogger(f"urllib3.{name}").addFilter(_FILTER)  # adding it again has no effect


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    return redact_body(value, pieces=True) if isinstance(value, bytes) else value


def _wrapped(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for inner in (*error.args, getattr(error, "reason", None), error.__cause__, error.__context__):
        if isinstance(inner, BaseException):
            yield from _wrapped(inner, seen)


@lru_cache(maxsize=MAX_SECRETS)
def _forms(secret: str) -> _Forms:
    escaped = json.dumps(secret)[1:-1]
    usual = {secret, quote(secret, safe=""), escaped, escaped.replace("/", "\\/"), html.escape(secret)}
    rare = {"".join(f"\\u{ord(each):04x}" for each in secret), "".join(f"%{ord(each):02X}" for each in secret)}
    pieces = {form[at : at + MIN_PIECE] for form in usual for at in range(len(form) - MIN_PIECE + 1)}
    return _Forms(tuple(sorted(usual | rare, key=len, reverse=True)), frozenset(pieces))


def _without_pieces(text: str, pieces: frozenset[str]) -> str:
    """The text with each range that is covered by pieces replaced."""
    kept: list[str] = []
    start = at = 0  # `start`: the part that is not copied yet
    while at <= len(text) - MIN_PIECE:
        if text[at : at + MIN_PIECE] not in pieces:
            at += 1
            continue
        end = at + MIN_PIECE
        while text[end - MIN_PIECE + 1 : end + 1] in pieces:
            end += 1
        kept += [text[start:at], REDACTED]
        start = at = end
    return "".join([*kept, text[start:]])
