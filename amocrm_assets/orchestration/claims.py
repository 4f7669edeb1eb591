"""What the components of a Dagster project share while it is loaded: keys that are taken, and one sensor.

Dagster's loader builds each component without the others. Two with one key, or with sensors of one name, would
fail the load of all. For what is shown of the second one see `component`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from amocrm_assets.orchestration.broken import broken_problem
from amocrm_assets.settings import SourceSettings
from amocrm_assets.settings.alerts import AlertSettings

if TYPE_CHECKING:
    from pathlib import Path

    from amocrm_assets.orchestration.alerts.problem import Problem
    from amocrm_assets.settings.source_files import BrokenSource

    # A file, and which of its documents it is, or the name of a function in Python.
    Place = tuple[Path, int | str]


@dataclass
class Load:
    """One load of a project, identified by `tree`: which file was the first with a key."""

    tree: object
    keys: dict[str, Place] = field(default_factory=dict)
    built: list[Place] = field(default_factory=list)
    sources: list[SourceSettings] = field(default_factory=list)
    wrong_settings: list[Problem] = field(default_factory=list)

    def first_place(self, key: str, place: Place) -> Place:
        """Where the source of that key was built first: at `place`, unless another came before."""
        return self.keys.setdefault(key.lower(), place)

    def alerts(self, place: Place, source: SourceSettings | BrokenSource) -> dg.Definitions:
        """The sensor for all sources of the load, with the first of them; nothing with the others.

        It is made before the others are built: they are added to its list later.
        """
        if not AlertSettings.from_environment().addresses:
            return dg.Definitions()
        if place not in self.built:
            self.built.append(place)
            self._add(source)
        if place != self.built[0]:
            return dg.Definitions()
        from amocrm_assets.orchestration.alerts.sensor import alerts_sensor

        return dg.Definitions(sensors=[alerts_sensor(self.sources, self.wrong_settings)])

    def _add(self, source: SourceSettings | BrokenSource) -> None:
        if isinstance(source, SourceSettings):
            if source.enabled:
                self.sources.append(source)
        else:
            self.wrong_settings.append(broken_problem(source))


# The current one. Another component tree is another load, which starts empty.
_loads: list[Load] = []


def load_of(context: dg.ComponentLoadContext) -> Load:
    """The load that a component is built in."""
    if not _loads or _loads[0].tree is not context.component_tree:
        _loads[:] = [Load(context.component_tree)]
    return _loads[0]
