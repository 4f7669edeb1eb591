"""Which tests are near a module: those that mirror it, and those that are told here."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TESTS = Path("amocrm_assets_tests")
PACKAGES = ("crm", "rows", "captures", "orchestration", "warehouse")

# What is told of modules that the mirror does not hold, and folders whose promises are tested together.
_TESTED_IN = {
    (Path(folder) / name).as_posix(): tests
    for folder, modules in tomllib.loads((TESTS / "tested_in.toml").read_text("utf-8")).items()
    for name, tests in modules.items()
}
# Where a mirror alone would not do.
_LISTED = _TESTED_IN | {
    "crm/account": [
        "crm/test_account.py",
        "crm/http/test_client.py",
        "crm/http/test_client_retries.py",
    ],
    "crm/pagination": ["crm/pagination"],
    "crm/pagination/appended": ["crm/pagination/test_appended_planner.py", "crm/pagination/test_appended.py"],
    "crm/pagination/appended_slice": [
        "crm/pagination/test_appended_slice.py",
        "crm/pagination/test_appended_second.py",
        "crm/pagination/test_appended.py",
    ],
    "crm/pagination/appended_state": ["crm/pagination/test_appended_state.py", "crm/pagination/test_appended.py"],
    "crm/pagination/empty_pages": ["crm/pagination/test_empty_pages.py", "crm/pagination/test_held_back_pages.py"],
    "crm/pagination/keyset": [
        "crm/pagination/test_keyset.py",
        "crm/pagination/test_keyset_pages.py",
        "crm/pagination/test_keyset_end.py",
    ],
    "crm/pagination/overlap": [
        "crm/pagination/test_overlap.py",
        "crm/pagination/test_overlap_gaps.py",
        "crm/pagination/test_overlapping_ends.py",
    ],
    "crm/pagination/paginator_set": [
        "crm/pagination/test_paginator_set.py",
        "crm/pagination/test_unreturned.py",
        "crm/pagination/test_dense_and_tied.py",
        "crm/pagination/test_odd_accounts.py",
        "crm/pagination/test_read_planner.py",
    ],
    "crm/pagination/window_reader": [
        "crm/pagination/test_window_reader.py",
        "crm/pagination/test_window_reader_threads.py",
        "crm/pagination/test_prefetch.py",
        "test_stopping.py",
    ],
    "crm/pagination/read_planner": [
        "crm/pagination/test_read_planner.py",
        "crm/pagination/test_planner_reactions.py",
        "crm/pagination/test_dense_and_tied.py",
        "crm/pagination/test_odd_accounts.py",
    ],
    "crm/pagination/whole_lists": [
        "crm/pagination/test_whole_lists.py",
        "crm/pagination/test_lists_read_again.py",
        "crm/pagination/test_refused_lists.py",
        "test_capturing_reference.py",
    ],
    "crm/http/arrival_times": ["crm/http/test_arrival_times.py", "crm/http/test_limit_simulation.py"],
    "crm/http/fair_share": ["crm/http/test_fair_share.py", "crm/http/test_limit_simulation.py"],
    "crm/http/rate_limiter": [
        "crm/http/test_rate_limiter.py",
        "crm/http/test_rate_limiter_refusals.py",
        "crm/http/test_rate_limiter_waits.py",
        "crm/http/test_limit_simulation.py",
    ],
    "crm/http/client": [
        "crm/http/test_client.py",
        "crm/http/test_client_limits.py",
        "crm/http/test_client_retries.py",
        "crm/http/test_transport.py",
        "crm/test_permissions.py",
    ],
    "crm/http/transport": [
        "crm/http/test_transport.py",
        "crm/http/test_networks.py",
        "crm/http/test_exchange.py",
        "crm/http/test_connectivity.py",
    ],
    "crm/http/sender": ["crm/http/test_sender.py", "crm/http/test_client.py"],
    "crm/http/exchange": ["crm/http/test_exchange.py", "crm/http/test_watchdog.py"],
    "crm/http/connection_errors": ["crm/http/test_connection_errors.py", "crm/http/test_networks.py"],
    "orchestration/alerts/collect": [
        "orchestration/alerts/test_collect.py",
        "orchestration/alerts/test_sensor.py",
    ],
    "orchestration/alerts/sensor": [
        "orchestration/alerts/test_evaluations.py",
        "orchestration/alerts/test_sensor.py",
    ],
    "orchestration/alerts/failed_runs": [
        "orchestration/alerts/test_problems.py",
        "orchestration/alerts/test_failed_runs.py",
    ],
    "orchestration/agreement": [
        "orchestration/test_agreement.py",
        "orchestration/test_stages.py",
        "rows/test_agreement.py",
    ],
    "orchestration/automation": [
        "orchestration/test_requested_runs.py",
        "orchestration/test_automation.py",
        "orchestration/test_days_again.py",
    ],
    "orchestration/broken": ["orchestration/test_broken_names.py", "orchestration/test_broken.py"],
    "orchestration/checks": ["orchestration/test_verdicts.py", "orchestration/test_checks.py"],
    "orchestration/claims": [
        "orchestration/test_claims.py",
        "orchestration/test_component_library.py",
        "orchestration/test_guest_project.py",
    ],
    "orchestration/loading_step": [
        "orchestration/test_loading_step.py",
        "orchestration/test_shards.py",
        "orchestration/test_materialising.py",
    ],
    "orchestration/partitions": ["orchestration/test_partitions.py", "orchestration/test_automation.py"],
    "captures": ["test_captures.py", "test_damaged_captures.py"],
    "captures/forgotten": [
        "captures/test_forgotten.py",
        "forgetting/test_forgetting.py",
        "forgetting/test_reference_and_stages.py",
    ],
    "captures/privacy": ["captures/test_privacy.py", "test_capturing_privacy.py"],
    "capturing": ["test_capturing.py", "test_capturing_stopped.py"],
    "crm/authorisation/oauth": [
        "crm/authorisation/test_oauth.py",
        "crm/authorisation/test_oauth_store.py",
        "crm/authorisation/test_life.py",
    ],
    "crm/probe/lists": ["crm/probe/test_lists.py", "crm/probe/test_lists_in_sandbox.py"],
    "orchestration/forgetting": [
        "orchestration/test_forgotten_previews.py",
        "orchestration/test_forgetting.py",
    ],
    "orchestration/previews": ["orchestration/test_preview_cells.py", "orchestration/test_previews.py"],
    "orchestration/run_client": ["orchestration/test_kept_client.py", "orchestration/test_run_client.py"],
    "orchestration/running": [
        "orchestration/test_running.py",
        "cli/test_run.py",
        "cli/test_run_stopped.py",
        "cli/test_run_history.py",
    ],
    "orchestration/shard_comparison": [
        "orchestration/test_compared_days.py",
        "orchestration/test_shard_comparison.py",
    ],
    "orchestration/stored_checks": ["orchestration/test_stored_checks.py", "orchestration/test_checks.py"],
    "orchestration/translation": ["orchestration/test_translation.py", "orchestration/test_translated_runs.py"],
    "rows/stages/continuous": ["rows/stages/test_continuous.py", "rows/stages/test_files.py"],
    "rows/stages/files": ["rows/stages/test_files.py", "rows/stages/test_month_files.py"],
    "rows/stages/month_files": ["rows/stages/test_month_files.py", "rows/stages/test_files.py"],
    "rows/stages/stays": ["rows/stages/test_stays.py", "rows/stages/test_stays_of_one_second.py"],
    "warehouse/duckdb": [
        "warehouse/test_duckdb.py",
        "warehouse/test_duckdb_file.py",
        "warehouse/test_duckdb_damage.py",
        "warehouse/test_contract.py",
    ],
    "warehouse/bigquery": [
        "warehouse/test_bigquery.py",
        "warehouse/test_bigquery_jobs.py",
        "warehouse/test_bigquery_preparing.py",
    ],
    "storage/gcs": ["storage/test_gcs.py", "storage/test_gcs_refusals.py", "storage/test_gcs_leases.py"],
    "rows/merge": [
        "rows/test_merge.py",
        "rows/test_zones.py",
        "rows/test_malformed.py",
        "rows/test_field_selection.py",
        "test_second_entity.py",
        "retention/test_retention.py",
    ],
    "rows/column_values": [
        "rows/test_column_values.py",
        "rows/test_malformed.py",
        "rows/test_malformed_fields.py",
    ],
    "rows/day_worker": ["rows/test_day_worker.py", "rows/test_many_days.py"],
    "rows/latest": [
        "rows/test_latest.py",
        "rows/test_merge.py",
        "rows/test_zones.py",
        "rows/test_lead_details.py",
    ],
    "rows/many_days": ["rows/test_many_days_bounds.py", "rows/test_many_days.py"],
    "rows/needed_records": [
        "rows/test_needed_records.py",
        "retention/test_retention.py",
        "retention/test_held_back.py",
        "retention/test_any_order.py",
    ],
    "rows/reading": ["rows/test_reading.py", "rows/test_malformed.py", "rows/test_malformed_fields.py"],
    "rows/seal": ["rows/test_seal.py", "rows/latest_table/test_files.py"],
    "rows/malformed": ["rows/test_malformed.py", "rows/test_malformed_fields.py"],
    "rows/latest_table/files": [
        "rows/latest_table/test_files.py",
        "rows/latest_table/test_custom_columns.py",
        "rows/latest_table/test_kept_up.py",
    ],
    "cli/run": ["cli/test_run.py", "cli/test_run_history.py", "cli/test_run_stopped.py"],
    "settings/source_files": ["settings/test_source_files.py", "settings/test_odd_files.py"],
    "rows/reference/history": ["rows/reference/test_history.py", "rows/reference/test_history_files.py"],
}


def nearest_tests(module: Path) -> list[str]:
    """Paths of the tests near a module, which is given as `crm/http/retries.py`, from the project's folder.

    What is told of the module itself, its mirror, what is told of its folder, or the folder's mirror.
    """
    name = module.with_suffix("")
    mirror = TESTS / name.parent / f"test_{name.name}.py"
    if str(name) not in _LISTED and mirror.exists():
        return [str(mirror)]
    for place in (name, *name.parents):
        if tests := _LISTED.get(str(place)):
            return [str(TESTS / test) for test in tests]
    return [str(TESTS / name.parent)]


def tests_around(modules: Iterable[Path]) -> list[str]:
    """Paths of the tests near any of the modules, and of those that mirror their folders."""
    found: dict[str, None] = {}
    for module in modules:
        found |= dict.fromkeys(nearest_tests(module))
        found |= dict.fromkeys(map(str, sorted((TESTS / module.parent).glob("test_*.py"))))
    return list(found)


def modules_in(folder: Path) -> list[Path]:
    """The modules of a folder, without those of folders in it."""
    return [module for module in modules_of(str(folder)) if module.parent == folder]


def modules_of(wanted: str) -> list[Path]:
    """The modules that are meant by `crm/http/retries`, `crm`, or nothing, which is all of them."""
    package = Path("amocrm_assets")
    found: list[Path] = []
    for name in [wanted.removesuffix(".py")] if wanted else PACKAGES:
        here = package / name
        found += sorted(here.rglob("*.py")) if here.is_dir() else [here.with_suffix(".py")]
    return [
        path.relative_to(package) for path in found if path.name != "__init__.py" or path.stat().st_size > 1500
    ]
