"""Settings of a source's schedule: the time at which the previous day is materialised."""

from __future__ import annotations

from pydantic import Field, field_validator

from amocrm_assets.settings.credentials import Settings


class ScheduleSettings(Settings):
    """When the previous day is materialised, in the source's time zone."""

    hour: int = Field(default=0, description="Hour of the day.", examples=[4])
    minute: int = Field(default=30, description="Minute.", examples=[15])
    enabled: bool = Field(
        default=True,
        description="Initial state of the schedule. Once you use the switch in the UI, it overrides this setting.",
        examples=[False],
    )

    # Validators instead of constraints, since Dagster cannot derive a schema from constraints of nested models.
    @field_validator("hour")
    @classmethod
    def _is_an_hour(cls, value: int) -> int:
        return _between(value, 0, 23)

    @field_validator("minute")
    @classmethod
    def _is_a_minute(cls, value: int) -> int:
        return _between(value, 0, 59)


def _between(value: int, first: int, last: int) -> int:
    if not first <= value <= last:
        raise ValueError(f"{value} is not between {first} and {last}")
    return value
