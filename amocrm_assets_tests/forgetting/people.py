"""An account with two people, brought into captures, rows and tables without any amoCRM."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from amocrm_assets.captures import CaptureWriter, all_captures, open_capture
from amocrm_assets.entities import LEADS
from amocrm_assets.entities.reference import REFERENCE, REFERENCE_TABLES
from amocrm_assets.forgetting import Forgetting
from amocrm_assets.privacy.forgotten import Asked
from amocrm_assets.rows import rows_name, write_rows
from amocrm_assets.rows.latest_table import write_latest_table
from amocrm_assets.rows.reference import write_reference_tables
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import ShardLoad, TableLoad
from amocrm_assets_tests.companies_lite import COMPANIES, company
from amocrm_assets_tests.rows.days import DAY, capture_header, field, lead, source
from amocrm_assets_tests.rows.reference.readings import capture as capture_lists
from amocrm_assets_tests.rows.reference.readings import night
from amocrm_assets_tests.warehouse.places import duckdb_place_at

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.forgetting.report import Report
    from amocrm_assets.storage import Storage
    from amocrm_assets.warehouse import Warehouse

ENTITIES = (LEADS, COMPANIES)
DAYS = (DAY, DAY + timedelta(days=1))
SECONDS = 86_400
PHONE, NAME, MAIL = "+7 (916) 555-01-23", "Марфа Отмеченная", "marfa.marked@mail.example"
# What must not be found anywhere afterwards, as JSON escapes it too.
MARKS = ("9165550123", "555-01-23", "Отмеченная", "marfa.marked", json.dumps("Отмеченная")[1:-1])
LEAD, CONTACT, USER = 101, 808, 17
PERSON = Asked(values=("8-916-555-01-23", NAME.upper(), MAIL))


def records(day: date) -> dict[str, list[dict[str, Any]]]:
    """The records of a day, by entity: those of the person and those of others."""
    at = {"updated_at": lead(1)["updated_at"] + (day - DAY).days * SECONDS}
    phone = field("multitext", {"value": "8 916 555 01 23"}, field_code="PHONE")
    other = field("multitext", {"value": "+7 495 000-00-00"}, field_code="PHONE")
    with_contacts = {"contacts": [{"id": CONTACT, "is_main": True}, {"id": 809, "is_main": False}], "tags": []}
    return {
        "leads": [
            lead(LEAD, name=f"Звонок от {NAME}, {PHONE}", **at),
            lead(102, name="Другой", custom_fields_values=[other], **at),
            lead(103, name="Заявка", custom_fields_values=[phone], **at),
            lead(104, name="С контактом", _embedded=with_contacts, **at),
        ],
        "companies": [
            company(1, name=f"ИП {NAME}", **at),
            company(2, entity_type="leads", entity_id=LEAD, **at),
            company(3, custom_fields_values=[field("text", {"value": f"Пишите: {MAIL.upper()}."})], **at),
            company(4, name="ООО Другое", **at),
        ],
    }


class Place:
    """What a source has in a storage and in a warehouse."""

    def __init__(self, storage: Storage, warehouse: Warehouse) -> None:
        self.storage = storage
        self.warehouse = warehouse
        self.source = source(import_lead_details=True)

    def fill(self) -> Place:
        """Capture two days and two readings of the lists, and make everything of them."""
        for day in DAYS:
            for entity in ENTITIES:
                writer = CaptureWriter(entity, self.storage, capture_header(day=day))
                writer.add(json.dumps(each).encode() for each in records(day)[entity.name])
                writer.publish()
        user = {"id": USER, "name": NAME, "email": MAIL, "phone_number": PHONE}
        for number in range(2):
            users = [user, {"id": 18, "name": "Другой", "email": "other@mail.example"}]
            capture_lists(self.storage, night(number), {"users": users}, account_id=31_000_001)
        self.load()
        return self

    def load(self) -> None:
        """Make rows and tables of all captures."""
        loads = [
            ShardLoad(table, "acme", day, rows_name(table, "acme", day), written.row_count)
            for entity in ENTITIES
            for table in entity.tables
            for day in DAYS
            for written in [write_rows(entity, self.storage, self.source, day, table=table)]
        ]
        tables = write_reference_tables(REFERENCE_TABLES, self.storage, "acme", source=self.source)
        flat = write_latest_table(LEADS, self.storage, self.source)
        made = [(each, tables[each.asset]) for each in REFERENCE_TABLES]
        whole = [TableLoad(table, "acme", written.name, written.row_count) for table, written in made]
        whole.append(TableLoad(flat.table, "acme", flat.name, flat.row_count))
        for outcomes in (
            self.warehouse.load(loads, self.storage, run_id="r"),
            self.warehouse.load(whole, self.storage, run_id="w"),
        ):
            failed = [outcome for _, outcome in outcomes if isinstance(outcome, Exception)]
            assert failed == []

    def forgetting(self, storage: Storage | None = None, warehouse: Warehouse | None = None) -> Forgetting:
        """Requests about people here."""
        return Forgetting(
            self.source,
            storage or self.storage,
            warehouse or self.warehouse,
            entities=ENTITIES,
            lock_wait_seconds=1,
        )

    def forget(self, asked: Asked) -> Report:
        """Carry out a request; without Dagster."""
        return self.forgetting().carry_out(asked)

    def lines(self, entity: Any) -> list[bytes]:
        """The records of all captures of an entity, tombstones included."""
        lines: list[bytes] = []
        for each in all_captures(entity, self.storage, "acme"):
            with open_capture(entity, self.storage, each.name) as capture:
                lines += capture.records
        return lines

    def everything(self) -> dict[str, str]:
        """All captures, rows files and tables, as texts."""
        found = {entity.name: b"".join(self.lines(entity)).decode() for entity in (*ENTITIES, REFERENCE)}
        for name in self.storage.names("rows"):
            with self.storage.as_local_path(name) as path:
                found[name] = repr(pq.read_table(path).to_pylist()) + repr(pq.read_metadata(path).row_group(0))
        for entity in ENTITIES:
            for table in entity.tables:
                for day in self.warehouse.shard_days(table, "acme"):
                    (rows,) = self.warehouse.tables(table, "acme", [day])
                    found[table.shard_name("acme", day)] = repr(rows.to_pylist())
        return found

    def marked(self) -> dict[str, str]:
        """Where something of the person is found."""
        texts = {name: text.lower() for name, text in self.everything().items()}
        return {name: mark for name, text in texts.items() for mark in MARKS if mark.lower() in text}

    def ids(self, table: Any, day: date) -> list[int]:
        """Ids of the rows of a shard."""
        (rows,) = self.warehouse.tables(table, "acme", [day])
        return [int(each) for each in rows["id"].to_pylist()]


def local_place(folder: Path, *, is_filled: bool = False) -> Place:
    """A folder and DuckDB; `is_filled` says that what `fill` makes is there."""
    place = Place(
        open_storage(str(folder / "data")), duckdb_place_at(folder / "warehouse.duckdb", storage=folder).warehouse
    )
    return place if is_filled else place.fill()
