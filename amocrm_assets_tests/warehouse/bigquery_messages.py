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


def queried(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer to a query, with the columns of its first row."""
    columns = [
        {"name": name, "type": "INTEGER" if isinstance(value, int) else "STRING", "mode": "NULLABLE"}
        for name, value in (rows[0] if rows else {"none": ""}).items()
    ]
    return {
        "jobComplete": True,
        "jobReference": {"projectId": "p", "jobId": "query", "location": "EU"},
        "schema": {"fields": columns},
        "rows": [{"f": [{"v": str(value)} for value in row.values()]} for row in rows],
        "totalRows": str(len(rows)),
    }


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
