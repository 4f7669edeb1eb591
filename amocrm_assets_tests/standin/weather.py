"""Responses and connections of the stand-in that break, some of them, whatever the list."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from amocrm_assets_tests.standin.server import StandIn


def in_bad_weather(standin: StandIn, seed: int) -> StandIn:
    """The same stand-in; a tenth of its responses are a 502 or a connection that is reset."""
    rng = Random(f"weather {seed}")
    standin.weather = lambda: rng.choices(["", "502", "reset"], [0.9, 0.05, 0.05])[0]
    return standin
