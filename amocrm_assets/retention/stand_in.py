"""The replacement of a day's removed captures: files in the same format with what rows were made of.

There is one if all were read in the same time zone and with the same rules; otherwise one for each group of these.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from amocrm_assets.captures import CaptureWriter, StandsFor, kept_name, open_capture, read_findings
from amocrm_assets.captures.privacy import note_after, privacy_of, treated
from amocrm_assets.rows.field_selection import FieldSelection
from amocrm_assets.rows.needed_records import RecordReducer, needed_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from amocrm_assets.captures import CaptureFound, CaptureHeader, OpenCapture
    from amocrm_assets.entities import Entity
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage


@dataclass(frozen=True)
class StandIn:
    """A written replacement of captures that is not published yet."""

    name: str
    writer: CaptureWriter


class StandInWriter:
    """Writes the replacement of old captures of one day."""

    def __init__(
        self, entity: Entity, storage: Storage, source: SourceSettings, captures: Sequence[CaptureFound]
    ) -> None:
        """`captures` are all of the day's, the oldest first. Raises `CaptureDamaged`."""
        self._entity = entity
        self._storage = storage
        self._source = source
        self._rules = privacy_of(source)
        self._headers = {each.name: self._header(each) for each in captures}
        definitions = [header.fields for header in reversed(self._headers.values())]
        self._selection = FieldSelection(entity.choices.fields(source), definitions)
        self._reduced = RecordReducer(entity, source, self._selection)

    @property
    def left_out(self) -> list[str]:
        """Names of custom fields in records that the source does not select."""
        return sorted(self._reduced.left_out)

    def written_for(self, old: Sequence[CaptureFound]) -> Iterator[StandIn]:
        """The replacement of these captures, the oldest first. The caller publishes or discards the writers."""
        by_window = _grouped(old, lambda each: self._headers[each.name].window)
        for captures in by_window.values():
            with ExitStack() as stack:
                opened = self._opened(captures, stack)
                needed = needed_lines(self._entity, opened, source=self._source, selection=self._selection)
            yield from self._written(captures, needed)

    def _written(self, captures: Sequence[CaptureFound], needed: set[tuple[int, int]]) -> list[StandIn]:
        alike = _grouped(captures, lambda each: note_after(self._rules, self._headers[each.name].privacy))
        with ExitStack() as unfinished, ExitStack() as stack:
            made = [(self._begun(group), group) for group in alike.values()]
            stand_in = {found.name: each for each, group in made for found in group}
            for each, _ in made:
                unfinished.callback(each.writer.discard)
            for age, (found, capture) in enumerate(zip(captures, self._opened(captures, stack), strict=True)):
                stand_in[found.name].writer.add(
                    self._reduced(line) for number, line in enumerate(capture.records) if (age, number) in needed
                )
            for each, group in made:  # the findings of the newest capture also apply to its replacement
                each.writer.end(read_findings(self._storage, group[-1].name))
            unfinished.pop_all()
        return [each for each, _ in made]

    def _begun(self, captures: Sequence[CaptureFound]) -> StandIn:
        newest = captures[-1]
        headers = [self._headers[each.name] for each in captures]
        chosen = self._entity.choices.fields(self._source)
        header = replace(
            headers[-1],
            fields=_all_definitions(reversed(headers)),
            privacy=note_after(self._rules, headers[-1].privacy),
            forgotten=None,
            stands_for=StandsFor(
                captures=sum(each.stands_for.captures if each.stands_for else 1 for each in headers),
                chosen=None if chosen is None else tuple(map(str, chosen)),
            ),
        )
        return StandIn(kept_name(newest), CaptureWriter(self._entity, self._storage, header))

    def _opened(self, captures: Iterable[CaptureFound], stack: ExitStack) -> list[OpenCapture]:
        opened = [stack.enter_context(open_capture(self._entity, self._storage, each.name)) for each in captures]
        return list(treated(self._entity, self._source, self._rules, opened))

    def _header(self, found: CaptureFound) -> CaptureHeader:
        with open_capture(self._entity, self._storage, found.name) as capture:
            return capture.header


def _grouped(
    captures: Iterable[CaptureFound], kind: Callable[[CaptureFound], Any]
) -> dict[Any, list[CaptureFound]]:
    groups: dict[Any, list[CaptureFound]] = {}
    for each in captures:
        groups.setdefault(kind(each), []).append(each)
    return groups


def _all_definitions(newest_first: Iterable[CaptureHeader]) -> list[dict[str, Any]]:
    """The custom fields of several headers, each in its newest state, and by its previous names."""
    known: dict[str, dict[str, Any]] = {}
    for header in newest_first:
        for each in header.fields:
            known.setdefault(repr([each.get(name) for name in ("id", "name", "code")]), each)
    return list(known.values())
