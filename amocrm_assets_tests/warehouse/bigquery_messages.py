"""BigQuery's messages: a failed job, an error, and the job and file of an upload."""

from __future__ import annotations

import email
import email.policy
import json
from typing import Any

Reply = tuple[int, dict[str, Any]]


def failed(result: dict[str, str]) -> dict[str, Any]:
    """The status of a job that failed with this result."""
    row = {"reason": "invalid", "message": "Row 7: sale is no INTEGER"}
    return {"state": "DONE", "errorResult": result, "errors": [result, row]}


def error(status: int, reason: str, message: str) -> Reply:
    """An error as the API answers it."""
    details = [{"reason": reason, "message": message, "domain": "global"}]
    return status, {"error": {"code": status, "message": message, "errors": details}}


def not_found(what: str) -> Reply:
    """The error for what does not exist."""
    return error(404, "notFound", f"Not found: {what}")


def parts(content_type: str, payload: bytes) -> tuple[dict[str, Any], bytes]:
    """JSON of a call and, of an upload, the file."""
    if not content_type.startswith("multipart/"):
        return (json.loads(payload) if payload else {}), b""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + payload, policy=email.policy.HTTP)
    job, content = (part.get_payload(decode=True) for part in message.iter_parts())
    assert isinstance(job, bytes)
    assert isinstance(content, bytes)
    return json.loads(job), content
