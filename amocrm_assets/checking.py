"""Checks whether a source can run now: tests each step of a run once, with a result and a fix.

Nothing is imported and nothing is left behind. If a step fails, steps that depend on it are not tested.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from amocrm_assets.captures.privacy import hash_key_state
from amocrm_assets.checking_entities import EntityChecks, Warned
from amocrm_assets.crm.account import Account, read_account
from amocrm_assets.crm.account_warnings import timezone_mismatch
from amocrm_assets.crm.authorisation import expiry_warning, open_authorisation, open_client
from amocrm_assets.crm.connecting import require_account
from amocrm_assets.crm.http.connectivity import probe_connection, resolve_host
from amocrm_assets.crm.http.error_context import ErrorContext, renewal
from amocrm_assets.crm.probe import read_probe
from amocrm_assets.entities import ENTITIES
from amocrm_assets.errors import AmoCrmAssetsError
from amocrm_assets.storage import open_storage
from amocrm_assets.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from amocrm_assets.crm.authorisation.long_lived import LongLivedToken
    from amocrm_assets.crm.authorisation.oauth import OAuth
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.settings import Deployment, SourceSettings

Outcome = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True)
class CheckResult:
    """The result of one step; `fix` is set for warnings and failures."""

    step: str
    outcome: Outcome
    message: str
    fix: str | None = None


class _Step(NamedTuple):
    name: str
    needs: tuple[str, ...]
    run: Callable[[], str | Warned]


def check_source(source: SourceSettings, deployment: Deployment) -> Iterator[CheckResult]:
    """Results in the order of the steps, each as soon as it is known."""
    authorisation = open_authorisation(source, deployment)
    not_passed: set[str] = set()
    with open_client(source, authorisation=authorisation) as client:
        for step in _Steps(source, deployment, authorisation, client).in_order():
            result = _run_step(step, not_passed)
            if result.outcome in {"failed", "skipped"}:
                not_passed.add(step.name)
            yield result


def _run_step(step: _Step, not_passed: set[str]) -> CheckResult:
    if missing := [name for name in step.needs if name in not_passed]:
        return CheckResult(step.name, "skipped", f"needs: {', '.join(missing)}")
    try:
        outcome = step.run()
    except AmoCrmAssetsError as error:  # the error is the result here
        return CheckResult(step.name, "failed", f"{error.operation}: {error.cause}", error.fix)
    if isinstance(outcome, Warned):
        return CheckResult(step.name, "warning", outcome.message, outcome.fix)
    return CheckResult(step.name, "ok", outcome)


class _Steps:
    """The steps of one source; they share the account's data."""

    def __init__(
        self,
        source: SourceSettings,
        deployment: Deployment,
        authorisation: LongLivedToken | OAuth,
        client: AmoCrmClient,
    ) -> None:
        self._source = source
        # If nothing is imported, the account is checked for the entities that every source imports.
        self._entities = [each for each in ENTITIES if each.choices.is_imported(source)] or [ENTITIES[0]]
        self._deployment = deployment
        self._authorisation = authorisation
        self._client = client

    def in_order(self) -> list[_Step]:
        """All steps, from the address to the warehouse."""
        url, context = self._source.url, ErrorContext(self._source)
        first, *others = (
            EntityChecks(each, self._source, self._client, lambda: self._account) for each in self._entities
        )
        rights, *more = (_Step(name, ("account",), run) for name, run in first.steps())
        return [
            _Step("settings", (), self._settings),
            _Step("address", (), lambda: resolve_host(url, context=context)),
            _Step("connection", ("address",), lambda: probe_connection(url, context=context)),
            _Step("token", (), self._token),
            _Step("account", ("connection", "token"), self._account_step),
            rights,
            _Step("zone", ("account",), self._zone),
            *more,
            *(_Step(f"{each.name} {name}", ("account",), run) for each in others for name, run in each.steps()),
            _Step("storage", (), lambda: _written(self._deployment.storage, self._source)),
            _Step("probe", ("storage",), self._probe),
            *([_Step("personal data", ("storage",), self._privacy)] if self._source.hash_fields else []),
            _Step("token store", (), self._token_store),
            _Step("warehouse", (), self._warehouse),
        ]

    def _settings(self) -> str | Warned:
        """Settings because of which a run loads nothing, though every other step passes."""
        source, file = self._source, f"the defs.yaml of {self._source.subdomain}"
        if not source.enabled:
            return Warned("`enabled: false`: nothing of this source is loaded.", f"Set `enabled: true` in {file}.")
        entity = self._entities[0]
        switch, records = entity.choices.imported, entity.table.records
        if not entity.choices.is_imported(source):
            return Warned(f"`{switch}: false`: no {records} are read.", f"Set `{switch}: true` in {file}.")
        if source.first_day >= datetime.now(source.zone).date():
            return Warned(
                f"`start_date` is {source.first_day}, and the first day that can be read ends at the next midnight"
                f" in {source.timezone} after it.",
                f"Wait, or set an earlier `start_date` in {file}.",
            )
        if source.latest_view:
            return Warned("`latest_view` is `latest_table` now.", f"Write `latest_table: true` into {file}.")
        return f"days from {source.first_day}, by midnights of {source.timezone}"

    @cached_property
    def _account(self) -> Account:
        return read_account(self._client)

    def _token(self) -> str | Warned:
        self._authorisation.token()
        expires_at = self._authorisation.expires_at()
        if warning := expiry_warning(expires_at, now=time.time()):
            return Warned(warning, renewal(self._source))
        until = "" if expires_at is None else f", until {time.strftime('%Y-%m-%d', time.gmtime(expires_at))}"
        return self._authorisation.connected_as() + until

    def _account_step(self) -> str:
        require_account(self._source, self._account)
        return f"{self._account.name} ({self._account.subdomain}, id {self._account.id})"

    def _zone(self) -> str | Warned:
        difference = timezone_mismatch(self._source, self._account)
        return Warned(difference) if difference else f"{self._source.timezone}, as in the account"

    def _probe(self) -> str | Warned:
        now = datetime.now(UTC)
        probe = read_probe(open_storage(self._deployment.storage), self._source.subdomain)
        return Warned(probe.line(now)) if probe.is_unusable(now) else probe.line(now)

    def _privacy(self) -> str | Warned:
        now, before = hash_key_state(self._entities[0], open_storage(self._deployment.storage), self._source)
        warning = f"AMOCRM_HASH_KEY is another key than that of the last capture ({now}, then {before})."
        fix = "Set the former key again: otherwise hashes join nothing of before (docs/privacy.md)."
        return f"the key for hashing is there, {now}" if before in (None, now) else Warned(warning, fix)

    def _token_store(self) -> str:
        if self._source.oauth is None:
            return "not needed"
        return _written(self._deployment.tokens, self._source)

    def _warehouse(self) -> str | Warned:
        warnings = open_warehouse(self._deployment.warehouse).prepare()
        return Warned(" ".join(warnings)) if warnings else self._deployment.warehouse


def _written(place: str, source: SourceSettings) -> str:
    """Write a small file and remove it, under a lock as writers do."""
    storage, name = open_storage(place), f"checks/{source.subdomain}"
    with storage.lock(name, wait_seconds=10):
        there = storage.read(name)
        storage.write(name, b"amocrm-assets check", if_version=None if there is None else there.version)
        storage.delete(name)
    return f"{place} is writable"
