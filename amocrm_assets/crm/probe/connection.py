"""Questions that the probe's other requests answer: the clock, headers, speed, and refused requests.

No request is sent for them: finding out how a limit is counted would require to exceed it.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from amocrm_assets.crm.probe.verdict import NotSettled, Verdict

if TYPE_CHECKING:
    from amocrm_assets.crm.probe.samples import Samples

PROVOKES = "finding out would cause 429s"
CLOCK_TOLERANCE_SECONDS = 60


def clock(samples: Samples) -> Verdict:
    """How far amoCRM's clock is ahead of this machine's."""
    server = samples.asker.client.server_clock
    if not server.is_known:
        raise NotSettled("too few responses have a usable `Date`")
    ahead = round(server.difference)
    follows = "The clocks agree." if abs(ahead) <= CLOCK_TOLERANCE_SECONDS else "The slower clock ends a day."
    return Verdict(ahead, f"amoCRM is {ahead} s ahead", follows)


def date_header(samples: Samples) -> Verdict:
    """Whether responses have a `Date`."""
    asker = samples.asker
    if not asker.responses:
        raise NotSettled("there was no good response")
    follows = "Both clocks end a day." if asker.dated else "A day is read 24 hours after its end."
    return Verdict(asker.dated > 0, f"`Date` on {asker.dated} of {asker.responses} responses", follows)


def retry_after(samples: Samples) -> Verdict:
    """Whether a refusal says how long to wait."""
    refusals, with_header = _refusals(samples), samples.asker.client.stats.retry_after_count
    if not refusals:
        raise NotSettled(f"no request was refused, and {PROVOKES}")
    follows = "It is obeyed." if with_header else "Waiting times are our own: 1, 2, 4, … seconds."
    return Verdict(with_header > 0, f"{with_header} of {refusals} responses 429 had a Retry-After", follows)


def limit_counting(samples: Samples) -> Verdict:
    """How requests are counted: by a sliding second, a fixed one, or a bucket."""
    refusals = _refusals(samples)
    seen = f"; {refusals} were refused in passing, below the source's own limit" if refusals else ""
    raise NotSettled(f"{PROVOKES}{seen}")


def answer_seconds(samples: Samples) -> Verdict:
    """How long a response takes."""
    seconds = samples.asker.seconds
    if not seconds:
        raise NotSettled("no response was immediate")
    usual, longest = round(median(seconds), 2), round(max(seconds), 2)
    return Verdict(usual, f"usually {usual} s, {longest} s at most", "Requests overlap while responses are slow.")


def failures(samples: Samples) -> Verdict:
    """How many requests were retried."""
    retries = dict(samples.asker.client.stats.retries)
    damaged = samples.asker.damaged
    reasons = [f"{count} × {reason}" for reason, count in sorted(damaged.items())]
    reasons += [f"{count} × {status}" for status, count in sorted(retries.items()) if status not in {"200", "429"}]
    count = sum(damaged.values()) + sum(n for status, n in retries.items() if status not in {"200", "429"})
    return Verdict(count, "; ".join(reasons) or "none", "These requests are retried.")


def _refusals(samples: Samples) -> int:
    return samples.asker.client.stats.retries["429"]
