"""The flat table in Dagster: once a run behind rows and names, whatever of the lists is on."""

from __future__ import annotations

import dagster as dg
import duckdb
import pytest

from amocrm_assets.orchestration.metadata_keys import meanings
from amocrm_assets.settings import Deployment
from amocrm_assets_tests.orchestration.conftest import FIRST, LAST, Pipeline, failure_of, materialised, query

pytestmark = pytest.mark.slow

TABLE = "amoCrmLeadsLatest"
NAMED = ["amoCrmStatuses", "amoCrmPipelines", "amoCrmUsers", "amoCrmGroups", "amoCrmLossReasons"]


def warehouse() -> str:
    return Deployment.from_environment().warehouse.removeprefix("duckdb:///")


def test_a_range_brings_each_lead_once_with_names(pipeline: Pipeline) -> None:
    pipeline.configure(import_reference=True, import_lead_details=True, latest_table=True)
    result = pipeline.run(FIRST, LAST)

    assert result.success, failure_of(result)
    done = materialised(result)
    assert done.count((TABLE, None)) == 1
    before = done[: done.index((TABLE, None))]
    assert {"leads", "lead_details", *NAMED, "amoCrmCustomFields"} <= {name for name, _ in before}
    ((count, ids, named, priced),) = query(
        """
        SELECT count(*), count(DISTINCT id), count(status_name) + count(responsible_user_name), count(price)
        FROM "amoCrmLeadsLatest_acme" WHERE has_properties
        """
    )
    assert count == ids
    assert named == 2 * count
    assert priced > 0
    shards = " UNION ALL ".join(f'FROM "amoCrmLeads_acme_202503{day:02}"' for day in range(7, 11))
    assert query(f"SELECT count(DISTINCT id) FROM ({shards})") == query(  # noqa: S608
        'SELECT count(*) FROM "amoCrmLeadsLatest_acme"'
    )


def test_columns_of_fields_are_told_and_the_list_of_fields_names_them(pipeline: Pipeline) -> None:
    pipeline.configure(import_reference=True, latest_table=True)
    assert pipeline.run().success
    columns = {
        name
        for (name,) in query(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'amoCrmLeadsLatest_acme'"
        )
    }
    listed = {
        name
        for (name,) in query(
            """SELECT latest_column FROM "amoCrmCustomFields_acme" WHERE entity_type = 'leads' AND is_current"""
        )
    }
    assert listed
    assert listed <= columns
    assert query(
        """SELECT count(latest_column) FROM "amoCrmCustomFields_acme" WHERE entity_type <> 'leads'"""
    ) == [(0,)]


def test_another_name_of_a_column_is_in_both_tables_without_asking_amocrm(pipeline: Pipeline) -> None:
    pipeline.configure(import_reference=True, latest_table=True)
    assert pipeline.run().success
    ((field_id,),) = query(
        """SELECT min(id) FROM "amoCrmCustomFields_acme" WHERE entity_type = 'leads' AND is_current"""
    )
    request_count = len(pipeline.sandbox.requests)
    pipeline.configure(
        import_reference=True, latest_table=True, leads_custom_fields=[{"field": field_id, "column": "city"}]
    )
    assert pipeline.run(only=["amoCrmCustomFields", TABLE]).success
    assert len(pipeline.sandbox.requests) == request_count
    assert query(
        f"""SELECT latest_column FROM "amoCrmCustomFields_acme" WHERE id = {field_id} AND is_current"""  # noqa: S608
    ) == [("city",)]
    assert query('SELECT count(*) FROM (SELECT city FROM "amoCrmLeadsLatest_acme")')[0][0] > 0


