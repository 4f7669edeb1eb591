"""amoCRM leads in BigQuery every day, as Dagster assets.

The component (`type: amocrm_assets.AmoCrmSource`), the resource and `build_source_definitions` are imported
lazily, so that the sandbox and the commands start without importing Dagster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.orchestration.amocrm_resource import AmoCrmResource
    from amocrm_assets.orchestration.component import AmoCrmSource
    from amocrm_assets.orchestration.source import build_source_definitions
    from amocrm_assets.orchestration.translation import AmoCrmAsset

__all__ = ["AmoCrmAsset", "AmoCrmResource", "AmoCrmSource", "build_source_definitions"]

_MODULES = {
    "AmoCrmAsset": "amocrm_assets.orchestration.translation",
    "AmoCrmResource": "amocrm_assets.orchestration.amocrm_resource",
    "AmoCrmSource": "amocrm_assets.orchestration.component",
    "build_source_definitions": "amocrm_assets.orchestration.source",
}


def __dir__() -> list[str]:
    # `dg` looks for components in `dir()` of a module.
    return [*globals(), *__all__]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
