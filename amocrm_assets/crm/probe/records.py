"""Questions about the records: what `with` adds, and which shapes values have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from amocrm_assets.crm.pagination import Query
from amocrm_assets.crm.probe.asking import LIVE
from amocrm_assets.crm.probe.samples import NEWEST, OLDEST
from amocrm_assets.crm.probe.verdict import NotSettled, Refused, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from amocrm_assets.crm.pagination.pages import Page
    from amocrm_assets.crm.probe.samples import Samples
    from amocrm_assets.entities import RecordList

MAX_LEADS = 50
KEPT = "It is kept in the captures, on live leads."
LEFT_OUT = "Readings ask for it, and go on without it where pages fail with it."
_GATEWAY_FAILED = 500

Lead = dict[str, Any]


def extras(samples: Samples) -> Verdict:
    """Which values of `with` are supported."""
    try:
        leads = _with_extras(samples)
    except Refused as refused:
        if refused.status is not None and refused.status < _GATEWAY_FAILED:
            raise
        return Verdict([], f"no page with all of them: {refused}", LEFT_OUT)
    return extras_verdict(leads)


def extras_verdict(leads: Sequence[Lead]) -> Verdict:
    """The verdict, from leads that were requested with all values. Pure."""
    found = [name for name in LIVE.details if any(name in lead or name in embedded(lead) for lead in leads)]
    missing = [name for name in LIVE.details if name not in found]
    observed = "all of them" if not missing else f"not {', '.join(missing)}"
    return Verdict(found, observed, KEPT)


def contacts_embedded(samples: Samples) -> Verdict:
    """Whether `with=contacts` returns contacts."""
    leads = _with_extras(samples)
    filled = sum(bool(embedded(lead).get("contacts")) for lead in leads)
    if not filled:
        raise NotSettled(f"none of {len(leads)} leads came with a contact, so none may be linked")
    return Verdict(value=True, observed=f"on {filled} of {len(leads)} leads", conclusion=KEPT)


def loss_reason_shape(samples: Samples) -> Verdict:
    """Whether `loss_reason` is a list, as observed, or an object, as documented."""
    found = [embedded(lead).get("loss_reason") for lead in _with_extras(samples)]
    for name, kind in (("object", dict), ("list", list)):
        if any(each and isinstance(each, kind) for each in found):
            return Verdict(name, f"a filled {name}", KEPT)
    raise NotSettled("no lead that came was lost for a reason")


def minor_units(samples: Samples) -> Verdict:
    """Whether prices have minor units."""
    leads = _leads(samples.some(LIVE))
    having = sum("price_with_minor_units" in lead for lead in leads)
    return Verdict(bool(having), f"on {having} of {len(leads)} leads", "`sale` is the whole price either way.")


def numbers_as_text(samples: Samples) -> Verdict:
    """Whether ids are strings, as some gateways send them."""
    texts = any(isinstance(lead.get("id"), str) for lead in _leads(samples.some(LIVE)))
    return Verdict(texts, "ids are texts" if texts else "ids are numbers", "Both are read as numbers.")


def without_time(samples: Samples, record_list: RecordList) -> Verdict:
    """How many records belong to no day, from pages sorted by time. Null sorts before every time."""
    samples.page(record_list, OLDEST)
    pages = [page for query, page in samples.asker.log if query.record_list == record_list]
    most = max(len(page.unusable) for page in pages)
    follows = "They are in no table, and `reading_complete` names them." if most else "Nothing needs to be done."
    return Verdict(most, f"{most} without a usable id or `updated_at` on a page", follows)


def embedded(lead: Lead) -> Lead:
    """The embedded records of a lead. Pure."""
    found = lead.get("_embedded")
    return found if isinstance(found, dict) else {}


def _with_extras(samples: Samples) -> list[Lead]:
    samples.some(LIVE)
    query = Query(LIVE, NEWEST, limit=min(MAX_LEADS, samples.limit))
    found = _leads(samples.asker.leads(query, more={"with": ",".join(LIVE.details)}).page)
    if not found:
        raise NotSettled("the account has no leads")
    return found


def _leads(page: Page) -> list[Lead]:
    return [json.loads(lead.line) for lead in page.records]
