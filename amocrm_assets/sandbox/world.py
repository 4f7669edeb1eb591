"""One sandbox as a whole: its clock, account, tokens, limit, faults and log, and how they are changed.

The object that tests use. For serving it see `http.server`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amocrm_assets.sandbox.account.account import Account
from amocrm_assets.sandbox.account.clock import Clock
from amocrm_assets.sandbox.account.closest_tasks import ClosestTasks
from amocrm_assets.sandbox.account.contact_content import ContactContent
from amocrm_assets.sandbox.account.event_feed import EventFeed
from amocrm_assets.sandbox.account.follow_ups import FollowUps
from amocrm_assets.sandbox.account.linked import LinkedRecords
from amocrm_assets.sandbox.account.links import OWNERS, company_of_lead, contacts_of, notes_of, tasks_of
from amocrm_assets.sandbox.account.notes import Notes
from amocrm_assets.sandbox.account.tasks import Tasks
from amocrm_assets.sandbox.http.faults import FaultDice
from amocrm_assets.sandbox.http.limiter import Limiter
from amocrm_assets.sandbox.http.requests_log import RequestLog
from amocrm_assets.sandbox.http.tokens import Tokens
from amocrm_assets.sandbox.options import SandboxOptions, changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from amocrm_assets.sandbox.account.custom_lists import CustomList


class Sandbox:
    """A small amoCRM. `url` is where it is served; `account` is what a complete reading must find."""

    url = ""
    options: SandboxOptions
    clock: Clock
    account: Account
    contacts: LinkedRecords[ContactContent]
    companies: LinkedRecords[ContactContent]
    tasks: FollowUps
    notes: dict[str, FollowUps]
    """Notes, including calls, by the type of their entity: `leads`, `contacts`, `companies`."""
    events: EventFeed
    tokens: Tokens
    limiter: Limiter
    dice: FaultDice
    requests: RequestLog
    custom_lists: dict[str, CustomList]
    """Lists that tests add, by their name in `/api/v4/{name}`."""
    after_answer: Callable[[], object] | None
    """Called after a response of `/api/v4/leads`, `contacts`, `companies`, `tasks`, `events` or notes is made and
    before it is sent: for interleaved edits."""
    rewrite: Callable[[bytes], bytes] | None
    """Called with the body of every response that has one; returns what is sent instead: for fuzzing."""

    def __init__(self, options: SandboxOptions) -> None:
        self.reset(options)

    def reset(self, options: SandboxOptions) -> None:
        """Start again with other options at the same address."""
        self.options = options
        self.clock = Clock(offset_seconds=options.clock_offset_seconds, frozen_at=options.frozen_at)
        self.account = Account(options, self.clock)
        self.contacts = self._linked("contacts", lambda lead: contacts_of(lead, options.seed))
        self.companies = self._linked("companies", lambda lead: _one(company_of_lead(lead, options.seed)))
        self.tasks = self._tasks()
        self.notes = {owners: self._notes_of(owners) for owners in OWNERS}
        self.events = EventFeed(
            self.account, {"contacts": self.contacts, "companies": self.companies}, self.tasks, self.notes
        )
        self.tokens = Tokens(options, self.clock)
        self.limiter = Limiter()
        self.dice = FaultDice(options.seed)
        self.requests = RequestLog()
        self.custom_lists = {}
        self.after_answer = None
        self.rewrite = None

    def _tasks(self) -> FollowUps:
        content, seed = Tasks(self.options, self.account.content), self.options.seed
        tasks = FollowUps(self.account, self.clock, content, lambda lead: tasks_of(lead, seed))
        closest = ClosestTasks(self.account, self.clock, tasks, content)
        self.account.closest_task = closest.of_lead
        self.contacts.closest_task = closest.of_contact
        return tasks

    def _notes_of(self, owners: str) -> FollowUps:
        seed, own = self.options.seed, {"companies": self.companies.content}
        content = Notes(self.options, self.account.content, owners, own.get(owners, self.contacts.content))

        def ids_of_lead(lead: int) -> list[int]:
            return [each.id for each in notes_of(lead, seed) if each.owners == owners]

        return FollowUps(self.account, self.clock, content, ids_of_lead)

    def _linked(self, kind: str, ids_of_lead: Callable[[int], list[int]]) -> LinkedRecords[ContactContent]:
        content = ContactContent(self.options, self.account.content, kind)
        return LinkedRecords(self.account, self.clock, content, ids_of_lead)

    @property
    def token(self) -> str:
        """A long-lived token that is accepted now."""
        return self.tokens.long_lived()

    def configure(self, **changes: Any) -> None:
        """Change options while it runs, by the names of `SandboxOptions`. Raises `ValueError`."""
        if "faults" in changes:
            self.dice.start_over()
        self.options = self.account.options = self.tokens.options = changed(self.options, changes)


def _one(record_id: int | None) -> list[int]:
    return [] if record_id is None else [record_id]
