"""Questions about filters by time, and about the list of deleted leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.probe.asking import DELETED, LIVE, is_empty_answer
from amocrm_assets.crm.probe.samples import OLDEST
from amocrm_assets.crm.probe.verdict import NotSettled, Refused, Verdict
from amocrm_assets.days import Window

if TYPE_CHECKING:
    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.probe.samples import Samples
    from amocrm_assets.entities import RecordList

PIPELINES = "/api/v4/leads/pipelines"
MAX_STATUSES = 20
_INCOMING = 1
_REFUSALS = frozenset({400, 403, 404})


def filters(samples: Samples, record_list: RecordList) -> Verdict:
    """Whether responses contain records outside of a window."""
    option = {True: "switched on", False: "switched off", None: "unknown"}[samples.account.filters_enabled]
    if samples.filters(record_list):
        return Verdict(
            value=True,
            observed=f"only records of the window (the option is {option} in the account)",
            conclusion="Days are read by filter.",
        )
    return Verdict(
        value=False,
        observed=f"records outside of the window, twice (the option is {option} in the account)",
        conclusion="Days are read with all newer records: nothing is lost, more requests are needed.",
    )


def bound(samples: Samples, end: Literal["from", "to"]) -> Verdict:
    """Whether a window includes its own first or last second."""
    second = samples.second
    wide = Window(second - 1, second + 1)
    narrow = Window(second, second + 1) if end == "from" else Window(second - 1, second)
    control = _holds(samples.window(LIVE, wide), second)
    bounded = _holds(samples.window(LIVE, narrow), second)
    again = bounded or _holds(samples.window(LIVE, wide, again=True), second)
    verdict = bound_verdict(end, control=control, bounded=bounded, again=again)
    samples.has_exclusive_bounds |= not verdict.value
    return verdict


def bound_verdict(end: Literal["from", "to"], *, control: bool, bounded: bool, again: bool) -> Verdict:
    """The verdict: was a lead in a wider window, on the bound, and in the wider window again? Pure."""
    if not bounded and not (control and again):
        raise NotSettled("the lead in question was edited meanwhile")
    if bounded:
        return Verdict(
            value=True,
            observed=f"the lead with exactly this `updated_at` as `[{end}]` was returned",
            conclusion=f"`[{end}]` is inclusive.",
        )
    return Verdict(
        value=False,
        observed=f"the lead with exactly this `updated_at` as `[{end}]` was not returned; in a wider window it"
        " was, before and after",
        conclusion=f"`[{end}]` is exclusive: windows are requested with one second more.",
    )


def only_deleted(samples: Samples) -> Verdict:
    """What `with=only_deleted` gives."""
    try:
        kind = samples.trash_kind
    except Refused as refused:
        if refused.status not in _REFUSALS:
            raise
        return Verdict(
            f"refused ({refused.status})", str(refused), "Set `import_deleted: false`: runs fail until then."
        )
    if kind == "known":
        odd = "; live leads came once" if samples.trash_was_odd else ""
        return Verdict("known", f"deleted leads alone, or none{odd}", "Deleted leads are read.")
    return Verdict(
        kind,
        "live leads, twice" if kind == "ignored" else "live leads among deleted ones, twice",
        "Deleted leads are missing and `reading_complete` fails; `import_deleted: false` leaves them out.",
    )


def past_end(samples: Samples) -> Verdict:
    """What amoCRM returns for a page after the last one."""
    query = _last_page(samples)
    behind = Query(query.record_list, query.order, query.from_at, query.to_at, page=2, limit=query.limit)
    try:
        response = samples.asker.leads(behind)
    except Refused as refused:
        if refused.status not in _REFUSALS:
            raise
        return Verdict(
            str(refused.status), str(refused), "Treated as the end of the list, except on the first page."
        )
    if response.page.size:
        raise NotSettled("more records were returned after a page that was not full")
    kind = "204" if is_empty_answer(response) else "empty list"
    return Verdict(kind, f"nothing ({kind})", "An empty page is requested again before it ends a list.")


def _last_page(samples: Samples) -> Query:
    """The query of a first page that is also the last one, because it is not full."""
    for record_list in _lists(samples):
        query = Query(record_list, OLDEST, limit=samples.limit)
        if 0 < samples.page(record_list, OLDEST).size < samples.limit:
            return query
    # Only a filter gives a short list.
    query = Query(LIVE, OLDEST, samples.second - 1, samples.second + 1, limit=samples.limit)
    if 0 < samples.asker.leads(query).page.size < samples.limit:
        return query
    raise NotSettled("no list of this account ends on its first page")


def _lists(samples: Samples) -> list[RecordList]:
    try:
        samples.require_trash()
    except NotSettled:  # there is no second list
        return [LIVE]
    return [LIVE, DELETED]


def incoming(samples: Samples) -> Verdict:
    """Whether leads on an incoming stage are in the plain list, from a lead that is requested by stage."""
    samples.require_filters(LIVE)
    stages = _incoming_stages(samples)
    found = samples.asker.leads(Query(LIVE, "updated_at desc", limit=min(50, samples.limit)), more=stages).page
    if not found.records:
        raise NotSettled("no lead is on an incoming stage")
    lead = found.records[-1]
    window = Window(lead.updated_at - 1, lead.updated_at + 1)
    plain = samples.window(LIVE, window)
    query = Query(LIVE, OLDEST, window.from_at, window.to_at, limit=samples.limit)
    by_stage = samples.asker.leads(query, more=stages).page
    return incoming_verdict(lead.id, plain=plain, by_stage=by_stage, limit=samples.limit)


def incoming_verdict(lead_id: int, *, plain: Page, by_stage: Page, limit: int) -> Verdict:
    """The verdict, from one lead, a window with it, and the same window by stage afterwards. Pure."""
    if any(lead.id == lead_id for lead in plain.records):
        return Verdict(value=True, observed="an incoming lead is in the plain list", conclusion="They are read.")
    if plain.size >= limit or not any(lead.id == lead_id for lead in by_stage.records):
        raise NotSettled("the incoming lead in question was edited meanwhile, or has too many neighbours")
    return Verdict(
        value=False,
        observed="an incoming lead is returned only if its stage is in the filter",
        conclusion="Incoming leads are read when they leave that stage.",
    )


def _incoming_stages(samples: Samples) -> dict[str, int]:
    found = [
        (stage["pipeline_id"], stage["id"])
        for pipeline in samples.asker.records(PIPELINES, {}).records
        for stage in pipeline.get("_embedded", {}).get("statuses", [])
        if stage.get("type") == _INCOMING
    ]
    if not found:
        raise NotSettled("the account has no incoming stage")
    return {
        f"filter[statuses][{place}][{name}]": value
        for place, stage in enumerate(found[:MAX_STATUSES])
        for name, value in zip(("pipeline_id", "status_id"), stage, strict=True)
    }


def _holds(page: Page, second: int) -> bool:
    return any(lead.updated_at == second for lead in page.records)
