"""Finds out how one account behaves where the API is not documented: read-only, in at most 60 requests.

`questions` is the list of questions. Verdicts are pure functions, separate from sending requests (`asking`);
`report` has the answers, `stored` stores them. Readings start from them (`crm.pagination.traits`) and verify them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amocrm_assets.crm.account import read_account
from amocrm_assets.crm.connecting import require_account
from amocrm_assets.crm.http.account_lock import account_lock
from amocrm_assets.crm.probe.asking import MAX_REQUESTS, Asker
from amocrm_assets.crm.probe.questions import questions_for
from amocrm_assets.crm.probe.report import ProbeAnswer, ProbeReport, ProbeState, now, to_json
from amocrm_assets.crm.probe.samples import Samples
from amocrm_assets.crm.probe.stored import probe_name, read_probe, write_probe
from amocrm_assets.crm.probe.verdict import NotSettled

if TYPE_CHECKING:
    from amocrm_assets.crm.http.client import AmoCrmClient
    from amocrm_assets.crm.probe.question import Question
    from amocrm_assets.settings import SourceSettings
    from amocrm_assets.storage import Storage

__all__ = ["MAX_REQUESTS", "ProbeReport", "ProbeState", "probe_account", "probe_name", "read_probe", "to_json"]

LOCK_WAIT_SECONDS = 30.0


def probe_account(
    source: SourceSettings,
    *,
    client: AmoCrmClient,
    storage: Storage,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
) -> ProbeReport:
    """Probe a source's account, and store the report. The client is made with `max_requests=MAX_REQUESTS`.

    Raises `Busy` while a run reads the account, `NotAuthorised` for another account than the source's, and the
    errors of `AmoCrmClient.request` if leads cannot be read at all; the previous report remains then.
    """
    with account_lock(
        source.subdomain, limiter=client.rate_limiter, storage=storage, wait_seconds=lock_wait_seconds
    ):
        account = read_account(client)
        require_account(source, account)
        samples = Samples(Asker(client), account)
        answers = tuple(_answer(question, samples) for question in questions_for(source))
        report = ProbeReport(now(), client.stats.requests, answers)
        write_probe(storage, source.subdomain, report)
    return report


def _answer(question: Question, samples: Samples) -> ProbeAnswer:
    try:
        verdict = question.settle(samples)
    except NotSettled as reason:  # not an error: the account's data cannot answer it
        return ProbeAnswer(question.key, question.asked, f"{reason}.", None, "not settled")
    return ProbeAnswer(question.key, question.asked, verdict.observed, verdict.value, verdict.conclusion)
