"""amoCRM leads in BigQuery every day, as Dagster assets.

The component is looked up here by name (`type: amocrm_assets.AmoCrmSource`), and Dagster is imported only
when somebody does: the sandbox and the commands start without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets.orchestration.component import AmoCrmSource

__all__ = ["AmoCrmSource"]


def __dir__() -> list[str]:
    # `dg` looks for components among the names that a module shows.
    return [*globals(), *__all__]


def __getattr__(name: str) -> object:
    if name == "AmoCrmSource":
        from amocrm_assets.orchestration.component import AmoCrmSource

        return AmoCrmSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
