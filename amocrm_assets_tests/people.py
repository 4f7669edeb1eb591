"""A server whose every record is about one person, whatever list it is asked for: for tests of personal data."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from amocrm_assets_tests.serving import served_beside

if TYPE_CHECKING:
    from collections.abc import Iterator

DIGITS, MAIL, NAME, PASSPORT = "9165550123", "marked.person", "MARKEDname", "MARKEDpassport"
PHONE, EMAIL = "+7 (916) 555-01-23", f"{MAIL}@mail.example"
MARKS = (DIGITS, PHONE, MAIL, NAME, PASSPORT)
CITY = "MARKEDcity"
# In a request to amoCRM these say that a record of the trash is asked for.
_TRASH = "only_deleted"

FIELDS = [
    {"id": 71, "name": "Телефон", "code": "PHONE", "type": "multitext", "is_predefined": True},
    {"id": 72, "name": "Email", "code": "EMAIL", "type": "multitext", "is_predefined": True},
    {"id": 73, "name": "Паспорт", "code": None, "type": "select", "enums": [{"id": 1, "value": PASSPORT}]},
    {"id": 74, "name": "Город", "code": None, "type": "text"},
]  # fmt: skip


def field(field_id: int | None, value: object, **more: Any) -> dict[str, Any]:
    """A custom field as a record holds it."""
    return {"field_id": field_id, "field_type": "text", "values": [{"value": value}], **more}


def values() -> list[Any]:
    """The person's custom fields, named in every way that a record may name them."""
    return [
        field(71, PHONE, field_name="Телефон", field_code="PHONE"),
        field(71, f"8{DIGITS}"),
        field(None, EMAIL, field_name="Почта", field_code="EMAIL"),
        field(73, PASSPORT, field_name="Паспорт"),
        field(999, NAME),
        {"values": [{"value": NAME}]},
        NAME,
        field(74, CITY, field_name="Город"),
    ]


def person(number: int, at: int) -> dict[str, Any]:
    """A record of any kind, at that moment."""
    contact = {"id": 8, "is_main": True, "name": NAME, "custom_fields_values": values()}
    return {
        "id": number,
        "name": NAME,
        "first_name": NAME,
        "last_name": NAME,
        "email": EMAIL,
        "phone_number": PHONE,
        "created_at": at,
        "updated_at": at,
        "is_deleted": False,
        "account_id": 7,
        "status_id": 2,
        "pipeline_id": 1,
        "entity_id": 5,
        "entity_type": "lead",
        "note_type": "call_in",
        "type": "custom_field_71_value_changed",
        "params": {"uniq": "u", "duration": 5, "phone": PHONE, "call_responsible": NAME, "source": "pbx"},
        "value_before": [{"custom_field_value": {"field_id": 73, "enum_id": 1, "text": PASSPORT}}],
        "value_after": [{"custom_field_value": {"field_id": 71, "field_type": 8, "text": PHONE}}],
        "custom_fields_values": values(),
        "_embedded": {"contacts": [contact], "companies": [contact], "tags": [{"id": 1, "name": "vip"}]},
    }


def body_of(path: str, at: int) -> dict[str, Any]:
    """What the account answers: one record in every list."""
    name = path.rpartition("/")[2]
    if path == "/api/v4/account":
        groups = {"users_groups": [{"id": 1, "name": "Sales"}], "task_types": [{"id": 1, "name": "Call"}]}
        return {"id": 7, "name": "Acme", "subdomain": "acme", "current_user_id": 5, "_embedded": groups}
    records = FIELDS if name == "custom_fields" else [person(5, at)]
    if name == "events":  # of a type that is asked for
        records = [person(5, at) | {"id": "01hqevent5", "type": "lead_status_changed"}]
    if name in {"pipelines", "tags", "loss_reasons"}:
        stages = [{"id": 2, "name": "New", "pipeline_id": 1, "type": 0, "sort": 1}]
        records = [{"id": 1, "name": f"A name of {name}", "_embedded": {"statuses": stages}}]
    return {"_total_items": len(records), "_page": 1, "_page_count": 1, "_links": {}, "_embedded": {name: records}}


@contextmanager
def people_server(at: int) -> Iterator[str]:
    """The address of such a server; its person was changed at that moment."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            params = parse_qs(url.query)
            is_empty = _TRASH in self.path or params.get("page", ["1"]) != ["1"]
            content = b"" if is_empty else json.dumps(body_of(url.path, at)).encode()
            self.send_response(204 if is_empty else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """The tests' output stays readable."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, served_beside(server):
        yield f"http://127.0.0.1:{server.server_port}"
