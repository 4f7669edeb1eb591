"""The options of a sandbox: its account, its quirks, its limits, its faults.

Every option can be set at the start; all but those of the account's shape can be changed while it runs, in process
or with `POST /sandbox/control` by the same names.
"""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

FaultKind = Literal[
    # Returned by the gateway instead of the account.
    "429-html", "429-json", "500", "502", "503", "504", "401", "402", "403-html", "403-json",
    "empty-200", "html-200", "204", "redirect",
    # Of the connection. `lost` executes the request and then drops the response.
    "reset", "lost", "reset-midway", "hang",
    # Of the body: `cut` has the length of the remaining part, `cut-short` that of the whole.
    "cut", "cut-short", "cut-gzip", "damaged-gzip",
    # Of the rows.
    "row-without-id", "ids-as-strings", "row-outside-window", "row-twice", "huge-text", "lone-surrogate",
    "nul", "many-fields", "next-elsewhere", "repeated-key",
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A fault of a share of the requests whose path begins with `path`.

    The first `after` matching requests are spared, so are pages before `page_from`; `times` bounds how often
    it happens. `seconds` is how long a `hang` lasts; `retry_after` is the header of the 429s.
    """

    kind: FaultKind
    _: KW_ONLY
    rate: float = 1.0
    times: int | None = None
    after: int = 0
    path: str = "/api/v4/"
    page_from: int = 1
    seconds: float = 60.0
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"unknown fault {self.kind!r}; known: {', '.join(get_args(FaultKind))}")


@dataclass(frozen=True, kw_only=True)
class Population:
    """A number of leads, their `updated_at` spread evenly over a closed interval of Unix seconds."""

    leads: int
    updated_from: int
    updated_to: int
    deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """All options of a sandbox; the defaults are amoCRM's documented behaviour."""

    # The account. Without populations it changes over time: leads are created, edited and deleted, by seed and
    # time.
    seed: int = 1
    subdomain: str = "sandbox"
    account_id: int = 31415926
    timezone: str = "Europe/Moscow"
    populations: tuple[Population, ...] | None = None
    leads_per_day: int = 90
    extra_custom_fields: int = 0
    unknown_field_type: bool = False

    # Its clock, if not the machine's.
    clock_offset_seconds: float = 0.0
    frozen_at: float | None = None

    # How the lists behave. A `limit` above the maximum silently becomes the default, as on amoCRM.
    page_limit_max: int = 250
    page_limit_default: int = 50
    filters_enabled: bool = True
    half_open: bool = False
    only_deleted_ignored: bool = False
    unstable_ties: bool = False
    hides_incoming: bool = False
    lag_seconds: int = 0
    loss_reason_as_object: bool = False
    loses_contacts: bool = False
    minor_units: bool = True
    escaped_json: bool = True
    events_order: Literal["newest", "oldest", "shuffled"] = "newest"

    # Edits by other users during a reading, of leads whose `updated_at` is in the interval; a jump moves a lead
    # out of it, to shortly before, or into it.
    edits_per_answer: int = 0
    deletions_per_answer: int = 0
    jumps_per_answer: int = 0
    touched_from: int | None = None
    touched_to: int | None = None

    # The limit. None: unlimited. It counts the requests of any one second (`sliding`), those of each second of the
    # clock (`fixed`), or those in a bucket that accepts N at once and leaks evenly (`bucket:N`).
    requests_per_second: int | None = 7
    limit_kind: str = "sliding"
    account_requests_per_second: int = 50
    other_integrations_per_second: int = 0
    refusal: Literal["html", "json"] = "html"
    retry_after: int | None = None
    block_after: int | None = 25

    # The network. Jitter is the maximum delay between sending a request and its arrival, when it is counted.
    jitter_seconds: float = 0.0
    latency_seconds: float = 0.0
    latency_jitter_seconds: float = 0.0
    gzip: bool = True
    faults: tuple[Fault, ...] = ()

    # Authorisation.
    client_id: str = "5a4d0b0c-0000-4000-8000-000000000001"
    client_secret: str = "sandbox-secret"  # noqa: S105  # a made-up one, for a made-up account
    redirect_uri: str = "http://127.0.0.1:8910/callback"
    asks_consent: bool = False
    code_seconds: int = 20 * 60
    access_token_seconds: int = 24 * 60 * 60
    access_token_requests: int | None = None
    refresh_token_seconds: int = 90 * 24 * 60 * 60
    long_lived_until: int = 4102444800  # 2100-01-01
    renamed_to: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"sliding|fixed|bucket:[1-9]\d{0,3}", self.limit_kind):
            raise ValueError(f"limit_kind is 'sliding', 'fixed' or 'bucket:N', not {self.limit_kind!r}")
        if not 0 <= self.jitter_seconds < float("inf"):
            raise ValueError(f"jitter_seconds is a number from 0 on, not {self.jitter_seconds!r}")


SHAPE = frozenset({
    "seed", "account_id", "populations", "leads_per_day", "extra_custom_fields",
    "unknown_field_type", "clock_offset_seconds", "frozen_at",
})  # fmt: skip


def options_from_json(values: Mapping[str, Any]) -> SandboxOptions:
    """The options of a JSON object, whose populations and faults are objects.

    Raises `ValueError` or `TypeError` for a name or value that does not exist.
    """
    shape = {name: value for name, value in values.items() if name in SHAPE}
    if populations := shape.get("populations"):
        shape["populations"] = tuple(Population(**each) for each in populations)
    others = {name: value for name, value in values.items() if name not in SHAPE}
    return changed(SandboxOptions(**shape), others)


def changed(options: SandboxOptions, changes: Mapping[str, Any]) -> SandboxOptions:
    """The options with `changes` applied. Faults may be dicts, as in JSON.

    Raises `ValueError` for a name that is unknown or belongs to the account's shape.
    """
    changeable = {each.name for each in fields(SandboxOptions)} - SHAPE
    if unknown := sorted(set(changes) - changeable):
        raise ValueError(f"cannot change {', '.join(unknown)}; can change: {', '.join(sorted(changeable))}")
    if "faults" in changes:
        faults = tuple(each if isinstance(each, Fault) else Fault(**each) for each in changes["faults"])
        changes = {**changes, "faults": faults}
    return replace(options, **changes)
