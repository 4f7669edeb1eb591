"""The questions of a probe, in their order: later ones depend on the answers to earlier ones."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from amocrm_assets.crm.probe import connection, filters, lists, orders, records, sizes
from amocrm_assets.crm.probe.asking import DELETED, LIVE
from amocrm_assets.crm.probe.question import Question
from amocrm_assets.crm.probe.samples import NEWEST, OLDEST
from amocrm_assets.entities import ENTITIES, LEADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from amocrm_assets.settings import SourceSettings


QUESTIONS = (
    Question(
        "page_size", "pages of leads with `limit` 250, and smaller ones where it is not kept", sizes.page_size
    ),
    Question("filters_leads", "leads by a window without the newest", partial(filters.filters, record_list=LIVE)),
    Question(
        "from_inclusive", "leads of a window that begins in a lead's second", partial(filters.bound, end="from")
    ),
    Question("to_inclusive", "leads of a window that ends in a lead's second", partial(filters.bound, end="to")),
    Question("only_deleted", "`with=only_deleted`, twice where live leads come", filters.only_deleted),
    Question(
        "filters_deleted",
        "deleted leads by a window without the newest",
        partial(filters.filters, record_list=DELETED),
    ),
    Question("order_leads", "leads by `order[updated_at]`, both ways", partial(orders.order, record_list=LIVE)),
    Question(
        "order_deleted",
        "deleted leads by `order[updated_at]`, both ways",
        partial(orders.order, record_list=DELETED),
    ),
    Question("extras", f"leads with {', '.join(LIVE.details)}", records.extras),
    Question("contacts", "`with=contacts`", records.contacts_embedded),
    Question("loss_reason", "`with=loss_reason`", records.loss_reason_shape),
    Question("id_order_beside_filter", "`order[id]` beside a filter, both ways", orders.order_by_id_beside_filter),
    Question("ties_asc", "leads of one second, oldest first, three times", partial(orders.ties, by=OLDEST)),
    Question("ties_desc", "leads of one second, newest first, three times", partial(orders.ties, by=NEWEST)),
    Question("above_limit", f"a page of leads with `limit` {sizes.ABOVE_LIMIT}", sizes.above_limit),
    Question("past_end", "a page after the last one", filters.past_end),
    Question("links", "`_links.next` of the pages before", sizes.links),
    Question("depth", "a far page of one lead", sizes.depth),
    Question("fields_limit", "custom fields with `limit` 250", sizes.fields_limit),
    Question("events_limit", "events with `limit` 250, then 100", sizes.events_limit),
    Question("incoming", "leads on incoming stages, by stage and without", filters.incoming),
    Question("ids_fit", "the lead with the greatest id", orders.ids_fit),
    Question("numbers_as_text", "ids of leads", records.numbers_as_text),
    Question("minor_units", "prices of leads", records.minor_units),
    Question("leads_without_time", "the first leads by time", partial(records.without_time, record_list=LIVE)),
    Question(
        "deleted_without_time",
        "the first deleted leads by time",
        partial(records.without_time, record_list=DELETED),
    ),
)
# These use the responses to all requests, so they are last.
OF_ALL_REQUESTS = (
    Question("clock", "`Date` of all responses, and this machine's clock", connection.clock),
    Question("date_header", "headers of all responses", connection.date_header),
    Question("retry_after", "responses 429, if there were any", connection.retry_after),
    Question("limit_counting", "nothing", connection.limit_counting),
    Question("answer_seconds", "nothing more", connection.answer_seconds),
    Question("failures", "nothing more", connection.failures),
)


def questions_for(source: SourceSettings) -> Iterator[Question]:
    """All questions: those about leads, those about the other lists that the source imports, and the rest."""
    others = [each for each in ENTITIES if each is not LEADS and each.choices.is_imported(source)]
    yield from QUESTIONS
    for ask in (lists.questions_of, lists.bounds_of):
        for entity in others:
            yield from ask(entity)
    yield from OF_ALL_REQUESTS