def test_contacts_and_companies_have_tables_of_their_own_where_they_are_imported(pipeline: Pipeline) -> None:
    on = {"latest_table": True, "import_reference": True, "import_contacts": True, "import_companies": True}
    pipeline.configure(**on, contacts_custom_fields=[{"field": "PHONE", "column": "phone"}])
    result = pipeline.run(FIRST, LAST)
    assert result.success, failure_of(result)
    for name, shards in (("Contacts", "amoCrmContacts"), ("Companies", "amoCrmCompanies")):
        assert materialised(result).count((f"amoCrm{name}Latest", None)) == 1
        days = " UNION ALL ".join(f'FROM "{shards}_acme_202503{day:02}"' for day in range(7, 11))
        ((count,),) = query(
            f'SELECT count(*) FROM "amoCrm{name}Latest_acme" WHERE responsible_user_name IS NOT NULL'  # noqa: S608
        )
        assert [(count,)] == query(f"SELECT count(DISTINCT id) FROM ({days}) WHERE NOT is_deleted")  # noqa: S608
        assert count > 0
    ((phones,),) = query('SELECT count(phone) FROM "amoCrmContactsLatest_acme"')
    assert phones > 0
    listed = query("""SELECT entity_type, latest_column FROM "amoCrmCustomFields_acme" WHERE code = 'PHONE'""")
    assert {("contacts", "phone")} < set(listed)
    assert all(column and column.startswith("cf_") for of, column in listed if of == "companies")
    specs = {spec.key: spec for spec in pipeline.definitions.resolve_all_asset_specs()}
    hangs_on = {dep.asset_key for dep in specs[pipeline.key("amoCrmContactsLatest")].deps}
    names = ("contacts", "amoCrmUsers", "amoCrmGroups", "amoCrmCustomFields")
    assert hangs_on == {pipeline.key(name) for name in names}


def test_without_lists_and_details_there_are_no_names_and_nothing_fails(pipeline: Pipeline) -> None:
    pipeline.configure(latest_table=True)
    result = pipeline.run()
    assert result.success, failure_of(result)
    assert {name for name, _ in materialised(result)} == {"raw_leads", "leads", "amoCrmLeads", TABLE}
    assert query('SELECT count(status_name) FROM "amoCrmLeadsLatest_acme"') == [(0,)]


def test_the_table_hangs_on_the_rows_and_on_the_lists_that_are_on(pipeline: Pipeline) -> None:
    def sources() -> set[dg.AssetKey]:
        specs = {spec.key: spec for spec in pipeline.definitions.resolve_all_asset_specs()}
        return {dep.asset_key for dep in specs[pipeline.key(TABLE)].deps}

    pipeline.configure(latest_table=True)
    assert sources() == {pipeline.key("leads")}
    pipeline.configure(latest_table=True, import_reference=True, import_lead_details=True)
    names = [*NAMED, "amoCrmCustomFields"]
    assert sources() == {pipeline.key(name) for name in ("leads", "lead_details", *names)}


def test_no_source_has_the_table_unless_it_wants_it(pipeline: Pipeline) -> None:
    assert pipeline.key(TABLE) not in {spec.key for spec in pipeline.definitions.resolve_all_asset_specs()}


@pytest.mark.parametrize("former", [False, True])
def test_each_key_of_its_metadata_is_explained(pipeline: Pipeline, former: bool) -> None:  # noqa: FBT001
    pipeline.configure(**{"latest_view" if former else "latest_table": True})
    result = pipeline.run()
    assert result.success, failure_of(result)
    events = result.get_asset_materialization_events()
    (shown,) = [each.materialization.metadata for each in events if each.asset_key == pipeline.key(TABLE)]
    assert shown.keys() <= meanings(TABLE).keys()


def test_the_view_of_an_older_version_becomes_the_table(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    """The upgrade: the view is there, its switch is in the settings, and its queries go on."""
    assert pipeline.run().success
    with duckdb.connect(warehouse()) as connection:
        connection.execute('CREATE VIEW "amoCrmLeadsLatest_acme" AS SELECT * FROM "amoCrmLeads_acme_20250310"')
    view = query('SELECT * FROM "amoCrmLeadsLatest_acme" ORDER BY id')
    columns = ", ".join(f'"{name}"' for name, *_ in query('DESCRIBE "amoCrmLeadsLatest_acme"'))

    pipeline.configure(latest_view=True)
    result = pipeline.run(only=[TABLE])

    assert result.success, failure_of(result)
    assert query(f'SELECT {columns} FROM "amoCrmLeadsLatest_acme" ORDER BY id') == view  # noqa: S608
    assert query("SELECT count(*) FROM duckdb_views() WHERE view_name LIKE 'amoCrm%'") == [(0,)]
    assert "Write `latest_table: true` into the source's defs.yaml instead" in capsys.readouterr().err
