"""Which tests are near a module: those that mirror it, and those that are told here."""

from __future__ import annotations

from pathlib import Path

TESTS = Path("amocrm_assets_tests")
PACKAGES = ("crm", "rows", "captures", "orchestration", "warehouse")

_READING = ["crm/test_read_planner.py", "crm/test_window_reader.py"]
# Where the mirror alone would not do: modules whose promises are kept together with others.
_TOLD: dict[str, list[str]] = {
    "crm/read_planner": _READING,
    "crm/paginator_set": _READING,
    "crm/slicing": _READING,
    "crm/odd_pages": _READING,
    "crm/pagination/interval_set": ["crm/pagination/test_interval_set.py"],
    "crm/pagination": ["crm/pagination", *_READING],
    "crm/window_reader": ["crm/test_window_reader.py", "crm/test_prefetch.py", "test_stopping.py"],
    "crm/client": ["crm/test_client.py", "crm/test_client_retries.py", "crm/test_permissions.py"],
    "crm/retries": ["crm/test_client_retries.py"],
    "crm/authorisation/oauth": ["crm/authorisation/test_oauth.py"],
    "captures": ["test_captures.py"],
    "orchestration/assets": [
        "orchestration/test_materialising.py",
        "orchestration/test_days_again.py",
        "orchestration/test_shards.py",
    ],
    "orchestration/steps": ["orchestration/test_materialising.py", "orchestration/test_days_again.py"],
    "orchestration/day_coverage": ["cli/test_sources.py", "orchestration/test_shard_comparison.py"],
    "warehouse/duckdb": ["warehouse/test_duckdb.py", "warehouse/test_contract.py"],
    "warehouse/bigquery": ["warehouse/test_bigquery.py", "warehouse/test_bigquery_preparing.py"],
}


def nearest_tests(module: Path) -> list[str]:
    """Paths of the tests near a module, which is given as `crm/retries.py`, from the project's folder."""
    name = module.with_suffix("")
    for told in (name, *name.parents):
        if tests := _TOLD.get(str(told)):
            return [str(TESTS / test) for test in tests]
    mirror = TESTS / name.parent / f"test_{name.name}.py"
    return [str(mirror if mirror.exists() else TESTS / name.parent)]


def modules_of(wanted: str) -> list[Path]:
    """The modules that are meant by `crm/retries`, `crm`, or nothing, which is all of them."""
    package = Path("amocrm_assets")
    found: list[Path] = []
    for name in [wanted.removesuffix(".py")] if wanted else PACKAGES:
        here = package / name
        found += sorted(here.rglob("*.py")) if here.is_dir() else [here.with_suffix(".py")]
    return [
        path.relative_to(package) for path in found if path.name != "__init__.py" or path.stat().st_size > 1500
    ]
